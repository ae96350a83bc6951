//! Which imports and exports a rotator has.
//!
//! | import | without WASI | with an inert WASI |
//! | --- | --- | --- |
//! | `rotabox:rotator/{account,http,log,time}@0.1.*` | yes | yes |
//! | `wasi:{cli,clocks,filesystem,io,random,sockets}/…@0.2.*` | no | yes: files and sockets are never there |
//! | `wasi:http/…`, anything else | no | no |
//!
//! Only whole interfaces: a bare function, module or component has no version.

use super::{Extern, quoted};

/// The contract's package and the track of versions that this build serves.
const PACKAGE: &str = "rotabox:rotator/";
const TRACK: &str = "0.1.";
const OURS: [&str; 4] = ["account", "http", "log", "time"];
const EXPORTED: &str = "rotation";

const WASI_TRACK: &str = "0.2.";
/// The interfaces of WASI p2 that toolchains import whether they are used or not.
const WASI: [(&str, &[&str]); 6] = [
    (
        "wasi:cli/",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    ("wasi:clocks/", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem/", &["preopens", "types"]),
    ("wasi:io/", &["error", "poll", "streams"]),
    ("wasi:random/", &["insecure", "insecure-seed", "random"]),
    (
        "wasi:sockets/",
        &["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
];

/// What is wrong with the imports, a sentence each. Those of WASI share one, there are many.
pub(super) fn faults_of_imports(imports: &[Extern], inert_wasi: bool) -> Vec<String> {
    let mut wasi = vec![];
    let mut faults = vec![];
    for import in imports {
        let name = quoted(&import.name);
        match class(&import.name) {
            Class::Ours | Class::Wasi if !import.is_interface => {
                faults.push(format!("it imports `{name}`, which is not an interface: build it against the contract in guest-sdk/wit"));
            }
            Class::Ours => {}
            Class::Wasi if inert_wasi => {}
            Class::Wasi => wasi.push(format!("`{name}`")),
            Class::OtherVersion => faults.push(format!(
                "it imports `{name}`, and this build has {PACKAGE}{{{}}}@{TRACK}*: build it against that, or use a rotabox that has both",
                OURS.join(",")
            )),
            Class::WasiHttp => faults.push(format!(
                "it imports `{name}`: a rotator makes requests by the routes of its page only, with rotabox:rotator/http"
            )),
            Class::Unknown => faults.push(format!(
                "it imports `{name}`, which no rotator has: build it without; it can have account, http, log and time of {PACKAGE}"
            )),
        }
    }
    if !wasi.is_empty() {
        // The advice first: the list may be cut.
        faults.push(format!(
            "it imports WASI, and the policy gives it none: build it for wasm32-unknown-unknown, or give it one without files, \
             sockets and environment by `wasi = \"inert\"`; it wants {}",
            wasi.join(", ")
        ));
    }
    faults
}

/// The one export that counts. Others are tolerated: some toolchains add their own.
pub(super) fn fault_of_exports(exports: &[Extern]) -> Option<String> {
    let found =
        exports.iter().any(|export| export.is_interface && is_version_of(&export.name, PACKAGE, EXPORTED, TRACK));
    let advice = "export it, as the SDK does by itself";
    (!found).then(|| {
        format!("it does not export the interface {PACKAGE}{EXPORTED}@{TRACK}*, so there is nothing to run: {advice}")
    })
}

#[derive(Debug, PartialEq)]
enum Class {
    Ours,
    OtherVersion,
    Wasi,
    WasiHttp,
    Unknown,
}

fn class(name: &str) -> Class {
    if OURS.iter().any(|interface| is_version_of(name, PACKAGE, interface, TRACK)) {
        return Class::Ours;
    }
    if name.starts_with(PACKAGE) {
        return Class::OtherVersion;
    }
    let is_wasi = WASI.iter().any(|(package, interfaces)| {
        interfaces.iter().any(|interface| is_version_of(name, package, interface, WASI_TRACK))
    });
    match is_wasi {
        true => Class::Wasi,
        false if name.starts_with("wasi:http/") => Class::WasiHttp,
        false => Class::Unknown,
    }
}

/// `name` is `package` `interface` `@` `track` and a plain number.
fn is_version_of(name: &str, package: &str, interface: &str, track: &str) -> bool {
    let patch = || name.strip_prefix(package)?.strip_prefix(interface)?.strip_prefix('@')?.strip_prefix(track);
    patch()
        .is_some_and(|patch| !patch.is_empty() && patch.len() <= 4 && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// True for the interfaces that are never linked to a real implementation, whatever the policy says.
pub(in crate::worker) fn is_stub(name: &str) -> bool {
    name.starts_with("wasi:filesystem/") || name.starts_with("wasi:sockets/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_of_one_class_each() {
        for (name, expected) in [
            ("rotabox:rotator/http@0.1.0", Class::Ours),
            ("rotabox:rotator/time@0.1.17", Class::Ours),
            ("rotabox:rotator/http@0.2.0", Class::OtherVersion),
            ("rotabox:rotator/http@0.1.0-rc.1", Class::OtherVersion),
            ("rotabox:rotator/http@0.10.0", Class::OtherVersion),
            ("rotabox:rotator/http", Class::OtherVersion),
            ("rotabox:rotator/secrets@0.1.0", Class::OtherVersion),
            ("rotabox:rotator/rotation@0.1.0", Class::OtherVersion),
            ("rotabox:rotators/http@0.1.0", Class::Unknown),
            ("xrotabox:rotator/http@0.1.0", Class::Unknown),
            ("wasi:cli/stdin@0.2.6", Class::Wasi),
            ("wasi:sockets/tcp@0.2.0", Class::Wasi),
            ("wasi:cli/run@0.2.0", Class::Unknown),
            ("wasi:cli/stdin@0.3.0", Class::Unknown),
            ("wasi:clocks/timezone@0.2.0", Class::Unknown),
            ("wasi:http/outgoing-handler@0.2.0", Class::WasiHttp),
            ("wasi:keyvalue/store@0.2.0", Class::Unknown),
            ("http", Class::Unknown),
            ("", Class::Unknown),
        ] {
            assert_eq!(class(name), expected, "{name}");
        }
    }

    #[test]
    fn only_a_version_of_our_track_counts_as_the_export() {
        let export = |name: &str, is_interface| [Extern { name: name.to_owned(), is_interface }];
        assert_eq!(fault_of_exports(&export("rotabox:rotator/rotation@0.1.0", true)), None);
        for (name, is_interface) in [
            ("rotabox:rotator/rotation@0.1.0", false),
            ("rotabox:rotator/rotation@0.2.0", true),
            ("rotabox:rotator/rotation", true),
            ("run", false),
        ] {
            assert!(fault_of_exports(&export(name, is_interface)).is_some(), "{name}");
        }
    }
}
