//! The machine against a small model of provider, gateway, faults and a lying rotator: whatever happens, the outcome never
//! names the wrong live password, and says `unknown` only where something could not be seen.

use super::*;
use crate::broker::ledger::FAILED_SIGN_INS;
use crate::broker::outcome::Live;
use crate::broker::proof::{Observations, observe};
use crate::page::names::RouteName;

/// xorshift64*: the same runs every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    /// True in `percent` of a hundred throws.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A password, by number.
type Password = u64;

/// One run against the model.
struct World<'d> {
    dice: &'d mut Dice,
    /// How often something goes wrong, in percent.
    trouble: u64,
    live: Password,
    /// A change that the provider has taken, but not yet carried out.
    late: Option<Password>,
    old: Option<Password>,
    new: Password,
    failed_sign_ins: u32,
    changing_requests: u32,
    /// Something was asked that could not be seen.
    blind: bool,
    finished: bool,
}

impl Steps for World<'_> {
    async fn verify<W: Which>(&mut self) -> Sight<W> {
        let mut seen = Observations::default();
        let password = if W::IS_NEW { Some(self.new) } else { self.old };
        // A rotator that sends nothing, a lost answer, a locked account, no sign-in left to risk.
        if self.dice.chance(self.trouble) || self.failed_sign_ins >= FAILED_SIGN_INS || password.is_none() {
            self.blind = true;
            if self.dice.chance(50) {
                self.failed_sign_ins += 1;
            }
        } else if password == Some(self.live) {
            seen.accepted(&RouteName::new("sign-in"));
        } else {
            self.failed_sign_ins += 1;
            assert!(self.failed_sign_ins <= FAILED_SIGN_INS, "a third failed sign-in");
            seen.refused(&RouteName::new("sign-in"));
        }
        observe(seen, || "nothing was seen".to_owned())
    }

    async fn change(&mut self, step: Step) -> StepEnd {
        let fate = self.changing_request(step);
        if fate != Fate::NotSent {
            self.changing_requests += 1;
            self.failed_sign_ins = 0;
        }
        StepEnd { fate, reason: "the rotator says whatever it likes".to_owned(), denied: None }
    }

    async fn finish(&mut self) {
        self.finished = true;
    }

    async fn settle(&mut self) {
        self.live = self.late.take().unwrap_or(self.live);
    }

    fn denied(&self) -> Option<String> {
        None
    }
}

impl World<'_> {
    fn changing_request(&mut self, step: Step) -> Fate {
        let right = step == Step::Reconcile || self.old == Some(self.live);
        if !self.dice.chance(self.trouble) {
            if right {
                self.live = self.new;
            }
            return if right { Fate::Accepted } else { Fate::Refused };
        }
        match self.dice.below(5) {
            0 => Fate::NotSent,
            1 => Fate::Refused,
            // The answer is lost: before the provider did it, after, or while it still does.
            2 => Fate::Ambiguous,
            3 => {
                self.live = if right { self.new } else { self.live };
                Fate::Ambiguous
            }
            _ => {
                self.late = right.then_some(self.new);
                Fate::Ambiguous
            }
        }
    }
}

fn run(world: &mut World<'_>, may_reconcile: bool) -> Outcome {
    let plan = Plan {
        has_old: world.old.is_some(),
        same: world.old == Some(world.new),
        can_verify: true,
        can_change: world.old.is_some(),
        can_reconcile: true,
        may_reconcile,
        accept_unverified: false,
        has_finish: true,
    };
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(rotate(plan, world))
}

fn check(outcome: &Outcome, world: &World<'_>, before: Password, story: &str) {
    match outcome.live() {
        Live::New => assert_eq!(world.live, world.new, "{story}"),
        Live::Old => assert_eq!(Some(world.live), world.old, "{story}"),
        Live::AsBefore => assert_eq!(world.live, before, "{story}"),
        Live::Neither => assert!(world.live != world.new && Some(world.live) != world.old, "{story}"),
        Live::Unknown => assert!(world.blind || world.old.is_none(), "{story}: everything could be seen"),
    }
    assert!(world.changing_requests <= 1, "{story}: sent twice");
    assert_eq!(world.finished, outcome.word() == "rotated", "{story}");
}

#[test]
fn over_twenty_thousand_runs_the_outcome_never_names_the_wrong_live_password() {
    let mut dice = Dice(0x5DEE_CE66_D1CE_4E5B);
    let mut fresh: Password = 100;
    let mut words = std::collections::BTreeMap::<&str, u32>::new();
    for game in 0..4000 {
        let may_reconcile = game % 2 == 0;
        let (mut vault, mut live) = (1, if dice.chance(80) { 1 } else { 2 });
        for turn in 0..6 {
            fresh += 1;
            // What gateways do: the record's password and a fresh one; nothing old; the same twice; exchanged on a re-run.
            let (old, new) = match dice.below(20) {
                0 => (None, fresh),
                1 => (Some(vault), vault),
                2 => (Some(fresh), vault),
                _ => (Some(vault), fresh),
            };
            let before = live;
            let trouble = [0, 5, 30][usize::try_from(dice.below(3)).unwrap()];
            let mut world = World {
                dice: &mut dice,
                trouble,
                live,
                late: None,
                old,
                new,
                failed_sign_ins: 0,
                changing_requests: 0,
                blind: false,
                finished: false,
            };
            let outcome = run(&mut world, may_reconcile);
            let story =
                format!("game {game}, turn {turn}: {before} live, {old:?} to {new}: {outcome:?}, {} live", world.live);
            check(&outcome, &world, before, &story);
            *words.entry(outcome.word()).or_default() += 1;
            live = world.late.take().unwrap_or(world.live);
            vault = match outcome.exit() {
                0 => new,
                _ if dice.chance(50) => new,
                _ => old.unwrap_or(vault),
            };
        }
        if may_reconcile {
            fresh += 1;
            let mut world = World {
                dice: &mut dice,
                trouble: 0,
                live,
                late: None,
                old: Some(vault),
                new: fresh,
                failed_sign_ins: 0,
                changing_requests: 0,
                blind: false,
                finished: false,
            };
            let outcome = run(&mut world, true);
            assert_eq!(outcome.exit(), 0, "game {game}: with reconcile allowed, the next run converges: {outcome:?}");
        }
    }
    for word in ["rotated", "already-current", "unchanged", "changed-unverified", "out-of-sync", "unknown"] {
        assert!(words.get(word).is_some_and(|count| *count > 100), "`{word}` was hardly met: {words:?}");
    }
}
