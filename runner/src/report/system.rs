//! What the system says when it refuses, in words and without its numbers.

use std::io::{Error, ErrorKind};

/// "there is no such file or folder"
pub fn why(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::StorageFull => "there is no space left".to_owned(),
        ErrorKind::NotADirectory => "it is not a folder".to_owned(),
        kind if error.raw_os_error().is_some() && kind.to_string() != "uncategorized error" => kind.to_string(),
        _ => {
            let text = error.to_string();
            text.rsplit_once(" (os error ").map_or_else(|| text.clone(), |(words, _)| words.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_the_system_is_said() {
        for number in 1..134 {
            let words = why(&Error::from_raw_os_error(number));
            assert!(
                !words.contains("os error") && !words.contains("uncategorized") && words.len() > 3,
                "{number}: {words}"
            );
        }
        assert_eq!(why(&Error::from_raw_os_error(2)), "there is no such file or folder");
        assert_eq!(why(&Error::other("the line is cut")), "the line is cut");
    }
}
