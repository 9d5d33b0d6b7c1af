//! A typed line as words (Java: `MyCommandOptions.parseCommand` and its `ARGS_PATTERN`).

/// The words of a line. Blanks part them; a word that begins with a quote goes to the next quote of
/// its kind, and loses both. A quote inside a word is a character like any other, and one that
/// nothing closes is passed over.
pub(super) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.trim_start_matches(is_blank);
        let end = |text: &str| text.find(is_blank).unwrap_or(text.len());
        let (text, used) = match word.chars().next() {
            Some(quote @ ('"' | '\'')) => match word[1..].split_once(quote) {
                Some((inside, _)) => (inside, inside.len() + 2),
                None => {
                    rest = &word[1..];
                    continue;
                }
            },
            Some(_) => (&word[..end(word)], end(word)),
            None => break,
        };
        words.push(text.to_owned());
        rest = word[used..].trim_start_matches(is_blank);
    }
    words
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}
