//! Message ids of the usual form as numbers: they take a third of the room.

/// `<number>_<milliseconds>` or `<number>_<milliseconds>_external`, as newer archives write ids.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NumberedId {
    /// The number before the first `_`.
    pub number: u64,
    /// The time after it.
    pub millis: i64,
    /// Whether `_external` follows.
    pub external: bool,
}

impl NumberedId {
    /// Reads an id; none when it has another form or would not come back letter by letter.
    pub fn of(id: &str) -> Option<NumberedId> {
        let (number, rest) = id.split_at_checked(memchr::memchr(b'_', id.as_bytes())?)?;
        let rest = rest.get(1..)?;
        let (millis, external) = match rest.strip_suffix(EXTERNAL) {
            Some(millis) => (millis, true),
            None => (rest, false),
        };
        let (number, millis) = (plain_number(number, 19)?, plain_number(millis, 13)?);
        Some(NumberedId { number, millis: i64::try_from(millis).ok()?, external })
    }

    /// Appends the id as it was.
    pub fn push_to(self, out: &mut String) {
        let mut digits = itoa::Buffer::new();
        out.push_str(digits.format(self.number));
        out.push('_');
        out.push_str(digits.format(self.millis));
        out.push_str(if self.external { EXTERNAL } else { "" });
    }
}

/// Returns what `digits` say when they are at most `most` digits without a leading zero.
fn plain_number(digits: &str, most: usize) -> Option<u64> {
    let bytes = digits.as_bytes();
    let plain = (1..=most).contains(&bytes.len()) && (bytes[0] != b'0' || bytes.len() == 1);
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    bytes
        .iter()
        .filter(|_| plain)
        .try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
        .filter(|_| plain)
}

const EXTERNAL: &str = "_external";
