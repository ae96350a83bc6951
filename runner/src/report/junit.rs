//! The same as JUnit XML, which every CI reads. No time is in it: the same input gives the same bytes.

use super::replay::{Played, Verdict};
use std::fmt::Write as _;

/// How every report begins.
pub const BEGINS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rotabox test\" ";

/// The report of one folder: a test case a cassette. `module` is what was tested.
pub fn report(folder: &str, module: &str, played: &[Played]) -> String {
    let of = |wanted: &str| played.iter().filter(|played| played.summary().0 == wanted).count();
    let counts = format!("tests=\"{}\" failures=\"{}\" errors=\"{}\"", played.len(), of("differs"), of("broken"));
    let mut out = format!("{BEGINS}{counts}>\n");
    let _ = writeln!(out, "  <testsuite name=\"{}\" {counts}>", xml(folder));
    for played in played {
        let case = format!("    <testcase classname=\"{}\" name=\"{}\"", xml(module), xml(&played.file));
        let (word, words) = played.summary();
        let element = match &played.verdict {
            Verdict::Same { .. } => {
                let _ = writeln!(out, "{case}/>");
                continue;
            }
            Verdict::Differs(_) => "failure",
            Verdict::Broken(_) => "error",
        };
        let _ = writeln!(
            out,
            "{case}>\n      <{element} type=\"{word}\" message=\"{}\">{}</{element}>\n    </testcase>",
            xml(&words),
            xml(&played.details(false))
        );
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// As text or in a double-quoted attribute. What XML cannot hold at all is replaced.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::replay::{Mark, StepReplay};
    use proptest::prelude::*;

    fn played(file: &str, verdict: Verdict) -> Played {
        Played { file: file.to_owned(), verdict }
    }

    #[test]
    fn each_cassette_is_a_test_case() {
        let lines = vec![(Mark::Missing, "{ log = \"info\", text = \"a & b\" }".to_owned())];
        let differs = Verdict::Differs(vec![StepReplay { label: "change", lines }]);
        let all = [
            played("a.toml", Verdict::Same { steps: 2 }),
            played("b.toml", differs),
            played("c.toml", Verdict::Broken("c.toml:1:1: `x` is no key\n".to_owned())),
        ];
        let wanted = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites name=\"rotabox test\" tests=\"3\" failures=\"1\" errors=\"1\">\n  \
            <testsuite name=\"cassettes\" tests=\"3\" failures=\"1\" errors=\"1\">\n    \
            <testcase classname=\"okta.wasm\" name=\"a.toml\"/>\n    \
            <testcase classname=\"okta.wasm\" name=\"b.toml\">\n      \
            <failure type=\"differs\" message=\"1 of 1 step\">@@ change @@\n- { log = &quot;info&quot;, text = &quot;a &amp; b&quot; }\n</failure>\n    \
            </testcase>\n    \
            <testcase classname=\"okta.wasm\" name=\"c.toml\">\n      \
            <error type=\"broken\" message=\"it could not be replayed\">c.toml:1:1: `x` is no key\n</error>\n    \
            </testcase>\n  </testsuite>\n</testsuites>\n";
        assert_eq!(report("cassettes", "okta.wasm", &all), wanted);
    }

    proptest! {
        #[test]
        fn it_is_well_formed_whatever_the_names_are(folder in any::<String>(), file in any::<String>(), why in any::<String>()) {
            let text = report(&folder, &file, &[played(&file, Verdict::Broken(why))]);
            let document = roxmltree::Document::parse(&text).unwrap();
            let case = document.descendants().find(|node| node.has_tag_name("testcase")).unwrap();
            prop_assert!(case.attribute("name").is_some());
        }
    }
}
