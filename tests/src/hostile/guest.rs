//! Tiny hostile modules: from the text form where it can say it, by hand where it would take long.

use crate::artifacts::{Guest, sha256};
use serde::Deserialize;
use std::fs::{self, File};
use std::path::Path;

/// A module, in one of the ways in which files write it down.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Module {
    /// Fields and the body of `run` of a core module, which becomes a component of the contract.
    Rotator(Rotator),
    /// A component in text form.
    Component(String),
    /// A rotator that does nothing, with these definitions of a component before it.
    Behind(String),
    /// A core module in text form, which stays one.
    Core(String),
    /// The file's very bytes, as text; a page's worth of it may be repeated.
    Text(String),
    /// The file's very bytes, as hexadecimal digits.
    Hex(String),
    /// A bomb for the compiler.
    Bomb(Bomb),
    /// A rotator that does nothing, behind a custom section of that many bytes.
    CustomSection(usize),
    /// A rotator that does nothing, whose custom section is called that.
    SectionNamed(String),
    /// A component with an import whose name is exactly this, whatever bytes it has.
    ImportNamed(String),
    /// A file of that many bytes, all of them zero.
    Zeros(u64),
}

/// A rotator by its parts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rotator {
    /// Imports and other fields, first.
    #[serde(default)]
    pub fields: String,
    /// What `run` does before it answers `ok`.
    #[serde(default)]
    pub run: String,
    /// What `cabi_realloc` does before it answers.
    #[serde(default)]
    pub realloc: String,
    /// Pages of the memory at the beginning.
    #[serde(default = "one")]
    pub pages: u32,
}

fn one() -> u32 {
    1
}

/// Many functions, or a large one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bomb {
    /// How many functions, all alike.
    pub functions: u32,
    /// Instructions that do nothing, in each.
    #[serde(default)]
    pub nops: usize,
    /// Locals of each.
    #[serde(default)]
    pub locals: u32,
    /// Targets of a `br_table` in each.
    #[serde(default)]
    pub targets: u32,
    /// Blocks inside each other in each.
    #[serde(default)]
    pub blocks: usize,
    /// Additions in each: work for the compiler's optimiser.
    #[serde(default)]
    pub sums: usize,
}

impl Module {
    /// Writes it into a folder.
    pub fn write(&self, folder: &Path) -> Guest {
        let path = folder.join("module.wasm");
        if let Module::Zeros(bytes) = self {
            let file = File::create(&path).expect("a module file");
            file.set_len(*bytes).expect("a sparse file");
            return Guest { path, sha256: "0".repeat(64) };
        }
        let bytes = self.bytes();
        fs::write(&path, &bytes).expect("a module file");
        Guest { path, sha256: sha256(&bytes) }
    }

    fn bytes(&self) -> Vec<u8> {
        let text = |text: &str| wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        match self {
            Module::Rotator(rotator) => component(&rotator.text()),
            Module::Component(component) => text(component),
            Module::Behind(definitions) => text(&behind(definitions)),
            Module::Core(module) => text(module),
            Module::Text(text) => text.clone().into_bytes(),
            Module::Hex(digits) => {
                let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
                let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).expect("ASCII"), 16).expect("hex");
                digits.chunks(2).map(byte).collect()
            }
            Module::Bomb(bomb) => bomb.bytes(),
            Module::CustomSection(bytes) => {
                [nothing(), section(0, &[b"\x01x", vec![0; *bytes].as_slice()].concat())].concat()
            }
            Module::SectionNamed(name) => {
                let name = [leb(name.len()).as_slice(), name.as_bytes()].concat();
                [nothing(), section(0, &name)].concat()
            }
            Module::ImportNamed(name) => {
                renamed(&text(&format!(r#"(component (import "{}" (func)))"#, "a".repeat(name.len()))), name)
            }
            Module::Zeros(_) => unreachable!("written as a sparse file"),
        }
    }
}

impl Rotator {
    /// Memory is zero at the answer's place, which says `ok`.
    fn text(&self) -> String {
        let Rotator { fields, run, realloc, pages } = self;
        format!(
            r#"(module
                {fields}
                (memory (export "memory") {pages})
                (global $next (mut i32) (i32.const 4096))
                (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    {realloc}
                    (global.get $next)
                    (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 15)) (i32.const -16))))
                (func $run (export "rotabox:rotator/rotation@0.1.0#run") (param $step i32) (param i32 i32) (result i32)
                    (local $i i32) (local $n i64)
                    {run} (i32.const 1024)))"#
        )
    }
}

/// What an encoder makes of a rotator that does nothing, written out, so that more can stand in it.
fn behind(definitions: &str) -> String {
    let step = r#"(variant (case "verify") (case "change") (case "reconcile") (case "finish") (case "other" string))"#;
    let failure = r#"(record (field "code" string) (field "detail" string))"#;
    format!(
        r#"(component
            {definitions}
            (core module $rotator
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
                (func (export "run") (param i32 i32 i32) (result i32) (i32.const 1024)))
            (core instance $rotator (instantiate $rotator))
            (type $step {step})
            (type $failure {failure})
            (type $ended (result (error $failure)))
            (func $run (param "step" $step) (result $ended)
                (canon lift (core func $rotator "run") (memory $rotator "memory") (realloc (func $rotator "realloc"))))
            (component $exported
                (type $step {step})
                (import "import-type-step" (type $s (eq $step)))
                (type $failure {failure})
                (import "import-type-failure" (type $f (eq $failure)))
                (type $e (result (error $f)))
                (import "import-func-run" (func $run (param "step" $s) (result $e)))
                (export $s2 "step" (type $s))
                (export $f2 "failure" (type $f))
                (type $e2 (result (error $f2)))
                (export "run" (func $run) (func (param "step" $s2) (result $e2))))
            (instance $rotation (instantiate $exported
                (with "import-type-step" (type $step))
                (with "import-type-failure" (type $failure))
                (with "import-func-run" (func $run))))
            (export "rotabox:rotator/rotation@0.1.0" (instance $rotation)))"#
    )
}

/// A rotator that does nothing.
fn nothing() -> Vec<u8> {
    component(&Rotator { fields: String::new(), run: String::new(), realloc: String::new(), pages: 1 }.text())
}

/// A component of the contract around a core module in text form.
pub fn component(core: &str) -> Vec<u8> {
    let mut module = wat::parse_str(core).unwrap_or_else(|error| panic!("{error}\n{core}"));
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_path(crate::artifacts::root().join("guest-sdk/wit")).expect("the contract parses");
    let world = resolve.select_world(&[package], Some("rotator")).expect("the world exists");
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8)
        .expect("the world can be embedded");
    let mut encoder =
        wit_component::ComponentEncoder::default().module(&module).unwrap_or_else(|error| panic!("{error:#}"));
    encoder.encode().unwrap_or_else(|error| panic!("{error:#}\n{core}"))
}

/// The text form cannot say some names; the bytes can.
fn renamed(module: &[u8], name: &str) -> Vec<u8> {
    let placeholder = "a".repeat(name.len()).into_bytes();
    let at = module.windows(placeholder.len()).position(|window| window == placeholder).expect("the placeholder");
    let mut module = module.to_vec();
    module[at..at + name.len()].copy_from_slice(name.as_bytes());
    module
}

impl Bomb {
    fn bytes(&self) -> Vec<u8> {
        let locals = match self.locals {
            0 => vec![0],
            count => [&[1], leb(count as usize).as_slice(), &[0x7f]].concat(),
        };
        let mut code = vec![0x01; self.nops];
        if self.targets > 0 {
            code.extend(
                [&[0x41, 0x00, 0x0e], leb(self.targets as usize).as_slice(), &vec![0; self.targets as usize + 1]]
                    .concat(),
            );
        }
        code.extend(b"\x02\x40".repeat(self.blocks));
        code.extend(vec![0x0b; self.blocks]);
        if self.sums > 0 {
            // i32.const 1, then i32.const 1 and i32.add so many times, then drop
            code.extend([0x41, 0x01]);
            code.extend(b"\x41\x01\x6a".repeat(self.sums));
            code.push(0x1a);
        }
        code.push(0x0b);
        let body = [locals, code].concat();
        let entry = [leb(body.len()), body].concat();
        let count = leb(self.functions as usize);
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(section(1, b"\x01\x60\x00\x00"));
        module.extend(section(3, &[count.clone(), vec![0; self.functions as usize]].concat()));
        module.extend(section(10, &[count, entry.repeat(self.functions as usize)].concat()));
        // with everything else that a rotator has, so that size is the only thing that could be wrong
        [nothing(), section(1, &module)].concat()
    }
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = vec![];
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], leb(content.len()).as_slice(), content].concat()
}
