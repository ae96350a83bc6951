//! The name service of a static binary: the hosts file and DNS, and no module that would have to be loaded.
//!
//! The C library can load modules of the name service (`sss`, `winbind`, `mdns4`, `resolve`, …) into a static binary, but only those of the very
//! release it was linked with; another one ends in a crash. So a static binary is told to do without, in the C library's own words, and
//! needs to read no library behind its walls. `doctor` says when the machine asks for more.
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
        // SAFETY: both are strings of C that live for ever, and the call is made while there is one thread.
        Measure::of(unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) } == 0)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    Measure::Absent
}

/// Whether [`this_binary_is_static`] was said.
pub fn is_static() -> bool {
    STATIC.load(Ordering::Relaxed)
}

/// What `/etc/nsswitch.conf` asks for beyond the hosts file and DNS: the modules of its `hosts` line, in its order. `myhostname` only knows this
/// machine's own name, and `resolve` asks a service that also answers by DNS: neither is missed.
pub fn beyond_files_and_dns(nsswitch: &str) -> Vec<&str> {
    let mut lines = nsswitch.lines().map(|line| line.split('#').next().unwrap_or_default());
    let Some(hosts) = lines.find_map(|line| line.trim_start().strip_prefix("hosts:")) else { return Vec::new() };
    let mut inside = false;
    let mut beyond = Vec::new();
    for word in hosts.split_whitespace() {
        // `[NOTFOUND=return]`, which may hold blanks.
        inside |= word.starts_with('[');
        if !inside && !matches!(word, "files" | "dns" | "myhostname" | "resolve") {
            beyond.push(word);
        }
        inside &= !word.ends_with(']');
    }
    beyond
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_static_binary_would_miss_is_found_on_the_hosts_line_alone() {
        for (text, missed) in [
            ("", &[][..]),
            ("passwd: files sss\nhosts:          files dns\n", &[]),
            ("hosts: files myhostname resolve [!UNAVAIL=return] dns # sss", &[]),
            ("  hosts:\tfiles mdns4_minimal [ NOTFOUND=return ] dns wins\n", &["mdns4_minimal", "wins"]),
            ("# hosts: wins\nhosts: sss files", &["sss"]),
        ] {
            assert_eq!(beyond_files_and_dns(text), missed, "{text}");
        }
    }
}
