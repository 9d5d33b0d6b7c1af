//! The nodes that the rows work on, and the directories that servers take over from each other.

use std::fs;
use std::path::{Path, PathBuf};

use compat_tests::bench::target::Measured;
use compat_tests::ensemble::recorder::open_acl;
use compat_tests::{Failure, Result};
use gamekeeper::client::CreateMode;

/// How many nodes of each size the rows read and write.
pub(crate) const NODES: usize = 1000;

/// One of the nodes that the rows work on.
pub(crate) fn node(value: usize, i: usize) -> String {
    format!("/bench/v{value}/n{i:03}")
}

/// Makes the nodes for values of these sizes.
pub(crate) fn fill(target: &dyn Measured, values: &[usize]) -> Result<()> {
    let client = target.client()?;
    let acl = open_acl();
    let create =
        |path: &str, data: &[u8]| client.create(path, Some(data), &acl, CreateMode::Persistent);
    create("/bench", b"").wait()?;
    for &value in values {
        create(&format!("/bench/v{value}"), b"").wait()?;
        let data = vec![b'x'; value];
        let calls: Vec<_> = (0..NODES).map(|i| create(&node(value, i), &data)).collect();
        for call in calls {
            call.wait()?;
        }
    }
    client.close()?;
    Ok(())
}

/// Copies a directory with everything in it.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path: PathBuf = entry?.path();
        let name = path.file_name().ok_or_else(|| Failure::new("a file without a name"))?;
        if path.is_dir() {
            copy_dir(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
            // Else what is measured next competes with the system's writing of these pages.
            fs::File::open(to.join(name))?.sync_all()?;
        }
    }
    Ok(())
}
