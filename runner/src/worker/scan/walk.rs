//! One pass over the bytes: caps first, then the engine's own validation with the proposals that are on.

use super::caps::{self, Count, within};
use super::{Extern, Findings, quoted};
use crate::wire::{NAME_MAX, clip};
use crate::worker::engine::FEATURES;
use crate::worker::meter::TABLE_ELEMENTS;
use wasmparser::{
    BinaryReaderError, ComponentExternalKind, Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody,
    Operator, OperatorsReader, Parser, Payload, ProducersSectionReader, ValidPayload, Validator, ValidatorResources,
};

/// What these bytes are. Stops at the first fault of form; the names found until then are kept.
pub(super) fn walk(module: &[u8]) -> Findings {
    let mut walker = Walker::default();
    match kind(module).and_then(|()| walker.all(module)) {
        Ok(()) => walker.findings.whole = true,
        Err(fault) => walker.findings.faults.push(fault),
    }
    walker.findings
}

/// By the first bytes: a component, or what else people hand over.
fn kind(module: &[u8]) -> Result<(), String> {
    const WASM: &[u8] = b"\0asm";
    const COMPONENT: &[u8] = &[0x0d, 0x00, 0x01, 0x00];
    const CORE: &[u8] = &[0x01, 0x00, 0x00, 0x00];
    let build = "build a component, for example with `rotabox pack`";
    let Some(version) = module.strip_prefix(WASM) else {
        let text = module.trim_ascii_start();
        return Err(if module.is_empty() {
            format!("the file is empty: {build}")
        } else if module.starts_with(b"\x7fELF") {
            format!("the file is native code (ELF), and only WebAssembly is run: {build}")
        } else if text.starts_with(b"(") || text.starts_with(b";;") {
            format!("the file is WebAssembly in text form, and only the binary form is read: {build}")
        } else {
            format!("the file is not WebAssembly: {build}")
        });
    };
    if version.starts_with(COMPONENT) {
        Ok(())
    } else if version.starts_with(CORE) {
        Err(format!("the file is a core module, and a rotator is a component: {build}"))
    } else {
        Err(format!("the file is WebAssembly of an unknown version: {build}"))
    }
}

#[derive(Default)]
struct Walker {
    findings: Findings,
    /// Where the walk is: components and modules inside each other.
    inside: Vec<Encoding>,
    functions: Count,
    code: Count,
    locals: Count,
    branches: Count,
    modules: Count,
    components: Count,
    instances: Count,
    imports: Count,
    exports: Count,
    custom: Count,
    table_elements: Count,
    allocations: FuncValidatorAllocations,
}

impl Walker {
    fn all(&mut self, module: &[u8]) -> Result<(), String> {
        let mut parser = Parser::new(0);
        parser.set_features(FEATURES);
        let mut validator = Validator::new_with_features(FEATURES);
        for payload in parser.parse_all(module) {
            let payload = payload.map_err(malformed)?;
            self.shape(&payload)?;
            self.size(&payload)?;
            self.note(&payload)?;
            match validator.payload(&payload).map_err(malformed)? {
                ValidPayload::Func(function, body) => self.function(function, &body)?,
                ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {}
            }
        }
        Ok(())
    }

    /// A nested component may only give types to an exported interface, as every toolchain writes it.
    fn shape(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::Version { encoding, .. } => self.inside.push(*encoding),
            Payload::End(_) => {
                self.inside.pop();
            }
            _ => {}
        }
        let nested = self.inside.iter().filter(|encoding| **encoding == Encoding::Component).count() > 1;
        let harmless = matches!(
            payload,
            Payload::Version { encoding: Encoding::Component, .. }
                | Payload::ComponentTypeSection(_)
                | Payload::ComponentImportSection(_)
                | Payload::ComponentExportSection(_)
                | Payload::ComponentAliasSection(_)
                | Payload::CustomSection(_)
                | Payload::End(_)
        );
        if nested && !harmless {
            return Err("it holds another component with code of its own: link them into one component".to_owned());
        }
        Ok(())
    }

    fn size(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        let split = "split the rotator, or leave out what it does not need";
        match payload {
            Payload::ModuleSection { .. } => {
                self.findings.core_modules = self.findings.core_modules.saturating_add(1);
                self.modules.add(1, caps::CORE_MODULES, "core modules", split)
            }
            Payload::ComponentSection { .. } => self.components.add(1, caps::COMPONENTS, "nested components", split),
            Payload::InstanceSection(section) => self.instances.add(
                section.count().into(),
                caps::CORE_MODULES.saturating_mul(4),
                "core instances",
                split,
            ),
            Payload::FunctionSection(section) => {
                self.functions.add(section.count().into(), caps::FUNCTIONS, "functions", split)
            }
            Payload::CustomSection(section) => {
                let hint = "strip names and debugging information";
                self.custom.add(length(section.data()), caps::CUSTOM_BYTES, "bytes of custom sections", hint)
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    let memory = memory.map_err(malformed)?;
                    let bytes = memory.initial.saturating_mul(64 * 1024);
                    self.findings.initial_memory = self.findings.initial_memory.saturating_add(bytes);
                }
                Ok(())
            }
            Payload::TableSection(section) => {
                let cap = u64::try_from(TABLE_ELEMENTS).unwrap_or(u64::MAX);
                for table in section.clone() {
                    let table = table.map_err(malformed)?;
                    self.table_elements.add(table.ty.initial, cap, "table elements", split)?;
                }
                Ok(())
            }
            Payload::CodeSectionEntry(body) => self.body(body),
            _ => Ok(()),
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), String> {
        let bytes = u64::try_from(body.range().len()).unwrap_or(u64::MAX);
        let hint = "build it with optimisation, and split large functions";
        within(bytes, caps::BODY_BYTES, "bytes in one function", hint)?;
        self.code.add(bytes, caps::CODE_BYTES, "bytes of code", hint)?;
        let mut locals = 0_u64;
        for group in body.get_locals_reader().map_err(malformed)? {
            let (count, _) = group.map_err(malformed)?;
            locals = locals.saturating_add(count.into());
        }
        within(locals, caps::LOCALS, "locals in one function", hint)?;
        self.locals.add(locals, caps::ALL_LOCALS, "locals", hint)
    }

    /// Keeps what people are shown.
    fn note(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        let outermost = self.inside.len() == 1;
        let hint = "leave out what it does not need";
        match payload {
            Payload::ComponentImportSection(section) if outermost => {
                for import in section.clone() {
                    let import = import.map_err(malformed)?;
                    self.imports.add(1, caps::EXTERNS, "imports", hint)?;
                    let is_interface = import.ty.kind() == ComponentExternalKind::Instance;
                    self.findings.imports.push(Extern { name: import.name.name.to_owned(), is_interface });
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) if outermost => {
                for export in section.clone() {
                    let export = export.map_err(malformed)?;
                    self.exports.add(1, caps::EXTERNS, "exports", hint)?;
                    let is_interface = export.kind == ComponentExternalKind::Instance;
                    self.findings.exports.push(Extern { name: export.name.name.to_owned(), is_interface });
                }
                Ok(())
            }
            Payload::CustomSection(section) if section.name() == "producers" => {
                // For people only, and written by tools: what does not parse is left out.
                if let Ok(fields) = ProducersSectionReader::new(section.data_reader()) {
                    self.producers(fields);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn producers(&mut self, fields: ProducersSectionReader<'_>) {
        for field in fields.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                let short = |text: &str| clip(text.to_owned(), NAME_MAX / 2);
                let line = (short(field.name), short(value.name), short(value.version));
                let producers = &mut self.findings.producers;
                if producers.len() < caps::PRODUCERS && !producers.contains(&line) {
                    producers.push(line);
                }
            }
        }
    }

    fn function(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<(), String> {
        let mut validator = function.into_validator(std::mem::take(&mut self.allocations));
        validator.read_locals(&mut body.get_binary_reader()).map_err(malformed)?;
        let mut reader = body.get_binary_reader_for_operators().map_err(malformed)?;
        reader.set_features(FEATURES);
        let mut reader = OperatorsReader::new(reader);
        let hint = "split large functions";
        while !reader.eof() {
            let offset = reader.original_position();
            let operator = reader.read().map_err(malformed)?;
            if let Operator::BrTable { targets } = &operator {
                within(targets.len().into(), caps::BRANCHES, "targets in one br_table", hint)?;
                self.branches.add(targets.len().into(), caps::ALL_BRANCHES, "targets of br_table", hint)?;
            }
            validator.op(offset, &operator).map_err(malformed)?;
            within(validator.control_stack_height().into(), caps::NESTING, "blocks inside each other", hint)?;
        }
        let end = reader.get_binary_reader();
        end.finish_expression(&validator.visitor(end.original_position())).map_err(malformed)?;
        self.allocations = validator.into_allocations();
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The validator's error as a sentence. Its message may quote the module.
fn malformed(error: BinaryReaderError) -> String {
    let message = quoted(error.message());
    let proposals = match error.missing_wasm_feature() {
        Some(feature) => feature.iter_names().map(|(name, _)| name.to_ascii_lowercase().replace('_', "-")).collect(),
        // The one that the validator does not tell.
        None if error.message().starts_with("multiple memories") => vec!["multi-memory".to_owned()],
        None => return format!("it is not a valid component ({message}, at byte {}): build it again", error.offset()),
    };
    let proposals = proposals.join(", ");
    format!("it uses the WebAssembly proposal {proposals}, which is off for rotators ({message}): build it without")
}
