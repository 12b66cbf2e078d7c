//! Cuts the quoted message off a reply.
//!
//! Clients paste the quoted text into the replier's own text. Whoever counts
//! words must not count the quoted person's words for the replier: where the
//! end of a quote is in doubt, words are missed rather than misattributed.

/// How a text divides. Ranges are bytes of the text given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Division {
    /// No quote: all of it is the sender's.
    Whole,
    /// A quote, then the sender's own words (which may be empty).
    Reply {
        /// The quoted text without its quotation marks.
        quote: std::ops::Range<usize>,
        /// Where the reply starts.
        reply: usize,
    },
    /// It begins like a quote, and the end was not found.
    Unparsed,
}

/// Divides `text` into quote and reply. A quote stands only at the start, after white space.
pub(crate) fn divide(text: &str) -> Division {
    let start = text.len() - text.trim_start().len();
    let body = &text[start..];
    let division = match body.as_bytes().first() {
        Some(0xE3 | 0xE8 | b'T') => divide_body(body),
        _ => return Division::Whole,
    };
    match division {
        Division::Reply { quote, reply } => {
            Division::Reply { quote: quote.start + start..quote.end + start, reply: reply + start }
        }
        other => other,
    }
}

/// Returns the bytes of `text` that are the sender's own words: what follows the quote of a reply, or all of it. None
/// where it begins like a quote and the end was not found.
pub fn own_words(text: &str) -> std::ops::Range<usize> {
    match divide(text) {
        Division::Whole => 0..text.len(),
        Division::Reply { reply, .. } => reply..text.len(),
        Division::Unparsed => text.len()..text.len(),
    }
}

fn divide_body(body: &str) -> Division {
    if let Some(head) = head_length(body) {
        return divide_wecom(body, head);
    }
    if body.starts_with('「') { divide_wechat(body) } else { Division::Whole }
}

/// Returns the length of a quote head such as `这是一条引用/回复消息：` at the start of `text`.
fn head_length(text: &str) -> Option<usize> {
    let phrase = HEADS.iter().find(|head| text.starts_with(**head))?;
    let rest = &text[phrase.len()..];
    let colon = rest.trim_start().chars().next().filter(|mark| matches!(mark, ':' | '：'))?;
    Some(text.len() - rest.trim_start().len() + colon.len_utf8())
}

/// Q1–Q4, Q6: the head, the quote in quotation marks, dashes, the reply.
fn divide_wecom(body: &str, head: usize) -> Division {
    let open = skip_gap(body, head);
    let Some(mark) = body[open..].chars().next().filter(|mark| is_mark(*mark)) else {
        return Division::Unparsed;
    };
    let inner = open + mark.len_utf8();
    match last_wecom_separator(body, open) {
        Some((close, reply)) => Division::Reply { quote: inner.min(close)..close, reply },
        None => cut_at_mark(body, inner, mark),
    }
}

/// Finds the separator that ends the outermost quote: one is passed over for each nested head.
fn last_wecom_separator(body: &str, open: usize) -> Option<(usize, usize)> {
    let mut nested = 0_usize;
    let mut found = None;
    for (at, letter) in body[open..].char_indices().map(|(at, letter)| (at + open, letter)) {
        if matches!(letter, '这' | 'T') && head_length(&body[at..]).is_some() {
            nested += 1;
        } else if is_mark(letter)
            && let Some(reply) = dashes(body, at + letter.len_utf8(), false)
        {
            found = Some((at, reply));
            if nested == 0 {
                break;
            }
            nested -= 1;
        }
    }
    found
}

/// Without dashes the quote ends at its closing mark, the last one that can be meant.
fn cut_at_mark(body: &str, inner: usize, mark: char) -> Division {
    let close = match mark {
        '“' => balanced_close(&body[inner..], '“', '”').or_else(|| body[inner..].rfind(is_mark)),
        _ => body[inner..].rfind(is_mark),
    };
    let Some(close) = close.map(|at| at + inner) else { return Division::Unparsed };
    let width = body[close..].chars().next().map_or(1, char::len_utf8);
    Division::Reply { quote: inner..close, reply: skip_gap(body, close + width) }
}

fn balanced_close(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 1_usize;
    text.char_indices().find_map(|(at, letter)| {
        if letter == open {
            depth += 1;
        } else if letter == close {
            depth -= 1;
        }
        (depth == 0).then_some(at)
    })
}

/// Q5: `「NAME：QUOTE」`, a line of spaced dashes, the reply. Without dashes it is an ordinary text.
fn divide_wechat(body: &str) -> Division {
    let inner = '「'.len_utf8();
    let mut nested = 0_usize;
    let mut found = None;
    let mut before = '\n';
    for (at, letter) in body[inner..].char_indices().map(|(at, letter)| (at + inner, letter)) {
        if letter == '「' && matches!(before, '\n' | '：' | ':') {
            nested += 1;
        } else if letter == '」'
            && let Some(reply) = dashes(body, at + letter.len_utf8(), true)
        {
            found = Some((at, reply));
            if nested == 0 {
                break;
            }
            nested -= 1;
        }
        before = letter;
    }
    found.map_or(Division::Whole, |(close, reply)| Division::Reply { quote: inner..close, reply })
}

/// Returns where the reply starts when three or more dashes follow `at`.
fn dashes(body: &str, at: usize, spaced: bool) -> Option<usize> {
    let start = skip_gap(body, at);
    let mut count = 0_usize;
    let mut end = start;
    for (offset, letter) in body[start..].char_indices() {
        match letter {
            '-' | '—' | '－' => (count, end) = (count + 1, start + offset + letter.len_utf8()),
            ' ' if spaced => {}
            _ => break,
        }
    }
    (count >= FEWEST_DASHES).then(|| skip_gap(body, end))
}

/// Skips white space and the marks that exporters put in place of line ends.
fn skip_gap(body: &str, at: usize) -> usize {
    let rest =
        body[at..].trim_start_matches(|letter: char| letter.is_whitespace() || matches!(letter, '；' | ';'));
    body.len() - rest.len()
}

fn is_mark(letter: char) -> bool {
    matches!(letter, '"' | '“' | '”' | '＂')
}

/// The words before the colon, as the clients write them. Source: replies seen in public archive readers, 2026-11.
pub(crate) const HEADS: &[&str] = &["这是一条引用/回复消息", "This is a quote/reply"];

/// A separator is a run of 6 (WeCom) or 15 (WeChat) dashes; exporters shorten it.
const FEWEST_DASHES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    // (text, quote, reply); quote `-` means: no quote, `!` means: unparsed
    const CASES: &[(&str, &str, &str)] = &[
        // case 16: Q1 to Q6
        ("这是一条引用/回复消息：\n\"小鹿：\n多少钱\"\n------\n亲，199", "小鹿：\n多少钱", "亲，199"),
        ("这是一条引用/回复消息：\n“小鹿：\n多少钱”\n------\n亲，199", "小鹿：\n多少钱", "亲，199"),
        ("This is a quote/reply:\n\"Deer:\nhow much\"\n------\n199", "Deer:\nhow much", "199"),
        ("这是一条引用/回复消息：\"\n------\n亲，199", "", "亲，199"),
        ("「李华：亲，199」\n- - - - - - - - - - - - - - -\n一般", "李华：亲，199", "一般"),
        ("这是一条引用/回复消息： “小鹿： 多少钱” 亲，199", "小鹿： 多少钱", "亲，199"),
        ("这是一条引用/回复消息：；\"小鹿：；多少钱\"；------；亲", "小鹿：；多少钱", "亲"),
        ("这是一条引用/回复消息：\"小鹿：；多少钱\"；------；亲", "小鹿：；多少钱", "亲"),
        ("这是一条引用/回复消息： “甲： 说“好”的” 行", "甲： 说“好”的", "行"),
        // case 17: nested
        (
            "这是一条引用/回复消息：\n\"甲：\n这是一条引用/回复消息：\n\"乙：\n贵\"\n------\n不贵\"\n------\n好",
            "甲：\n这是一条引用/回复消息：\n\"乙：\n贵\"\n------\n不贵",
            "好",
        ),
        ("「甲：「乙：贵」\n- - - - -\n不贵」\n- - - - -\n好", "甲：「乙：贵」\n- - - - -\n不贵", "好"),
        // case 18: dashes in the reply
        ("这是一条引用/回复消息：\n\"甲：\n贵\"\n------\n一\n------\n二", "甲：\n贵", "一\n------\n二"),
        // case 19: odd names
        (
            "这是一条引用/回复消息：\n\"甲：乙 @丙😀「丁\"：\n贵\"\n------\n好",
            "甲：乙 @丙😀「丁\"：\n贵",
            "好",
        ),
        // case 20: a head in the middle
        ("看这个 这是一条引用/回复消息：\n\"甲：\n贵\"\n------\n好", "-", ""),
        // case 21: no end
        ("这是一条引用/回复消息：\n\"甲：\n贵", "!", ""),
        ("这是一条引用/回复消息：贵", "!", ""),
        // case 22
        ("这是一条引用/回复消息：\n\"甲：\n贵\"\n------\n[强]", "甲：\n贵", "[强]"),
        ("  「甲：贵」\n------\n好", "甲：贵", "好"),
        ("「好」这个字怎么读", "-", ""),
        ("这是一条引用/回复消息", "-", ""),
        ("This is fine", "-", ""),
        ("", "-", ""),
    ];

    #[test]
    fn quotes_are_cut_off_and_replies_kept() {
        for (text, quote, reply) in CASES {
            let expected = match *quote {
                "-" => ("-".to_owned(), String::new()),
                "!" => ("!".to_owned(), String::new()),
                _ => ((*quote).to_owned(), (*reply).to_owned()),
            };
            let seen = match divide(text) {
                Division::Whole => ("-".to_owned(), String::new()),
                Division::Unparsed => ("!".to_owned(), String::new()),
                Division::Reply { quote, reply } => (text[quote].to_owned(), text[reply..].to_owned()),
            };
            assert_eq!(seen, expected, "{text}");
        }
    }
}
