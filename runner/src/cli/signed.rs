//! Whether a module is signed, as the verbs ask: the file beside it, and the signers of the host file.

use crate::page::Page;
use crate::policy::{HostFile, find, host};
use crate::report::escape::escape;
use crate::report::inspection::SignatureView;
use crate::signature::{self, EXTENSION, Signed};
use std::path::{Path, PathBuf};

/// What is known of a module's signature.
#[derive(Debug)]
pub(super) enum State {
    /// There is no signature file.
    Unsigned(PathBuf),
    /// There is one, and nobody whose signature counts.
    Unchecked(PathBuf),
    /// It was checked, and counts.
    Signed(Signed),
}

/// Looks at `MODULE.minisig`, or at the file that was named, over bytes of which nothing was parsed. An error means that there is a
/// signature, and that it does not count.
pub(super) fn look(module: &Path, explicit: Option<&Path>, bytes: &[u8], host: &HostFile) -> anyhow::Result<State> {
    let path = explicit.map_or_else(|| beside(module), Path::to_owned);
    if explicit.is_none() && path.symlink_metadata().is_err() {
        return Ok(State::Unsigned(path));
    }
    if host.signers.is_empty() {
        return Ok(State::Unchecked(path));
    }
    let file = find::text(&path, signature::SIGNATURE_BYTES)?;
    Ok(State::Signed(signature::check(bytes, &file, &host.signers)?))
}

/// `MODULE.minisig`
pub(super) fn beside(module: &Path) -> PathBuf {
    let mut path = module.as_os_str().to_owned();
    path.push(EXTENSION);
    PathBuf::from(path)
}

impl State {
    /// In one line, escaped.
    pub(super) fn in_words(&self, host: &HostFile) -> String {
        let shown = |path: &Path| escape(&path.display().to_string(), 400);
        match self {
            State::Unsigned(path) if host.signers.is_empty() => {
                format!("none ({} is not there), and the host file asks for none", shown(path))
            }
            State::Unsigned(path) => {
                format!("NONE ({} is not there), and the host file asks for one: `approve` refuses it", shown(path))
            }
            State::Unchecked(path) => {
                format!("not checked: {} is there, and the host file lists no `[[signers]]`", shown(path))
            }
            State::Signed(signed) => in_words(signed),
        }
    }

    /// The signature, if there is one that counts; an error if the host file asks for one and there is none.
    pub(super) fn required(self, module: &Path, host: &HostFile) -> anyhow::Result<Option<Signed>> {
        match (self, &host.file) {
            (State::Signed(signed), _) => Ok(Some(signed)),
            (State::Unsigned(path), Some(file)) if !host.signers.is_empty() => {
                let (module, path) = (super::shell_word(module), super::shell_word(&path));
                let line = host.signers.first().map_or_else(String::new, |signer| file.line_of(signer.span));
                anyhow::bail!(
                    "{module} is not signed ({path} is not there), and the host file asks for a signature ({line}); it was not looked \
                     into. Put the signature beside it, or sign it: `minisign -Sm {module} -t 'rotabox NAME VERSION'`"
                )
            }
            _ => Ok(None),
        }
    }
}

/// "`okta` 1.2.0, by `acme-release` (key 62E20F41E4FE26BE)"
pub(super) fn in_words(signed: &Signed) -> String {
    format!("`{}` {}, by `{}` (key {})", signed.rotator, signed.version, signed.signer, signed.key_id)
}

/// For `inspect`, which shows and does not judge.
pub(super) fn inspected(module: &Path, bytes: &[u8], config: Option<&Path>) -> SignatureView {
    // In a row of a table: the first line of a message says what and where.
    let unsigned = |words: &str, error: &dyn std::fmt::Display| {
        let error = error.to_string();
        SignatureView { signed: None, words: format!("{words}: {}", error.lines().next().unwrap_or_default()) }
    };
    match host::load(config) {
        Err(error) => unsigned("NOT CHECKED, the host file cannot be used", &error),
        Ok(host) => match look(module, None, bytes, &host) {
            Ok(state) => view(&state, &host),
            Err(error) => unsigned("DOES NOT COUNT", &error),
        },
    }
}

/// As a report shows it.
pub(super) fn view(state: &State, host: &HostFile) -> SignatureView {
    let signed = match state {
        State::Signed(signed) => Some(signed.clone()),
        State::Unsigned(_) | State::Unchecked(_) => None,
    };
    SignatureView { signed, words: state.in_words(host) }
}

/// A key that may sign for one rotator must not sign for another by another name.
pub(super) fn same_name(signed: Option<&Signed>, page: &Page, sealed: bool) -> anyhow::Result<()> {
    match signed {
        Some(signed) if sealed && !signed.covers(&page.name) => anyhow::bail!(
            "it is signed as rotator `{}`, and its page is called `{}`; a signature is for the page's own name, so that a signer cannot \
             sign for more than the host file allows",
            signed.rotator,
            page.name
        ),
        _ => Ok(()),
    }
}
