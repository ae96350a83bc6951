//! The worker's process and its pipes, and what the broker's end makes of a worker that breaks the protocol.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ROTABOX, component, core, in_time, limits, loaded, start, worker};
use rotabox::broker::link::{Link, LoadError};
use rotabox::confine::Measure;
use rotabox::wire::frame::{FrameError, encode, module_header};
use rotabox::wire::{Call, Reply, RunId, Start, ToBroker, ToWorker, WorkerMisbehaved};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const OK: &str = "(i32.const 1024)";
const NOW: &str = r#"(import "rotabox:rotator/time@0.1.0" "now" (func $now (result i64)))"#;

fn waiting() -> Vec<u8> {
    component(&core(NOW, &format!("(drop (call $now)) {OK}")))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_worker_has_no_environment_three_descriptors_and_its_own_group() {
    let link = loaded(&waiting()).await;
    let process = format!("/proc/{}", link.process().unwrap());
    assert_eq!(std::fs::read(format!("{process}/environ")).unwrap(), b"");
    let mut descriptors: Vec<_> =
        std::fs::read_dir(format!("{process}/fd")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    descriptors.sort();
    assert_eq!(descriptors, ["0", "1", "2"]);
    assert_eq!(std::fs::read_link(format!("{process}/fd/2")).unwrap().to_str(), Some("/dev/null"));
    assert_eq!(std::fs::read_link(format!("{process}/cwd")).unwrap().to_str(), Some("/"));
    assert_eq!(std::fs::read_dir(format!("{process}/task")).unwrap().count(), 1, "it has one thread");
    let limits = std::fs::read_to_string(format!("{process}/limits")).unwrap();
    for limit in ["Max core file size         0", "Max file size             0", "Max processes             0"] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(&limits).contains(&squeezed(limit)), "{limit} in {limits}");
    }
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let stat = std::fs::read_to_string(format!("{process}/stat")).unwrap();
    let group = stat.rsplit(") ").next().unwrap().split(' ').nth(2).unwrap().to_owned();
    assert_eq!(group, link.process().unwrap().to_string());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn ready_says_what_the_worker_gave_up() {
    let mut link = worker();
    let enforced = in_time(link.load(&waiting(), limits())).await.unwrap();
    for (measure, held) in [
        ("core dumps", enforced.core_dumps_off),
        ("dumpable", enforced.not_dumpable),
        ("privileges", enforced.no_new_privileges),
        ("environment", enforced.environment_cleared),
        ("descriptors", enforced.descriptors_closed),
        ("files", enforced.files_off),
        ("processes", enforced.processes_off),
        ("memory", enforced.memory_bounded),
        ("parent", enforced.dies_with_broker),
    ] {
        assert_eq!(held, Measure::On, "{measure}");
    }
    // What the kernel lacks is said as such, and refused elsewhere where the policy asks for it.
    assert_ne!(enforced.landlock, Measure::Failed);
    assert_eq!(enforced.seccomp, Measure::On);
}

/// What a worker exits with that is fed these bytes by hand, and what it says.
fn feed(bytes: &[u8]) -> (Option<i32>, Vec<u8>) {
    let mut child = Command::new(ROTABOX)
        .arg("__worker")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read all of it.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{:?}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), output.stdout)
}

fn handed_over(module: &[u8]) -> Vec<u8> {
    let mut bytes = module_header(module).unwrap().to_vec();
    bytes.extend(module);
    bytes.extend(encode(RunId(0), &ToWorker::Load(limits())).unwrap());
    bytes
}

#[test]
fn garbage_ends_the_worker_without_a_word() {
    let loaded = handed_over(&waiting());
    let with = |frame: &[u8]| [loaded.as_slice(), frame].concat();
    let frame = |run, frame| encode(RunId(run), &frame).unwrap();
    let started = frame(1, ToWorker::Start(start()));
    let native = rotabox::wire::NativeCode { bytes: 4096, sha256: None, limits: limits() };
    let (code, ready) = feed(&loaded);
    assert_eq!(code, Some(0), "a pipe that ends between frames is the normal end");
    assert!(!ready.is_empty());
    for (case, bytes) in [
        ("nothing", vec![]),
        ("random bytes", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("half a header", vec![1, 2, 3]),
        ("a huge length", [u32::MAX.to_le_bytes().as_slice(), &[1, 0, 0, 0, 0]].concat()),
        ("an unknown tag", with(&[0, 0, 0, 0, 99, 0, 0, 0, 0])),
        ("half a module", loaded[..20].to_vec()),
        ("a start before a module", started.clone()),
        ("a module only", loaded[..loaded.len() / 2].to_vec()),
        ("a second module", with(&handed_over(b"")[..9])),
        ("a second load", with(&frame(0, ToWorker::Load(limits())))),
        ("a describe after a load", with(&frame(0, ToWorker::Describe))),
        ("native code after a load", with(&frame(0, ToWorker::LoadNative(native.clone())))),
        ("native code without a file", frame(0, ToWorker::LoadNative(native))),
        ("a compile after a load", with(&frame(0, ToWorker::Compile(limits())))),
        ("a reply without a run", with(&frame(1, ToWorker::Reply(Reply::Slept)))),
        ("a second start of a run", with(&[started.clone(), started.clone()].concat())),
        ("a reply of another kind", with(&[started.clone(), frame(1, ToWorker::Reply(Reply::Slept))].concat())),
        ("a reply to another run", with(&[started.clone(), frame(2, ToWorker::Reply(Reply::Now(0)))].concat())),
        (
            "a reply after an offer only",
            with(&[frame(1, ToWorker::Offer(vec![])), frame(1, ToWorker::Reply(Reply::Slept))].concat()),
        ),
        (
            "two replies to one call",
            with(
                &[started, frame(1, ToWorker::Reply(Reply::Now(0))), frame(1, ToWorker::Reply(Reply::Now(0)))].concat(),
            ),
        ),
    ] {
        assert_eq!(feed(&bytes).0, Some(1), "{case}");
    }
}

#[test]
fn a_worker_told_of_another_parent_ends() {
    let output = Command::new(ROTABOX).args(["__worker", "1"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
}

#[tokio::test]
async fn a_killed_worker_is_gone_with_its_signal() {
    let mut link = loaded(&waiting()).await;
    link.send(RunId(1), &ToWorker::Start(start())).await.unwrap();
    assert_eq!(in_time(link.next()).await.unwrap(), (RunId(1), ToBroker::Call(Call::Now)));
    let id = link.process().unwrap().to_string();
    assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
    let gone = in_time(link.next()).await.unwrap_err();
    assert!(matches!(&gone, WorkerMisbehaved::Gone(how) if how == "killed by signal 9"), "{gone}");
}

#[tokio::test]
async fn a_worker_that_ends_itself_is_gone_with_its_code() {
    let mut link = loaded(&waiting()).await;
    link.send(RunId(1), &ToWorker::Reply(Reply::Slept)).await.unwrap();
    let gone = in_time(link.next()).await.unwrap_err();
    assert!(matches!(&gone, WorkerMisbehaved::Gone(how) if how == "exited with 1"), "{gone}");
}

#[tokio::test]
async fn after_a_kill_there_is_nothing_left() {
    let mut link = loaded(&waiting()).await;
    let id = link.process().unwrap();
    link.kill().await;
    assert_eq!(link.process(), None);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    assert!(in_time(link.send(RunId(1), &ToWorker::Start(start()))).await.is_err());
}

#[tokio::test]
async fn next_can_be_dropped_in_the_middle_and_called_again() {
    let mut link = loaded(&waiting()).await;
    for round in 0..50_u32 {
        let run = RunId(round + 1);
        link.send(run, &ToWorker::Start(start())).await.unwrap();
        // Polled once and dropped, most often before anything is there.
        tokio::select! {
            biased;
            frame = link.next() => assert_eq!(frame.unwrap(), (run, ToBroker::Call(Call::Now))),
            () = std::future::ready(()) => {
                assert_eq!(in_time(link.next()).await.unwrap(), (run, ToBroker::Call(Call::Now)));
            }
        }
        link.send(run, &ToWorker::Reply(Reply::Now(0))).await.unwrap();
        assert_eq!(in_time(link.next()).await.unwrap(), (run, ToBroker::Done(Ok(()))));
    }
}

#[tokio::test]
async fn a_reply_larger_than_the_pipe_meets_a_worker_that_is_writing() {
    // Two hundred long lines fill the pipe to us while a reply that fills the pipe to it is written.
    let log = r#"(import "rotabox:rotator/log@0.1.0" "write" (func $log (param i32 i32 i32)))
        (import "rotabox:rotator/http@0.1.0" "routes" (func $routes (param i32)))"#;
    let body = format!(
        "(call $routes (i32.const 0))
         (loop $again (call $log (i32.const 1) (i32.const 2048) (i32.const 1000))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200))))
         {OK}"
    );
    // `cabi_realloc` hands out memory behind 4096; it has 64 KiB, so grow it first.
    let module = core(log, &format!("(drop (memory.grow (i32.const 100))) {body}"));
    let mut link = loaded(&component(&module)).await;
    in_time(async {
        let routes = ToWorker::Reply(Reply::Routes(vec!["x".repeat(1_000_000)]));
        for run in 1..=2 {
            link.send(RunId(run), &ToWorker::Start(start())).await.unwrap();
            assert_eq!(link.next().await.unwrap(), (RunId(run), ToBroker::Call(Call::Routes)));
        }
        link.send(RunId(1), &routes).await.unwrap();
        link.send(RunId(2), &routes).await.unwrap();
        let mut ended = 0;
        let mut lines = 0;
        while ended < 2 {
            match link.next().await.unwrap().1 {
                ToBroker::Log(_) => lines += 1,
                ToBroker::Done(Ok(())) => ended += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(lines, 400);
    })
    .await;
}

/// A program in the worker's place. It takes a module of four bytes and a load, says these bytes, takes a start, says those,
/// and ends with code 3.
fn impostor(to_the_load: &[u8], to_the_start: &[u8]) -> (tempfile::TempDir, Link) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("first"), to_the_load).unwrap();
    std::fs::write(at("then"), to_the_start).unwrap();
    let load = encode(RunId(0), &ToWorker::Load(limits())).unwrap().len() + 9 + 4;
    let start = encode(RunId(1), &ToWorker::Start(start())).unwrap().len();
    let script = format!(
        "#!/bin/sh\nexport PATH=/bin:/usr/bin\nhead -c {load} >/dev/null; cat '{}'; head -c {start} >/dev/null; cat '{}'; exit 3\n",
        at("first").display(),
        at("then").display()
    );
    std::fs::write(at("worker"), script).unwrap();
    std::fs::set_permissions(at("worker"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let link = Link::spawn_from(&at("worker")).unwrap();
    (folder, link)
}

fn says(frames: &[(u32, ToBroker)]) -> Vec<u8> {
    frames.iter().flat_map(|(run, frame)| encode(RunId(*run), frame).unwrap()).collect()
}

#[tokio::test]
async fn a_worker_that_does_not_keep_to_the_protocol_is_caught() {
    use rotabox::wire::{Level, LogLine};
    let ready = says(&[(0, ToBroker::Ready(Default::default()))]);
    let line = |run| (run, ToBroker::Log(LogLine { level: Level::Info, text: "x".to_owned() }));
    let now = |run| (run, ToBroker::Call(Call::Now));
    let done = |run| (run, ToBroker::Done(Ok(())));
    let flood: Vec<_> = (0..300).map(|_| line(1)).collect();
    for (case, bytes, expected) in [
        ("ready twice", ready.clone(), "OutOfTurn(\"ready\")"),
        ("rejected after ready", says(&[(0, ToBroker::Rejected(vec![]))]), "OutOfTurn(\"rejected\")"),
        ("a call of a run that was not started", says(&[now(7)]), "OutOfTurn(\"call\")"),
        ("an end of a run that was not started", says(&[done(7)]), "OutOfTurn(\"done\")"),
        ("two calls at once", says(&[now(1), now(1)]), "OutOfTurn(\"call\")"),
        ("an end while a call is outstanding", says(&[now(1), done(1)]), "OutOfTurn(\"done\")"),
        ("a line while a call is outstanding", says(&[now(1), line(1)]), "OutOfTurn(\"log\")"),
        ("a line after the end", says(&[done(1), line(1)]), "OutOfTurn(\"log\")"),
        ("a flood of lines", says(&flood), "Flood(\"log lines\")"),
        ("a pipe that ends", vec![], "Gone(\"exited with 3\")"),
        ("half a frame", vec![1, 0], "Frame(Cut)"),
        (
            "a length of four gibibytes",
            vec![255, 255, 255, 255, 135, 1, 0, 0, 0],
            "Frame(TooLarge { frame: \"trapped\", announced: 4294967295, cap: 8192 })",
        ),
    ] {
        let (_folder, mut link) = impostor(&ready, &bytes);
        let error = in_time(async {
            link.load(b"\0asm", limits()).await.unwrap();
            link.send(RunId(1), &ToWorker::Start(start())).await.unwrap();
            loop {
                if let Err(error) = link.next().await {
                    return error;
                }
            }
        })
        .await;
        assert_eq!(format!("{error:?}"), expected, "{case}");
    }
}

/// Its pipe fills up, and whoever writes into it would wait for ever.
#[tokio::test]
async fn a_worker_that_reads_nothing_holds_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("worker");
    std::fs::write(&script, "#!/bin/sh\nexec /bin/sleep 600\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut link = Link::spawn_from(&script).unwrap();
    in_time(async {
        let at_once = std::time::Instant::now();
        link.send_until(RunId(1), &ToWorker::Start(start()), at_once).await.unwrap();
        let much = Start { texts: vec![("app.note".to_owned(), "x".repeat(1 << 20))], ..start() };
        let error = link.send_until(RunId(2), &ToWorker::Start(much), at_once).await.unwrap_err();
        assert!(matches!(error, WorkerMisbehaved::Deaf), "{error:?}");
        let torn = link.send(RunId(3), &ToWorker::Start(start())).await.unwrap_err();
        assert!(matches!(torn, WorkerMisbehaved::Gone(_)), "{torn:?}");
        link.kill().await;
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_says_nothing_useful_to_a_load_is_caught() {
    let description = rotabox::wire::Description {
        imports: vec![],
        exports: vec![],
        producers: vec![],
        core_modules: 0,
        reasons_without_wasi: vec![],
        reasons_with_inert_wasi: vec![],
    };
    for (case, bytes) in [
        ("a description", says(&[(0, ToBroker::Described(description))])),
        ("a run's frame", says(&[(1, ToBroker::Done(Ok(())))])),
        ("text", b"Error: cannot open shared object".to_vec()),
    ] {
        let (_folder, mut link) = impostor(&bytes, b"");
        let error = in_time(link.load(b"\0asm", limits())).await.unwrap_err();
        assert!(matches!(error, LoadError::Misbehaved(_)), "{case}: {error}");
    }
}

#[tokio::test]
async fn a_module_above_the_cap_is_not_even_sent() {
    let mut link = worker();
    let huge = vec![0; 33 << 20];
    let error = in_time(link.load(&huge, limits())).await.unwrap_err();
    assert!(matches!(error, LoadError::Misbehaved(WorkerMisbehaved::Frame(FrameError::TooLarge { .. }))), "{error}");
}
