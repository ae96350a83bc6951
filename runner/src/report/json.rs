//! JSON for a terminal and a pipe: one line, ASCII only.

use serde::Serialize;

/// A value as one line of JSON in ASCII: what a terminal could misread is written as `\uXXXX`. The same value gives the same bytes.
pub fn line<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned());
    let mut line = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        if character.is_ascii() && !character.is_ascii_control() {
            line.push(character);
        } else {
            let mut units = [0; 2];
            line.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_back_from_one_line_of_ascii(text in any::<String>()) {
            let line = line(&text);
            let (last, rest) = line.as_bytes().split_last().unwrap();
            prop_assert!(*last == b'\n' && rest.iter().all(|byte| (b' '..0x7f).contains(byte)));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
