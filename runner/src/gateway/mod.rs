//! The line on stdin becomes [`Params`], the only thing that leaves this module.

use crate::page::Secret;
use crate::vault::VaultRecord;

/// Most bytes read from stdin: far above what fits through a shell's argument (128 KiB).
pub const MAX_INPUT: usize = 8 * 1024 * 1024;

/// What the gateway sent. No `Clone`; `Debug` shows no value.
#[derive(Debug)]
pub struct Params {
    /// `user`: the account's login. Not empty, no control characters.
    pub user: String,
    /// `oldPassword`: absent, null and empty are all `None`.
    pub old_password: Option<Secret>,
    /// `newPassword`: absent, null and empty are all `None`; `run` refuses that.
    pub new_password: Option<Secret>,
    /// `userRecordUid`, if not empty.
    pub user_record_uid: Option<String>,
    /// `providerRecordUid`, if not empty.
    pub provider_record_uid: Option<String>,
    /// `resourceRecordUid`, if not empty.
    pub resource_record_uid: Option<String>,
    /// `records`, decoded.
    pub records: Vec<VaultRecord>,
}

/// Why the line was refused. Never echoes any of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InputError {
    /// Nothing came.
    #[error(
        "stdin was empty; the gateway pipes one base64 line, for example `echo \"$PARAMS\" | rotabox run okta-prod`"
    )]
    Empty,
    // more variants: TooLong, SeveralLines, NotBase64{..}, NotUtf8, NotJson{..}, WrongType{key, wanted}, DuplicateKey{..}, RecordsNotBase64, ...
}

/// Reads and decodes the whole of `input`, in every form that gateways and shells make of one base64 line.
pub fn read(_input: &mut dyn std::io::Read) -> Result<Params, InputError> {
    todo!()
}
