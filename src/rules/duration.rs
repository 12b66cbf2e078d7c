//! Reads spans of time as rule files write them.
//!
//! `30s 10m 24h 7d 2w` are elapsed time, `3nd 1nw 1nm` natural days, weeks and
//! months, `3mo 1y` calendar months and years, `session` ends with a silence.
//! `M` is refused: it may mean minutes or months.

use crate::time::Millis;

/// A span as written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duration {
    /// So many milliseconds, whatever the calendar says.
    Elapsed(Millis),
    /// Today and the days before it.
    NaturalDays(u32),
    /// This week and the weeks before it.
    NaturalWeeks(u32),
    /// This month and the months before it.
    NaturalMonths(u32),
    /// Calendar months, to the same wall time.
    Months(u32),
    /// Until a silence.
    Session,
}

/// Why a text is no span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// `M`.
    Ambiguous,
    /// Zero or negative.
    NotPositive,
    /// More than a hundred years.
    TooLong,
    /// Not a number with a unit.
    Unknown,
}

impl Duration {
    /// Reads `text`, such as `30d`.
    ///
    /// # Errors
    ///
    /// Returns why the text is no span; a [`Fault`] each.
    pub fn parse(text: &str) -> Result<Duration, Fault> {
        if text == "session" {
            return Ok(Duration::Session);
        }
        let digits = text.trim_start_matches('-');
        let unit_at = digits.find(|c: char| !c.is_ascii_digit()).ok_or(Fault::Unknown)?;
        let (number, unit) = digits.split_at(unit_at);
        let n: u32 =
            number.parse().map_err(|_| if number.is_empty() { Fault::Unknown } else { Fault::TooLong })?;
        let duration = with_unit(n, unit)?;
        if n == 0 || digits.len() != text.len() {
            return Err(Fault::NotPositive);
        }
        if duration.longest_days(n) > MAX_DAYS { Err(Fault::TooLong) } else { Ok(duration) }
    }

    fn longest_days(self, n: u32) -> i64 {
        match self {
            Duration::Elapsed(span) => span.0 / Millis::DAY.0,
            Duration::NaturalDays(_) => i64::from(n),
            Duration::NaturalWeeks(_) => i64::from(n) * 7,
            Duration::NaturalMonths(months) | Duration::Months(months) => i64::from(months) * 31,
            Duration::Session => 0,
        }
    }
}

/// Reads a span of elapsed time, such as `24h`; none for anything else.
pub fn elapsed_span(text: &str) -> Option<Millis> {
    match Duration::parse(text) {
        Ok(Duration::Elapsed(span)) => Some(span),
        _ => None,
    }
}

fn with_unit(n: u32, unit: &str) -> Result<Duration, Fault> {
    let elapsed = |one: Millis| Ok(Duration::Elapsed(one.times(i64::from(n))));
    match unit {
        "s" => elapsed(Millis::SECOND),
        "m" => elapsed(Millis::MINUTE),
        "h" => elapsed(Millis::HOUR),
        "d" => elapsed(Millis::DAY),
        "w" => elapsed(Millis::DAY.times(7)),
        "nd" => Ok(Duration::NaturalDays(n)),
        "nw" => Ok(Duration::NaturalWeeks(n)),
        "nm" => Ok(Duration::NaturalMonths(n)),
        "mo" => Ok(Duration::Months(n)),
        "y" => n.checked_mul(12).map(Duration::Months).ok_or(Fault::TooLong),
        "M" => Err(Fault::Ambiguous),
        _ => Err(Fault::Unknown),
    }
}

/// A hundred years: longer than any archive, and far from the ends of the clock.
const MAX_DAYS: i64 = 37_200;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, Duration)] = &[
        ("30s", Duration::Elapsed(Millis(30_000))),
        ("10m", Duration::Elapsed(Millis(600_000))),
        ("24h", Duration::Elapsed(Millis(86_400_000))),
        ("7d", Duration::Elapsed(Millis(604_800_000))),
        ("2w", Duration::Elapsed(Millis(1_209_600_000))),
        ("3nd", Duration::NaturalDays(3)),
        ("1nw", Duration::NaturalWeeks(1)),
        ("1nm", Duration::NaturalMonths(1)),
        ("3mo", Duration::Months(3)),
        ("1y", Duration::Months(12)),
        ("session", Duration::Session),
    ];

    const BAD: &[(&str, Fault)] = &[
        ("3M", Fault::Ambiguous),
        ("0d", Fault::NotPositive),
        ("-1d", Fault::NotPositive),
        ("30", Fault::Unknown),
        ("d", Fault::Unknown),
        ("", Fault::Unknown),
        ("3 d", Fault::Unknown),
        ("1.5h", Fault::Unknown),
        ("3天", Fault::Unknown),
        ("30D", Fault::Unknown),
        ("99999999999d", Fault::TooLong),
        ("4000000000y", Fault::TooLong),
        ("101y", Fault::TooLong),
    ];

    #[test]
    fn spans_are_read_in_all_units_of_the_design() {
        for (text, duration) in GOOD {
            assert_eq!(Duration::parse(text), Ok(*duration), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_zero_endless_or_no_span_is_refused() {
        for (text, fault) in BAD {
            assert_eq!(Duration::parse(text), Err(*fault), "{text}");
        }
    }
}
