//! Walks through compact JSON from left to right, without parsing what nobody asks for.
//!
//! Knows the JSON that SDKs write and nothing else: no white space, no
//! control bytes, no fractions. Every step either passes exactly what it says
//! or gives `None`, and the record goes to the general path. Strings are
//! looked through with `memchr` and borrowed; an object is passed over without
//! a value being made.

use std::borrow::Cow;

use memchr::memchr2;

use crate::archive::role::OFFICIAL_ID_BYTES;

/// A place in a record.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Starts at the front of `bytes`; `None` when these are no UTF-8 or hold a control byte.
    pub fn new(bytes: &'a [u8]) -> Option<Scanner<'a>> {
        let text = simdutf8::basic::from_utf8(bytes).ok()?;
        // The smallest of all bytes rather than any below: this compares 16 at a time.
        let least = bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte));
        (least >= b' ').then_some(Scanner { text, at: 0 })
    }

    /// Starts at the front of a piece of a record that was looked at before.
    pub fn of_clean(text: &'a str) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    /// Goes back to the front.
    pub fn restart(&mut self) {
        self.at = 0;
    }

    /// Returns whether all was read.
    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Passes `token`.
    #[inline]
    pub fn pass(&mut self, token: &[u8]) -> Option<()> {
        let found = self.rest().starts_with(token);
        self.at += token.len();
        found.then_some(())
    }

    /// Passes `token` if it stands here, and says whether it did.
    #[inline]
    pub fn passes(&mut self, token: &[u8]) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    /// Passes the comma before the next item, or `close`: then there is none.
    pub fn goes_on(&mut self, close: u8) -> Option<bool> {
        let byte = self.byte()?;
        self.at += 1;
        (byte == b',' || byte == close).then_some(byte == b',')
    }

    /// Passes a key and its colon; `None` for a key with an escape.
    pub fn key(&mut self) -> Option<&'a str> {
        let key = self.plain_string()?;
        self.pass(b":")?;
        Some(key)
    }

    /// Passes a string without escapes.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.pass(b"\"")?;
        let start = self.at;
        let end = start + memchr2(b'"', b'\\', self.rest())?;
        self.at = end + 1;
        if self.text.as_bytes()[end] == b'"' { self.text.get(start..end) } else { None }
    }

    /// Passes a string and returns what it says, borrowed unless it holds an escape.
    pub fn string(&mut self) -> Option<Cow<'a, str>> {
        if self.passes(b"\"\"") {
            return Some(Cow::Borrowed(""));
        }
        let start = self.at;
        if let Some(text) = self.plain_string() {
            return Some(Cow::Borrowed(text));
        }
        self.at = start;
        self.escaped_string().map(Cow::Owned)
    }

    fn escaped_string(&mut self) -> Option<String> {
        let start = self.at;
        self.pass_string()?;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }

    /// Passes a string, whatever its escapes say.
    fn pass_string(&mut self) -> Option<()> {
        self.pass(b"\"")?;
        loop {
            self.at += memchr2(b'"', b'\\', self.rest())?;
            if self.byte()? == b'"' {
                self.at += 1;
                return Some(());
            }
            self.at += 2;
        }
    }

    /// Passes an integer of at most 19 digits, without a sign.
    pub fn unsigned(&mut self) -> Option<u64> {
        let rest = self.rest();
        let (mut number, mut count) = (0_u64, 0);
        while let Some(digit @ b'0'..=b'9') = rest.get(count) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            count += 1;
        }
        self.at += count;
        let leading_zero = count > 1 && rest[0] == b'0';
        ((1..=MOST_DIGITS).contains(&count) && !leading_zero).then_some(number)
    }

    /// Passes the id of a person or group and returns it.
    ///
    /// Nearly all are of one length: those need no search for their end.
    pub fn id(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at + 1;
        if self.passes_official_id() {
            return self.text.get(start..self.at - 1).map(Cow::Borrowed);
        }
        self.string()
    }

    fn passes_official_id(&mut self) -> bool {
        let Some([b'"', id @ .., b'"']) = self.rest().first_chunk::<QUOTED_ID>() else { return false };
        // All of it rather than up to the first mark: this compares 16 at a time.
        let marked = id.iter().fold(false, |marked, byte| marked | (*byte == b'"') | (*byte == b'\\'));
        self.at += if marked { 0 } else { QUOTED_ID };
        !marked
    }

    /// Passes a list of ids, none of them empty; returns the first and the number of all.
    pub fn ids(&mut self) -> Option<(Option<Cow<'a, str>>, u32)> {
        self.pass(b"[")?;
        if self.passes(b"]") {
            return Some((None, 0));
        }
        let first = self.id().filter(|id| !id.is_empty())?;
        let mut count = 1_u32;
        while self.goes_on(b']')? {
            // Groups have up to 500 receivers.
            if !self.passes_official_id() {
                self.plain_string().filter(|id| !id.is_empty())?;
            }
            count += 1;
        }
        Some((Some(first), count))
    }

    /// Passes an object of strings without escapes, integers and nulls; hands each field to `visit`.
    pub fn flat_object(&mut self, mut visit: impl FnMut(&'a str, Scalar<'a>)) -> Option<()> {
        self.pass(b"{")?;
        loop {
            let key = self.key()?;
            visit(key, self.scalar()?);
            if !self.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    fn scalar(&mut self) -> Option<Scalar<'a>> {
        match self.byte()? {
            b'"' => self.plain_string().map(Scalar::Text),
            b'0'..=b'9' => self.unsigned().map(Scalar::Number),
            _ => self.pass(b"null").map(|()| Scalar::Null),
        }
    }

    /// Passes an object up to its closing bracket; whether it is good JSON is for a parser to say.
    pub fn object(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.pass(b"{")?;
        let mut depth = 1_usize;
        loop {
            match self.byte()? {
                b'"' => {
                    self.pass_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
            match depth {
                0 => return self.text.get(start..self.at),
                DEEPEST.. => return None,
                _ => {}
            }
        }
    }
}

/// A value that holds no other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Number(u64),
    Null,
}

/// Every number of this many digits fits in 64 bits.
const MOST_DIGITS: usize = 19;

/// An official id between its quotation marks.
const QUOTED_ID: usize = OFFICIAL_ID_BYTES + 2;

/// Less than what a parser takes, so that a record is as deep for one path as for the other.
const DEEPEST: usize = 100;
