//! The rules of the house, held by a test: imports go down the floors only, the pure rooms touch no
//! clock, file, socket or thread, functions and lines stay short, sources are ASCII.
//!
//! The simulator is worth only as much as this purity: a core that looks at a clock does not replay.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and its floor. A room imports from its own floor and those below.
const FLOORS: [(&str, u8); 14] = [
    ("ids", 0),
    ("op", 0),
    ("txn", 0),
    ("config", 1),
    ("tree", 1),
    ("storage", 2),
    ("zab", 2),
    ("server", 3),
    ("peer", 4),
    ("net", 5),
    ("admin", 5),
    ("client", 5),
    ("runtime", 5),
    ("tools", 5),
];

/// Rooms that see the world only through what they are handed.
const PURE: [&str; 7] = ["ids", "op", "txn", "tree", "zab", "server", "peer"];

/// What a pure room must not name.
const WORLD: [&str; 7] = [
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "std::process",
];

/// Below this floor no thread is started, not even by a room that touches files.
const FLOOR_OF_THREADS: u8 = 5;
/// How a thread is started.
const STARTS: [&str; 4] = ["thread::spawn", "thread::scope", "thread::Builder", "thread::{"];

/// The longest line, in columns.
const COLUMNS_MAX: usize = 110;
/// The longest function, in lines.
const FUNCTION_LINES_MAX: usize = 70;

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The room under `src/` that the file belongs to, if any.
    fn room(&self) -> Option<String> {
        let inside = self.path.strip_prefix("src").ok()?;
        let first = inside.components().next()?.as_os_str().to_str()?;
        Some(first.trim_end_matches(".rs").to_owned())
    }

    /// Lines with their numbers, up to a test module at the end of the file.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test_file = self.path.components().any(|c| {
            let name = c.as_os_str().to_string_lossy();
            name == "tests.rs" || name == "tests" || name.ends_with("_tests.rs")
        });
        let text = if is_test_file { "" } else { self.text.as_str() };
        text.lines()
            .enumerate()
            .map(|(i, line)| (i + 1, line))
            .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for top in ["src", "jute/src", "compat-tests/src", "compat-tests/tests", "tests"] {
        collect(&root().join(top), &mut found);
    }
    assert!(found.len() > 10, "the walk must find the sources, found {}", found.len());
    found
}

fn collect(dir: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("a source is readable text");
            let path = path.strip_prefix(root()).expect("below the root").to_owned();
            found.push(Source { path, text });
        }
    }
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The rooms that a line names by `crate::room`.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
    })
}

fn report(title: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{title}:\n{}", faults.join("\n"));
}

#[test]
fn imports_go_down_the_floors() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some(own) = source.room().as_deref().and_then(floor) else { continue };
        for (number, line) in source.code_lines().filter(|(_, line)| !is_comment(line)) {
            for room in rooms_named(line).filter(|room| floor(room).is_some_and(|f| f > own)) {
                faults.push(format!("{}:{number} climbs to {room}", source.path.display()));
            }
        }
    }
    report("a use that climbs is a fault in the plan: move the code instead", &faults);
}

#[test]
fn every_room_has_its_floor() {
    let faults: Vec<String> = sources()
        .iter()
        .filter_map(Source::room)
        .filter(|room| !["lib", "main", "bin"].contains(&room.as_str()) && floor(room).is_none())
        .collect();
    report("rooms that no floor is written down for", &faults);
}

/// Where rooms that `is_meant` name one of `names`.
fn naming(is_meant: impl Fn(&str) -> bool, names: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources() {
        if !source.room().is_some_and(|room| is_meant(&room)) {
            continue;
        }
        for (number, line) in source.code_lines().filter(|(_, line)| !is_comment(line)) {
            for name in names.iter().filter(|name| line.contains(**name)) {
                faults.push(format!("{}:{number} names {name}", source.path.display()));
            }
        }
    }
    faults
}

#[test]
fn pure_rooms_do_not_touch_the_world() {
    let faults = naming(|room| PURE.contains(&room), &WORLD);
    report("time, files, sockets and threads are handed in from floor 5", &faults);
}

#[test]
fn threads_are_started_on_high_floors_only() {
    let faults = naming(|room| floor(room).is_some_and(|own| own < FLOOR_OF_THREADS), &STARTS);
    report("threads are handed in from floor 5", &faults);
}

#[test]
fn lines_are_short_and_ascii() {
    let mut faults = Vec::new();
    for source in sources() {
        for (i, line) in source.text.lines().enumerate() {
            if line.chars().count() > COLUMNS_MAX || !line.is_ascii() {
                faults.push(format!("{}:{}", source.path.display(), i + 1));
            }
        }
    }
    report("lines that are too long or not ASCII", &faults);
}

#[test]
fn functions_fit_a_screen() {
    let mut faults = Vec::new();
    for source in sources() {
        let mut open: Option<(usize, usize)> = None;
        for (number, line) in source.code_lines() {
            let indent = line.len() - line.trim_start().len();
            match open {
                None if is_function_start(line) && !line.trim_end().ends_with('}') => {
                    open = Some((number, indent));
                }
                Some((start, depth)) if indent == depth && line.trim() == "}" => {
                    if number - start >= FUNCTION_LINES_MAX {
                        faults.push(format!(
                            "{}:{start} has {} lines",
                            source.path.display(),
                            number - start + 1
                        ));
                    }
                    open = None;
                }
                _ => {}
            }
        }
    }
    report("functions that do more than one thing", &faults);
}

fn is_function_start(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
    let line = line.strip_prefix("pub(super) ").unwrap_or(line);
    (line.starts_with("fn ") || line.starts_with("const fn ")) && !line.trim_end().ends_with(';')
}

#[test]
fn the_library_speaks_through_the_log() {
    let mut faults = Vec::new();
    for source in sources() {
        let in_library =
            source.room().is_some_and(|r| !["main", "bin", "tools"].contains(&r.as_str()));
        if !in_library {
            continue;
        }
        for (number, line) in source.code_lines().filter(|(_, line)| !is_comment(line)) {
            if line.contains("println!") || line.contains("eprint!") {
                faults.push(format!("{}:{number}", source.path.display()));
            }
        }
    }
    report("the library prints", &faults);
}
