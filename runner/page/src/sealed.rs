//! The page inside a component: a custom section named `rotabox:page` at the top level of the binary.
//!
//! Read here by a walk over section headers only, in safe code, so that the broker never parses more of a module. A component is
//! eight bytes of header, then sections: an identifier byte, a length (LEB128, 32 bits), and that many bytes. A custom section
//! (identifier 0) begins with its name. Nested modules and components are sections like any other, and are skipped.

use std::ops::Range;

/// The section's name.
pub const SECTION: &str = "rotabox:page";

/// `\0asm`, version 13 of the pre-standard, layer 1 (component).
const HEADER: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

/// The identifier of a custom section.
const CUSTOM: u8 = 0;

/// Why no page could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a component binary.
    #[error("this is not a WebAssembly component: {0}")]
    NotAComponent(&'static str),
    /// A section header that does not add up.
    #[error("the module is damaged near byte {0}")]
    Damaged(usize),
    /// More than one page.
    #[error("the module has more than one `rotabox:page` section")]
    Twice,
    /// Not UTF-8.
    #[error("the sealed page is not UTF-8 text")]
    NotText,
    /// A section's length has 32 bits.
    #[error("the page is too large to be sealed")]
    TooLarge,
}

/// The sealed page of a component; `None` if it has none (a module with an open page).
pub fn read(component: &[u8]) -> Result<Option<&str>, SealError> {
    let mut page = None;
    for section in sections(component)? {
        let Some(content) = section.page else { continue };
        let bytes = component.get(content).ok_or(SealError::Damaged(section.range.start))?;
        let text = std::str::from_utf8(bytes).map_err(|_| SealError::NotText)?;
        if page.replace(text).is_some() {
            return Err(SealError::Twice);
        }
    }
    Ok(page)
}

/// The component with `page` sealed in as its last section (replacing any page that was there). The same input gives the same
/// bytes.
pub fn seal(component: &[u8], page: &str) -> Result<Vec<u8>, SealError> {
    let mut content = Vec::with_capacity(page.len() + 32);
    length(&mut content, SECTION.len())?;
    content.extend_from_slice(SECTION.as_bytes());
    content.extend_from_slice(page.as_bytes());
    let mut sealed = Vec::with_capacity(component.len() + content.len() + 8);
    sealed.extend_from_slice(&HEADER);
    for section in sections(component)?.iter().filter(|section| section.page.is_none()) {
        sealed.extend_from_slice(component.get(section.range.clone()).unwrap_or(&[]));
    }
    sealed.push(CUSTOM);
    length(&mut sealed, content.len())?;
    sealed.extend_from_slice(&content);
    Ok(sealed)
}

/// A section: all its bytes, and where the page in it is, if it holds one.
struct Section {
    range: Range<usize>,
    page: Option<Range<usize>>,
}

fn sections(component: &[u8]) -> Result<Vec<Section>, SealError> {
    match component.get(..8) {
        Some(header) if header == HEADER => {}
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => {
            return Err(SealError::NotAComponent("it is a core module; `rotabox pack` makes a component of it"));
        }
        Some([0, b'a', b's', b'm', ..]) => return Err(SealError::NotAComponent("its version is not known")),
        _ => return Err(SealError::NotAComponent("it does not begin as one")),
    }
    let mut sections = Vec::new();
    let mut at = HEADER.len();
    while let Some(id) = component.get(at) {
        let (size, start) = number(component, at + 1)?;
        let end = start.checked_add(size).filter(|end| *end <= component.len()).ok_or(SealError::Damaged(at))?;
        let page = match *id {
            CUSTOM => {
                let (size, name) = number(component, start)?;
                let content =
                    name.checked_add(size).filter(|content| *content <= end).ok_or(SealError::Damaged(start))?;
                (component.get(name..content) == Some(SECTION.as_bytes())).then_some(content..end)
            }
            _ => None,
        };
        sections.push(Section { range: at..end, page });
        at = end;
    }
    Ok(sections)
}

/// An unsigned LEB128 number of at most 32 bits, and where it ends.
fn number(bytes: &[u8], at: usize) -> Result<(usize, usize), SealError> {
    let mut value: u32 = 0;
    for index in 0..5u32 {
        let position = at + index as usize;
        let byte = *bytes.get(position).ok_or(SealError::Damaged(at))?;
        let part = u32::from(byte & 0x7f);
        if index == 4 && part > 0x0f {
            break;
        }
        value |= part << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((usize::try_from(value).map_err(|_| SealError::Damaged(at))?, position + 1));
        }
    }
    Err(SealError::Damaged(at))
}

fn length(to: &mut Vec<u8>, length: usize) -> Result<(), SealError> {
    let mut rest = u32::try_from(length).map_err(|_| SealError::TooLarge)?;
    loop {
        let low = (rest & 0x7f) as u8;
        rest >>= 7;
        if rest == 0 {
            to.push(low);
            return Ok(());
        }
        to.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A component of sections that are not pages.
    fn component() -> impl Strategy<Value = Vec<u8>> {
        let section = (0u8..12, proptest::collection::vec(any::<u8>(), 0..300));
        proptest::collection::vec(section, 0..5).prop_map(|sections| {
            let mut bytes = HEADER.to_vec();
            for (id, mut content) in sections {
                if id == CUSTOM {
                    content = [&[4], &b"name"[..], &content].concat();
                }
                bytes.push(id);
                length(&mut bytes, content.len()).unwrap();
                bytes.extend(content);
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_read_back(component in component(), page in ".*", second in ".*") {
            let sealed = seal(&component, &page).unwrap();
            prop_assert_eq!(read(&sealed).unwrap(), Some(page.as_str()));
            prop_assert!(sealed.starts_with(&component), "everything else stays as it was");
            let again = seal(&sealed, &second).unwrap();
            prop_assert_eq!(read(&again).unwrap(), Some(second.as_str()));
            prop_assert_eq!(again, seal(&component, &second).unwrap(), "a page that was there is replaced");
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), flip in any::<prop::sample::Index>(), with in any::<u8>()) {
            let _ = read(&bytes);
            let _ = seal(&bytes, "x");
            let mut framed = [&HEADER[..], &bytes].concat();
            let _ = read(&framed);
            let _ = seal(&framed, "x");
            let at = flip.index(framed.len());
            framed[at] = with;
            let _ = read(&framed);
        }

        #[test]
        fn a_cut_component_is_damaged_or_has_no_page(component in component(), page in ".{1,300}", cut in any::<prop::sample::Index>()) {
            let sealed = seal(&component, &page).unwrap();
            let cut = cut.index(sealed.len());
            prop_assert!(!matches!(read(&sealed[..cut]), Ok(Some(_))));
        }
    }

    #[test]
    fn a_component_without_a_page_has_an_open_page() {
        assert_eq!(read(&HEADER), Ok(None));
    }

    #[test]
    fn two_pages_are_refused_and_sealing_leaves_one() {
        let once = seal(&HEADER, "a").unwrap();
        let twice = [&once[..], &once[8..]].concat();
        assert_eq!(read(&twice), Err(SealError::Twice));
        assert_eq!(read(&seal(&twice, "b").unwrap()), Ok(Some("b")));
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        let core = [0, b'a', b's', b'm', 1, 0, 0, 0];
        for (bytes, wanted) in
            [(&core[..], "core module"), (&b"\0asm\x0e\0\x01\0"[..], "version"), (&b"hello world"[..], "begin")]
        {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_length_of_more_than_32_bits_is_damage() {
        let overlong = [&HEADER[..], &[1, 0xff, 0xff, 0xff, 0xff, 0x1f]].concat();
        assert_eq!(read(&overlong), Err(SealError::Damaged(9)));
        let endless = [&HEADER[..], &[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0]].concat();
        assert_eq!(read(&endless), Err(SealError::Damaged(9)));
    }

    #[test]
    fn a_page_that_is_not_text_is_refused() {
        let mut sealed = seal(&HEADER, "ab").unwrap();
        let last = sealed.len() - 1;
        sealed[last] = 0xff;
        assert_eq!(read(&sealed), Err(SealError::NotText));
    }
}
