//! Finds addresses of pages and of mailboxes, with dots and signs written in other ways.

use std::ops::Range;

use regex::Regex;

/// The forms of addresses, compiled.
pub(super) struct Addresses {
    url: Option<Regex>,
    host: Option<Regex>,
    spoken: Option<Regex>,
    email: Option<Regex>,
}

impl Default for Addresses {
    fn default() -> Addresses {
        let dotted =
            format!(r"(?:www\s?{DOT}\s?[a-z0-9-]+|[a-z0-9][a-z0-9-]*)(?:{DOT}[a-z0-9-]+)*{DOT}(?:{DOMAINS})");
        let path = r"(?::\d{2,5})?(?:/[a-z0-9_~./?=&%#+-]*)?";
        let spoken = format!(
            r"[a-z0-9-]{{2,}}\s?(?:点|\sdot\s|\(dot\)|\[dot\])\s?(?:{DOMAINS}|康母|抗母|耐特)(?:\sslash\s[a-z0-9]+)?"
        );
        let local = r"[a-z0-9][a-z0-9._+-]*";
        let at = r"(?:\s?[@#]\s?|\s?[\[\(]at[\]\)]\s?)";
        let email = format!(r"{local}{at}(?:[a-z0-9-]+\s?[.。]\s?)+(?:{DOMAINS})");
        Addresses {
            url: Regex::new(r"(?:h[tx]{2}ps?|ftp)://[a-z0-9_~:/?=&%#@.+-]+").ok(),
            host: Regex::new(&(dotted + path)).ok(),
            spoken: Regex::new(&spoken).ok(),
            email: Regex::new(&email).ok(),
        }
    }
}

impl Addresses {
    /// Appends the addresses of pages.
    pub(super) fn urls(&self, text: &str, out: &mut Vec<Range<usize>>) {
        let first = out.len();
        let forms =
            [(&self.url, text.contains("://")), (&self.host, has_dot(text)), (&self.spoken, names_dot(text))];
        for (form, _) in forms.into_iter().filter(|(_, may_match)| *may_match) {
            for found in form.iter().flat_map(|form| form.find_iter(text)) {
                let range = found.range();
                let overlaps =
                    out[first..].iter().any(|other| other.start < range.end && range.start < other.end);
                if !overlaps && stands_alone(text, &range) && !is_product(found.as_str()) {
                    out.push(range);
                }
            }
        }
        out[first..].sort_by_key(|range| range.start);
    }

    /// Appends the addresses of mailboxes.
    pub(super) fn emails(&self, text: &str, out: &mut Vec<Range<usize>>) {
        if !text.contains(['@', '#']) && !text.contains("at") {
            return;
        }
        let found = self.email.iter().flat_map(|form| form.find_iter(text)).map(|found| found.range());
        out.extend(found.filter(|range| stands_alone(text, range)));
    }
}

/// Returns whether a letter follows a dot, as in every host: cheaper to tell than by the regex.
fn has_dot(text: &str) -> bool {
    let dots = text.match_indices(['.', '。']);
    dots.map(|(at, dot)| at + dot.len()).any(|end| text[end..].starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Returns whether a word for a dot is there, as in every host that is spelled out.
fn names_dot(text: &str) -> bool {
    text.contains('点') || text.contains("dot")
}

/// Returns whether no letter, digit or `@` touches it.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let joins = |c: char| c.is_ascii_alphanumeric() || c == '@';
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    !before.is_some_and(joins) && !after.is_some_and(joins)
}

/// Returns whether it is the name of a product that ends as a domain does.
fn is_product(text: &str) -> bool {
    PRODUCTS.contains(&text)
}

/// How dots are written.
const DOT: &str = r"[.。]";
/// Ends of hosts.
const DOMAINS: &str = "com|cn|net|org|top|xyz|vip|cc|me|info|shop|club|site|online|tv|io|app|link|live|pro|icu|wang|ltd|fun|work|ren|biz|co|hk|tw|us|uk|store|tech|so|la|im|ink|win|mobi|edu|gov|dev|page|group|love|today|world|space|website|press|host|bid|loan|men|kim|red|pub|run|ai";
/// Names that are no hosts.
const PRODUCTS: &[&str] = &["asp.net", "vb.net", "ado.net", "ml.net", "socket.io", "draw.io", "node.io"];
