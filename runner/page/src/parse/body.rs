//! Bodies: JSON, a kept document with members replaced, form, XML, text.

use super::request::pairs;
use super::text::{Reader, Stand};
use super::{Parsed, Problem};
use crate::model::{Body, Need};
use crate::names::RouteName;
use crate::template::{JsonTemplate, Part, Template};
use crate::tree::{Kind, Node, Table, choices};

/// Stands for a value while an XML template is tried: a character of the private use area, as a reference, so that it
/// can only be read back where a value may stand.
const MARK: char = '\u{E000}';

/// Reads the body of a route: at most one of `json`, `form`, `xml`, `text`.
pub(super) fn body(reader: &mut Reader<'_>, table: &Table) -> Parsed<Body> {
    let kinds = ["json", "form", "xml", "text"];
    let mut written = kinds.iter().filter_map(|kind| table.key(kind));
    if let (Some(first), Some(second)) = (written.next(), written.next()) {
        return Err(Problem::new(
            if first.span.start > second.span.start { first.span } else { second.span },
            "a request has one body",
        )
        .hint(format!("leave out `{}` or `{}`", first.name, second.name)));
    }
    if let Some(node) = table.get("json-from") {
        return json_from(reader, table, node);
    }
    if let Some(node) = table.get("json") {
        return json(reader, node).map(Body::Json);
    }
    if let Some(node) = table.get("form") {
        return pairs(reader, node).map(Body::Form);
    }
    if let Some(node) = table.get("xml") {
        let template = reader.template(node, Stand::Request)?;
        well_formed(&template).map_err(|why| Problem::new(node.span, why))?;
        return Ok(Body::Xml(template));
    }
    if let Some(node) = table.get("text") {
        return reader.template(node, Stand::Request).map(Body::Text);
    }
    Ok(Body::None)
}

fn json_from(reader: &mut Reader<'_>, table: &Table, node: &Node) -> Parsed<Body> {
    let name = node.text()?;
    if !reader.names.route_names().any(|route| route == name) {
        return Err(Problem::new(node.span, format!("there is no route `{}`", name.escape_debug()))
            .hint(choices(name, reader.names.route_names())));
    }
    let set = table.get("json").ok_or_else(|| {
        Problem::new(node.span, "`json-from` needs `json`: the members that are set in the kept document")
    })?;
    let JsonTemplate::Object(set) = json(reader, set)? else {
        return Err(Problem::new(set.span, "with `json-from`, `json` is a table of the members to set"));
    };
    let route = RouteName::new(name);
    reader.needs.push((Need::Kept(route.clone()), node.span));
    Ok(Body::JsonFrom { route, set })
}

/// The TOML tree with templates at its leaves.
fn json(reader: &mut Reader<'_>, node: &Node) -> Parsed<JsonTemplate> {
    match &node.kind {
        Kind::Bool(value) => Ok(JsonTemplate::Bool(*value)),
        Kind::Number(value) => Ok(JsonTemplate::Number(value.clone())),
        Kind::Date => Err(Problem::new(node.span, "JSON has no dates").hint("write it as text, in quotes")),
        Kind::Text(_) => reader.value(node).map(JsonTemplate::Text),
        Kind::List(items) => {
            let items: Parsed<Vec<_>> = items.iter().map(|item| json(reader, item)).collect();
            items.map(JsonTemplate::List)
        }
        Kind::Table(table) => match table.entries.as_slice() {
            [(key, Node { kind: Kind::Bool(true), .. })] if key.name == "null" => Ok(JsonTemplate::Null),
            [(key, Node { kind: Kind::Text(_), .. })] if key.name == "base64" => {
                reader.value(node).map(JsonTemplate::Text)
            }
            entries => {
                let members: Parsed<Vec<_>> =
                    entries.iter().map(|(key, node)| Ok((key.name.clone(), json(reader, node)?))).collect();
                members.map(JsonTemplate::Object)
            }
        },
    }
}

/// An XML template is well-formed, and its names stand in text or attribute values only.
fn well_formed(template: &Template) -> Result<(), String> {
    let mut sample = String::new();
    let mut names = 0;
    for part in &template.parts {
        match part {
            Part::Literal(text) => sample.push_str(text),
            Part::Name { .. } => {
                names += 1;
                sample.push_str("&#xE000;");
            }
        }
    }
    let document = roxmltree::Document::parse(&sample).map_err(|error| match error {
        roxmltree::Error::DtdDetected => "an XML body has no DTD".to_owned(),
        _ => "this is not well-formed XML (a name can only stand in text or in an attribute's value)".to_owned(),
    })?;
    let marks = |text: &str| text.matches(MARK).count();
    let mut found = 0;
    for node in document.descendants() {
        if node.is_text() {
            found += node.text().map_or(0, marks);
        }
        found += node.attributes().map(|attribute| marks(attribute.value())).sum::<usize>();
    }
    match found == names {
        true => Ok(()),
        false => {
            Err("a name in an XML body can only stand in text or in an attribute's value, not in a comment or CDATA"
                .to_owned())
        }
    }
}
