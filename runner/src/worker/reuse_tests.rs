//! What a store leaves, the next one never sees.

use super::*;
use proptest::prelude::*;

/// Wasm's, a multiple of every machine's.
const PAGE: usize = 64 * 1024;
const SHAPE: Shape = Shape { least: 2 * PAGE, most: 40 * PAGE, guard: 2 * PAGE };

fn bytes(memory: &Memory) -> &'static mut [u8] {
    // SAFETY: `byte_size` bytes from there on are open, and each test uses one memory at a time.
    unsafe { std::slice::from_raw_parts_mut(memory.as_ptr(), memory.byte_size()) }
}

/// The permissions of the page at that address, as the kernel has them: `rw-p`, `---p`.
fn permissions(at: *const u8) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let address = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let line = maps.lines().find(|line| {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        (address(from)..address(to)).contains(&at.addr())
    });
    line.unwrap().split(' ').nth(1).unwrap().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_stores_wrote_the_next_one_has_a_memory_full_of_zeros(
        stores in proptest::collection::vec(
            (0..30_usize, proptest::collection::vec((0.0..1.0_f64, 1..9_000_usize), 0..12)),
            1..2 * BEFORE_LOOKING as usize,
        ),
    ) {
        let pool = Memories::default();
        let mut places = Vec::new();
        for (more, writes) in stores {
            let mut memory = pool.give(SHAPE, SHAPE.least).unwrap();
            places.push(memory.as_ptr().addr());
            prop_assert!(bytes(&memory).iter().all(|byte| *byte == 0));
            memory.grow_to(SHAPE.least + more * PAGE).unwrap();
            prop_assert!(bytes(&memory).iter().all(|byte| *byte == 0));
            for (at, length) in writes {
                let all = bytes(&memory);
                #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
                let start = (at * all.len() as f64) as usize;
                let end = all.len().min(start + length);
                all[start..end].fill(0xa5);
            }
        }
        places.dedup();
        prop_assert_eq!(places.len(), 1, "it was the same mapping all the time");
    }

    #[test]
    fn whatever_was_on_a_stack_the_next_one_is_full_of_zeros(depths in proptest::collection::vec(0..200_000_usize, 1..5)) {
        let pool = Stacks::default();
        for depth in depths {
            let stack = pool.give(200_000).unwrap();
            let range = stack.range();
            // SAFETY: the stack's own bytes, which nothing runs on.
            let all = unsafe { std::slice::from_raw_parts_mut(stack.at.wrapping_add(page()), range.len()) };
            prop_assert!(all.iter().all(|byte| *byte == 0));
            let length = all.len();
            all[length - depth..].fill(0xa5);
        }
    }
}

#[test]
fn what_one_store_grew_by_the_next_one_cannot_touch() {
    let pool = Memories::default();
    let mut memory = pool.give(SHAPE, SHAPE.least).unwrap();
    let (at, behind) = (memory.as_ptr(), memory.as_ptr().wrapping_add(SHAPE.least));
    assert_eq!((permissions(at), permissions(behind)), ("rw-p".to_owned(), "---p".to_owned()));
    memory.grow_to(SHAPE.least + 10 * PAGE).unwrap();
    assert_eq!(permissions(behind), "rw-p");
    bytes(&memory).fill(1);
    drop(memory);
    assert_eq!((permissions(at), permissions(behind)), ("rw-p".to_owned(), "---p".to_owned()));
    let memory = pool.give(SHAPE, SHAPE.least).unwrap();
    assert_eq!(memory.as_ptr(), at);
    assert_eq!(permissions(at.wrapping_sub(1)), "---p", "the guard before it");
    assert_eq!(permissions(at.wrapping_add(SHAPE.most + SHAPE.guard - 1)), "---p", "the guard behind it");
}

#[test]
fn pages_that_are_written_to_again_and_again_are_kept_and_others_are_not() {
    let pool = Memories::default();
    for ended in 1..=2 * BEFORE_LOOKING {
        let memory = pool.give(SHAPE, SHAPE.least).unwrap();
        bytes(&memory)[PAGE..PAGE + 10].fill(1);
        drop(memory);
        let kept = pool.lock().known[0].kept.to_vec();
        let page = SHAPE.guard + PAGE..SHAPE.guard + PAGE + page();
        assert_eq!(kept, if ended < BEFORE_LOOKING { vec![] } else { vec![page] });
    }
}

#[test]
fn a_memory_does_not_grow_beyond_what_is_reserved_and_does_not_shrink() {
    let mut memory = Memories::default().give(SHAPE, SHAPE.least).unwrap();
    assert!(memory.grow_to(SHAPE.most + 1).is_err() && memory.grow_to(SHAPE.least - 1).is_err());
    assert_eq!(memory.byte_size(), SHAPE.least);
    memory.grow_to(SHAPE.most).unwrap();
    assert_eq!(memory.byte_size(), SHAPE.most);
}

#[test]
fn memories_of_another_shape_and_those_in_use_are_not_given_away() {
    let pool = Memories::default();
    let first = pool.give(SHAPE, SHAPE.least).unwrap();
    let second = pool.give(SHAPE, SHAPE.least).unwrap();
    assert_ne!(first.as_ptr(), second.as_ptr());
    let at = first.as_ptr();
    drop(first);
    let larger = Shape { least: SHAPE.least + PAGE, ..SHAPE };
    assert_ne!(pool.give(larger, larger.least).unwrap().as_ptr(), at);
    assert_eq!(pool.give(SHAPE, SHAPE.least).unwrap().as_ptr(), at);
}

#[test]
fn a_stack_has_a_closed_page_at_its_lower_end() {
    let stack = Stacks::default().give(100_000).unwrap();
    assert_eq!(permissions(stack.guard_range().start), "---p");
    assert_eq!(permissions(stack.top().wrapping_sub(1)), "rw-p");
    assert_eq!(stack.guard_range().end.addr(), stack.range().start);
    assert_eq!(stack.range().end, stack.top().addr());
}

#[test]
fn no_more_than_some_are_kept() {
    let pool = Stacks::default();
    let many: Vec<Stack> = (0..KEPT + 10).map(|_| pool.give(STACK_KEPT).unwrap()).collect();
    drop(many);
    assert_eq!(lock(&pool.0).len(), KEPT);
}
