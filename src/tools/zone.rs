//! The time zone of this machine, as the system's own files describe it (TZif, RFC 9636).
//!
//! ```text
//! 0   "TZif", version byte, 15 bytes unused
//! 20  six ints: UT/local flags, standard/wall flags, leap seconds, transitions, types, characters
//! 44  transitions (4 bytes each, 8 in the second block), the type of each (a byte),
//!     types (int offset in seconds, byte daylight, byte index into the characters), characters,
//!     leap seconds (4 or 8 bytes and an int), flags
//! ```
//! From version 2 on a second block with long transitions follows, and then a line that says how it
//! goes on after the last of them.

use std::path::{Path, PathBuf};

use byteorder::{BigEndian, ByteOrder};

const HEADER_LEN: usize = 44;
const ZONES: &str = "/usr/share/zoneinfo";
/// A zone's file is smaller than this, in bytes.
const MAX_LEN: u64 = 1 << 20;
const DAY: i64 = 86_400;

/// How local time differs from UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offset {
    /// East of Greenwich, in seconds.
    pub(super) seconds: i64,
    /// What it is called: `UTC`, `CEST`...
    pub(super) name: String,
}

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    /// From when on (seconds since 1970) which offset holds, ascending.
    changes: Vec<(i64, usize)>,
    /// The first one holds before all changes.
    offsets: Vec<Offset>,
    after: Option<Rule>,
}

/// What holds year after year: standard time, and perhaps daylight time between two moments.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    standard: Offset,
    daylight: Option<(Offset, Moment, Moment)>,
}

/// The `week`th (5: last) `weekday` (0: Sunday) of `month`, and seconds from its midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    month: i64,
    week: i64,
    weekday: i64,
    seconds: i64,
}

impl Zone {
    /// As `TZ` says, else `/etc/localtime`, else UTC.
    pub(super) fn local() -> Self {
        let path = match std::env::var("TZ") {
            Ok(name) => match Path::new(ZONES).join(name.trim_start_matches(':')) {
                path if path.starts_with(ZONES) && path != Path::new(ZONES) => path,
                _ => return Self::utc(),
            },
            Err(_) => PathBuf::from("/etc/localtime"),
        };
        let small = std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() < MAX_LEN);
        let bytes = small.then(|| std::fs::read(&path).ok()).flatten();
        bytes.and_then(|bytes| Self::parse(&bytes)).unwrap_or_else(Self::utc)
    }

    /// No difference, ever.
    pub(super) fn utc() -> Self {
        let offsets = vec![Offset { seconds: 0, name: "UTC".to_owned() }];
        Self { changes: Vec::new(), offsets, after: None }
    }

    /// The zone that a file describes; `None` where it makes no sense.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = Block::split(bytes, 4)?;
        if bytes[4] == 0 {
            return first.zone(4, None);
        }
        let (second, footer) = Block::split(rest, 8)?;
        let footer = std::str::from_utf8(footer).ok()?.trim_matches('\n');
        second.zone(8, Rule::parse(footer))
    }

    /// The offset at a time in seconds since 1970.
    pub(super) fn at(&self, seconds: i64) -> &Offset {
        let next = self.changes.partition_point(|(from, _)| *from <= seconds);
        match (&self.after, next.checked_sub(1)) {
            (Some(rule), _) if next == self.changes.len() => rule.at(seconds),
            (_, Some(last)) => &self.offsets[self.changes[last].1],
            (_, None) => &self.offsets[0],
        }
    }
}

/// The parts of a block that are needed.
struct Block<'a> {
    times: &'a [u8],
    kinds: &'a [u8],
    types: &'a [u8],
    names: &'a [u8],
}

impl<'a> Block<'a> {
    /// Takes a block with times of `width` bytes off the front.
    fn split(bytes: &'a [u8], width: usize) -> Option<(Self, &'a [u8])> {
        let header = bytes.get(..HEADER_LEN).filter(|header| header.starts_with(b"TZif"))?;
        let count = |at: usize| BigEndian::read_u32(&header[20 + 4 * at..]) as usize;
        let mut rest = &bytes[HEADER_LEN..];
        let mut take = |len: usize| {
            let (taken, left) = rest.split_at_checked(len)?;
            rest = left;
            Some(taken)
        };
        let (transitions, types) = (count(3), count(4));
        let block = Self {
            times: take(transitions.checked_mul(width)?)?,
            kinds: take(transitions)?,
            types: take(types.checked_mul(6)?)?,
            names: take(count(5))?,
        };
        take(count(2).checked_mul(width + 4)?)?;
        take(count(1))?;
        take(count(0))?;
        Some((block, rest))
    }

    fn zone(&self, width: usize, after: Option<Rule>) -> Option<Zone> {
        let offsets: Vec<Offset> =
            self.types.chunks_exact(6).map(|t| self.offset(t)).collect::<Option<_>>()?;
        let changes: Vec<(i64, usize)> = self
            .times
            .chunks_exact(width)
            .map(|time| BigEndian::read_int(time, width))
            .zip(self.kinds.iter().map(|kind| usize::from(*kind)))
            .collect();
        let known = changes.iter().all(|(_, kind)| *kind < offsets.len());
        (known && !offsets.is_empty()).then_some(Zone { changes, offsets, after })
    }

    fn offset(&self, kind: &[u8]) -> Option<Offset> {
        let name = self.names.get(usize::from(kind[5])..)?.split(|b| *b == 0).next()?;
        let seconds = i64::from(BigEndian::read_i32(kind));
        // Beyond a day is nonsense, and would overflow one day.
        (seconds.abs() <= DAY)
            .then(|| Offset { seconds, name: String::from_utf8_lossy(name).into_owned() })
    }
}

impl Rule {
    /// `CET-1CEST,M3.5.0,M10.5.0/3`; `None` for the forms that no zone of today has.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut names = parts.next()?;
        let name = take_name(&mut names)?;
        let standard = Offset { seconds: -take_time(&mut names)?, name };
        if names.is_empty() {
            return Some(Self { standard, daylight: None });
        }
        let name = take_name(&mut names)?;
        let ahead = standard.seconds + 3600;
        let seconds = if names.is_empty() { ahead } else { -take_time(&mut names)? };
        let (start, end) = (Moment::parse(parts.next()?)?, Moment::parse(parts.next()?)?);
        Some(Self { standard, daylight: Some((Offset { seconds, name }, start, end)) })
    }

    fn at(&self, seconds: i64) -> &Offset {
        let Some((daylight, start, end)) = &self.daylight else { return &self.standard };
        let local = seconds.saturating_add(self.standard.seconds);
        let (year, ..) = super::dates::civil(local.div_euclid(DAY));
        let start = start.in_year(year) - self.standard.seconds;
        let end = end.in_year(year) - daylight.seconds;
        let is_daylight = if start < end {
            (start..end).contains(&seconds)
        } else {
            !(end..start).contains(&seconds)
        };
        if is_daylight { daylight } else { &self.standard }
    }
}

impl Moment {
    /// `M3.5.0` or `M10.5.0/3`.
    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('/').unwrap_or((text, "2"));
        let mut numbers = date.strip_prefix('M')?.split('.').map(|n| n.parse::<i64>().ok());
        let mut next = |range: std::ops::RangeInclusive<i64>| {
            numbers.next().flatten().filter(|n| range.contains(n))
        };
        let (month, week, weekday) = (next(1..=12)?, next(1..=5)?, next(0..=6)?);
        let mut time = time;
        Some(Self { month, week, weekday, seconds: take_time(&mut time)? })
    }

    /// In local seconds since 1970.
    fn in_year(self, year: i64) -> i64 {
        let first = super::dates::days(year, self.month, 1);
        let next_month = match self.month {
            12 => super::dates::days(year + 1, 1, 1),
            month => super::dates::days(year, month + 1, 1),
        };
        let weekday = (first + 4).rem_euclid(7);
        let mut day = first + (self.weekday - weekday).rem_euclid(7) + 7 * (self.week - 1);
        while day >= next_month {
            day -= 7;
        }
        day * DAY + self.seconds
    }
}

/// `CET` or `<+03>`.
fn take_name(text: &mut &str) -> Option<String> {
    let (name, rest) = match text.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?,
        None => text.split_at(text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())),
    };
    *text = rest;
    (!name.is_empty()).then(|| name.to_owned())
}

/// `-1`, `5:30`, in seconds.
fn take_time(text: &mut &str) -> Option<i64> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, ':' | '+' | '-');
    let (time, rest) = text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()));
    *text = rest;
    let (sign, digits) = match time.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, time.strip_prefix('+').unwrap_or(time)),
    };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in digits.split(':') {
        seconds += part.parse::<i64>().ok().filter(|n| (0..=999).contains(n))? * unit;
        unit /= 60;
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    fn ruled(rule: &str) -> Zone {
        Zone { after: Rule::parse(rule), ..Zone::utc() }
    }

    /// A file of version 2 with one change at 1000 s.
    fn file() -> Vec<u8> {
        let block = |width: usize| {
            let mut bytes = b"TZif2".to_vec();
            bytes.resize(20, 0);
            for count in [0_u32, 0, 0, 1, 2, 8] {
                bytes.extend(count.to_be_bytes());
            }
            bytes.extend(&1000_i64.to_be_bytes()[8 - width..]);
            bytes.push(1);
            bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 14, 16, 1, 4]);
            bytes.extend(b"UTC\0CET\0");
            bytes
        };
        let mut bytes = block(4);
        bytes.extend(block(8));
        bytes.extend(b"\nCET-1\n");
        bytes
    }

    #[test]
    fn files_are_read() {
        let zone = Zone::parse(&file()).unwrap();
        assert_eq!(zone.at(999), &Offset { seconds: 0, name: "UTC".to_owned() });
        assert_eq!(zone.at(1000), &Offset { seconds: 3600, name: "CET".to_owned() });
    }

    #[test]
    fn daylight_comes_and_goes() {
        let zone = ruled(BERLIN);
        // 2026-03-29 and 2026-10-25, both at 01:00 UTC.
        for (at, name) in [
            (1_774_745_999, "CET"),
            (1_774_746_000, "CEST"),
            (1_792_889_999, "CEST"),
            (1_792_890_000, "CET"),
        ] {
            assert_eq!(zone.at(at).name, name, "{at}");
        }
        let south = ruled("AEST-10AEDT,M10.1.0,M4.1.0/3");
        assert_eq!(south.at(1_767_225_600).name, "AEDT");
        assert_eq!(south.at(1_782_864_000).name, "AEST");
        assert_eq!(ruled("<+03>-3").at(0), &Offset { seconds: 10_800, name: "+03".to_owned() });
    }

    proptest! {
        #[test]
        fn damaged_files_do_no_harm(at in 0..120_usize, byte: u8, time: i64) {
            let mut bytes = file();
            if let Some(b) = bytes.get_mut(at) {
                *b = byte;
            }
            if let Some(zone) = Zone::parse(&bytes) {
                zone.at(time);
            }
        }

        #[test]
        fn any_rule_does_no_harm(rule in "[A-Z<>]{3}[-+0-9:]{1,6}[A-Z]{0,3}(,M[0-9.]{1,6}){0,2}", time: i64) {
            ruled(&rule).at(time);
        }
    }
}
