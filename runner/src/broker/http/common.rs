//! What the lines of a batch, and the steps of a run, share of the network: addresses, connections that carried nothing of one account, and the pauses that
//! providers ask for.
//!
//! A connection is kept for another line or step only if all that it ever carried were requests and answers without a password, a
//! candidate, a cookie or a capture; and only for a line whose record fields are the same, so that one tenant's connection is not
//! another's.

use super::dial::Line;
use crate::page::place::{FieldValue, Records};
use crate::policy::file::HostPort;
use crate::policy::tls::ByOrigin;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long addresses are used before they are looked up anew.
const ADDRESSES: Duration = Duration::from_secs(30);
/// How long a connection is kept without use. Servers close theirs after five seconds at the earliest.
const IDLE: Duration = Duration::from_secs(4);
/// Most connections that are kept for one origin and one set of record fields.
const KEPT: usize = 128;

/// Shared by the lines of a batch. Clones are the same.
#[derive(Clone, Default)]
pub struct Common(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    salt: Option<[u8; 32]>,
    addresses: BTreeMap<HostPort, (Vec<SocketAddr>, Instant)>,
    idle: BTreeMap<(HostPort, Purse), VecDeque<(Line, Instant)>>,
    paused: BTreeMap<HostPort, Instant>,
}

/// Which record fields a line has: a salted digest of their values. The default is for a run of its own, which has but one.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purse([u8; 32]);

impl Common {
    /// The purse of these records, client certificates included.
    pub fn purse(&self, records: &Records, tls: &ByOrigin) -> Purse {
        let salt = *self.lock().salt.get_or_insert_with(random);
        let mut hasher = Sha256::new_with_prefix(salt);
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        };
        for (record, values) in records {
            add(record);
            add(values.url.as_deref().unwrap_or_default());
            for (name, value) in &values.fields {
                add(name);
                match value {
                    FieldValue::Text(text) => add(text),
                    FieldValue::Secret(secret) => add(secret.lend()),
                }
            }
        }
        for (origin, demands) in tls {
            add(&origin.to_string());
            if let Some(client) = &demands.client {
                add(client.certificate.lend());
                add(client.key.lend());
            }
        }
        Purse(hasher.finalize().into())
    }

    /// Until when the provider at `host` wants nothing, if that is not over.
    pub fn paused(&self, host: &HostPort) -> Option<Instant> {
        let mut state = self.lock();
        let until = *state.paused.get(host)?;
        if until > Instant::now() {
            return Some(until);
        }
        state.paused.remove(host);
        None
    }

    /// The provider at `host` asked for a pause: it holds for every line.
    pub fn pause(&self, host: &HostPort, pause: Duration) {
        let Some(until) = Instant::now().checked_add(pause) else { return };
        let mut state = self.lock();
        let known = state.paused.entry(host.clone()).or_insert(until);
        *known = until.max(*known);
    }

    pub(super) fn addresses(&self, host: &HostPort) -> Option<Vec<SocketAddr>> {
        let state = self.lock();
        let (addresses, since) = state.addresses.get(host)?;
        (since.elapsed() < ADDRESSES).then(|| addresses.clone())
    }

    pub(super) fn learn(&self, host: &HostPort, addresses: &[SocketAddr]) {
        self.lock().addresses.insert(host.clone(), (addresses.to_vec(), Instant::now()));
    }

    pub(super) fn forget(&self, host: &HostPort) {
        self.lock().addresses.remove(host);
    }

    /// A connection that was kept, the latest first.
    pub(super) fn take(&self, host: &HostPort, purse: Purse) -> Option<Line> {
        let mut state = self.lock();
        let kept = state.idle.get_mut(&(host.clone(), purse))?;
        while kept.front().is_some_and(|(_, since)| since.elapsed() >= IDLE) {
            kept.pop_front();
        }
        kept.pop_back().map(|(line, _)| line)
    }

    pub(super) fn keep(&self, host: HostPort, purse: Purse, line: Line) {
        let mut state = self.lock();
        state.idle.retain(|_, kept| {
            while kept.front().is_some_and(|(_, since)| since.elapsed() >= IDLE) {
                kept.pop_front();
            }
            !kept.is_empty()
        });
        let kept = state.idle.entry((host, purse)).or_default();
        kept.push_back((line, Instant::now()));
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }

    /// One of them broke: the others are likely to be broken too.
    pub(super) fn close(&self, host: &HostPort, purse: Purse) {
        self.lock().idle.remove(&(host.clone(), purse));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random() -> [u8; 32] {
    let mut salt = [0; 32];
    // Without randomness the salt is zero: the digests stay in this process.
    let _ = getrandom::fill(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Secret;
    use crate::page::place::RecordValues;

    fn records(token: &str, tenant: &str) -> Records {
        let mut values = RecordValues { url: Some("https://a.example".to_owned()), ..RecordValues::default() };
        values.fields.insert("token".to_owned(), FieldValue::Secret(Secret::new("api.token", token.to_owned())));
        values.fields.insert("tenant".to_owned(), FieldValue::Text(tenant.to_owned()));
        Records::from([("api".to_owned(), values)])
    }

    #[test]
    fn only_lines_with_the_same_record_fields_have_the_same_purse() {
        let common = Common::default();
        let purse = common.purse(&records("t0ken", "one"), &ByOrigin::new());
        assert!(purse == common.purse(&records("t0ken", "one"), &ByOrigin::new()));
        assert!(purse != common.purse(&records("t0ken", "two"), &ByOrigin::new()));
        assert!(purse != common.purse(&records("other", "one"), &ByOrigin::new()));
        assert!(purse != common.purse(&records("t0kenone", ""), &ByOrigin::new()));
        assert!(
            purse != Common::default().purse(&records("t0ken", "one"), &ByOrigin::new()),
            "each batch has a salt of its own"
        );
    }

    #[test]
    fn the_longest_pause_counts_and_is_that_host_s_alone() {
        let common = Common::default();
        let host = |name: &str| HostPort { host: name.to_owned(), port: 443 };
        assert_eq!(common.paused(&host("a")), None);
        common.pause(&host("a"), Duration::from_secs(900));
        let until = common.paused(&host("a")).unwrap();
        common.pause(&host("a"), Duration::from_secs(1));
        assert_eq!(common.paused(&host("a")), Some(until));
        assert_eq!(common.paused(&host("b")), None);
        common.pause(&host("b"), Duration::ZERO);
        assert_eq!(common.paused(&host("b")), None);
    }
}
