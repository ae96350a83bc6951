//! The filters of both architectures, run instruction by instruction over every number there is.
//!
//! What a name's number is on an architecture comes from another table than ours (that of `seccompiler`), and the names come from the
//! source of the lists; so a list is tested also where this test does not run.

use super::filter::X32;
use super::*;
use seccompiler::sock_filter;
use std::collections::{BTreeMap, BTreeSet};

const SOURCE: &str = include_str!("calls.rs");
const BOTH: [TargetArch; 2] = [TargetArch::x86_64, TargetArch::aarch64];
/// No architecture has a number above.
const LAST: u32 = 1023;
const EXEC: u64 = 4;
const WRITE: u64 = 2;
const READ: u64 = 1;

/// `struct seccomp_data`, without the instruction pointer.
#[derive(Clone, Copy)]
struct Data {
    number: u32,
    arch: u32,
    args: [u64; 6],
}

impl Data {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.arch,
            16.. => {
                let (low, at) = (offset.is_multiple_of(8), usize::try_from((offset - 16) / 8).unwrap());
                let arg = self.args[at];
                u32::try_from(if low { arg & 0xffff_ffff } else { arg >> 32 }).unwrap()
            }
            other => panic!("no filter looks at offset {other}"),
        }
    }
}

/// What the kernel would do: its interpreter, as far as these programs use it.
fn verdict(program: &[sock_filter], data: &Data) -> u32 {
    interpret(program, data).0
}

/// How many instructions that takes.
fn steps(program: &[sock_filter], data: &Data) -> usize {
    interpret(program, data).1
}

fn interpret(program: &[sock_filter], data: &Data) -> (u32, usize) {
    let (mut accumulator, mut at, mut steps) = (0_u32, 0_usize, 0);
    // Jumps only go forward, so this ends.
    loop {
        let step = &program[at];
        at += 1;
        steps += 1;
        let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
        match step.code {
            0x20 => accumulator = data.word(step.k),
            0x54 => accumulator &= step.k,
            0x05 => at += usize::try_from(step.k).unwrap(),
            0x15 => at += jump(accumulator == step.k),
            0x25 => at += jump(accumulator > step.k),
            0x35 => at += jump(accumulator >= step.k),
            0x06 => return (step.k, steps),
            other => panic!("an instruction that the interpreter does not know: {other:#x}"),
        }
    }
}

fn audit_arch(arch: TargetArch) -> u32 {
    match arch {
        TargetArch::x86_64 => 0xc000_003e,
        TargetArch::aarch64 => 0xc000_00b7,
        TargetArch::riscv64 => unreachable!(),
    }
}

fn word(arch: TargetArch) -> &'static str {
    match arch {
        TargetArch::x86_64 => "x86_64",
        TargetArch::aarch64 => "aarch64",
        TargetArch::riscv64 => unreachable!(),
    }
}

/// The names of a list in the source that stand for this architecture.
fn names(list: &str, arch: TargetArch) -> Vec<&'static str> {
    let body = SOURCE.split(&format!("const {list}: &[i64] = &[")).nth(1).unwrap().split("];").next().unwrap();
    let mut only = None;
    let mut names = Vec::new();
    for line in body.lines().map(|line| line.split("//").next().unwrap().trim()).filter(|line| !line.is_empty()) {
        if let Some(condition) = line.strip_prefix("#[cfg(target_arch = \"") {
            only = Some(condition.strip_suffix("\")]").unwrap());
            continue;
        }
        let name =
            line.strip_prefix("libc::SYS_").and_then(|line| line.strip_suffix(',')).unwrap_or_else(|| panic!("{line}"));
        if only.take().is_none_or(|only| only == word(arch)) {
            names.push(name);
        }
    }
    assert!(!names.is_empty(), "{list}");
    names
}

/// The number of a call by the other table: the one that a filter made from the name allows.
fn number_of(name: &str, arch: TargetArch) -> i64 {
    let json = format!(
        r#"{{"one": {{"mismatch_action": "trap", "match_action": "allow", "filter": [{{"syscall": "{name}"}}]}}}}"#
    );
    let program =
        &seccompiler::compile_from_json(json.as_bytes(), arch).unwrap_or_else(|error| panic!("{name}: {error}"))["one"];
    let allows =
        |number: &u32| verdict(program, &Data { number: *number, arch: audit_arch(arch), args: [0; 6] }) == ALLOW;
    let found: Vec<u32> = (0..=LAST).filter(allows).collect();
    assert_eq!(found.len(), 1, "{name}");
    found[0].into()
}

/// Our filters with the numbers of `arch`.
struct Numbers {
    arch: TargetArch,
    worker: Vec<i64>,
    not_the_broker: Vec<i64>,
    starting: Vec<i64>,
    not_a_replay: Vec<i64>,
}

impl Numbers {
    fn of(arch: TargetArch) -> Numbers {
        let all = |list| names(list, arch).into_iter().map(|name| number_of(name, arch)).collect();
        Numbers {
            arch,
            worker: all("WORKER"),
            not_the_broker: all("NOT_THE_BROKER"),
            starting: all("STARTING"),
            not_a_replay: all("NOT_A_REPLAY"),
        }
    }

    fn calls(&self) -> Calls<'_> {
        let of = |name| number_of(name, self.arch);
        Calls {
            arch: self.arch,
            worker: &self.worker,
            not_the_broker: &self.not_the_broker,
            mmap: of("mmap"),
            mprotect: of("mprotect"),
            pkey_mprotect: of("pkey_mprotect"),
            seccomp: of("seccomp"),
            prctl: of("prctl"),
            clone: of("clone"),
            clone3: of("clone3"),
            starting: &self.starting,
            not_a_replay: &self.not_a_replay,
            dialling: ["socket", "connect", "bind"].map(of),
        }
    }

    fn program(&self, filter: Maker) -> BpfProgram {
        filter(&self.calls()).program(self.arch).unwrap()
    }

    /// The verdict on each number, with these arguments.
    fn verdicts(&self, filter: Maker, args: [u64; 6]) -> BTreeMap<i64, u32> {
        let (program, arch) = (self.program(filter), audit_arch(self.arch));
        (0..=LAST).map(|number| (number.into(), verdict(&program, &Data { number, arch, args }))).collect()
    }
}

/// Asserts that exactly these numbers get `listed`, and all others `otherwise`.
#[track_caller]
fn exactly(verdicts: &BTreeMap<i64, u32>, numbers: &BTreeSet<i64>, listed: u32, otherwise: u32) {
    for (number, verdict) in verdicts {
        let expected = if numbers.contains(number) { listed } else { otherwise };
        assert_eq!(*verdict, expected, "system call {number}: {verdict:#x}");
    }
}

#[test]
fn the_numbers_of_this_architecture_are_those_of_the_c_library() {
    let here = Numbers::of(HERE);
    assert_eq!(here.worker, WORKER);
    assert_eq!(here.not_the_broker, NOT_THE_BROKER);
    assert_eq!(here.starting, STARTING);
    assert_eq!(here.not_a_replay, NOT_A_REPLAY);
    let (theirs, ours) = (here.calls(), CALLS.unwrap());
    let specials = |calls: &Calls<'_>| {
        [calls.mmap, calls.mprotect, calls.pkey_mprotect, calls.seccomp, calls.prctl, calls.clone, calls.clone3]
    };
    assert_eq!(specials(&theirs), specials(&ours));
    assert_eq!(theirs.dialling, ours.dialling);
    assert!(here.worker.len() > 20 && here.not_the_broker.len() > 50);
}

#[test]
fn the_numbers_of_aarch64_are_those_of_its_kernel() {
    // From the kernel's include/uapi/asm-generic/unistd.h, which this architecture uses.
    for (name, number) in [
        ("read", 63),
        ("write", 64),
        ("exit_group", 94),
        ("futex", 98),
        ("execve", 221),
        ("mmap", 222),
        ("mprotect", 226),
        ("clone", 220),
        ("prctl", 167),
        ("seccomp", 277),
        ("getrandom", 278),
        ("membarrier", 283),
        ("pkey_mprotect", 288),
        ("clone3", 435),
    ] {
        assert_eq!(number_of(name, TargetArch::aarch64), number, "{name}");
    }
}

#[test]
fn the_worker_may_do_what_its_list_says_and_is_killed_for_all_else() {
    for numbers in BOTH.map(Numbers::of) {
        let (calls, listed) = (numbers.calls(), numbers.worker.iter().copied().collect::<BTreeSet<_>>());
        let with = |more: &[i64]| listed.iter().chain(more).copied().collect::<BTreeSet<_>>();
        let prot = |prot| [0, 0, prot, 0, 0, 0];
        for harmless in [0, READ, READ | WRITE] {
            let verdicts = numbers.verdicts(Filter::worker_running, prot(harmless));
            exactly(&verdicts, &with(&[calls.mmap, calls.mprotect]), ALLOW, KILL);
        }
        // Upper halves of registers are no way around.
        for executable in [EXEC, READ | EXEC, READ | WRITE | EXEC, EXEC | 0xffff_ffff_0000_0000] {
            exactly(&numbers.verdicts(Filter::worker_running, prot(executable)), &listed, ALLOW, KILL);
            let verdicts = numbers.verdicts(Filter::worker_compiling, prot(executable));
            exactly(&verdicts, &with(&[calls.mprotect, calls.seccomp]), ALLOW, KILL);
        }
        // MAP_SHARED, and MAP_SHARED_VALIDATE, which has its bit.
        for shared in [1, 3, 0x21, 0xffff_ffff_0000_0001] {
            let args = [0, 0, READ | WRITE, shared, 0, 0];
            exactly(&numbers.verdicts(Filter::worker_running, args), &with(&[calls.mprotect]), ALLOW, KILL);
            assert_eq!(numbers.verdicts(Filter::worker_compiling, args)[&calls.mmap], KILL);
        }
        let no_new_privileges = [u64::from(libc::PR_SET_NO_NEW_PRIVS.unsigned_abs()), 1, 0, 0, 0, 0];
        let verdicts = numbers.verdicts(Filter::worker_compiling, no_new_privileges);
        exactly(&verdicts, &with(&[calls.mmap, calls.mprotect, calls.seccomp, calls.prctl]), ALLOW, KILL);
        let dumpable = [u64::from(libc::PR_SET_DUMPABLE.unsigned_abs()), 1, 0, 0, 0, 0];
        assert_eq!(numbers.verdicts(Filter::worker_compiling, dumpable)[&calls.prctl], KILL);
    }
}

#[test]
fn the_broker_is_refused_what_its_list_says_and_nothing_else() {
    let refused = error(libc::EPERM);
    for numbers in BOTH.map(Numbers::of) {
        let (calls, listed) = (numbers.calls(), numbers.not_the_broker.iter().copied().collect::<BTreeSet<_>>());
        let with = |more: &[i64]| listed.iter().chain(more).copied().collect::<BTreeSet<_>>();
        let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
        for (args, more) in [
            ([thread, 0, READ | WRITE, 0, 0, 0], &[][..]),
            ([0, 0, READ, 0, 0, 0], &[calls.clone]),
            // A library is mapped so: readable and executable at once, never writable.
            ([thread, 0, READ | EXEC, 0, 0, 0], &[calls.mprotect, calls.pkey_mprotect]),
            ([thread, 0, WRITE | EXEC, 0, 0, 0], &[calls.mprotect, calls.pkey_mprotect, calls.mmap]),
        ] {
            let mut verdicts = numbers.verdicts(Filter::broker, args);
            // Its flags cannot be seen, so there is none.
            assert_eq!(verdicts.remove(&calls.clone3), Some(error(libc::ENOSYS)));
            exactly(&verdicts, &with(more), refused, ALLOW);
        }
    }
}

#[test]
fn the_launcher_starts_programs_and_neither_it_nor_a_replay_dials_anybody() {
    for numbers in BOTH.map(Numbers::of) {
        let calls = numbers.calls();
        let mut refused: BTreeSet<i64> = numbers.not_the_broker.iter().copied().collect();
        for call in &numbers.starting {
            assert!(refused.remove(call), "the broker may not start programs");
        }
        refused.extend(calls.dialling);
        exactly(&numbers.verdicts(Filter::launcher, [0; 6]), &refused, error(libc::EPERM), ALLOW);
        let refused = numbers.not_a_replay.iter().copied().collect();
        exactly(&numbers.verdicts(Filter::offline, [0; 6]), &refused, error(libc::EPERM), ALLOW);
    }
}

#[test]
fn neither_another_architecture_nor_a_second_number_is_a_way_around() {
    for numbers in BOTH.map(Numbers::of) {
        let filters: [(Maker, u32); 5] = [
            (Filter::offline, error(libc::EPERM)),
            (Filter::launcher, error(libc::EPERM)),
            (Filter::worker_compiling, KILL),
            (Filter::worker_running, KILL),
            (Filter::broker, error(libc::EPERM)),
        ];
        for (filter, refused) in filters {
            let program = numbers.program(filter);
            for number in 0..=LAST {
                let here = audit_arch(numbers.arch);
                // i386, arm, the other one of ours: another kernel table, so other meanings of each number.
                for arch in
                    [0x4000_0003, 0x4000_0028, 0xc000_003e, 0xc000_00b7].into_iter().filter(|arch| *arch != here)
                {
                    assert_eq!(verdict(&program, &Data { number, arch, args: [0; 6] }), KILL);
                }
                let x32 = Data { number: number | X32, arch: here, args: [0; 6] };
                assert_eq!(verdict(&program, &x32), refused, "x32 call {number}");
            }
            assert!(program.len() < 4096, "the kernel takes no longer one");
        }
    }
}

#[test]
fn a_verdict_by_number_is_found_in_a_few_steps() {
    for numbers in BOTH.map(Numbers::of) {
        for filter in [Filter::worker_compiling as Maker, Filter::worker_running, Filter::broker, Filter::launcher] {
            let program = numbers.program(filter);
            let arch = audit_arch(numbers.arch);
            let most = (0..=LAST).map(|number| steps(&program, &Data { number, arch, args: [0; 6] })).max().unwrap();
            assert!(most <= 18, "{most} steps of {}", program.len());
        }
    }
}

#[test]
fn a_list_too_long_for_short_jumps_is_still_told_apart() {
    // Every third number, each with a look at an argument: no two ranges are one, and half a tree is longer than 255 instructions.
    let when = Condition { argument: 2, mask: 0xff, is: 7 };
    let rules: Rules = (0..300).map(|number| (number * 3, Rule::when(when, error(libc::EPERM)))).collect();
    let program = filter::program(&rules, ALLOW, KILL, TargetArch::x86_64).unwrap();
    for number in 0..=LAST {
        for argument in [7, 0x1_0000_0107, 6] {
            let data = Data { number, arch: audit_arch(TargetArch::x86_64), args: [0, 0, argument, 0, 0, 0] };
            let named = number < 900 && number.is_multiple_of(3) && argument & 0xff == 7;
            assert_eq!(verdict(&program, &data), if named { error(libc::EPERM) } else { ALLOW }, "{number}");
        }
    }
}
