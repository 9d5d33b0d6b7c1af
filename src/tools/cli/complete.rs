//! What Tab offers: verbs for the first word, and the nodes of the live tree for a word that begins
//! with a slash (Java: `JLineZNodeCompleter`).

use super::shell::Shell;

/// Where the word at the end of `line` begins, and what it may become, sorted.
pub fn candidates(line: &str, shell: &Shell) -> (usize, Vec<String>) {
    let start = line.rfind([' ', '\t']).map_or(0, |blank| blank + 1);
    let word = &line[start..];
    let found = match word.rfind('/') {
        Some(slash) if word.starts_with('/') => nodes(&word[..slash], &word[slash + 1..], shell),
        _ if line[..start].trim().is_empty() => {
            let verbs = super::commands::verbs().into_iter().map(|(verb, _)| verb);
            verbs.filter(|verb| verb.starts_with(word)).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    (start, found)
}

/// The children of `parent` (empty for the root) that begin with `prefix`, as paths. None if the
/// server does not say soon.
fn nodes(parent: &str, prefix: &str, shell: &Shell) -> Vec<String> {
    let children = shell.children_soon(if parent.is_empty() { "/" } else { parent });
    let begins = children.into_iter().filter(|child| child.starts_with(prefix));
    begins.map(|child| format!("{parent}/{child}")).collect()
}
