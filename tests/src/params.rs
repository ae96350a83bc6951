//! The line that a gateway pipes to a script, in every form that gateways and shells make of it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value, json};

/// The params before they are encoded: `records` is the array itself here.
#[derive(Clone, Debug)]
pub struct Params {
    /// The top-level keys but `records`.
    pub top: Map<String, Value>,
    /// The records.
    pub records: Vec<Value>,
}

/// A form of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `echo "$LINE"` on Linux.
    Plain,
    /// No newline at the end.
    NoNewline,
    /// Windows PowerShell: ASCII with CRLF.
    CrLf,
    /// With a UTF-8 byte order mark.
    Utf8Bom,
    /// UTF-16, little endian, with its mark, as older PowerShells redirect.
    Utf16,
    /// Without `=` at the end.
    Unpadded,
    /// Blanks around it.
    Blanks,
    /// Wrapped at 76 characters.
    Wrapped,
}

/// All forms that must be understood.
pub const FORMS: [Form; 8] =
    [Form::Plain, Form::NoNewline, Form::CrLf, Form::Utf8Bom, Form::Utf16, Form::Unpadded, Form::Blanks, Form::Wrapped];

impl Params {
    /// The params of the published guides: a configuration record, the user's own, and one with the API's access details.
    pub fn new(user: &str, old: Option<&str>, new: &str, api: Value) -> Params {
        let mut top = Map::new();
        top.insert("providerRecordUid".into(), json!("cfgUid"));
        top.insert("resourceRecordUid".into(), json!(""));
        top.insert("userRecordUid".into(), json!("usrUid"));
        top.insert("user".into(), json!(user));
        top.insert("newPassword".into(), json!(new));
        if let Some(old) = old {
            top.insert("oldPassword".into(), json!(old));
        }
        let records = vec![
            json!({ "uid": "cfgUid", "title": "Lab PAM Configuration" }),
            json!({ "uid": "usrUid", "title": "Jo", "login": user, "password": old.unwrap_or_default(), "NOOP": "True" }),
            api,
        ];
        Params { top, records }
    }

    /// The decoded object.
    pub fn object(&self) -> Value {
        let mut object = self.top.clone();
        object.insert("records".into(), json!(STANDARD.encode(Value::Array(self.records.clone()).to_string())));
        Value::Object(object)
    }

    /// The line as bytes on stdin.
    pub fn line(&self, form: Form) -> Vec<u8> {
        encode(self.object().to_string().as_bytes(), form)
    }

    /// Every secret in them: both passwords, and each record's `password`.
    pub fn secrets(&self) -> Vec<String> {
        let records = self.records.iter().filter_map(|record| record.get("password"));
        let top = ["oldPassword", "newPassword"].into_iter().filter_map(|key| self.top.get(key));
        let mut all: Vec<String> = records.chain(top).filter_map(Value::as_str).map(str::to_owned).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Any bytes as a line of that form.
pub fn encode(object: &[u8], form: Form) -> Vec<u8> {
    let line = STANDARD.encode(object);
    match form {
        Form::Plain => format!("{line}\n").into_bytes(),
        Form::NoNewline => line.into_bytes(),
        Form::CrLf => format!("{line}\r\n").into_bytes(),
        Form::Utf8Bom => format!("\u{feff}{line}\n").into_bytes(),
        Form::Utf16 => {
            let units = format!("\u{feff}{line}\r\n");
            units.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }
        Form::Unpadded => format!("{}\n", STANDARD_NO_PAD.encode(object)).into_bytes(),
        Form::Blanks => format!("  {line} \t\n").into_bytes(),
        Form::Wrapped => {
            let lines: Vec<&str> =
                line.as_bytes().chunks(76).filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
            format!("{}\n", lines.join("\n")).into_bytes()
        }
    }
}
