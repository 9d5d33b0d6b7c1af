//! The command lines of commons-cli's `DefaultParser`: options and arguments mixed, short ones
//! joined, long ones with one hyphen or two and shortened as far as they are unique.

use std::fmt;

/// An option of a tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    /// `-x`.
    pub(super) short: char,
    /// `--name`.
    pub(super) long: &'static str,
    /// Whether a value follows.
    pub(super) takes_value: bool,
    /// Whether the tool does nothing without it.
    pub(super) required: bool,
}

/// What was given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    options: Vec<(char, Option<String>)>,
    /// What belongs to no option.
    pub(super) arguments: Vec<String>,
}

/// Why a command line makes no sense, in the words of commons-cli.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misuse {
    Unrecognized(String),
    MissingValue(char),
    Ambiguous(String, Vec<&'static str>),
    MissingOptions(Vec<char>),
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrecognized(token) => write!(f, "Unrecognized option: {token}"),
            Self::MissingValue(option) => write!(f, "Missing argument for option: {option}"),
            Self::Ambiguous(token, names) => {
                let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
                write!(f, "Ambiguous option: '{token}'  (could be: {})", names.join(", "))
            }
            Self::MissingOptions(missing) => {
                let names: Vec<String> = missing.iter().map(char::to_string).collect();
                let s = if missing.len() == 1 { "" } else { "s" };
                write!(f, "Missing required option{s}: {}", names.join(", "))
            }
        }
    }
}

impl Given {
    /// Whether the option was given.
    pub(super) fn has(&self, short: char) -> bool {
        self.options.iter().any(|(given, _)| *given == short)
    }

    /// The option's first value.
    pub(super) fn value(&self, short: char) -> Option<&str> {
        let mut values = self.options.iter().filter(|(given, _)| *given == short);
        values.find_map(|(_, value)| value.as_deref())
    }
}

/// Reads `arguments` by `specs`.
///
/// # Errors
/// The first thing that makes no sense.
pub(super) fn parse(specs: &[Spec], arguments: &[String]) -> Result<Given, Misuse> {
    let mut parser = Parser { specs, given: Given::default(), waiting: None };
    let mut tokens = arguments.iter();
    while let Some(token) = tokens.next() {
        if token == "--" {
            parser.given.arguments.extend(tokens.by_ref().cloned());
            break;
        }
        parser.token(token)?;
    }
    parser.expect_no_value()?;
    let missing: Vec<char> = specs
        .iter()
        .filter(|spec| spec.required && !parser.given.has(spec.short))
        .map(|spec| spec.short)
        .collect();
    if missing.is_empty() { Ok(parser.given) } else { Err(Misuse::MissingOptions(missing)) }
}

struct Parser<'a> {
    specs: &'a [Spec],
    given: Given,
    /// The option whose value must come next.
    waiting: Option<char>,
}

impl Parser<'_> {
    fn token(&mut self, token: &str) -> Result<(), Misuse> {
        if self.waiting.is_some() && self.is_value(token) {
            self.take_value(unquoted(token));
            return Ok(());
        }
        match token.strip_prefix('-') {
            None | Some("") => {
                self.given.arguments.push(token.to_owned());
                Ok(())
            }
            Some(rest) => match rest.strip_prefix('-') {
                Some(long) => self.long(token, long),
                None => self.short_or_long(token, rest),
            },
        }
    }

    /// Whether a token may be a value: it is no option, or a negative number.
    fn is_value(&self, token: &str) -> bool {
        let Some(rest) = token.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
            return true;
        };
        if token.parse::<f64>().is_ok() {
            return true;
        }
        let name = rest.split('=').next().unwrap_or_default();
        let long = name.strip_prefix('-').unwrap_or(name);
        let is_short = name.chars().next().is_some_and(|c| self.short(c).is_some());
        let is_long = !self.matching(long).is_empty()
            || (!token.starts_with("--") && self.long_prefix(name).is_some());
        !is_short && !is_long
    }

    fn short(&self, short: char) -> Option<Spec> {
        self.specs.iter().find(|spec| spec.short == short).copied()
    }

    /// The options that `name` may stand for: the one of that name, or all that begin so.
    fn matching(&self, name: &str) -> Vec<Spec> {
        if let Some(exact) = self.specs.iter().find(|spec| spec.long == name) {
            return vec![*exact];
        }
        self.specs.iter().filter(|spec| spec.long.starts_with(name)).copied().collect()
    }

    /// The option whose long name begins `text`, the longest first.
    fn long_prefix(&self, text: &str) -> Option<Spec> {
        let begins = self.specs.iter().filter(|s| s.long.len() > 1 && text.starts_with(s.long));
        begins.max_by_key(|spec| spec.long.len()).copied()
    }

    /// `--name` or `--name=value`, `body` being what follows the hyphens.
    fn long(&mut self, token: &str, body: &str) -> Result<(), Misuse> {
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        let spec = match self.matching(name)[..] {
            [] => return Err(Misuse::Unrecognized(token.to_owned())),
            [spec] => spec,
            ref several => {
                let names = several.iter().map(|spec| spec.long).collect();
                let shown = token.split('=').next().unwrap_or_default();
                return Err(Misuse::Ambiguous(shown.to_owned(), names));
            }
        };
        if value.is_some() && !spec.takes_value {
            return Err(Misuse::Unrecognized(token.to_owned()));
        }
        self.option(spec)?;
        if let Some(value) = value {
            self.take_value(value);
        }
        Ok(())
    }

    /// `-x`, `-xvalue`, `-x=value`, `-xyz`, or a long name with one hyphen.
    fn short_or_long(&mut self, token: &str, body: &str) -> Result<(), Misuse> {
        if body.chars().count() > 1 {
            let (name, value) = body.split_once('=').unwrap_or((body, ""));
            if name.chars().count() == 1 {
                return self.short_with_value(token, name, value);
            }
            if body.contains('=') || !self.matching(body).is_empty() {
                return self.long(token, body);
            }
            if let Some(spec) = self.long_prefix(body).filter(|spec| spec.takes_value) {
                self.option(spec)?;
                self.take_value(&body[spec.long.len()..]);
                return Ok(());
            }
        }
        self.joined(token, body)
    }

    fn short_with_value(&mut self, token: &str, name: &str, value: &str) -> Result<(), Misuse> {
        let spec = name.chars().next().and_then(|c| self.short(c)).filter(|s| s.takes_value);
        let spec = spec.ok_or_else(|| Misuse::Unrecognized(token.to_owned()))?;
        self.option(spec)?;
        self.take_value(value);
        Ok(())
    }

    /// Short options in one word, the last perhaps with its value.
    fn joined(&mut self, token: &str, body: &str) -> Result<(), Misuse> {
        for (at, c) in body.char_indices() {
            let spec = self.short(c).ok_or_else(|| Misuse::Unrecognized(token.to_owned()))?;
            self.option(spec)?;
            let rest = &body[at + c.len_utf8()..];
            if spec.takes_value && !rest.is_empty() {
                self.take_value(unquoted(rest));
                return Ok(());
            }
        }
        Ok(())
    }

    fn option(&mut self, spec: Spec) -> Result<(), Misuse> {
        self.expect_no_value()?;
        self.given.options.push((spec.short, None));
        self.waiting = spec.takes_value.then_some(spec.short);
        Ok(())
    }

    fn take_value(&mut self, value: &str) {
        self.waiting = None;
        if let Some((_, slot)) = self.given.options.last_mut() {
            *slot = Some(value.to_owned());
        }
    }

    fn expect_no_value(&self) -> Result<(), Misuse> {
        self.waiting.map_or(Ok(()), |option| Err(Misuse::MissingValue(option)))
    }
}

/// Without one pair of double quotes around it.
fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: [Spec; 3] = [
        Spec { short: 'r', long: "recover", takes_value: false, required: false },
        Spec { short: 'v', long: "verbose", takes_value: false, required: false },
        Spec { short: 'z', long: "zxid", takes_value: true, required: true },
    ];

    fn given(line: &str) -> Result<Given, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&SPECS, &words).map_err(|e| e.to_string())
    }

    #[test]
    fn values_are_found_in_every_spelling() {
        for line in ["-z 5", "-z5", "-z=5", "--zxid 5", "--zxid=5", "-zxid 5", "-zxid=5", "--zx 5"]
        {
            assert_eq!(given(line).unwrap().value('z'), Some("5"), "{line}");
        }
        assert_eq!(given("-z -5").unwrap().value('z'), Some("-5"));
        assert_eq!(given("-rvz 5").unwrap().value('z'), Some("5"));
    }

    #[test]
    fn options_and_arguments_mix() {
        let found = given("a -r b -z 1 -- -v").unwrap();
        assert_eq!(found.arguments, ["a", "b", "-v"]);
        assert!(found.has('r') && !found.has('v'));
    }

    #[test]
    fn misuse_is_told_as_java_tells_it() {
        for (line, expected) in [
            ("-x", "Unrecognized option: -x"),
            ("-rx -z 1", "Unrecognized option: -rx"),
            ("--nothing", "Unrecognized option: --nothing"),
            ("--recover=1", "Unrecognized option: --recover=1"),
            ("-z", "Missing argument for option: z"),
            ("-z -r", "Missing argument for option: z"),
            ("-r", "Missing required option: z"),
        ] {
            assert_eq!(given(line).unwrap_err(), expected, "{line}");
        }
    }
}
