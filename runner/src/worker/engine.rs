//! Compile and link.

use super::guest::{self, Guest, RotatorPre};
use super::{native, reuse, scan, wasi};
use crate::confine::Handed;
use crate::wire::{Limits, NativeCode};
use wasmparser::WasmFeatures;
use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{Component, Linker, Type};
use wasmtime::{Config, Engine, OptLevel, Strategy};

/// Everything that a module may use: WebAssembly 2.0 without garbage-collected types, extended constants, and components. What is
/// not here is off: threads, 64-bit and several memories, tail calls, exceptions, garbage collection, relaxed SIMD, stack
/// switching, custom page sizes, wide arithmetic, and every extension of the component model.
pub(super) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Address space of one linear memory, and the most it can grow to. Below 4 GiB every access is checked against the bound
/// (with the speculation guard), not left to a hole in the address space alone. Nothing is touched before it is used.
pub(super) const MEMORY_MAX: u64 = 512 * 1024 * 1024;

/// A module that is compiled and linked. Clones share it.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) engine: Engine,
    pub(super) pre: RotatorPre<Guest>,
    pub(super) limits: Limits,
}

/// Scans, compiles and links; or says why not, a sentence a reason. Somebody waits for this, and what is compiled runs once or a few
/// times: so it is compiled quickly, not well. (Not with the engine's fast register allocator: its makers give no advisories for that one.)
pub(super) fn load(module: &[u8], limits: Limits) -> Result<Loaded, Vec<String>> {
    let mut quickly = config();
    quickly.cranelift_opt_level(OptLevel::None);
    let component = component(module, &limits, &quickly)?;
    let pre = link(&component, limits.inert_wasi).map_err(|error| said("it does not fit the contract", &error))?;
    Ok(Loaded { engine: component.engine().clone(), pre, limits })
}

/// Does all of [`load`], so that only what would be accepted is kept, and answers with the machine code, which is compiled well.
pub(super) fn compile(module: &[u8], limits: Limits) -> Result<Vec<u8>, Vec<String>> {
    let component = component(module, &limits, &config())?;
    link(&component, limits.inert_wasi).map_err(|error| said("it does not fit the contract", &error))?;
    component.serialize().map_err(|error| said("its machine code cannot be kept", &error))
}

fn component(module: &[u8], limits: &Limits, config: &Config) -> Result<Component, Vec<String>> {
    memory_fits(limits).map_err(|reason| vec![reason])?;
    let reasons = scan::reasons(module, limits.inert_wasi, limits.memory_bytes);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let engine = Engine::new(config).map_err(|error| said("the engine cannot start", &error))?;
    Component::from_binary(&engine, module).map_err(|error| said("it cannot be compiled", &error))
}

/// Maps and links machine code that [`compile`] made, or says why not. It was scanned then; what a policy has changed since shows
/// when it is linked (WASI) or begun (memory).
pub(super) fn load_native(file: Handed, code: &NativeCode) -> Result<Loaded, String> {
    memory_fits(&code.limits)?;
    let mut config = config();
    config.enable_compiler(false);
    let component = native::load(file, code, config).map_err(|error| format!("{error:#}"))?;
    let pre = link(&component, code.limits.inert_wasi).map_err(|error| format!("{error:#}"))?;
    Ok(Loaded { engine: component.engine().clone(), pre, limits: code.limits.clone() })
}

fn memory_fits(limits: &Limits) -> Result<(), String> {
    if limits.memory_bytes > MEMORY_MAX {
        return Err(format!(
            "a memory limit of {} bytes is not supported: {MEMORY_MAX} is the most",
            limits.memory_bytes
        ));
    }
    Ok(())
}

/// The engine's error may quote the module.
fn said(what: &str, error: &wasmtime::Error) -> Vec<String> {
    vec![format!("{what} ({}): build it against guest-sdk/wit", scan::quoted(&format!("{error:#}")))]
}

fn link(component: &Component, inert_wasi: bool) -> wasmtime::Result<RotatorPre<Guest>> {
    let mut linker = Linker::new(component.engine());
    guest::add_to_linker(&mut linker)?;
    if inert_wasi {
        wasi::add_to_linker(&mut linker, component)?;
    }
    if !run_is_of_the_contract(component) {
        return Err(wasmtime::Error::msg("its `run` has other parameters or results"));
    }
    RotatorPre::new(linker.instantiate_pre(component)?)
}

/// The engine compares types of imports when it links, but that of an export only when it is called.
fn run_is_of_the_contract(component: &Component) -> bool {
    let function = || {
        let (_, rotation) = component.get_export(None, "rotabox:rotator/rotation@0.1.0")?;
        match component.get_export(Some(&rotation), "run")? {
            (ComponentItem::ComponentFunc(function), _) => Some(function),
            _ => None,
        }
    };
    let Some(function) = function() else { return false };
    let params: Vec<_> = function.params().map(|(_, kind)| kind).collect();
    let results: Vec<_> = function.results().collect();
    matches!((params.as_slice(), results.as_slice()), ([Type::Variant(step)], [Type::Result(result)])
        if !function.async_() && is_step(step) && result.ok().is_none() && result.err().is_some_and(|err| is_failure(&err)))
}

fn is_step(step: &types::Variant) -> bool {
    let plain = ["verify", "change", "reconcile", "finish"].map(|name| (name, None));
    let expected = plain.into_iter().chain([("other", Some(Type::String))]);
    step.cases().map(|case| (case.name, case.ty)).eq(expected)
}

fn is_failure(failure: &Type) -> bool {
    let Type::Record(failure) = failure else { return false };
    failure.fields().map(|field| (field.name, field.ty)).eq([("code", Type::String), ("detail", Type::String)])
}

pub(super) fn config() -> Config {
    let mut config = Config::new();
    config.wasm_features(WasmFeatures::all().difference(FEATURES), false);
    config.wasm_features(FEATURES, true);
    config.concurrency_support(false);
    config.strategy(Strategy::Cranelift);
    config.cranelift_opt_level(OptLevel::Speed);
    config.cranelift_nan_canonicalization(true); // the same fuel and the same values everywhere
    config.consume_fuel(true);
    config.memory_reservation(MEMORY_MAX);
    config.memory_reservation_for_growth(0);
    config.memory_may_move(false);
    reuse::memory_and_stacks(&mut config);
    config.memory_init_cow(false); // it would need a file in memory, and files may have no size here
    // No names and no addresses of the guest in anything that we say.
    config.wasm_backtrace_max_frames(None);
    config.generate_address_map(false);
    config
}
