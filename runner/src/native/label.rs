//! What stands behind the code in a file of the store: whose it is, and hashes.
//!
//! ```text
//! the engine's image              code-bytes   first, because it is mapped from the file's first page on
//! the label                       n ≤ 2048     strict JSON
//! sha256 of the label             32
//! n                               4            little endian
//! "rotabox native 1"              16
//! ```

use crate::policy::find::digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const MAGIC: &[u8; 16] = b"rotabox native 1";
const HASH_BYTES: usize = 32;
const FIXED: usize = HASH_BYTES + 4 + MAGIC.len();
const LABEL_BYTES: usize = 2048;
/// Bytes at the end of a file that hold all of it.
pub const TAIL_BYTES: usize = LABEL_BYTES + FIXED;

/// What a file of the store says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Label {
    /// sha256 of the module, 64 hex digits.
    pub module_sha256: String,
    /// The runner's build id.
    pub build: String,
    /// The runner's release, for people.
    pub rotabox: String,
    /// Bytes of the code.
    pub code_bytes: u64,
    /// sha256 of the code.
    pub code_sha256: String,
}

/// A file's end that is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is damaged, or was written by another release")]
pub struct Damaged;

impl Label {
    /// For this code.
    pub fn new(module_sha256: &str, build: &str, code: &[u8]) -> Label {
        Label {
            module_sha256: module_sha256.to_owned(),
            build: build.to_owned(),
            rotabox: env!("CARGO_PKG_VERSION").to_owned(),
            code_bytes: code.len() as u64,
            code_sha256: digest(code),
        }
    }

    /// The bytes behind the code.
    pub fn tail(&self) -> Vec<u8> {
        let mut tail = serde_json::to_vec(self).unwrap_or_default();
        let length = u32::try_from(tail.len()).unwrap_or(u32::MAX);
        let hash = Sha256::digest(&tail);
        tail.extend_from_slice(&hash);
        tail.extend_from_slice(&length.to_le_bytes());
        tail.extend_from_slice(MAGIC);
        tail
    }

    /// Reads the label of a file of `file_bytes` from its last bytes: [`TAIL_BYTES`] of them, or all.
    pub fn read(tail: &[u8], file_bytes: u64) -> Result<Label, Damaged> {
        let (rest, magic) = tail.split_last_chunk::<16>().ok_or(Damaged)?;
        let (rest, length) = rest.split_last_chunk::<4>().ok_or(Damaged)?;
        let (rest, hash) = rest.split_last_chunk::<HASH_BYTES>().ok_or(Damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Damaged)?;
        let label = rest.len().checked_sub(length).and_then(|start| rest.get(start..)).ok_or(Damaged)?;
        if magic != MAGIC || length > LABEL_BYTES || Sha256::digest(label).as_slice() != hash {
            return Err(Damaged);
        }
        let behind = (length + FIXED) as u64;
        let label: Label = serde_json::from_slice(label).map_err(|_| Damaged)?;
        if label.code_bytes.checked_add(behind) == Some(file_bytes) { Ok(label) } else { Err(Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label() -> Label {
        Label::new(&"ab".repeat(32), "0123456789abcdef", b"code")
    }

    #[test]
    fn a_label_is_read_back() {
        let tail = label().tail();
        assert!(tail.len() <= TAIL_BYTES);
        let file = [b"code".as_slice(), &tail].concat();
        assert_eq!(Label::read(&tail, file.len() as u64), Ok(label()));
        assert_eq!(Label::read(&file, file.len() as u64), Ok(label()));
    }

    #[test]
    fn a_file_that_was_cut_or_grew_is_damaged() {
        let tail = label().tail();
        let whole = tail.len() as u64 + 4;
        for bytes in [0, whole - 1, whole + 1, u64::MAX] {
            assert_eq!(Label::read(&tail, bytes), Err(Damaged), "{bytes}");
        }
        assert_eq!(Label::read(b"", 0), Err(Damaged));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_seen(bit in 0_usize..8, at in any::<proptest::sample::Index>()) {
            let mut tail = label().tail();
            let bytes = tail.len() as u64 + 4;
            let at = at.index(tail.len());
            tail[at] ^= 1 << bit;
            prop_assert_eq!(Label::read(&tail, bytes), Err(Damaged));
        }

        #[test]
        fn arbitrary_bytes_are_no_label(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(Label::read(&bytes, bytes.len() as u64), Err(Damaged));
        }
    }
}
