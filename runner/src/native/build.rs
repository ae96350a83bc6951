//! Which build of the runner this is: the note that the linker leaves in the binary, a hash of all that it linked.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// The first page of a binary holds its header, the table of segments, and the notes: linkers put them there.
const FRONT: usize = 4096;
const ELF_64_LITTLE: &[u8] = b"\x7fELF\x02\x01";
const NOTE_SEGMENT: u32 = 4;
const BUILD_ID: u32 = 3;

/// The build id of the program that is running, in hexadecimal digits. None if it has none (another platform, another linker): then
/// there is no native code for it either.
pub fn id() -> Option<String> {
    of(Path::new("/proc/self/exe"))
}

fn of(program: &Path) -> Option<String> {
    let file = File::open(program).ok()?;
    let mut front = [0; FRONT];
    let read = file.read_at(&mut front, 0).ok()?;
    let id = parse(front.get(..read)?)?;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The id in the front of a 64-bit little-endian ELF file.
fn parse(front: &[u8]) -> Option<&[u8]> {
    if !front.starts_with(ELF_64_LITTLE) {
        return None;
    }
    let table = usize::try_from(u64_at(front, 32)?).ok()?;
    let (size, count) = (usize::from(u16_at(front, 54)?), usize::from(u16_at(front, 56)?));
    let segments = (0..count).filter_map(|i| front.get(table.checked_add(i.checked_mul(size)?)?..));
    segments.filter(|segment| u32_at(segment, 0) == Some(NOTE_SEGMENT)).find_map(|segment| {
        let start = usize::try_from(u64_at(segment, 8)?).ok()?;
        let length = usize::try_from(u64_at(segment, 32)?).ok()?;
        build_id(front.get(start..start.checked_add(length)?)?)
    })
}

/// The build id among the notes: each is three numbers, a name and a text, padded to four bytes.
fn build_id(mut notes: &[u8]) -> Option<&[u8]> {
    const NUMBERS: usize = 12;
    loop {
        let (name, text) = (u32_at(notes, 0)?, u32_at(notes, 4)?);
        let (name, text) = (usize::try_from(name).ok()?, usize::try_from(text).ok()?);
        let behind_name = NUMBERS.checked_add(name.checked_next_multiple_of(4)?)?;
        let end = behind_name.checked_add(text)?;
        if u32_at(notes, 8)? == BUILD_ID && notes.get(NUMBERS..)?.starts_with(b"GNU\0") {
            return notes.get(behind_name..end).filter(|id| id.len() >= 8);
        }
        notes = notes.get(end.checked_next_multiple_of(4)?..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header, one segment of notes, and the notes.
    fn binary(notes: &[u8]) -> Vec<u8> {
        let mut bytes = ELF_64_LITTLE.to_vec();
        bytes.resize(64, 0);
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes.extend(NOTE_SEGMENT.to_le_bytes());
        bytes.resize(64 + 56, 0);
        bytes[64 + 8] = 120;
        bytes[64 + 32] = u8::try_from(notes.len()).unwrap();
        bytes.extend(notes);
        bytes
    }

    fn note(kind: u32, name: &[u8], text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [name.len(), text.len()] {
            bytes.extend(u32::try_from(number).unwrap().to_le_bytes());
        }
        bytes.extend(kind.to_le_bytes());
        for part in [name, text] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn the_build_id_is_found_among_the_notes() {
        let id = [7_u8; 20];
        let alone = binary(&note(BUILD_ID, b"GNU\0", &id));
        assert_eq!(parse(&alone), Some(id.as_slice()));
        let second = binary(&[note(1, b"GNU\0", &[1; 16]), note(BUILD_ID, b"GNU\0", &id)].concat());
        assert_eq!(parse(&second), Some(id.as_slice()));
        for (case, notes) in [
            ("another owner", note(BUILD_ID, b"XYZ\0", &id)),
            ("another kind", note(1, b"GNU\0", &id)),
            ("too short to tell builds apart", note(BUILD_ID, b"GNU\0", &[1])),
            ("no note", vec![]),
        ] {
            assert_eq!(parse(&binary(&notes)), None, "{case}");
        }
        assert_eq!(parse(b"#!/bin/sh\n"), None);
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn this_program_has_one() {
        let id = id().expect("the linker leaves a build id; see runner/build.rs");
        assert!(id.len() >= 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }

    proptest! {
        #[test]
        fn a_broken_binary_has_no_id_and_breaks_nothing(
            at in 0_usize..180, value in any::<u8>(), cut in 0_usize..180,
        ) {
            let mut bytes = binary(&note(BUILD_ID, b"GNU\0", &[7; 20]));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = parse(&bytes[..cut.min(bytes.len())]);
        }
    }
}
