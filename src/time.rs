//! Instants, spans and the local calendar.
//!
//! The core knows no other clock: every decision is a function of the
//! timestamps in the input. Calendar questions (which local day, when is its
//! midnight, what is three months later) go through [`Zone`].

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span as CalendarSpan, Timestamp as Instant, ToSpan};
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The earliest instant; every message is at or after it.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// The latest instant; no timer is due after it.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// Returns the instant `span` later, saturating.
    pub fn plus(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }

    /// Returns the instant `span` earlier, saturating.
    pub fn minus(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }

    /// Returns the span from `earlier` to `self`; negative when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

/// A span of elapsed time in milliseconds.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Millis(pub i64);

impl Millis {
    /// One second.
    pub const SECOND: Millis = Millis(1_000);
    /// One minute.
    pub const MINUTE: Millis = Millis(60_000);
    /// One hour.
    pub const HOUR: Millis = Millis(3_600_000);
    /// Twenty-four hours, whatever the calendar says.
    pub const DAY: Millis = Millis(86_400_000);

    /// Returns `n` times this span, saturating.
    pub fn times(self, n: i64) -> Millis {
        Millis(self.0.saturating_mul(n))
    }
}

/// A local calendar day: days since 1970-01-01 in the zone that made it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Day(pub i32);

impl Day {
    /// Returns the day `n` days later (earlier when negative).
    pub fn plus(self, n: i32) -> Day {
        Day(self.0.saturating_add(n))
    }

    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Day> {
        text.trim().parse::<Date>().ok().map(day_of_date)
    }

    /// Returns the day as `YYYY-MM-DD`.
    pub fn to_iso(self) -> String {
        date_of_day(self).to_string()
    }
}

/// A time zone with the calendar arithmetic the rules need.
#[derive(Clone, Debug)]
pub struct Zone {
    zone: TimeZone,
    name: String,
    /// The one offset of a zone that has never changed it since 2000, else `None`.
    /// Day arithmetic is then two divisions instead of a table look-up.
    fixed_offset: Option<Millis>,
}

impl Zone {
    /// Finds the zone with the IANA name `name`, such as `Asia/Shanghai`.
    ///
    /// # Errors
    ///
    /// Returns the name back when the bundled database does not know it.
    pub fn named(name: &str) -> Result<Zone, String> {
        let zone = TimeZone::get(name).map_err(|_| name.to_owned())?;
        let fixed_offset = constant_offset(&zone);
        Ok(Zone { zone, name: name.to_owned(), fixed_offset })
    }

    /// The zone of mainland China, where WeCom archives come from.
    pub fn shanghai() -> Zone {
        Zone::named("Asia/Shanghai").expect("the bundled database has Asia/Shanghai")
    }

    /// Returns the IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the local day that contains `at`.
    pub fn day(&self, at: Timestamp) -> Day {
        if let (Some(offset), true) = (self.fixed_offset, at.0 >= OFFSETS_SINCE) {
            return Day(at.plus(offset).0.div_euclid(Millis::DAY.0) as i32);
        }
        day_of_date(self.local(at).date())
    }

    /// Returns the first instant of `day`.
    pub fn midnight(&self, day: Day) -> Timestamp {
        let utc = Timestamp(i64::from(day.0).saturating_mul(Millis::DAY.0));
        if let (Some(offset), true) = (self.fixed_offset, utc.0 > OFFSETS_SINCE + Millis::DAY.0) {
            return utc.minus(offset);
        }
        self.instant(date_of_day(day).at(0, 0, 0, 0))
    }

    /// Returns the instant `months` calendar months after `at`: the same local
    /// wall time, on the last day of the month where the day does not exist.
    pub fn plus_months(&self, at: Timestamp, months: i32) -> Timestamp {
        let span: CalendarSpan = months.months();
        let Ok(later) = self.local(at).checked_add(span) else { return Timestamp::MAX };
        self.instant(later)
    }

    /// Returns the Monday of the week that contains `day`.
    pub fn week_start(&self, day: Day) -> Day {
        let from_monday = date_of_day(day).weekday().to_monday_zero_offset();
        day.plus(-i32::from(from_monday))
    }

    /// Returns the first day of the month that contains `day`, `back` months earlier.
    pub fn month_start(&self, day: Day, back: i32) -> Day {
        let first = date_of_day(day).first_of_month();
        first.checked_sub(back.months()).map_or(day, day_of_date)
    }

    /// Returns the first day of the month after the one that contains `day`.
    pub fn next_month(&self, day: Day) -> Day {
        let first = date_of_day(day).first_of_month();
        first.checked_add(1.months()).map_or(day.plus(31), day_of_date)
    }

    /// Returns the number of the month that contains `day`: 12 per year from January of year 0 on.
    pub fn month_number(&self, day: Day) -> i64 {
        let date = date_of_day(day);
        i64::from(date.year()) * 12 + i64::from(date.month()) - 1
    }

    /// Returns the instant at which the local clock shows `local`.
    pub fn instant(&self, local: DateTime) -> Timestamp {
        self.zone
            .to_ambiguous_timestamp(local)
            .compatible()
            .map_or(Timestamp::MAX, |instant| Timestamp(instant.as_millisecond()))
    }

    /// Parses a local date and time such as `2024-03-01 10:00`, `2031/5/6 7:08:09`
    /// or `2024-03-30 09:59:59.999`; `T` may stand for the space, the time may be
    /// missing (midnight), and a colon may stand before the milliseconds.
    pub fn parse_local(&self, text: &str) -> Option<Timestamp> {
        parse_civil(text).map(|local| self.instant(local))
    }

    /// Writes `at` as local time: `2024-03-01 10:00:00`, with milliseconds when there are any.
    pub fn format(&self, at: Timestamp) -> String {
        let local = self.local(at);
        let millis = local.subsec_nanosecond() / 1_000_000;
        let base = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
        if millis == 0 { base } else { format!("{base}.{millis:03}") }
    }

    fn local(&self, at: Timestamp) -> DateTime {
        let clamped = at.0.clamp(-62_000_000_000_000, 250_000_000_000_000);
        let instant = Instant::from_millisecond(clamped).expect("clamped into jiff's range");
        self.zone.to_datetime(instant)
    }
}

fn day_of_date(date: Date) -> Day {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = date.since((jiff::Unit::Day, epoch)).map_or(0, |span| span.get_days());
    Day(days)
}

fn date_of_day(day: Day) -> Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.saturating_add(day.0.clamp(-700_000, 2_900_000).days())
}

/// Returns the zone's offset when it has been one and the same since 2000.
fn constant_offset(zone: &TimeZone) -> Option<Millis> {
    let start = Instant::from_millisecond(OFFSETS_SINCE).ok()?;
    if zone.following(start).next().is_some() {
        return None;
    }
    Some(Millis(i64::from(zone.to_offset(start).seconds()) * 1_000))
}

/// Splits a date-time text into its numbers: year, month, day, hour, minute, second, fraction.
fn parse_civil(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let (date, time) = match text.find([' ', 'T']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let mut ymd = date.split(['-', '/', '.']).map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (ymd.next()??, ymd.next()??, ymd.next()??);
    let mut hms = time.split([':', '.']).filter(|part| !part.is_empty());
    let mut number = || hms.next().map_or(Some(0), |part| part.parse::<i32>().ok());
    let (hour, minute, second) = (number()?, number()?, number()?);
    let millis = hms.next().map_or(Some(0), millis_of_fraction)?;
    if ymd.next().is_some() || hms.next().is_some() {
        return None;
    }
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
    let date = Date::new(year, month, day).ok()?;
    let time = jiff::civil::Time::new(hour, minute, i8::try_from(second).ok()?, millis * 1_000_000).ok()?;
    Some(date.to_datetime(time))
}

/// Reads up to three leading digits of a decimal fraction of a second as milliseconds.
fn millis_of_fraction(digits: &str) -> Option<i32> {
    let head: String = digits.chars().chain("000".chars()).take(3).collect();
    digits.chars().all(|digit| digit.is_ascii_digit()).then(|| head.parse().ok())?
}

/// 2000-01-01T00:00:00Z. No archive holds older messages; before it the slow path answers.
const OFFSETS_SINCE: i64 = 946_684_800_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_midnights_are_those_of_the_zone() {
        let zone = Zone::shanghai();
        let at = zone.parse_local("2024-03-04 07:59").expect("a date");
        assert_eq!(zone.day(at).to_iso(), "2024-03-04");
        assert_eq!(zone.format(zone.midnight(zone.day(at))), "2024-03-04 00:00:00");
        let new_york = Zone::named("America/New_York").expect("known");
        assert_eq!(new_york.day(at).to_iso(), "2024-03-03");
        assert_eq!(new_york.format(new_york.midnight(new_york.day(at))), "2024-03-03 00:00:00");
    }

    #[test]
    fn months_keep_the_wall_time_and_clamp_to_the_last_day() {
        let zone = Zone::shanghai();
        let at = zone.parse_local("2024-11-30 10:00").expect("a date");
        assert_eq!(zone.format(zone.plus_months(at, 3)), "2025-02-28 10:00:00");
    }

    // (text, same instant in canonical form)
    const LOCAL: &[(&str, &str)] = &[
        ("2031/5/6 7:08:09", "2031-05-06 07:08:09"),
        ("2031-05-06 07:08:09:123", "2031-05-06 07:08:09.123"),
        ("2024-03-30T09:59:59.9", "2024-03-30 09:59:59.900"),
        ("2024-03-30", "2024-03-30 00:00:00"),
        ("2024-03-30 10:00", "2024-03-30 10:00:00"),
    ];

    #[test]
    fn local_times_are_read_in_the_forms_people_write() {
        let zone = Zone::shanghai();
        for (text, canonical) in LOCAL {
            assert_eq!(
                zone.parse_local(text).map(|at| zone.format(at)).as_deref(),
                Some(*canonical),
                "{text}"
            );
        }
        for bad in [
            "",
            "yesterday",
            "2024-13-01",
            "2024-02-30 10:00",
            "2024-03-01 23:59:60",
            "2024-03-01 10:00:00.5.6",
        ] {
            assert_eq!(zone.parse_local(bad), None, "{bad}");
        }
    }
}
