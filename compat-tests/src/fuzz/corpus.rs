//! Where the inputs are that mutations begin with: `fuzz/corpus/TARGET/*`, recorded by
//! [`super::capture`], and the files of `golden/files`, which Java wrote.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// The directory of a target's corpus.
pub fn dir(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The inputs of a target, by name, in the order of their names.
///
/// # Errors
/// If they cannot be read.
pub fn read(target: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(dir(target))? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        inputs.push((name.unwrap_or_default(), fs::read(&path)?));
    }
    inputs.sort();
    Ok(inputs)
}

/// Puts an input into a target's corpus.
///
/// # Errors
/// If it cannot be written.
pub fn write(target: &str, name: &str, input: &[u8]) -> Result<()> {
    fs::create_dir_all(dir(target))?;
    Ok(fs::write(dir(target).join(name), input)?)
}
