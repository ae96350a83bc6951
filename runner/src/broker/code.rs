//! What the worker gets to run: native code from the store, or the module to be compiled.

use super::link::{Link, LoadError};
use crate::confine::Enforced;
use crate::native::{self, Native, Refusal, Stored};
use crate::wire::{Limits, NativeCode};
use std::fs::File;
use std::path::Path;

/// What the store has for a module.
#[derive(Debug)]
pub struct Code(Result<Stored, Refusal>);

/// Where the code that was loaded came from, and why not from the store if something is there.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Where from.
    pub native: Native,
    /// A sentence for people, with the fix.
    pub warning: Option<String>,
}

impl Code {
    /// Looks a module up, while files can still be opened. `owner` is the user whom the policy belongs to.
    pub fn of(module_sha256: &str, store: &Path, owner: u32) -> Code {
        Code(native::look_up(store, module_sha256, owner))
    }

    /// The file that the worker is to be started with.
    pub fn file(&self) -> Option<&File> {
        self.0.as_ref().ok().map(Stored::file)
    }

    /// The same, and what the worker is told of it.
    pub fn native(&self, limits: &Limits) -> Option<(&File, NativeCode)> {
        self.0.as_ref().ok().map(|stored| (stored.file(), stored.native_code(limits.clone())))
    }

    /// Loads one or the other into the worker. Answers with what the worker gave up before.
    pub async fn load(&self, link: &mut Link, module: &[u8], limits: Limits) -> Result<(Enforced, Origin), LoadError> {
        let origin = match &self.0 {
            Err(refusal) => Origin::of(refusal),
            Ok(stored) => match link.load_native(stored.native_code(limits.clone())).await? {
                Ok(enforced) => return Ok((enforced, Origin { native: Native::Stored, warning: None })),
                Err(why) => Origin::of(&stored.unloadable(why)),
            },
        };
        let enforced = link.load(module, limits).await?;
        Ok((enforced, origin))
    }
}

impl Origin {
    fn of(refusal: &Refusal) -> Origin {
        if refusal.is_missing() {
            return Origin { native: Native::Compiled, warning: None };
        }
        let warning = format!(
            "the native code in the store was not used, and the module was compiled anew: {refusal}; `rotabox compile` writes it again"
        );
        Origin { native: Native::Ignored, warning: Some(warning) }
    }
}
