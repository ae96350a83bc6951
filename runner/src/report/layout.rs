//! Text for a terminal of 100 columns, without colour: headings, wrapped paragraphs, lists, two columns.
//!
//! Everything that goes in is escaped already or our own.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, TableComponent, Width, presets};

/// Columns of a line, at most.
pub(super) const WIDTH: u16 = 100;

/// A heading with an empty line before it.
pub(super) fn heading(text: &str) -> String {
    format!("\n{text}\n{}\n", "─".repeat(text.chars().count()))
}

/// Label and value, `indent` blanks in; the label's column is `label` wide, the value wraps under itself.
pub(crate) fn pairs(rows: &[(String, String)], indent: u16, label: u16) -> String {
    let mut table = plain(WIDTH.saturating_sub(indent));
    for (name, value) in rows {
        table.add_row([name, value]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(label))).set_padding((0, 1));
    }
    if let Some(column) = table.column_mut(1) {
        column.set_padding((0, 0));
    }
    indented(&table, indent)
}

/// A list with a mark before each entry, two blanks in.
pub(super) fn list(mark: &str, entries: &[String]) -> String {
    let rows: Vec<(String, String)> = entries.iter().map(|entry| (mark.to_owned(), entry.clone())).collect();
    pairs(&rows, 2, 2)
}

/// A table with a header, two blanks in.
pub(super) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut table = plain(WIDTH.saturating_sub(2));
    table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, ' ');
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    indented(&table, 2)
}

fn plain(width: u16) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table
}

fn indented(table: &Table, indent: u16) -> String {
    let blanks = " ".repeat(usize::from(indent));
    table.to_string().lines().map(|line| format!("{blanks}{line}").trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_wrap_under_themselves_within_100_columns() {
        let text = pairs(&[("request".to_owned(), "word ".repeat(40)), ("x".to_owned(), "y".repeat(150))], 2, 11);
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(WIDTH)), "{text}");
        assert!(text.lines().nth(1).unwrap().starts_with("             word"), "{text}");
    }

    #[test]
    fn lines_have_no_blanks_at_their_end() {
        let text = table(["a", "b"], &[["1".to_owned(), "2".to_owned()]]) + &list("-", &["z".to_owned()]);
        assert!(text.lines().all(|line| !line.ends_with(' ')), "{text:?}");
    }
}
