#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use super::*;
use crate::wire::{Failure, Level, Limits, LogLine, NativeCode, Reply, Start};
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    // Control characters grow sixfold as JSON.
    proptest::collection::vec(prop_oneof![any::<char>(), Just('\0'), Just('"')], 0..40)
        .prop_map(|characters| characters.into_iter().collect())
}

fn limits() -> Limits {
    Limits { memory_bytes: 1, fuel: 2, inert_wasi: true }
}

fn to_broker() -> impl Strategy<Value = ToBroker> {
    prop_oneof![
        Just(ToBroker::Ready(Default::default())),
        proptest::collection::vec(text(), 0..4).prop_map(ToBroker::Rejected),
        Just(ToBroker::Call(Call::Routes)),
        any::<u64>().prop_map(|milliseconds| ToBroker::Call(Call::Sleep { milliseconds })),
        (text(), proptest::collection::vec((text(), text()), 0..4))
            .prop_map(|(route, args)| ToBroker::Call(Call::Send { route, args })),
        text().prop_map(|text| ToBroker::Log(LogLine { level: Level::Warn, text })),
        Just(ToBroker::Done(Ok(()))),
        text().prop_map(|detail| ToBroker::Done(Err(Failure { code: "refused".to_owned(), detail }))),
        text().prop_map(ToBroker::Trapped),
        text().prop_map(ToBroker::NativeRefused),
        Just(ToBroker::Left),
    ]
}

fn to_worker() -> impl Strategy<Value = ToWorker> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(ToWorker::Module),
        Just(ToWorker::Describe),
        (any::<u64>(), proptest::option::of(text()))
            .prop_map(|(bytes, sha256)| { ToWorker::LoadNative(NativeCode { bytes, sha256, limits: limits() }) }),
        Just(ToWorker::Compile(limits())),
        Just(ToWorker::Leave),
        (text(), any::<bool>(), proptest::collection::vec((text(), text()), 0..4), any::<u64>()).prop_map(
            |(user, has_old_password, texts, milliseconds)| ToWorker::Start(Start {
                step: rotabox_page::Step::Verify,
                user,
                has_old_password,
                texts,
                milliseconds
            })
        ),
        proptest::collection::vec(text(), 0..4).prop_map(|routes| ToWorker::Reply(Reply::Routes(routes))),
        any::<u64>().prop_map(|now| ToWorker::Reply(Reply::Now(now))),
        proptest::collection::vec(text(), 0..4).prop_map(ToWorker::Offer),
    ]
}

fn run_of<F: Frame>(frame: &F) -> RunId {
    RunId(if frame.kind().of_run { 7 } else { 0 })
}

/// Everything that comes out if the bytes arrive in pieces of these sizes, over and over.
fn in_pieces<F: Frame>(bytes: &[u8], pieces: &[usize]) -> Result<Vec<(RunId, F)>, FrameError> {
    let mut decoder = Decoder::new();
    let mut frames = vec![];
    let mut rest = bytes;
    for size in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (mut piece, after) = rest.split_at((*size).min(rest.len()));
        rest = after;
        while !piece.is_empty() {
            frames.extend(decoder.take(&mut piece)?);
        }
    }
    Ok(frames)
}

fn round_trip<F: Frame + PartialEq + std::fmt::Debug>(frames: Vec<F>, pieces: &[usize]) {
    let mut bytes = vec![];
    for frame in &frames {
        bytes.extend(encode(run_of(frame), frame).unwrap());
    }
    let expected: Vec<_> = frames.into_iter().map(|frame| (run_of(&frame), frame)).collect();
    assert_eq!(in_pieces::<F>(&bytes, pieces).unwrap(), expected);
}

proptest! {
    #[test]
    fn frames_of_the_worker_survive_any_pieces(
        frames in proptest::collection::vec(to_broker(), 0..5),
        pieces in proptest::collection::vec(1usize..40, 1..8),
    ) {
        round_trip(frames, &pieces);
    }

    #[test]
    fn frames_of_the_broker_survive_any_pieces(
        frames in proptest::collection::vec(to_worker(), 0..5),
        pieces in proptest::collection::vec(1usize..40, 1..8),
    ) {
        round_trip(frames, &pieces);
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_frames_and_never_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        pieces in proptest::collection::vec(1usize..40, 1..8),
    ) {
        let _ = in_pieces::<ToBroker>(&bytes, &pieces);
        let _ = in_pieces::<ToWorker>(&bytes, &pieces);
    }

    #[test]
    fn arbitrary_payloads_of_every_tag_never_panic(
        tag in 0usize..ToBroker::KINDS.len(),
        payload in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = ToBroker::read(ToBroker::KINDS[tag], payload);
    }

    #[test]
    fn a_length_above_the_cap_is_refused_before_anything_is_allocated(
        kind in 0usize..ToBroker::KINDS.len(),
        above in 1u32..,
    ) {
        let kind = ToBroker::KINDS[kind];
        let announced = kind.cap.saturating_add(above);
        prop_assume!(announced > kind.cap);
        let mut bytes = announced.to_le_bytes().to_vec();
        bytes.extend([kind.tag, 1, 0, 0, 0]);
        let mut decoder = Decoder::<ToBroker>::new();
        let error = decoder.take(&mut bytes.as_slice()).unwrap_err();
        prop_assert_eq!(error, FrameError::TooLarge { frame: kind.name, announced: announced.into(), cap: kind.cap.into() });
        // Still the header: no payload was ever begun.
        let header_only = matches!(&decoder.state, State::Header { have } if have.capacity() < 64);
        prop_assert!(header_only);
    }
}

/// A frame with a payload that is written as it stands.
fn raw(tag: u8, run: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
    bytes.push(tag);
    bytes.extend(run.to_le_bytes());
    bytes.extend(payload);
    bytes
}

#[test]
fn what_is_no_frame_is_an_error_of_its_own() {
    let long = "x".repeat(VALUE_MAX + 1);
    let long_name = "x".repeat(NAME_MAX + 1);
    let many = vec![("a", "b"); ARGS_MAX + 1];
    let send = |route: &str, args: serde_json::Value| {
        serde_json::to_vec(&serde_json::json!({ "send": { "route": route, "args": args } })).unwrap()
    };
    let malformed = |frame, what| FrameError::Malformed { frame, what };
    let over = |frame, what, cap| FrameError::OverCap { frame, what, cap };
    let data = "it has other members or types";
    for (case, bytes, expected) in [
        ("a tag of the other direction", raw(1, 0, b""), FrameError::UnknownTag(1)),
        ("tag 0", raw(0, 0, b""), FrameError::UnknownTag(0)),
        ("ready for a run", raw(129, 1, b"{}"), FrameError::WrongRun { frame: "ready", run: 1 }),
        ("a call without a run", raw(132, 0, b"\"now\""), FrameError::WrongRun { frame: "call", run: 0 }),
        ("an empty payload", raw(132, 1, b""), malformed("call", "it ends too early")),
        ("half a payload", raw(132, 1, b"{\"sleep\":{"), malformed("call", "it ends too early")),
        ("no JSON", raw(132, 1, b"now"), malformed("call", "it is no JSON")),
        ("trailing data", raw(132, 1, b"\"now\" \"now\""), malformed("call", "it is no JSON")),
        ("bytes that are no UTF-8", raw(135, 1, b"\"\xff\""), malformed("trapped", "it is no JSON")),
        ("an unknown variant", raw(132, 1, b"\"reveal\""), malformed("call", data)),
        ("an unknown member", raw(133, 1, br#"{"level":"info","text":"","to":"x"}"#), malformed("log", data)),
        ("a member twice", raw(133, 1, br#"{"level":"info","text":"","text":"x"}"#), malformed("log", data)),
        ("a missing member", raw(133, 1, br#"{"level":"info"}"#), malformed("log", data)),
        ("a negative sleep", raw(132, 1, br#"{"sleep":{"milliseconds":-1}}"#), malformed("call", data)),
        ("a fraction of a sleep", raw(132, 1, br#"{"sleep":{"milliseconds":1.5}}"#), malformed("call", data)),
        (
            "a route's name too long",
            raw(132, 1, &send(&long_name, [["a", "b"]; 0].into())),
            over("call", "route name", NAME_MAX),
        ),
        (
            "an argument too long",
            raw(
                132,
                1,
                &send(
                    "a",
                    vec![("a", long)].into_iter().map(|(a, b)| vec![a.to_owned(), b]).collect::<Vec<_>>().into(),
                ),
            ),
            over("call", "argument", VALUE_MAX),
        ),
        (
            "too many arguments",
            raw(132, 1, &send("a", many.iter().map(|(a, b)| vec![*a, *b]).collect::<Vec<_>>().into())),
            over("call", "number of arguments", ARGS_MAX),
        ),
        (
            "a line too long",
            raw(133, 1, format!(r#"{{"level":"info","text":"{}"}}"#, "x".repeat(LINE_MAX + 1)).as_bytes()),
            over("log", "line", LINE_MAX),
        ),
        (
            "a code too long",
            raw(134, 1, format!(r#"{{"Err":{{"code":"{}","detail":""}}}}"#, "x".repeat(CODE_MAX + 1)).as_bytes()),
            over("done", "code", CODE_MAX),
        ),
    ] {
        let mut input = bytes.as_slice();
        let mut decoder = Decoder::<ToBroker>::new();
        let mut result = decoder.take(&mut input);
        while matches!(result, Ok(None)) && !input.is_empty() {
            result = decoder.take(&mut input);
        }
        assert_eq!(result.unwrap_err(), expected, "{case}");
    }
}

#[test]
fn a_pipe_may_end_between_frames_only() {
    let whole = encode(RunId(3), &ToBroker::Trapped("out of fuel".to_owned())).unwrap();
    for cut in 0..=whole.len() {
        let mut pipe = &whole[..cut];
        let mut decoder = Decoder::<ToBroker>::new();
        match (cut, read(&mut pipe, &mut decoder)) {
            (0, Ok(None)) => {}
            (_, Ok(Some(_))) if cut == whole.len() => {
                assert!(matches!(read(&mut pipe, &mut decoder), Ok(None)));
            }
            (_, Err(ReadError::Frame(FrameError::Cut))) => {}
            (_, other) => panic!("cut at {cut}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn both_readers_read_the_same() {
    let frames = [ToBroker::Call(Call::Now), ToBroker::Done(Ok(()))];
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| encode(RunId(9), frame).unwrap()).collect();
    let (mut blocking, mut asynchronous) = (bytes.as_slice(), bytes.as_slice());
    let (mut one, mut other) = (Decoder::<ToBroker>::new(), Decoder::<ToBroker>::new());
    for frame in frames {
        assert_eq!(read(&mut blocking, &mut one).unwrap(), Some((RunId(9), frame.clone())));
        assert_eq!(read_async(&mut asynchronous, &mut other).await.unwrap(), Some((RunId(9), frame)));
    }
    assert!(read_async(&mut asynchronous, &mut other).await.unwrap().is_none());
}

#[test]
fn machine_code_comes_from_a_compiler_only() {
    let code = FromCompiler::Compiled(vec![0, 1, 2]);
    let bytes = encode(RunId(0), &code).unwrap();
    assert_eq!(Decoder::new().take(&mut bytes.as_slice()).unwrap(), Some((RunId(0), code)));
    let error = Decoder::<ToBroker>::new().take(&mut bytes.as_slice()).unwrap_err();
    assert_eq!(error, FrameError::UnknownTag(137));
    let too_many = encode(RunId(0), &FromCompiler::Rejected(vec![String::new(); 51])).unwrap();
    assert!(matches!(Decoder::<FromCompiler>::new().take(&mut too_many.as_slice()), Err(FrameError::OverCap { .. })));
    let ready = encode(RunId(0), &ToBroker::Ready(Default::default())).unwrap();
    assert!(Decoder::<FromCompiler>::new().take(&mut ready.as_slice()).is_err());
}

#[test]
fn a_module_goes_as_it_is_behind_a_header_of_its_own() {
    let module = [0u8, 10, 255];
    let mut apart = module_header(&module).unwrap().to_vec();
    apart.extend(module);
    assert_eq!(apart, encode(RunId(0), &ToWorker::Module(module.to_vec())).unwrap());
}

#[test]
fn a_cut_text_ends_at_a_character() {
    use crate::wire::clip;
    assert_eq!(clip("abc".to_owned(), 3), "abc");
    assert_eq!(clip("abcdef".to_owned(), 5), "ab…");
    assert_eq!(clip("aéééé".to_owned(), 6), "aé…");
    assert!((0..20).all(|max| clip("日本語日本語".to_owned(), max.max(3)).len() <= max.max(3)));
}
