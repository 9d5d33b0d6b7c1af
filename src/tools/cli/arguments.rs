//! The options of a command as commons-cli's `DefaultParser` reads them, and its texts of complaint
//! and of help. Names have one hyphen; an option may stand anywhere among the arguments.

use std::fmt::Write as _;

use super::Failure;

/// An option of a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opt {
    pub(super) name: &'static str,
    /// Whether a value follows.
    pub(super) value: bool,
    /// What the help says of it.
    pub(super) about: &'static str,
}

/// How the options of a command go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Each for itself.
    Free,
    /// One at most (an `OptionGroup`).
    OneAtMost,
    /// Exactly one (a required `OptionGroup`).
    One,
}

/// What a command understands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax {
    pub(super) options: &'static [Opt],
    pub(super) rule: Rule,
}

/// An option without a value.
pub(super) const fn flag(name: &'static str, about: &'static str) -> Opt {
    Opt { name, value: false, about }
}

/// An option with a value.
pub(super) const fn valued(name: &'static str, about: &'static str) -> Opt {
    Opt { name, value: true, about }
}

/// What was given.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    options: Vec<(&'static str, Option<String>)>,
    /// What belongs to no option; the verb is the first.
    pub(super) words: Vec<String>,
}

impl Arguments {
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// The first value of an option.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut given = self.options.iter().filter(|(given, _)| *given == name);
        given.find_map(|(_, value)| value.as_deref())
    }

    /// The word at `index`, which the command has made sure of; empty if there is none.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }
}

impl Syntax {
    /// No option at all.
    pub(super) const NONE: Self = Self { options: &[], rule: Rule::Free };

    /// Reads a command's words.
    pub(super) fn parse(&self, words: &[String]) -> Result<Arguments, Failure> {
        let mut parser = Parser { syntax: self, given: Arguments::default(), open: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                parser.given.words.extend(words.cloned());
                break;
            }
            parser.take(word)?;
        }
        parser.close()?;
        if self.rule == Rule::One && parser.given.options.is_empty() {
            let all: Vec<String> =
                self.options.iter().map(|o| format!("-{} {}", o.name, o.about)).collect();
            let list = all.join(", ");
            return Err(complaint("MissingOption", &format!("Missing required option: [{list}]")));
        }
        Ok(parser.given)
    }

    /// A line for each option, by name (`HelpFormatter.printOptions`).
    pub(super) fn help(&self) -> String {
        let mut lines: Vec<(String, &str)> = self
            .options
            .iter()
            .map(|o| (format!(" -{}{}", o.name, if o.value { " <arg>" } else { "" }), o.about))
            .collect();
        lines.sort_by_key(|(head, _)| head.to_lowercase());
        let width = lines.iter().map(|(head, _)| head.len()).max().unwrap_or_default() + 3;
        lines.iter().fold(String::new(), |mut text, (head, about)| {
            let _ = writeln!(text, "{head:width$}{about}");
            text
        })
    }

    fn find(&self, name: &str) -> Option<Opt> {
        self.options.iter().find(|option| option.name == name).copied()
    }

    fn find_char(&self, c: char) -> Option<Opt> {
        self.find(c.encode_utf8(&mut [0; 4]))
    }

    /// Whether a word names an option, alone or in front of something.
    fn is_option(&self, word: &str) -> bool {
        let Some(body) = word.strip_prefix('-').filter(|body| !body.is_empty()) else {
            return false;
        };
        let name = body.split('=').next().unwrap_or_default();
        self.find(name).is_some()
            || name.chars().next().is_some_and(|c| self.find_char(c).is_some())
    }
}

fn complaint(kind: &str, text: &str) -> Failure {
    Failure::new(format!("org.apache.commons.cli.{kind}Exception: {text}"))
}

fn unrecognized(word: &str) -> Failure {
    complaint("UnrecognizedOption", &format!("Unrecognized option: {word}"))
}

struct Parser<'a> {
    syntax: &'a Syntax,
    given: Arguments,
    /// The option whose value is still to come.
    open: Option<&'static str>,
}

impl Parser<'_> {
    fn take(&mut self, word: &str) -> Result<(), Failure> {
        if self.open.is_some() && (!self.syntax.is_option(word) || word.parse::<f64>().is_ok()) {
            self.fill(unquoted(word));
            return Ok(());
        }
        match word.strip_prefix('-') {
            None | Some("") => self.given.words.push(word.to_owned()),
            Some(body) if body.starts_with('-') => return Err(unrecognized(word)),
            Some(body) => self.take_option(word, body)?,
        }
        Ok(())
    }

    /// `-x`, `-name`, `-x=value`, `-xvalue` or `-xyz`.
    fn take_option(&mut self, word: &str, body: &str) -> Result<(), Failure> {
        if let Some((name, value)) = body.split_once('=') {
            let option = self.syntax.find(name).filter(|o| o.value && name.chars().count() == 1);
            self.give(option.ok_or_else(|| unrecognized(word))?)?;
            self.fill(value);
            return Ok(());
        }
        if let Some(option) = self.syntax.find(body) {
            return self.give(option);
        }
        for (at, c) in body.char_indices() {
            self.give(self.syntax.find_char(c).ok_or_else(|| unrecognized(word))?)?;
            let rest = &body[at + c.len_utf8()..];
            if self.open.is_some() && !rest.is_empty() {
                self.fill(rest);
                return Ok(());
            }
        }
        Ok(())
    }

    fn give(&mut self, option: Opt) -> Result<(), Failure> {
        self.close()?;
        let other = self.given.options.iter().find(|(given, _)| *given != option.name);
        if let Some((other, _)) = other.filter(|_| self.syntax.rule != Rule::Free) {
            let text = format!(
                "The option '{}' was specified but an option from this group has already been \
                 selected: '{other}'",
                option.name
            );
            return Err(complaint("AlreadySelected", &text));
        }
        self.given.options.push((option.name, None));
        self.open = option.value.then_some(option.name);
        Ok(())
    }

    fn fill(&mut self, value: &str) {
        self.open = None;
        if let Some((_, slot)) = self.given.options.last_mut() {
            *slot = Some(value.to_owned());
        }
    }

    fn close(&self) -> Result<(), Failure> {
        self.open.map_or(Ok(()), |name| {
            Err(complaint("MissingArgument", &format!("Missing argument for option: {name}")))
        })
    }
}

/// Without one pair of double quotes around it.
fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}
