//! Names of a page as names of Rust.

use proc_macro2::{Ident, Span};

/// `find-by-login` as a function or field: `find_by_login`; a keyword becomes `r#match`, a leading digit `_2fa`.
pub(crate) fn snake(name: &str) -> Ident {
    let text = name.replace(['-', '.'], "_");
    let text = if text.starts_with(|first: char| first.is_ascii_digit()) { format!("_{text}") } else { text };
    match text.as_str() {
        "self" | "super" | "crate" => Ident::new(&format!("{text}_"), Span::call_site()),
        _ => syn::parse_str(&text).unwrap_or_else(|_| Ident::new_raw(&text, Span::call_site())),
    }
}

/// `find-by-login` as a type: `FindByLogin`.
pub(crate) fn camel(name: &str) -> Ident {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let text: String = words.map(capitalised).collect();
    let text = if text.starts_with(|first: char| first.is_ascii_alphabetic()) { text } else { format!("_{text}") };
    match text.as_str() {
        "Self" => Ident::new("Self_", Span::call_site()),
        _ => Ident::new(&text, Span::call_site()),
    }
}

/// `code` as a constant: `CODE`.
pub(crate) fn upper(name: &str) -> Ident {
    let text: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let text = if text.starts_with(|first: char| first.is_ascii_alphabetic()) { text } else { format!("_{text}") };
    let text = if text.chars().all(|c| c == '_') { format!("{text}X") } else { text };
    Ident::new(&text, Span::call_site())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_page_become_names_of_rust() {
        for (name, function, r#type, constant) in [
            ("find-by-login", "find_by_login", "FindByLogin", "FIND_BY_LOGIN"),
            ("set", "set", "Set", "SET"),
            ("match", "r#match", "Match", "MATCH"),
            ("self", "self_", "Self_", "SELF"),
            ("2fa", "_2fa", "_2fa", "_2FA"),
            ("request-id", "request_id", "RequestId", "REQUEST_ID"),
        ] {
            let names = (snake(name).to_string(), camel(name).to_string(), upper(name).to_string());
            assert_eq!(names, (function.to_owned(), r#type.to_owned(), constant.to_owned()), "{name}");
        }
    }
}
