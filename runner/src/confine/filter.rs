//! A list of system calls as a program of the kernel (classic BPF): a search tree over their numbers.
//!
//! The kernel runs a filter once for each number there is when the filter is put on, and again at each call that it could not decide by
//! the number alone. A list that is gone through from its beginning costs some 0.2 ms at that moment, for each filter and process; a tree
//! of the same list a tenth of that.
//!
//! ```text
//! another architecture?          -> the process is killed
//! a number of another kind?      -> refused      (x32, below)
//! which range of numbers is it?  -> the verdict, or a look at one argument and then the verdict
//! ```

use seccompiler::{BpfProgram, TargetArch, sock_filter};
use std::collections::BTreeMap;

/// SECCOMP_RET_ALLOW.
pub(super) const ALLOW: u32 = 0x7fff_0000;
/// SECCOMP_RET_KILL_PROCESS.
pub(super) const KILL: u32 = 0x8000_0000;
/// SECCOMP_RET_ERRNO with this number.
pub(super) const fn error(number: libc::c_int) -> u32 {
    0x0005_0000 | (number.unsigned_abs() & 0xffff)
}

/// On x86-64 every call has a second number (the x32 interface: the same with this bit), which a list would not find.
pub(super) const X32: u32 = 0x4000_0000;

/// Calls by their numbers.
pub(super) type Rules = BTreeMap<i64, Rule>;

/// What is done with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Only if its arguments are so; otherwise what is done with calls that no rule names. (No condition: whatever its arguments.)
    pub(super) when: [Option<Condition>; 2],
    /// One of the kernel's answers.
    pub(super) verdict: u32,
}

impl Rule {
    /// Whatever its arguments.
    pub(super) fn always(verdict: u32) -> Rule {
        Rule { when: [None, None], verdict }
    }

    /// Only if one of its arguments is so.
    pub(super) fn when(condition: Condition, verdict: u32) -> Rule {
        Rule { when: [Some(condition), None], verdict }
    }

    fn asks(&self) -> bool {
        self.when.iter().any(Option::is_some)
    }
}

/// The lower 32 bits of an argument, under a mask, are this. Nothing that is asked about here (flags, protections, an option) has a meaning
/// above them: the kernel reads no more, or takes no notice of it, or refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// Which argument, from 0.
    pub(super) argument: u8,
    /// The bits that count.
    pub(super) mask: u32,
    /// What they have to be.
    pub(super) is: u32,
}

/// The program. `None` for an architecture that is not known here, or a number that is none.
pub(super) fn program(rules: &Rules, otherwise: u32, refused: u32, arch: TargetArch) -> Option<BpfProgram> {
    const NUMBER: u32 = 0; // offsetof(struct seccomp_data, nr)
    const ARCH: u32 = 4; // offsetof(struct seccomp_data, arch)
    let mut program = vec![
        load(ARCH),
        jump(EQUAL, audit_arch(arch)?, 1, 0),
        answer(KILL),
        load(NUMBER),
        jump(AT_LEAST, X32, 0, 1),
        answer(refused),
    ];
    program.append(&mut tree(&ranges(rules, otherwise)?, otherwise)?);
    Some(program)
}

/// Numbers from `first` to the next range's: `None` is for calls that no rule names.
struct Range {
    first: u32,
    rule: Option<Rule>,
}

/// All numbers, in ranges that are treated alike.
fn ranges(rules: &Rules, otherwise: u32) -> Option<Vec<Range>> {
    let mut ranges = vec![Range { first: 0, rule: None }];
    let mut next = 0;
    let mut add = |first: u32, rule: Option<Rule>| {
        let rule = rule.filter(|rule| rule.asks() || rule.verdict != otherwise);
        match ranges.last_mut() {
            Some(last) if last.first == first => last.rule = rule,
            Some(last) if last.rule == rule && rule.is_none_or(|rule| !rule.asks()) => {}
            _ => ranges.push(Range { first, rule }),
        }
    };
    for (number, rule) in rules {
        let number = u32::try_from(*number).ok().filter(|number| *number < X32)?;
        if number > next {
            add(next, None);
        }
        add(number, Some(*rule));
        next = number + 1;
    }
    add(next, None);
    Some(ranges)
}

/// Which of the ranges the number in the accumulator lies in, by halves.
fn tree(ranges: &[Range], otherwise: u32) -> Option<BpfProgram> {
    if let [one] = ranges {
        return Some(leaf(one.rule.as_ref(), otherwise));
    }
    let (below, above) = ranges.split_at_checked(ranges.len() / 2)?;
    let first = above.first()?.first;
    let (mut below, mut above) = (tree(below, otherwise)?, tree(above, otherwise)?);
    let mut tree = match u8::try_from(below.len()) {
        Ok(over) => vec![jump(AT_LEAST, first, over, 0)],
        // A conditional jump reaches no further than 255.
        Err(_) => vec![jump(AT_LEAST, first, 0, 1), always(u32::try_from(below.len()).ok()?)],
    };
    tree.append(&mut below);
    tree.append(&mut above);
    Some(tree)
}

fn leaf(rule: Option<&Rule>, otherwise: u32) -> BpfProgram {
    let Some(rule) = rule else { return vec![answer(otherwise)] };
    let mut leaf = Vec::new();
    for Condition { argument, mask, is } in rule.when.iter().flatten() {
        // offsetof(struct seccomp_data, args): the lower half comes first on both architectures, which are little-endian.
        let argument = 16 + 8 * u32::from(*argument);
        leaf.extend([load(argument), and(*mask), jump(EQUAL, *is, 1, 0), answer(otherwise)]);
    }
    leaf.push(answer(rule.verdict));
    leaf
}

/// AUDIT_ARCH_…, as the kernel says it.
fn audit_arch(arch: TargetArch) -> Option<u32> {
    match arch {
        TargetArch::x86_64 => Some(0xc000_003e),
        TargetArch::aarch64 => Some(0xc000_00b7),
        TargetArch::riscv64 => None,
    }
}

const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K

/// BPF_LD | BPF_W | BPF_ABS
fn load(offset: u32) -> sock_filter {
    sock_filter { code: 0x20, jt: 0, jf: 0, k: offset }
}

/// BPF_ALU | BPF_AND | BPF_K
fn and(mask: u32) -> sock_filter {
    sock_filter { code: 0x54, jt: 0, jf: 0, k: mask }
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// BPF_JMP | BPF_JA
fn always(over: u32) -> sock_filter {
    sock_filter { code: 0x05, jt: 0, jf: 0, k: over }
}

/// BPF_RET | BPF_K
fn answer(verdict: u32) -> sock_filter {
    sock_filter { code: 0x06, jt: 0, jf: 0, k: verdict }
}
