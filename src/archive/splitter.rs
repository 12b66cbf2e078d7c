//! Finds where values begin and end in JSON that is not line-delimited.
//!
//! Follows strings and brackets only; whether a value is good JSON is for the
//! decoder to say. Works on any piece of a file and asks for more when a
//! value is not complete.

use std::ops::Range;

use memchr::memchr2;

use crate::archive::layers::names;

/// Walks through a list, a page or objects side by side.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    inside: Vec<Container>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Container {
    List,
    /// The list of a page that so many objects are around.
    PageList(usize),
    /// What follows the list of a page.
    PageEnd(usize),
}

/// What stands at a place.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// A record.
    Value(Range<usize>),
    /// Nothing of interest up to here.
    Passed(usize),
    /// A page whose own fields are the range; its list starts behind it, inside so many objects.
    Page(Range<usize>, usize),
    /// A page ends here.
    PageEnd(usize),
    /// The bytes end inside a value.
    Incomplete,
    /// The bytes end between values.
    End,
}

impl Splitter {
    /// Says what stands at `at`; call again from where that ends.
    pub fn next(&mut self, bytes: &[u8], at: usize) -> Step {
        let at = skip_blank(bytes, at);
        let Some(byte) = bytes.get(at) else { return Step::End };
        match (self.inside.last(), byte) {
            (None, b'[') => {
                self.inside.push(Container::List);
                Step::Passed(at + 1)
            }
            (None, b'{') => match page_prefix(bytes, at) {
                Prefix::Page(list, depth) => Step::Page(at..list, depth),
                Prefix::Incomplete => Step::Incomplete,
                Prefix::NoPage => value(bytes, at),
            },
            (Some(Container::List), b']') => {
                self.inside.pop();
                Step::Passed(at + 1)
            }
            (Some(&Container::PageList(depth)), b']') => {
                self.inside.pop();
                self.inside.push(Container::PageEnd(depth));
                Step::Passed(at + 1)
            }
            (Some(&Container::PageEnd(depth)), _) => self.pass_page_end(bytes, at, depth),
            _ => value(bytes, at),
        }
    }

    /// Goes into the list of a page that `depth` objects are around.
    pub fn enter_page(&mut self, depth: usize) {
        self.inside.push(Container::PageList(depth));
    }

    /// Returns whether a list or page is still open.
    pub fn is_inside(&self) -> bool {
        !self.inside.is_empty()
    }

    fn pass_page_end(&mut self, bytes: &[u8], at: usize, depth: usize) -> Step {
        match close(bytes, at, depth) {
            Some(end) => {
                self.inside.pop();
                Step::PageEnd(end)
            }
            None => Step::Incomplete,
        }
    }
}

fn value(bytes: &[u8], at: usize) -> Step {
    value_end(bytes, at).map_or(Step::Incomplete, |end| Step::Value(at..end))
}

/// Skips white space, commas, NUL and byte order marks.
pub(crate) fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at..) {
            Some([b' ' | b'\t' | b'\r' | b'\n' | b',' | 0, ..]) => at += 1,
            Some([0xEF, 0xBB, 0xBF, ..]) => at += 3,
            _ => return at,
        }
    }
}

/// Returns where the value that starts at `at` ends; `None` when the bytes end first.
pub(crate) fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'{' | b'[' => close(bytes, at + 1, 1),
        b'"' => string_end(bytes, at + 1),
        _ => {
            let rest = &bytes[at + 1..];
            let end = rest.iter().position(|byte| matches!(byte, b',' | b']' | b'\n' | b'{'))?;
            Some(at + 1 + end)
        }
    }
}

/// Returns where the last of `depth` open brackets is closed.
fn close(bytes: &[u8], mut at: usize, mut depth: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at + 1)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Returns the place behind the quotation mark that ends the string going on at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Whether an object is a page.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Prefix {
    /// It is, and the first entry of its list comes here or later, inside so many objects.
    Page(usize, usize),
    NoPage,
    Incomplete,
}

/// Says whether the object that starts at `at` is a page with entries.
pub(crate) fn page_prefix(bytes: &[u8], at: usize) -> Prefix {
    walk_fields(bytes, at + 1, 1).unwrap_or(Prefix::Incomplete)
}

fn walk_fields(bytes: &[u8], mut at: usize, depth: usize) -> Option<Prefix> {
    let is_one_of = |names: &[&str], key: &[u8]| names.iter().any(|name| name.as_bytes() == key);
    loop {
        at = skip_blank(bytes, at);
        if *bytes.get(at)? != b'"' {
            return Some(Prefix::NoPage);
        }
        let key_end = string_end(bytes, at + 1)?;
        let key = &bytes[at + 1..key_end - 1];
        at = skip_blank(bytes, key_end);
        if *bytes.get(at)? != b':' {
            return Some(Prefix::NoPage);
        }
        at = skip_blank(bytes, at + 1);
        if is_one_of(names::OF_A_MESSAGE, key) {
            return Some(Prefix::NoPage);
        }
        if *bytes.get(at)? == b'[' && is_one_of(names::PAGE, key) {
            let first = skip_blank(bytes, at + 1);
            let empty = *bytes.get(first)? == b']';
            return Some(if empty { Prefix::NoPage } else { Prefix::Page(at + 1, depth) });
        }
        if bytes[at] == b'{' && depth < DEEPEST_LIST && is_one_of(names::INNER_PAGE, key) {
            match walk_fields(bytes, at + 1, depth + 1)? {
                Prefix::NoPage => {}
                page => return Some(page),
            }
        }
        at = field_end(bytes, at)?;
    }
}

fn field_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'{' | b'[' | b'"' => value_end(bytes, at),
        _ => bytes[at..].iter().position(|byte| matches!(byte, b',' | b'}')).map(|end| at + end),
    }
}

/// `{"code":0,"data":{"list":[…]}}`: an answer of a server has its list this deep.
const DEEPEST_LIST: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        let (mut splitter, mut at, mut found) = (Splitter::default(), 0, Vec::new());
        loop {
            match splitter.next(text.as_bytes(), at) {
                Step::Value(range) => {
                    at = range.end;
                    found.push(&text[range]);
                }
                Step::Passed(to) | Step::PageEnd(to) => at = to,
                Step::Page(range, depth) => {
                    at = range.end;
                    splitter.enter_page(depth);
                }
                Step::Incomplete => {
                    found.push("…");
                    return found;
                }
                Step::End => return found,
            }
        }
    }

    #[test]
    fn values_are_found_in_lists_pages_and_side_by_side() {
        // case 57
        let cases: &[(&str, &[&str])] = &[
            (r#"[{"a":"]}"},{"b":[1]}]"#, &[r#"{"a":"]}"}"#, r#"{"b":[1]}"#]),
            ("[\n  {\"a\": 1},\n  {\"b\": 2}\n]\n", &["{\"a\": 1}", "{\"b\": 2}"]),
            (r#"{"a":1}{"b":2} {"c":3}"#, &[r#"{"a":1}"#, r#"{"b":2}"#, r#"{"c":3}"#]),
            (
                r#"{"errcode":0,"chatdata":[{"a":1},{"b":2}],"x":{"y":"]"}}{"c":3}"#,
                &[r#"{"a":1}"#, r#"{"b":2}"#, r#"{"c":3}"#],
            ),
            (r#"{"data":["{\"a\":1}",null,""]}"#, &[r#""{\"a\":1}""#, "null", r#""""#]),
            (r#"{"chatdata":[]}"#, &[r#"{"chatdata":[]}"#]),
            (r#"{"code":0,"data":{"total":1,"list":[1,2],"x":{}},"y":1}{"c":3}"#, &["1", "2", r#"{"c":3}"#]),
            (r#"{"data":{"x":{"list":[1]}}}"#, &[r#"{"data":{"x":{"list":[1]}}}"#]),
            (r#"{"RECORDS":[1,2]}"#, &["1", "2"]),
            (r#"{"msgid":"a","data":[1]}"#, &[r#"{"msgid":"a","data":[1]}"#]),
            (r#"[{"a":1},{"b"#, &[r#"{"a":1}"#, "…"]),
            (r#"[{"a":"\"\\"}]"#, &[r#"{"a":"\"\\"}"#]),
            ("", &[]),
            ("[]", &[]),
            ("]\n{}", &["]", "{}"]),
        ];
        for (text, values) in cases {
            assert_eq!(split(text), *values, "{text}");
        }
    }
}
