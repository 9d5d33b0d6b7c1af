//! The differences that were decided on. Each has its reason in `DIFFERENCES.md`.

/// A difference that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Lines of `mntr` and `envi` about the JVM.
    Jvm,
}

/// Whether a line of a four-letter word's answer is allowed to stand on one side alone.
pub(super) fn line(word: &str, line: &str) -> Option<Allowed> {
    let jvm = match word {
        "mntr" => line.starts_with("zk_jvm_"),
        "envi" => true,
        _ => false,
    };
    jvm.then_some(Allowed::Jvm)
}
