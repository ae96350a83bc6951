//! A rotator on strings: it does, step by step, what the record field `api.script` says. So each hostile behaviour is
//! a text file beside the case that it is tried in, and no trick of the SDK stands between it and the broker: the bindings
//! are the raw ones.
//!
//! One line a step: `change: send find; send set; ok`. Steps without a line end in `ok`.
//!
//! | command | what |
//! | --- | --- |
//! | `send ROUTE [name=value …]` | sends, whatever comes of it |
//! | `must ROUTE` | sends; ends the step with the code `unexpected` unless the answer was accepted or passed |
//! | `times N COMMAND` | does it N times |
//! | `drive` | sends the first route that is offered until none is left, as `guests/rest` does |
//! | `say` | logs what the rotator can see: user, routes, what the last answer showed |
//! | `log TEXT` | logs a line (`\e` is an escape character, `\n` a new line, `\s` a semicolon) |
//! | `flood N` | logs N lines of 4 KiB |
//! | `sleep MS`, `spin`, `grow`, `recurse`, `trap` | waits, loops for ever, takes memory until none is given, recurses for ever, traps |
//! | `ok`, `fail CODE DETAIL` | ends the step |
//!
//! A line that is the word `spill` alone: at the end of each step it logs everything that it saw, in letters of its own that no
//! redaction knows (`g` to `v` for the sixteen halves of a byte). So a suite can look for secrets on the rotator's side of the wall.

#[cfg(target_arch = "wasm32")]
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "generated code, and a guest that misbehaves on purpose"
)]
mod puppet {
    wit_bindgen::generate!({ world: "rotator", path: "../../../guest-sdk/wit" });

    use exports::rotabox::rotator::rotation::{Failure, Guest, Step};
    use rotabox::rotator::http::{Answer, Call, Problem};
    use rotabox::rotator::log::{Level, write};
    use rotabox::rotator::{account, http, time};

    struct Puppet;

    impl Guest for Puppet {
        fn run(step: Step) -> Result<(), Failure> {
            let step = match step {
                Step::Verify => "verify".to_owned(),
                Step::Change => "change".to_owned(),
                Step::Reconcile => "reconcile".to_owned(),
                Step::Finish => "finish".to_owned(),
                Step::Other(other) => other,
            };
            let script = account::text("api.script").unwrap_or_default();
            let line = script.lines().find_map(|line| line.strip_prefix(&step)?.strip_prefix(':'));
            let mut state = State { shown: String::new(), seen: String::new() };
            let end = line.unwrap_or("ok").split(';').find_map(|command| state.perform(command.trim()));
            if script.lines().any(|line| line == "spill") {
                state.spill();
            }
            end.unwrap_or(Ok(()))
        }
    }

    /// Bytes of what it saw that are spilled: lines are capped.
    const SPILLED: usize = 3000;
    /// Record fields that it asks for, declared or not.
    const FIELDS: [&str; 8] = [
        "api.token",
        "api.password",
        "api.url",
        "api.title",
        "new-password",
        "old-password",
        "candidate",
        "user.password",
    ];

    struct State {
        shown: String,
        seen: String,
    }

    type End = Option<Result<(), Failure>>;

    impl State {
        fn perform(&mut self, command: &str) -> End {
            let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
            match word {
                "" => None,
                "send" => {
                    let _ = self.send(rest);
                    None
                }
                "must" => match self.send(rest) {
                    Ok(answer) if matches!(answer.judged.as_str(), "accepted" | "passed") => None,
                    Ok(answer) => fail("unexpected", &answer.judged),
                    Err(problem) => fail("unexpected", &format!("{problem:?}")),
                },
                "times" => {
                    let (count, command) = rest.split_once(' ').unwrap();
                    (0..count.parse::<u32>().unwrap()).find_map(|_| self.perform(command))
                }
                "drive" => {
                    while let Some(route) = http::routes().first() {
                        if let Some(end) = self.perform(&format!("must {route}")) {
                            return Some(end);
                        }
                    }
                    None
                }
                "say" => {
                    let seen = format!(
                        "user={} old={} routes={:?} shown={} script-less={:?}",
                        account::user(),
                        account::has_old_password(),
                        http::routes(),
                        self.shown,
                        account::text("api.token"),
                    );
                    write(Level::Info, &seen);
                    None
                }
                "log" => {
                    write(Level::Error, &unescaped(rest));
                    None
                }
                "flood" => {
                    let line = "x".repeat(4096);
                    for _ in 0..rest.parse::<u32>().unwrap() {
                        write(Level::Warn, &line);
                    }
                    None
                }
                "sleep" => {
                    time::sleep(rest.parse().unwrap());
                    None
                }
                "spin" => loop {
                    std::hint::black_box(());
                },
                "grow" => {
                    let mut hoard = Vec::new();
                    loop {
                        hoard.push(vec![1_u8; 1 << 20]);
                        std::hint::black_box(&hoard);
                    }
                }
                "recurse" => fail("recursed", &recurse(1).to_string()),
                "trap" => core::arch::wasm32::unreachable(),
                "ok" => Some(Ok(())),
                "fail" => {
                    let (code, detail) = rest.split_once(' ').unwrap_or((rest, ""));
                    fail(code, &unescaped(detail))
                }
                other => fail("no-such-command", other),
            }
        }

        fn send(&mut self, words: &str) -> Result<Answer, Problem> {
            let mut words = words.split(' ');
            let route = words.next().unwrap_or_default().to_owned();
            let args =
                words.filter_map(|word| word.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            let answer = http::send(&Call { route, args });
            self.seen.push_str(&format!("{answer:?}\n"));
            if let Ok(answer) = &answer {
                self.shown = format!("{:?}", answer.shown);
            }
            answer
        }

        fn spill(&mut self) {
            let facts = FIELDS.map(|field| account::text(field));
            let text = format!("{} {:?} {facts:?}\n{}", account::user(), http::routes(), self.seen);
            let letters = |byte: &u8| [b'g' + (byte >> 4), b'g' + (byte & 15)].map(char::from);
            let letters: String = text.as_bytes().iter().take(SPILLED).flat_map(letters).collect();
            for line in letters.as_bytes().chunks(1000) {
                write(Level::Debug, &format!("spill {}", core::str::from_utf8(line).unwrap()));
            }
        }
    }

    fn unescaped(text: &str) -> String {
        text.replace("\\e", "\u{1b}").replace("\\n", "\n").replace("\\s", ";")
    }

    fn fail(code: &str, detail: &str) -> End {
        Some(Err(Failure { code: code.to_owned(), detail: detail.to_owned() }))
    }

    #[inline(never)]
    fn recurse(depth: u64) -> u64 {
        let page = std::hint::black_box([depth; 512]);
        if depth == u64::MAX { 0 } else { recurse(depth + 1) + page[(depth % 512) as usize] }
    }

    export!(Puppet);
}
