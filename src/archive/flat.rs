//! Reads the payloads of pictures, recordings, files, links and recalls as they stand.
//!
//! These are the frequent types without text of their own: flat objects, of
//! which at most three fields say anything. Reads them without making a JSON
//! value; whatever is odd (an escape, a list, a field in other letter case or
//! written twice) is left to `payload`, which reads all types.

use std::borrow::Cow;

use crate::archive::payload::Content;
use crate::archive::scan::{Scalar, Scanner};
use crate::message::{MessageKind, NumberField, TextScope};

/// Reads the payload `json` of a message of `kind`; `None` leaves it to [`payload::read`](super::payload::read).
pub(crate) fn read<'a>(kind: MessageKind, json: &'a str) -> Option<Content<'a>> {
    let values = scan(wanted(kind)?, json)?;
    let mut content = Content::default();
    match kind {
        MessageKind::Voice | MessageKind::Video => {
            content.numbers.extend(values[0].number()?.map(|value| (NumberField::Seconds, value)));
        }
        MessageKind::File => content.push(TextScope::Shared, values[0].text()?, 0),
        MessageKind::Link => {
            content.push(TextScope::Shared, values[0].text()?, 0);
            content.push(TextScope::Shared, values[1].text()?, 0);
            content.links.extend(Some(values[2].text()?).filter(|link| !link.is_empty()));
        }
        MessageKind::Revoke => content.target = Some(values[0].text()?).filter(|target| !target.is_empty()),
        _ => {}
    }
    Some(content)
}

/// The fields that say something, under the names that `payload` knows.
fn wanted(kind: MessageKind) -> Option<&'static [&'static str]> {
    match kind {
        MessageKind::Image | MessageKind::Emotion => Some(&[]),
        MessageKind::Voice | MessageKind::Video => Some(&["play_length"]),
        MessageKind::File => Some(&["filename"]),
        MessageKind::Link => Some(&["title", "description", "link_url"]),
        MessageKind::Revoke => Some(&["pre_msgid"]),
        _ => None,
    }
}

/// Returns the values of the fields `names`, null where there is none.
fn scan<'a>(names: &[&str], json: &'a str) -> Option<[Scalar<'a>; MOST_WANTED]> {
    let mut values = [None; MOST_WANTED];
    let mut odd = false;
    Scanner::of_clean(json).flat_object(|key, value| {
        if let Some(index) = names.iter().position(|name| name.eq_ignore_ascii_case(key)) {
            odd |= names[index] != key || values[index].is_some();
            values[index] = Some(value);
        }
    })?;
    (!odd).then(|| values.map(|value| value.unwrap_or(Scalar::Null)))
}

impl<'a> Scalar<'a> {
    /// Returns a text, empty for null; `None` for a number, of which `payload` makes digits.
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Scalar::Text(text) => Some(Cow::Borrowed(text)),
            Scalar::Null => Some(Cow::Borrowed("")),
            Scalar::Number(_) => None,
        }
    }

    /// Returns a number if there is one; `None` for a text, of which `payload` makes a number.
    fn number(self) -> Option<Option<i64>> {
        match self {
            Scalar::Number(number) => i64::try_from(number).ok().map(Some),
            Scalar::Null => Some(None),
            Scalar::Text(_) => None,
        }
    }
}

const MOST_WANTED: usize = 3;
