//! Each wall alone. The shipped binary has no switch for that: it is started on a kernel that seems to lack one of the walls, by
//! `old-kernel`, a program of these tests that has the kernel answer "no such system call" and then becomes the binary.

use serde_json::Value;

/// Which walls the kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Both.
    Both,
    /// seccomp alone.
    NoLandlock,
    /// Landlock alone.
    NoSeccomp,
}

/// All of them.
pub const KERNELS: [Kernel; 3] = [Kernel::Both, Kernel::NoLandlock, Kernel::NoSeccomp];

impl Kernel {
    /// Its name in files and in the names of tests; also the word that `old-kernel` takes.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Both => "both-walls",
            Kernel::NoLandlock => "no-landlock",
            Kernel::NoSeccomp => "no-seccomp",
        }
    }

    /// The result line says of both processes what really holds: neither more nor less.
    pub fn check(self, result: &Value, shown: &str) {
        let walls = |process: &str| result.pointer(&format!("/walls/{process}"));
        // A run that is refused before it starts has put up no walls yet.
        let Some(worker) = walls("worker") else { return };
        let broker = walls("broker").expect("the broker's walls");
        for (name, process) in [("broker", broker), ("worker", worker)] {
            for (wall, missing) in [("landlock", Kernel::NoLandlock), ("seccomp", Kernel::NoSeccomp)] {
                let holds = matches!(process[wall].as_str(), Some("on" | "partly"));
                assert_eq!(holds, self != missing, "{wall} of the {name} on a kernel with {}: {shown}", self.name());
            }
        }
    }
}
