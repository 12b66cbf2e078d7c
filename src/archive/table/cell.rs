//! Spells the values of cells the same way, whatever format they come from.

use serde_json::{Number, Value};

/// Returns a text; an empty one is no value.
pub fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) }
}

/// Returns a number, as an integer when it is one: spreadsheets know only fractions.
pub fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < EXACT {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// Returns a local date and time, `milliseconds` after 1970-01-01 00:00 on the clock it was read from.
pub fn local(milliseconds: i64) -> Value {
    let span = jiff::SignedDuration::from_millis(milliseconds);
    let date = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(span);
    date.map_or(Value::Null, |date| {
        let whole = date.subsec_nanosecond() == 0;
        Value::String(
            date.strftime(if whole { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S.%3f" }).to_string(),
        )
    })
}

/// Returns a date, `days` after 1970-01-01.
pub fn day(days: i32) -> Value {
    let span = jiff::Span::new().try_days(days);
    let date = span.and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span));
    date.map_or(Value::Null, |date| Value::String(date.to_string()))
}

/// Above this a 64-bit fraction does not hold every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;
