use super::super::chain::seal;
use super::super::event::{Break, chain_start};
use super::*;
use proptest::prelude::*;
use serde_json::Map;

/// A chain of this many records, a line each.
fn chain(records: usize) -> Vec<Vec<u8>> {
    let mut tail = None;
    (0..records)
        .map(|index| {
            let fields = if index == 0 { chain_start(None) } else { said(index) };
            let mut line = Vec::new();
            tail = Some(seal(fields, tail, &mut line).unwrap());
            line
        })
        .collect()
}

fn said(index: usize) -> Map<String, serde_json::Value> {
    let time = format!("2026-02-03T04:05:{index:02}.000Z");
    Map::from_iter([
        ("event".to_owned(), "said".into()),
        ("guest".to_owned(), format!("line {index}").into()),
        ("time".to_owned(), time.into()),
    ])
}

fn check(lines: &[Vec<u8>]) -> Result<Intact, Broken> {
    verify(lines.concat().as_slice(), &[], |_| ()).unwrap()
}

fn check_with(lines: &[Vec<u8>], anchor: Hash) -> Result<Intact, Broken> {
    verify(lines.concat().as_slice(), &[anchor], |_| ()).unwrap()
}

fn hash(line: &[u8]) -> Hash {
    chain::read(line).unwrap().hash
}

#[test]
fn a_whole_log_is_intact_and_says_what_it_holds() {
    let lines = chain(5);
    let mut seen = Vec::new();
    let intact =
        verify(lines.concat().as_slice(), &[hash(&lines[2])], |record| seen.push(record.seq)).unwrap().unwrap();
    assert_eq!((intact.records, seen), (5, vec![0, 1, 2, 3, 4]));
    assert_eq!(intact.last, Some(Tail { seq: 4, hash: hash(&lines[4]) }));
    assert_eq!(intact.times.unwrap().1, "2026-02-03T04:05:04.000Z");
    assert_eq!(intact.anchors, [3]);
    assert!(intact.torn.is_empty());
}

/// Records with so much in them that the end of the log is not all of it.
fn long_chain() -> Vec<Vec<u8>> {
    let (mut tail, filler) = (None, "x".repeat(RECORD_BYTES / 2));
    (0..20)
        .map(|index| {
            let mut fields = if index == 0 { chain_start(None) } else { said(index) };
            fields.insert("filler".to_owned(), filler.as_str().into());
            let mut line = Vec::new();
            tail = Some(seal(fields, tail, &mut line).unwrap());
            line
        })
        .collect()
}

fn check_end(lines: &[Vec<u8>]) -> Result<Intact, Broken> {
    verify_end(std::io::Cursor::new(lines.concat())).unwrap()
}

#[test]
fn the_end_of_a_log_is_judged_by_itself() {
    let lines = long_chain();
    let intact = check_end(&lines).unwrap();
    assert!((5..10).contains(&intact.records) && intact.last.unwrap().seq == 19, "{intact:?}");
    let mut early = lines.clone();
    early.remove(3);
    assert_eq!(check_end(&early).unwrap().last, intact.last, "what stands before is not looked at");
    let mut less = lines.clone();
    less.remove(17);
    assert_eq!(check_end(&less).unwrap_err().what, What::Missing { from: 17, to: 17 });
    let mut cut = lines.clone();
    cut[19].truncate(100);
    assert_eq!(check_end(&cut).unwrap_err().what, What::TornEnd { bytes: 100 });
    let mut altered = lines;
    altered[18] = String::from_utf8(altered[18].clone()).unwrap().replace("said", "sold").into_bytes();
    assert_eq!(check_end(&altered).unwrap_err().what, What::Line(LineFault::WrongHash));
    // A short log is judged whole.
    assert_eq!(check_end(&chain(5)), check(&chain(5)));
    assert_eq!(check_end(&chain(5)[2..]), check(&chain(5)[2..]));
}

#[test]
fn the_end_may_begin_with_a_record_of_what_stands_before_it() {
    let mut lines = long_chain();
    let (tail, torn) = (chain::read(&lines[11]).unwrap().tail(), vec![b'{'; 70_000]);
    lines.truncate(12);
    lines.push([&torn[..], b"\n"].concat());
    let about = Break { torn: true, bytes: 70_000, sha256: Hash::of(&torn) };
    let mut line = Vec::new();
    let mut tail = seal(about.fields(), Some(tail), &mut line).unwrap();
    lines.push(line);
    while lines[13..].iter().map(Vec::len).sum::<usize>() < usize::try_from(END_BYTES).unwrap() - 30_000 {
        let mut line = Vec::new();
        tail = seal(said(14), Some(tail), &mut line).unwrap();
        lines.push(line);
    }
    assert!(check(&lines).is_ok());
    assert_eq!(check_end(&lines).unwrap().last, Some(tail));
}

#[test]
fn one_record_is_counted_as_one() {
    let said = |from, to| What::Missing { from, to }.to_string();
    assert_eq!(said(3, 3), "record 3 is missing before this one");
    assert_eq!(said(3, 5), "records 3 to 5 are missing before this one");
    let beginning = |missing| What::NoBeginning { missing }.to_string();
    assert_eq!(beginning(1), "the beginning is missing: 1 record came before this one");
    assert_eq!(beginning(2), "the beginning is missing: 2 records came before this one");
}

#[test]
fn each_tampering_is_found_where_it_is() {
    let lines = chain(6);
    let other: Vec<_> = {
        let mut lines = lines.clone();
        let tail = chain::read(&lines[2]).unwrap().tail();
        lines[3].clear();
        seal(said(33), Some(tail), &mut lines[3]).unwrap();
        lines
    };
    let changed = |at: usize| {
        let mut lines = lines.clone();
        lines[at] = String::from_utf8(lines[at].clone()).unwrap().replace("said", "sold").into_bytes();
        lines
    };
    let order = |order: &[usize]| order.iter().map(|at| lines[*at].clone()).collect::<Vec<_>>();
    let with_blank = [&lines[..2], &[b"\n".to_vec()], &lines[2..]].concat();
    let with_foreign = [&lines[..2], &[b"{\"event\":\"outcome\",\"exit\":0}\n".to_vec()], &lines[2..]].concat();
    for (name, lines, line, what) in [
        ("an edit", changed(3), 4, What::Line(LineFault::WrongHash)),
        ("an edit of the last line", changed(5), 6, What::Line(LineFault::WrongHash)),
        ("a record less", order(&[0, 1, 3, 4, 5]), 3, What::Missing { from: 2, to: 2 }),
        ("several less", order(&[0, 1, 5]), 3, What::Missing { from: 2, to: 4 }),
        ("two exchanged", order(&[0, 1, 3, 2, 4, 5]), 3, What::Missing { from: 2, to: 2 }),
        ("one twice", order(&[0, 1, 2, 2, 3, 4, 5]), 4, What::OutOfOrder { seq: 2, expected: 3 }),
        ("no beginning", order(&[2, 3, 4, 5]), 1, What::NoBeginning { missing: 2 }),
        ("two files joined", order(&[0, 1, 0, 1, 2]), 3, What::StartsAnew { after: 1 }),
        ("one exchanged and linked anew", other, 5, What::Exchanged),
        ("a blank line", with_blank, 3, What::Line(LineFault::NotARecord)),
        ("a line of somebody else", with_foreign, 3, What::Line(LineFault::NotARecord)),
        ("nothing", vec![], 1, What::Empty),
        ("something else", vec![b"hello\n".to_vec()], 1, What::Line(LineFault::NotARecord)),
    ] {
        assert_eq!(check(&lines), Err(Broken { line, what }), "{name}");
    }
}

#[test]
fn a_clean_cut_is_only_seen_with_an_anchor() {
    let lines = chain(6);
    let anchor = hash(&lines[5]);
    assert!(check(&lines[..4]).is_ok());
    assert_eq!(
        check_with(&lines[..4], anchor),
        Err(Broken { line: 5, what: What::AnchorMissing { anchor } }),
        "the line after the last"
    );
    assert_eq!(check_with(&lines, anchor).unwrap().anchors, [6]);
    assert_eq!(check_with(&lines, hash(&lines[3])).unwrap().anchors, [4], "an older anchor is in it still");
}

/// Two records, something unreadable, the record about it, one more record.
fn with_break(unreadable: &[u8], about: Break) -> Vec<Vec<u8>> {
    let mut lines = chain(2);
    let mut tail = chain::read(&lines[1]).unwrap().tail();
    lines.push(unreadable.to_vec());
    for fields in [about.fields(), said(9)] {
        let mut line = Vec::new();
        tail = seal(fields, Some(tail), &mut line).unwrap();
        lines.push(line);
    }
    lines
}

#[test]
fn a_torn_line_that_was_recorded_leaves_the_log_intact_and_is_told() {
    let torn = b"{\"event\":\"out".as_slice();
    let about = Break { torn: true, bytes: 13, sha256: Hash::of(torn) };
    let lines = with_break(&[torn, b"\n"].concat(), about);
    let intact = check(&lines).unwrap();
    assert_eq!((intact.records, intact.torn), (4, vec![(3, 13)]));
    assert!(check_with(&lines, Hash::of(b"the torn record's own hash")).is_err());
}

#[test]
fn a_recorded_break_excuses_exactly_what_was_found_then() {
    let line = b"{\"event\":\"out";
    let torn = [line.as_slice(), b"\n"].concat();
    let about = Break { torn: true, bytes: 13, sha256: Hash::of(line) };
    let altered = Break { torn: false, ..about };
    let two = Break { torn: true, bytes: 27, sha256: Hash::of(&[&torn, line.as_slice()].concat()) };
    let line_fault = What::Line(LineFault::NotARecord);
    for (name, unreadable, about, line, what) in [
        ("a whole line was altered", torn.clone(), altered, 3, What::AlteredAndRecorded),
        ("more than one line cannot be torn", [torn.clone(), torn.clone()].concat(), two, 3, What::AlteredAndRecorded),
        ("other bytes", [b"X", &torn[1..]].concat(), about, 3, line_fault.clone()),
        ("fewer bytes", torn[1..].to_vec(), about, 3, line_fault.clone()),
        ("no bytes", vec![], about, 3, What::BreakWithoutBytes { bytes: 13 }),
        ("a line longer than any record", vec![b'x'; RECORD_BYTES * 3], about, 3, What::Line(LineFault::TooLong)),
    ] {
        assert_eq!(check(&with_break(&unreadable, about)), Err(Broken { line, what }), "{name}");
    }
}

#[test]
fn an_end_that_is_cut_short_is_named_so() {
    let mut lines = chain(3);
    let whole = lines[2].len();
    lines[2].truncate(whole - 1);
    let what = What::TornEnd { bytes: (whole - 1) as u64 };
    assert_eq!(check(&lines), Err(Broken { line: 3, what }), "even if only the newline is missing");
}

#[test]
fn a_record_at_the_end_of_a_line_longer_than_any_is_none() {
    let lines = chain(3);
    let mut glued = vec![b'x'; RECORD_BYTES + 1];
    glued.extend_from_slice(&lines[1]);
    let broken = check(&[lines[0].clone(), glued, lines[2].clone()]).unwrap_err();
    assert_eq!(broken, Broken { line: 2, what: What::Line(LineFault::TooLong) });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_flipped_bit_is_found(records in 1_usize..6, at: prop::sample::Index, bit in 0_u8..8) {
        let mut bytes = chain(records).concat();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(verify(bytes.as_slice(), &[], |_| ()).unwrap().is_err());
    }

    #[test]
    fn every_cut_is_found_but_a_clean_one_and_that_one_by_its_anchor(records in 1_usize..6, at: prop::sample::Index) {
        let lines = chain(records);
        let bytes = lines.concat();
        let cut = &bytes[..at.index(bytes.len())];
        let anchor = hash(lines.last().unwrap());
        prop_assert!(verify(cut, &[anchor], |_| ()).unwrap().is_err());
        let clean = cut.ends_with(b"\n");
        prop_assert_eq!(verify(cut, &[], |_| ()).unwrap().is_ok(), clean);
    }

    #[test]
    fn every_other_order_or_choice_of_the_lines_is_found(order in prop::collection::vec(0_usize..5, 0..8)) {
        let lines = chain(5);
        let picked: Vec<_> = order.iter().map(|at| lines[*at].clone()).collect();
        let prefix = !order.is_empty() && order.iter().enumerate().all(|(place, at)| place == *at);
        prop_assert_eq!(check(&picked).is_ok(), prefix);
    }

    #[test]
    fn no_bytes_make_it_panic_or_pass(bytes: Vec<u8>) {
        prop_assert!(verify(bytes.as_slice(), &[], |_| ()).unwrap().is_err());
    }
}
