//! Medians, ranges, and how they are written.

/// What was measured of one thing, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<f64>);

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Figures {
        Figures(values.into_iter().collect())
    }
}

impl Figures {
    /// The middle one; of two middle ones, their mean. None of nothing.
    pub fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
        Some((sorted.get(low)? + sorted.get(high)?) / 2.0)
    }

    /// The least and the most.
    pub fn range(&self) -> Option<(f64, f64)> {
        let least = self.0.iter().copied().min_by(f64::total_cmp)?;
        Some((least, self.0.iter().copied().max_by(f64::total_cmp)?))
    }

    /// Round by round, this divided by that.
    pub fn over(&self, other: &Figures) -> Figures {
        self.0.iter().zip(&other.0).map(|(this, that)| this / that).collect()
    }

    /// `2.84 (2.19–6.79)`.
    pub fn text(&self) -> String {
        match (self.median(), self.range()) {
            (Some(median), Some((least, most))) => {
                format!("{} ({}–{})", three(median), three(least), three(most))
            }
            _ => "–".to_owned(),
        }
    }
}

/// Three digits that count.
pub fn three(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 0.1 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if value >= 10_000.0 { whole(value.round() as u64) } else { text }
}

/// A count, its thousands apart from 10 000 on.
pub fn whole(value: u64) -> String {
    let text = value.to_string();
    if text.len() <= 4 {
        return text;
    }
    let mut grouped = String::new();
    for (i, digit) in text.chars().enumerate() {
        if i > 0 && (text.len() - i).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// A table in Markdown, its columns padded so that it reads as text too. All columns but the first are aligned to the right.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |row: &[String], i: usize| row.get(i).cloned().unwrap_or_default();
    let head: Vec<String> = head.iter().map(|word| (*word).to_owned()).collect();
    let width =
        |i: usize| std::iter::once(&head).chain(rows).map(|row| cell(row, i).chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |row: &[String]| {
        for (i, width) in widths.iter().enumerate() {
            let cell = cell(row, i);
            let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (left, right) = if i == 0 { ("", blanks.as_str()) } else { (blanks.as_str(), "") };
            text.push_str(&format!("| {left}{cell}{right} "));
        }
        text.push_str("|\n");
    };
    line(&head);
    let rule: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(i, width)| if i == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width.saturating_sub(1))) })
        .collect();
    line(&rule);
    rows.iter().for_each(|row| line(row));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        for (values, median) in
            [(vec![], None), (vec![3.0], Some(3.0)), (vec![4.0, 1.0], Some(2.5)), (vec![9.0, 1.0, 2.0], Some(2.0))]
        {
            assert_eq!(values.into_iter().collect::<Figures>().median(), median);
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let (a, b): (Figures, Figures) = ([2.0, 9.0].into_iter().collect(), [1.0, 3.0].into_iter().collect());
        assert_eq!(a.over(&b).range(), Some((2.0, 3.0)));
    }

    #[test]
    fn figures_have_three_digits() {
        let shown: Vec<String> = [0.0123, 0.456, 1.234, 56.78, 910.1, 1234.0, 98765.0].map(three).into();
        assert_eq!(shown, ["0.012", "0.46", "1.23", "56.8", "910", "1234", "98 765"]);
    }
}
