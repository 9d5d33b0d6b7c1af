//! Clients as people write them, against a server: each program under `java/` ends with a failure at
//! the first thing that is not as Java's own server does it.

use compat_tests::server::{Kind, Setup};
use compat_tests::{Result, java};

/// Starts a server and runs one program against it.
fn run(kind: Kind, program: &str) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Setup::new(kind, dir.path())?.with("extendedTypesEnabled", "true").start()?;
    java::run(program, &[&server.connect_string()])
        .map_err(|e| server.failure(&format!("and {e}")))?;
    Ok(())
}

#[test]
fn plain_client_on_java() -> Result<()> {
    run(Kind::Java, "PlainClient")
}

#[test]
fn plain_client_on_ours() -> Result<()> {
    run(Kind::Ours, "PlainClient")
}

#[test]
fn curator_on_java() -> Result<()> {
    run(Kind::Java, "CuratorApp")
}

#[test]
fn curator_on_ours() -> Result<()> {
    run(Kind::Ours, "CuratorApp")
}

#[test]
fn zk_client_on_java() -> Result<()> {
    run(Kind::Java, "ZkClientApp")
}

#[test]
fn zk_client_on_ours() -> Result<()> {
    run(Kind::Ours, "ZkClientApp")
}
