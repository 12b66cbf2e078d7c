//! Finds the hosts that a message points to.
//!
//! Hosts are compared in lower case, without a final dot, with full-width
//! letters and ideographic dots brought to ASCII, as browsers do.

use std::sync::LazyLock;

use regex::Regex;

use crate::message::{Message, TextScope};
use crate::rules::Words;

/// Returns the hosts of the links and, in the words asked for, of the addresses in the text.
/// Cost: linear in the text, and only when something in it looks like an address.
pub fn hosts(message: &Message<'_>, words: Words) -> Vec<String> {
    let mut hosts: Vec<String> = message.links.iter().filter_map(|link| host_of(link)).collect();
    for part in &message.parts {
        let counts =
            part.scope == TextScope::Own || (part.scope == TextScope::Shared && words == Words::OwnAndShared);
        if counts && looks_like_address(&part.text) {
            hosts.extend(
                ADDRESS.captures_iter(&part.text).filter_map(|found| host_of(found.get(1)?.as_str())),
            );
        }
    }
    hosts
}

/// Returns whether `host` is one of `allowed` or a sub-domain of one.
pub fn is_covered(host: &str, allowed: &[String]) -> bool {
    let tails = std::iter::successors(Some(host), |tail| tail.split_once('.').map(|(_, rest)| rest));
    tails.into_iter().any(|tail| allowed.binary_search_by(|known| known.as_str().cmp(tail)).is_ok())
}

/// Returns the host of a URL, with or without a scheme; `None` when there is none.
fn host_of(url: &str) -> Option<String> {
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest).trim_start_matches('/');
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let named = authority.rsplit('@').next()?;
    let host =
        if named.starts_with('[') { named.split_inclusive(']').next()? } else { named.split(':').next()? };
    let host: String = host.chars().map(plain).flat_map(char::to_lowercase).collect();
    let host = host.trim_end_matches('.');
    (!host.is_empty()).then(|| host.to_owned())
}

/// Brings full-width letters and dots to ASCII.
fn plain(c: char) -> char {
    match c {
        '。' | '．' | '｡' => '.',
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

fn looks_like_address(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr3_iter(b'h', b'w', b'.', bytes).any(|at| begins_address(&bytes[at..]))
        || memchr::memchr2_iter(b'H', b'W', bytes).any(|at| begins_address(&bytes[at..]))
}

fn begins_address(bytes: &[u8]) -> bool {
    let begins = |word: &[u8]| bytes.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    begins(b"http") || begins(b"www") || begins(b".c")
}

/// An address in running text: with a scheme, with `www.`, or a bare name that ends in one of the
/// endings chats turn into links most often (a Chinese character may follow at once). The name in a
/// mail address is none.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    let scheme = r"https?://[^\s<>]+";
    let www = r"www\.[a-z0-9.-]+";
    let bare = r"(?:[a-z0-9-]+\.)+(?:com|cn|cc)";
    Regex::new(&format!(r"(?i)(?:^|[^@a-z0-9._-])({scheme}|{www}|{bare}(?-u:\b))"))
        .expect("a constant pattern")
});

#[cfg(test)]
mod tests {
    use super::*;

    // (URL, host)
    const HOSTS: &[(&str, Option<&str>)] = &[
        ("https://Example.COM/a?b#c", Some("example.com")),
        ("http://user@evil.example:8080/x", Some("evil.example")),
        ("https://example.com@evil.example/", Some("evil.example")),
        ("//m.example.com./x", Some("m.example.com")),
        ("https://evil.example\\@example.com", Some("evil.example")),
        ("https://ｅｖｉｌ。example/", Some("evil.example")),
        ("http://[::1]:80/", Some("[::1]")),
        ("https:///", None),
        ("", None),
    ];

    #[test]
    fn the_host_is_what_a_browser_would_visit() {
        for (url, host) in HOSTS {
            assert_eq!(host_of(url).as_deref(), *host, "{url}");
        }
    }

    // Case B4: (host, covered by example.com)
    const COVERED: &[(&str, bool)] = &[
        ("example.com", true),
        ("m.example.com", true),
        ("notexample.com", false),
        ("example.com.evil.cn", false),
        ("com", false),
    ];

    #[test]
    fn an_allowed_host_covers_itself_and_its_sub_domains_only() {
        for (host, covered) in COVERED {
            assert_eq!(is_covered(host, &["example.com".to_owned()]), *covered, "{host}");
        }
    }

    // (text, hosts of addresses in it)
    const TEXTS: &[(&str, &[&str])] = &[
        ("看这里https://evil.example/x 快", &["evil.example"]),
        ("点WWW.Evil.example。谢谢", &["www.evil.example"]),
        ("上evil.com看看", &["evil.com"]),
        ("发到 me@evil.com", &[]),
        ("第1.2节", &[]),
        ("http", &[]),
    ];

    #[test]
    fn addresses_are_found_in_running_text() {
        for (text, hosts) in TEXTS {
            let found = ADDRESS.captures_iter(text).filter_map(|found| host_of(found.get(1)?.as_str()));
            let found: Vec<String> = found.collect();
            assert_eq!(found, *hosts, "{text}");
            assert!(found.is_empty() || looks_like_address(text), "{text}");
        }
    }
}
