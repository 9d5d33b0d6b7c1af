//! `JVMFLAGS`, as Java's scripts of the tools take it: properties reach the tool.

use std::fs;

use compat_tests::Result;

use super::both::{Both, Tool, text};

/// The scripts that hand properties on, and what ours takes for a question each.
const SCRIPTS: [(&str, &str); 4] = [
    ("zkTxnLogToolkit.sh", "-h"),
    ("zkSnapShotToolkit.sh", "missing"),
    ("zkSnapshotComparer.sh", ""),
    ("zkSnapshotRecursiveSummaryToolkit.sh", ""),
];

#[test]
fn properties_reach_the_tools_and_the_rest_is_named() -> Result<()> {
    let both = Both::new()?;
    for (script, line) in SCRIPTS {
        let ran = both.run_ours(Tool { script, class: "" }, "-Xmx64m -Da=b", line)?;
        let errors = text(&ran.stderr);
        assert!(errors.contains("Ignored, as there is no JVM: -Xmx64m\n"), "{script}: {errors}");
        assert!(!errors.contains(".sh: line "), "{script}: {errors}");
    }
    Ok(())
}

#[test]
fn a_log_grows_by_what_the_property_says() -> Result<()> {
    let both = Both::new()?;
    both.copy("3.9.5/log.1", "log.1", |_| {})?;
    let tool = Tool { script: SCRIPTS[0].0, class: "" };
    let ran = both.run_ours(tool, "-Dzookeeper.preAllocSize=128", "-r -y log.1")?;
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let [_, ours] = both.sides();
    let len = fs::metadata(ours.join("log.1.fixed"))?.len();
    assert!(len > 128 * 1024 && len < 256 * 1024, "{len} bytes");
    Ok(())
}
