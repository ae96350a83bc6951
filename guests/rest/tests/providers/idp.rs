//! Identity providers and services in the cloud.

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    Vec::new()
}
