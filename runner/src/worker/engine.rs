//! Compile and link.

use super::guest::{self, Guest, RotatorPre};
use super::{scan, wasi};
use crate::wire::Limits;
use wasmparser::WasmFeatures;
use wasmtime::component::{Component, Linker};
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

/// Scans, compiles and links; or says why not, a sentence a reason.
pub(super) fn load(module: &[u8], limits: Limits) -> Result<Loaded, Vec<String>> {
    if limits.memory_bytes > MEMORY_MAX {
        return Err(vec![format!(
            "a memory limit of {} bytes is not supported: {MEMORY_MAX} is the most",
            limits.memory_bytes
        )]);
    }
    let reasons = scan::reasons(module, limits.inert_wasi, limits.memory_bytes);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    link(module, limits).map_err(|error| vec![format!("{error:#}")])
}

fn link(module: &[u8], limits: Limits) -> wasmtime::Result<Loaded> {
    let engine = Engine::new(&config())?;
    let component = Component::from_binary(&engine, module)?;
    let mut linker = Linker::new(&engine);
    guest::add_to_linker(&mut linker)?;
    if limits.inert_wasi {
        wasi::add_to_linker(&mut linker, &component)?;
    }
    let pre = RotatorPre::new(linker.instantiate_pre(&component)?)?;
    Ok(Loaded { engine, pre, limits })
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
    config.memory_init_cow(false); // it would need a file in memory, and files may have no size here
    // No names and no addresses of the guest in anything that we say.
    config.wasm_backtrace_max_frames(None);
    config.generate_address_map(false);
    config
}
