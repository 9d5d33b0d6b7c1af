//! A small fixed budget of the differential test; `--bin differential` runs it by seed and for longer.

use compat_tests::Result;
use compat_tests::differential::Run;

#[test]
fn the_same_bytes_as_java() -> Result<()> {
    for seed in 1..3 {
        Run::new(seed, 200).run()?;
    }
    Ok(())
}
