//! Dates as Java writes them for the language English, in the local time zone.

use std::io::Write;

use super::zone::Zone;
use crate::ids::Millis;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const DAY: i64 = 86_400;

/// A day as (year, month, day of the month), given in days since 1970.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    // Years that start in March, in cycles of 400 years.
    let shifted = days.saturating_add(719_468);
    let (cycle, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let day = day - (153 * from_march + 2) / 5 + 1;
    (year + cycle * 400 + i64::from(month <= 2), month, day)
}

/// The day (year, month, day of the month) in days since 1970.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let day = (153 * from_march + 2) / 5 + day - 1;
    cycle * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468
}

/// A form of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `11/22/26, 2:35:09 AM UTC` (`DateFormat.SHORT`, `LONG`).
    Short,
    /// `Nov 22, 2026, 2:35:09 AM` (`DateFormat.getDateTimeInstance()`).
    Medium,
    /// `Sun Nov 22 02:35:09 UTC 2026` (`Date.toString`).
    Plain,
}

/// Writes dates of one form. Neighbours in a log mostly have the same second, so the last text is
/// kept.
#[derive(Debug)]
pub(super) struct Dates {
    zone: Zone,
    form: Form,
    second: Option<i64>,
    text: Vec<u8>,
}

impl Dates {
    /// Dates of this machine's time zone.
    pub(super) fn local(form: Form) -> Self {
        Self::of(Zone::local(), form)
    }

    fn of(zone: Zone, form: Form) -> Self {
        Self { zone, form, second: None, text: Vec::new() }
    }

    /// The text of a wall clock time.
    pub(super) fn text(&mut self, time: Millis) -> &[u8] {
        let second = time.div_euclid(1000);
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            // Writing to memory does not fail.
            let _ = write(&self.zone, self.form, second, &mut self.text);
        }
        &self.text
    }
}

fn write(zone: &Zone, form: Form, second: i64, out: &mut Vec<u8>) -> std::io::Result<()> {
    let offset = zone.at(second);
    let local = second + offset.seconds;
    let (day, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let (year, month, day_of_month) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let name = MONTHS[month as usize - 1];
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let zone = &offset.name;
    match form {
        Form::Short => write!(
            out,
            "{month}/{day_of_month}/{:02}, {hour12}:{minute:02}:{second:02} {half} {zone}",
            year.rem_euclid(100)
        ),
        Form::Medium => {
            write!(out, "{name} {day_of_month}, {year}, {hour12}:{minute:02}:{second:02} {half}")
        }
        Form::Plain => {
            let weekday = WEEKDAYS[(day + 4).rem_euclid(7) as usize];
            write!(
                out,
                "{weekday} {name} {day_of_month:02} {hour:02}:{minute:02}:{second:02} {zone} {year}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Form, time: Millis) -> String {
        let mut dates = Dates::of(Zone::utc(), form);
        String::from_utf8(dates.text(time).to_vec()).unwrap()
    }

    #[test]
    fn days_and_dates_are_the_same() {
        for day in [-800_000, -1, 0, 58, 59, 60, 11_016, 20_779, 3_000_000] {
            let (year, month, day_of_month) = civil(day);
            assert_eq!(days(year, month, day_of_month), day);
        }
        assert_eq!(civil(20_779), (2026, 11, 22));
    }

    #[test]
    fn dates_are_as_java_writes_them() {
        for (form, expected) in [
            (Form::Short, "11/22/26, 2:35:09 AM UTC"),
            (Form::Medium, "Nov 22, 2026, 2:35:09 AM"),
            (Form::Plain, "Sun Nov 22 02:35:09 UTC 2026"),
        ] {
            assert_eq!(text(form, 1_795_314_909_999), expected);
        }
        assert_eq!(text(Form::Short, 0), "1/1/70, 12:00:00 AM UTC");
        assert_eq!(text(Form::Short, 1_795_348_800_000), "11/22/26, 12:00:00 PM UTC");
    }

    #[test]
    fn times_out_of_all_bounds_do_no_harm() {
        for form in [Form::Short, Form::Medium, Form::Plain] {
            for time in [i64::MIN, i64::MAX, -1] {
                assert!(!text(form, time).is_empty());
            }
        }
    }
}
