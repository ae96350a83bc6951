//! `filter=` and `search=`.
//!
//! | | attributes | operators | case of values |
//! | --- | --- | --- | --- |
//! | `filter` | `status`, `lastUpdated`, `id`, `profile.login`, `.email`, `.firstName`, `.lastName` | `eq` | counts |
//! | `search` | any | `eq`, `sw`, `co` (the last on names, e-mail and login only) | ignored |
//!
//! `and` binds tighter than `or`; brackets group. Values are in double quotes, with `\"` and `\\`.

use serde_json::Value;

/// Which of the two parameters an expression came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `filter=`
    Filter,
    /// `search=`
    Search,
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Any of these.
    Or(Vec<Expression>),
    /// All of these.
    And(Vec<Expression>),
    /// `attribute operator "value"`.
    Is(String, Operator, String),
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Starts with.
    Sw,
    /// Contains.
    Co,
}

const FILTERED: [&str; 7] =
    ["status", "lastUpdated", "id", "profile.login", "profile.email", "profile.firstName", "profile.lastName"];

impl Expression {
    /// Parses; the error is a cause in the API's words.
    pub fn parse(text: &str, kind: Kind) -> Result<Expression, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, kind };
        let expression = parser.or()?;
        if parser.at < parser.tokens.len() { Err(format!("unexpected token at {}", parser.at)) } else { Ok(expression) }
    }

    /// Whether an account, as the API shows it, meets the expression.
    pub fn holds(&self, account: &Value, kind: Kind) -> bool {
        match self {
            Expression::Or(any) => any.iter().any(|part| part.holds(account, kind)),
            Expression::And(all) => all.iter().all(|part| part.holds(account, kind)),
            Expression::Is(attribute, operator, wanted) => {
                let pointer = format!("/{}", attribute.replace('.', "/"));
                let Some(found) = account.pointer(&pointer).and_then(Value::as_str) else { return false };
                let fold = |text: &str| if kind == Kind::Search { text.to_lowercase() } else { text.to_owned() };
                let (found, wanted) = (fold(found), fold(wanted));
                match operator {
                    Operator::Eq => found == wanted,
                    Operator::Sw => found.starts_with(&wanted),
                    Operator::Co => found.contains(&wanted),
                }
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '"' => {
                let mut value = String::new();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(c @ ('"' | '\\')) => value.push(c),
                            other => return Err(format!("unknown escape {other:?}")),
                        },
                        Some(c) => value.push(c),
                        None => return Err("unterminated string".to_owned()),
                    }
                }
                tokens.push(Token::Text(value));
            }
            c if c.is_ascii_alphanumeric() => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '.') {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            other => return Err(format!("unexpected character {other:?}")),
        }
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    kind: Kind,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn word(&mut self, wanted: &str) -> bool {
        let there = matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(there);
        there
    }

    fn or(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.and()?];
        while self.word("or") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.term()?];
        while self.word("and") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn term(&mut self) -> Result<Expression, String> {
        match self.next() {
            Some(Token::Open) => {
                let inner = self.or()?;
                if self.next() == Some(Token::Close) { Ok(inner) } else { Err("missing )".to_owned()) }
            }
            Some(Token::Word(attribute)) => {
                let operator = match self.next() {
                    Some(Token::Word(word)) => match word.to_ascii_lowercase().as_str() {
                        "eq" => Operator::Eq,
                        "sw" if self.kind == Kind::Search => Operator::Sw,
                        "co" if self.kind == Kind::Search => Operator::Co,
                        other => return Err(format!("unsupported operator {other}")),
                    },
                    _ => return Err("missing operator".to_owned()),
                };
                if self.kind == Kind::Filter && !FILTERED.contains(&attribute.as_str()) {
                    return Err(format!("unsupported attribute {attribute}"));
                }
                if operator == Operator::Co && !FILTERED[3..].contains(&attribute.as_str()) {
                    return Err(format!("co is not supported for {attribute}"));
                }
                match self.next() {
                    Some(Token::Text(value)) => Ok(Expression::Is(attribute, operator, value)),
                    _ => Err("missing value in double quotes".to_owned()),
                }
            }
            _ => Err("missing attribute".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_compares_with_case_and_a_search_without() {
        let account = json!({ "status": "ACTIVE", "profile": { "login": "Jo\"e@x", "email": "jo@x" } });
        for (kind, text, expected) in [
            (Kind::Filter, r#"profile.login eq "Jo\"e@x""#, true),
            (Kind::Filter, r#"profile.login eq "jo\"e@x""#, false),
            (Kind::Search, r#"profile.login eq "jo\"e@x""#, true),
            (Kind::Search, r#"profile.email sw "JO""#, true),
            (Kind::Search, r#"profile.email co "@x" and status eq "ACTIVE""#, true),
            (Kind::Filter, r#"profile.email eq "a" or profile.email eq "jo@x""#, true),
            (Kind::Filter, r#"profile.email eq "jo@x" or profile.email eq "a" and status eq "no""#, true),
            (Kind::Filter, r#"(profile.email eq "jo@x" or profile.email eq "a") and status eq "no""#, false),
        ] {
            assert_eq!(Expression::parse(text, kind).unwrap().holds(&account, kind), expected, "{text}");
        }
    }

    #[test]
    fn what_the_api_does_not_support_is_refused() {
        for text in [
            "",
            "profile.login",
            "profile.login eq",
            "profile.login eq jo",
            r#"profile.login eq "jo"#,
            r#"profile.login sw "jo""#,
            r#"profile.city eq "x""#,
            r#"profile.login eq "a" or"#,
            r#"(profile.login eq "a""#,
            r#"profile.login eq "a" "b""#,
            r#"profile.login eq "a\n""#,
            r"profile.login eq 'a'",
        ] {
            assert!(Expression::parse(text, Kind::Filter).is_err(), "{text}");
        }
    }
}
