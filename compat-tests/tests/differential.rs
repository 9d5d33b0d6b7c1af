//! A small fixed budget of the differential test; `--bin differential` runs it by seed and for longer.

use compat_tests::Result;
use compat_tests::differential::Run;
use compat_tests::server::Kind::{Java, Ours};

#[test]
fn the_same_bytes_as_java() -> Result<()> {
    for seed in 1..3 {
        Run::new(seed, 200).run()?;
    }
    Ok(())
}

/// Ours alone, ours leading Java, Java leading ours.
#[test]
fn the_same_bytes_as_javas_ensemble() -> Result<()> {
    for (seed, kinds) in [[Ours; 3], [Java, Ours, Ours], [Ours, Ours, Java]].iter().enumerate() {
        Run::ensemble(1 + seed as u64, 80, kinds).run()?;
    }
    Ok(())
}
