//! The name service of a static binary: the hosts file and DNS, and no module that would have to be loaded.
//!
//! The C library can load modules of the name service (`sss`, `winbind`, `mdns4`, `resolve`, …) into a static binary, but only those of the very
//! release it was linked with; another one ends in a crash. So a static binary is told to do without, in the C library's own words, and
//! needs to read no library behind its walls. Of the hosts file and DNS it asks what `/etc/nsswitch.conf` asks, in its order: an operator
//! who leaves DNS out means it. `doctor` says when the machine asks for more.
#![allow(unsafe_code, reason = "the C library's own switch has no safe interface")]

use super::Measure;
use std::sync::atomic::{AtomicBool, Ordering};

static STATIC: AtomicBool = AtomicBool::new(false);

/// Says that this process runs from a static binary. Before anything is looked up, and before a thread is started.
pub fn this_binary_is_static() -> Measure {
    STATIC.store(true, Ordering::Relaxed);
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            // From glibc's nss.h: which modules look a database up, from now on, whatever nsswitch.conf says.
            fn __nss_configure_lookup(database: *const libc::c_char, modules: *const libc::c_char) -> libc::c_int;
        }
        let modules = match Asked::of(&std::fs::read_to_string(NSSWITCH).unwrap_or_default()) {
            Asked { files: true, dns: true, dns_first: false, .. } => c"files dns",
            Asked { files: true, dns: true, dns_first: true, .. } => c"dns files",
            Asked { files: false, dns: true, .. } => c"dns",
            Asked { dns: false, .. } => c"files",
        };
        // SAFETY: both are strings of C that live for ever, and the call is made while there is one thread.
        Measure::of(unsafe { __nss_configure_lookup(c"hosts".as_ptr(), modules.as_ptr()) } == 0)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    Measure::Absent
}

/// Which modules look hosts up.
pub const NSSWITCH: &str = "/etc/nsswitch.conf";

/// Whether [`this_binary_is_static`] was said.
pub fn is_static() -> bool {
    STATIC.load(Ordering::Relaxed)
}

/// What the `hosts` line of `/etc/nsswitch.conf` asks for; without one, the C library's own: DNS behind the hosts file.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// The hosts file.
    pub files: bool,
    /// DNS, by itself or by a service (`resolve`) that asks it.
    pub dns: bool,
    /// DNS before the hosts file.
    pub dns_first: bool,
    /// What a static binary does without, in its order. `myhostname` only knows this machine's own name, and is not missed.
    pub beyond: Vec<String>,
}

impl Asked {
    /// Reads the text of the file.
    pub fn of(nsswitch: &str) -> Asked {
        let mut lines = nsswitch.lines().map(|line| line.split('#').next().unwrap_or_default());
        let Some(hosts) = lines.find_map(|line| line.trim_start().strip_prefix("hosts:")) else {
            return Asked { files: true, dns: true, dns_first: false, beyond: Vec::new() };
        };
        let mut asked = Asked { files: false, dns: false, dns_first: false, beyond: Vec::new() };
        // `files [NOTFOUND=return] dns`: what stands behind such a word is asked only if the service before it fails.
        for (at, piece) in hosts.split('[').enumerate() {
            let (action, modules) = match (at, piece.split_once(']')) {
                (0, _) => ("", piece),
                (_, Some((action, modules))) => (action, modules),
                (_, None) => (piece, ""),
            };
            let ends = action.split_whitespace().any(|action| action.eq_ignore_ascii_case("notfound=return"));
            // A service that knows some names only says so of all others: `mdns4_minimal [NOTFOUND=return]` ends the names in `.local`.
            if ends && asked.files && asked.beyond.is_empty() {
                break;
            }
            for module in modules.split_whitespace() {
                match module {
                    "files" => asked.files = true,
                    "dns" => {
                        asked.dns_first |= !asked.files;
                        asked.dns = true;
                    }
                    "resolve" => {
                        asked.dns_first |= !asked.files;
                        asked.dns = true;
                        asked.beyond.push(module.to_owned());
                    }
                    "myhostname" => {}
                    other => asked.beyond.push(other.to_owned()),
                }
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_binary_asks_what_the_hosts_line_asks_as_far_as_it_can() {
        let order = |text| {
            let asked = Asked::of(text);
            (asked.files, asked.dns, asked.dns_first, asked.beyond.join(" "))
        };
        for (text, files, dns, dns_first, beyond) in [
            ("", true, true, false, ""),
            ("passwd: files sss\nhosts:          files dns\n", true, true, false, ""),
            ("hosts: dns files", true, true, true, ""),
            ("hosts: files # dns", true, false, false, ""),
            ("hosts: files[NOTFOUND=return]dns", true, false, false, ""),
            ("hosts: files [ notfound=return ] dns", true, false, false, ""),
            ("hosts: files myhostname resolve [!UNAVAIL=return] dns # sss", true, true, false, "resolve"),
            ("  hosts:\tfiles mdns4_minimal [ NOTFOUND=return ] dns wins\n", true, true, false, "mdns4_minimal wins"),
            ("# hosts: wins\nhosts: sss files", true, false, false, "sss"),
            ("hosts: dns [", false, true, true, ""),
        ] {
            assert_eq!(order(text), (files, dns, dns_first, beyond.to_owned()), "{text}");
        }
    }
}
