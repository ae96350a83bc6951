//! Crate folders become core modules, reproducibly: one profile for all, no names, no paths of this machine.

use super::toolchain::{self, NoToolchain, TARGET, Toolchain};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes a module small and the same everywhere, whatever the crate's own profile says.
const PROFILE: [(&str, &str); 8] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"), // the engine compiles it again: less code is faster
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "none"),
    ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "false"),
    ("CARGO_INCREMENTAL", "0"),
];

/// A crate that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The package's name without a leading `rotator-`.
    pub name: String,
    /// The core module that cargo wrote.
    pub module: PathBuf,
}

/// Why a crate was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nothing here builds for wasm.
    #[error(transparent)]
    NoToolchain(#[from] NoToolchain),
    /// Cargo could not be started.
    #[error("`{}` could not be started: {error}. Install Rust, or put cargo on the PATH", cargo.display())]
    NoCargo {
        /// What was called.
        cargo: OsString,
        /// What the system says.
        error: std::io::Error,
    },
    /// Not a crate, or not one that cargo understands.
    #[error("`{}` is not a crate that cargo can read:\n{output}", folder.display())]
    NotACrate {
        /// The folder.
        folder: PathBuf,
        /// What cargo says.
        output: String,
    },
    /// The build failed.
    #[error("cargo could not build {names}:\n{output}", names = names.join(", "))]
    Failed {
        /// The packages.
        names: Vec<String>,
        /// What cargo says.
        output: String,
    },
    /// No module came out.
    #[error("`{name}` gave no .wasm file. Its Cargo.toml needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`")]
    NoModule {
        /// The package.
        name: String,
    },
}

/// Builds the crate in `folder`.
pub fn build_crate(folder: &Path) -> Result<Built, BuildError> {
    let mut built = build_crates(&[folder])?;
    built.pop().ok_or_else(|| BuildError::NoModule { name: folder.display().to_string() })
}

/// Builds crates, one answer a folder and in their order. Those of one workspace are built by one call of cargo. The
/// target folder is `CARGO_TARGET_DIR`, or the first workspace's own: the standard library is compiled once for all.
///
/// Cargo gets this process's environment, except that the profile and the compiler's flags are set here, or the same
/// crate would give other bytes elsewhere.
pub fn build_crates(folders: &[&Path]) -> Result<Vec<Built>, BuildError> {
    build_crates_into(folders, std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from))
}

/// As [`build_crates`], with a target folder of the caller's choice.
pub fn build_crates_into(folders: &[&Path], target: Option<PathBuf>) -> Result<Vec<Built>, BuildError> {
    let mut workspaces: BTreeMap<PathBuf, Vec<Package>> = BTreeMap::new();
    let mut ids = Vec::new();
    let mut target = target;
    let Some(first) = folders.first() else { return Ok(Vec::new()) };
    let toolchain = toolchain::find(first)?;
    for folder in folders {
        let (workspace, package) = read_crate(&toolchain, folder)?;
        ids.push((package.id.clone(), package.name.clone()));
        target.get_or_insert(workspace.target);
        let packages = workspaces.entry(workspace.root).or_default();
        if !packages.iter().any(|known| known.id == package.id) {
            packages.push(package);
        }
    }
    let target = target.unwrap_or_default();
    let mut modules = BTreeMap::new();
    for (root, packages) in &workspaces {
        modules.extend(build_workspace(&toolchain, root, packages, &target)?);
    }
    ids.into_iter()
        .map(|(id, name)| match modules.get(&id) {
            Some(module) => {
                let name = name.strip_prefix("rotator-").unwrap_or(&name).to_owned();
                Ok(Built { name, module: module.clone() })
            }
            None => Err(BuildError::NoModule { name }),
        })
        .collect()
}

/// One call of cargo: the packages of one workspace. Answers package id and module.
fn build_workspace(
    toolchain: &Toolchain,
    root: &Path,
    packages: &[Package],
    target: &Path,
) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let mut cargo = command(toolchain, root);
    cargo.args(["build", "--release", "--lib", "--target", TARGET, "--message-format=json-render-diagnostics"]);
    cargo.args(&toolchain.args).arg("--target-dir").arg(target).envs(PROFILE);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain, root, packages)?).env_remove("RUSTFLAGS");
    for package in packages {
        cargo.arg("-p").arg(&package.id);
    }
    let output = output(cargo, toolchain)?;
    if !output.status.success() {
        return Err(BuildError::Failed {
            names: packages.iter().map(|package| package.name.clone()).collect(),
            output: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(artifact).collect())
}

/// Package id and `.wasm` file of a `compiler-artifact` line.
fn artifact(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.get("reason")?.as_str()? != "compiler-artifact" {
        return None;
    }
    let files = message.get("filenames")?.as_array()?;
    let module = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"))?;
    Some((message.get("package_id")?.as_str()?.to_owned(), PathBuf::from(module)))
}

/// Compiler flags that keep this machine's paths out of the module. Cargo names files of the workspace relative to
/// it; what lies elsewhere is renamed: the registry, the standard library, and path dependencies outside.
///
/// The first two are the same for all crates of a machine, so that they share one build of the standard library.
fn flags(toolchain: &Toolchain, root: &Path, packages: &[Package]) -> Result<OsString, BuildError> {
    let mut renames = Vec::new();
    if let Some(home) = cargo_home() {
        renames.push((home, "/cargo".to_owned()));
    }
    if let Some(source) = &toolchain.library_source {
        renames.push((source.clone(), "/rust".to_owned()));
    }
    let outside = outside(toolchain, root, packages)?;
    renames.extend(outside.into_iter().map(|(path, name)| (path, format!("/crates/{name}"))));
    let mut flags = OsString::new();
    for (from, to) in renames {
        if !flags.is_empty() {
            flags.push("\x1f"); // cargo's separator of encoded flags
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push(format!("={to}"));
    }
    Ok(flags)
}

/// Path dependencies outside of the workspace, also those of such dependencies: folder and name.
fn outside(toolchain: &Toolchain, root: &Path, packages: &[Package]) -> Result<BTreeMap<PathBuf, String>, BuildError> {
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut left: Vec<(PathBuf, String)> = packages.iter().flat_map(|package| package.paths.clone()).collect();
    while let Some((path, name)) = left.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        left.extend(read_crate(toolchain, &path)?.1.paths);
        if !path.starts_with(root) {
            found.insert(path, name);
        }
    }
    Ok(found)
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// What cargo knows of a crate.
struct Package {
    id: String,
    name: String,
    /// Path dependencies that end up in the module or may do: folder and name.
    paths: Vec<(PathBuf, String)>,
}

struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

/// Asks cargo about the crate in `folder`.
fn read_crate(toolchain: &Toolchain, folder: &Path) -> Result<(Workspace, Package), BuildError> {
    let not_a_crate = |output: String| BuildError::NotACrate { folder: folder.to_owned(), output };
    let folder = folder.canonicalize().map_err(|error| not_a_crate(error.to_string()))?;
    if !folder.join("Cargo.toml").is_file() {
        return Err(not_a_crate("it has no Cargo.toml".to_owned()));
    }
    let mut cargo = command(toolchain, &folder);
    cargo.args(["metadata", "--no-deps", "--format-version=1"]);
    let output = output(cargo, toolchain)?;
    if !output.status.success() {
        return Err(not_a_crate(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| not_a_crate(error.to_string()))?;
    let path = |value: Option<&Value>| value.and_then(Value::as_str).map(PathBuf::from);
    let manifest = folder.join("Cargo.toml");
    let package = metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|package| path(package.get("manifest_path")).is_some_and(|path| path == manifest))
        .ok_or_else(|| not_a_crate("it is a workspace without a package. Name one of its members".to_owned()))?;
    let text = |name| package.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let dependencies = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
    let paths = dependencies
        .filter(|dependency| dependency.get("kind").is_none_or(Value::is_null)) // neither dev nor build
        .filter_map(|dependency| Some((path(dependency.get("path"))?, dependency.get("name")?.as_str()?.to_owned())))
        .collect();
    let workspace = Workspace {
        root: path(metadata.get("workspace_root")).unwrap_or_else(|| folder.clone()),
        target: path(metadata.get("target_directory")).unwrap_or_else(|| folder.join("target")),
    };
    Ok((workspace, Package { id: text("id"), name: text("name"), paths }))
}

fn command(toolchain: &Toolchain, folder: &Path) -> Command {
    let mut cargo = Command::new(&toolchain.cargo);
    cargo.current_dir(folder).envs(toolchain.env.iter().map(|(name, value)| (name, value)));
    cargo
}

fn output(mut cargo: Command, toolchain: &Toolchain) -> Result<std::process::Output, BuildError> {
    cargo.output().map_err(|error| BuildError::NoCargo { cargo: toolchain.cargo.clone(), error })
}
