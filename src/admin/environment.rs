//! The lines of `envi` (`Environment.list`). The keys are Java's; what only a JVM has is `<NA>`, which
//! is what Java itself prints for a property that is not set.

use super::{process, version};

const MISSING: &str = "<NA>";

/// The environment of this process, key and value, in Java's order.
pub(super) fn list() -> Vec<(&'static str, String)> {
    let or_missing = |value: Option<String>| value.unwrap_or_else(|| MISSING.to_owned());
    let of_file = |path| or_missing(process::line_of(path));
    let (free, total) = process::memory();
    let current_dir = std::env::current_dir().ok().map(|dir| dir.display().to_string());
    let mut list = vec![
        ("zookeeper.version", version::full_version()),
        ("host.name", of_file("/proc/sys/kernel/hostname")),
    ];
    let jvm = ["java.version", "java.vendor", "java.home", "java.class.path", "java.library.path"];
    list.extend(jvm.map(|key| (key, MISSING.to_owned())));
    list.extend([
        ("java.io.tmpdir", std::env::temp_dir().display().to_string()),
        ("java.compiler", MISSING.to_owned()),
        ("os.name", os_name().to_owned()),
        ("os.arch", os_arch().to_owned()),
        ("os.version", of_file("/proc/sys/kernel/osrelease")),
        ("user.name", or_missing(process::user_name())),
        ("user.home", or_missing(std::env::var("HOME").ok())),
        ("user.dir", or_missing(current_dir)),
        ("os.memory.free", format!("{free}MB")),
        ("os.memory.max", format!("{total}MB")),
        ("os.memory.total", format!("{total}MB")),
    ]);
    list
}

fn os_name() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Mac OS X",
        other => other,
    }
}

fn os_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    }
}
