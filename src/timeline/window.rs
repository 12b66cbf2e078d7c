//! Where windows begin and when spans end.

use crate::rules::{Span, Window};
use crate::time::{Millis, Timestamp, Zone};

/// Returns the earliest instant inside `window` when it ends at `at`.
///
/// An elapsed window excludes the instant exactly one length earlier; a natural
/// window includes its first midnight. A session has no start of its own.
pub(super) fn start(window: Window, at: Timestamp, zone: &Zone) -> Timestamp {
    let back = |n: u32| i32::try_from(n.saturating_sub(1)).unwrap_or(i32::MAX);
    match window {
        Window::Elapsed(length) => Timestamp(at.minus(length).0.saturating_add(1)),
        Window::NaturalDays(n) => zone.midnight(zone.day(at).plus(-back(n))),
        Window::NaturalWeeks(n) => {
            let monday = zone.week_start(zone.day(at));
            zone.midnight(monday.plus(-back(n).saturating_mul(7)))
        }
        Window::NaturalMonths(n) => zone.midnight(zone.month_start(zone.day(at), back(n))),
        Window::Session { .. } => Timestamp::MIN,
    }
}

/// Returns the instant `span` after `at`; calendar months keep the local wall time.
pub fn deadline(span: Span, at: Timestamp, zone: &Zone) -> Timestamp {
    match span {
        Span::Elapsed(length) => at.plus(length),
        Span::Months(n) => zone.plus_months(at, i32::try_from(n).unwrap_or(i32::MAX)),
    }
}

/// Returns an instant no later than [`deadline`], without asking the calendar.
pub(super) fn deadline_at_least(span: Span, at: Timestamp) -> Timestamp {
    match span {
        Span::Elapsed(length) => at.plus(length),
        Span::Months(n) => at.plus(SHORTEST_MONTH.times(i64::from(n))),
    }
}

/// 28 days less one for whatever a zone does to its clocks.
const SHORTEST_MONTH: Millis = Millis(27 * Millis::DAY.0);

#[cfg(test)]
mod tests {
    use super::*;

    // (window, its end, its first instant)
    const STARTS: &[(Window, &str, &str)] = &[
        (Window::Elapsed(Millis(3_600_000)), "2024-03-04 10:00", "2024-03-04 09:00:00.001"),
        (Window::NaturalDays(1), "2024-03-04 00:00", "2024-03-04 00:00:00"),
        (Window::NaturalDays(3), "2024-03-01 23:59", "2024-02-28 00:00:00"),
        (Window::NaturalWeeks(1), "2024-03-03 23:59", "2024-02-26 00:00:00"),
        (Window::NaturalWeeks(2), "2024-03-04 00:00", "2024-02-26 00:00:00"),
        (Window::NaturalMonths(1), "2024-03-31 10:00", "2024-03-01 00:00:00"),
        (Window::NaturalMonths(3), "2024-02-29 10:00", "2023-12-01 00:00:00"),
    ];

    #[test]
    fn natural_windows_begin_at_local_midnight_and_elapsed_ones_just_inside() {
        let zone = Zone::shanghai();
        for (window, end, first) in STARTS {
            let at = zone.parse_local(end).expect("a date");
            assert_eq!(zone.format(start(*window, at, &zone)), *first, "{window:?} {end}");
        }
    }

    #[test]
    fn the_cheap_deadline_is_never_later_than_the_exact_one() {
        let zone = Zone::named("America/New_York").expect("known");
        for day in 0..800 {
            let at = Timestamp(1_700_000_000_000 + day * Millis::DAY.0);
            for months in [1, 2, 3, 12, 36] {
                let span = Span::Months(months);
                assert!(deadline_at_least(span, at) <= deadline(span, at, &zone), "{day} {months}");
            }
        }
    }
}
