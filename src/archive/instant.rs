//! Reads message times in the units and spellings that archives hold.

use serde_json::Value;

use crate::time::{Millis, Timestamp, Zone};

/// Returns the instant `number` means, in seconds, milliseconds, microseconds or
/// nanoseconds by its size; `None` when it is not positive.
pub(crate) fn of_number(number: i64) -> Option<Timestamp> {
    match number {
        ..=0 => None,
        1..100_000_000_000 => Some(Timestamp(number * 1_000)),
        100_000_000_000..100_000_000_000_000 => Some(Timestamp(number)),
        100_000_000_000_000..100_000_000_000_000_000 => Some(Timestamp(number / 1_000)),
        _ => Some(Timestamp(number / 1_000_000)),
    }
}

/// Returns the instant in `value`: a number, digits in a string, or a local date and time.
pub(crate) fn of_value(value: &Value, zone: &Zone) -> Option<Timestamp> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| integral(number.as_f64()?)).and_then(of_number),
        Value::String(text) => of_text(text.trim(), zone),
        _ => None,
    }
}

fn of_text(text: &str, zone: &Zone) -> Option<Timestamp> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    if let Ok(number) = whole.parse::<i64>() {
        return of_number(number);
    }
    if let Some(number) = text.parse::<f64>().ok().and_then(integral) {
        return of_number(number);
    }
    zone.parse_local(text).filter(|at| at.0 > 0 && *at != Timestamp::MAX)
}

/// Returns `number` as an integer when it is one.
pub(crate) fn integral(number: f64) -> Option<i64> {
    let exact = number.fract() == 0.0 && number.abs() < 9.0e18;
    exact.then_some(number as i64)
}

/// Returns the time inside a message id: `_` and 10 (seconds) or 13 (milliseconds) digits, up to the next `_`.
pub(crate) fn id_time(id: &str) -> Option<Timestamp> {
    let mut fields = id.as_bytes().split(|byte| *byte == b'_').skip(1);
    fields.find_map(|field| match field.len() {
        10 => digits(field).map(|seconds| Timestamp(seconds * 1_000)),
        13 => digits(field).map(Timestamp),
        _ => None,
    })
}

fn digits(field: &[u8]) -> Option<i64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    field.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
}

/// Returns whether a message time lies impossibly far after the time at which its id was made.
///
/// Such a record would move the clock of every rule behind it.
pub(crate) fn is_ahead(at: Timestamp, id_made: Timestamp) -> bool {
    at.since(id_made).0 > Millis::DAY.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// X5.
    #[test]
    fn times_are_read_in_every_unit_and_spelling() {
        // case 37: seconds, ms, µs, ns, digits in a string, floats; case 38: local dates
        let cases = [
            (json!(1_900_000_000), Some(1_900_000_000_000)),
            (json!(1_900_000_000_123_i64), Some(1_900_000_000_123)),
            (json!(1_900_000_000_123_456_i64), Some(1_900_000_000_123)),
            (json!(1_900_000_000_123_456_789_i64), Some(1_900_000_000_123)),
            (json!("1900000000123"), Some(1_900_000_000_123)),
            (json!("1900000000.0"), Some(1_900_000_000_000)),
            (json!(1.9e12), Some(1_900_000_000_000)),
            (json!("1.9e12"), Some(1_900_000_000_000)),
            (json!("2031/5/6 7:08:09"), Some(1_935_788_889_000)),
            (json!("2031-05-06 07:08:09:123"), Some(1_935_788_889_123)),
            (json!("2031-05-06 00:00"), Some(1_935_763_200_000)),
            (json!(0), None),
            (json!(-5), None),
            (json!(""), None),
            (json!("soon"), None),
            (json!(null), None),
            (json!([1]), None),
        ];
        for (value, expected) in cases {
            assert_eq!(of_value(&value, &Zone::shanghai()).map(|at| at.0), expected, "{value}");
        }
    }

    #[test]
    fn ids_tell_their_time_when_a_field_has_ten_or_thirteen_digits() {
        // case 34, 35
        let cases = [
            ("7000000000000000001_1900000000123_external", Some(1_900_000_000_123)),
            ("7000000000000000001_1900000000", Some(1_900_000_000_000)),
            ("7000000000000000001_1900000000123_updown_stream", Some(1_900_000_000_123)),
            ("7000000000000000008", None),
            ("1900000000123", None),
            ("CAQQ9onJxgYY2+==", None),
            ("a_19000000001", None),
            ("a_190000000x", None),
        ];
        for (id, expected) in cases {
            assert_eq!(id_time(id).map(|at| at.0), expected, "{id}");
        }
    }
}
