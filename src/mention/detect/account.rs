//! Finds ids of WeChat and QQ: only after words that lead to them.

use std::ops::Range;

use regex::Regex;

/// The forms of ids, compiled.
pub(super) struct Accounts {
    qq: Option<Regex>,
    wechat: Option<Regex>,
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts { qq: Regex::new(QQ).ok(), wechat: Regex::new(WECHAT).ok() }
    }
}

impl Accounts {
    /// Appends the QQ numbers.
    pub(super) fn qq(&self, text: &str, out: &mut Vec<Range<usize>>) {
        if !text.contains(QQ_NAMES) {
            return;
        }
        for id in ids(self.qq.as_ref(), text) {
            let n_digits = text[id.clone()].chars().filter(|c| c.is_ascii_digit() || *c == 'o').count();
            let after = text[id.end..].chars().next();
            if (MIN_QQ..=MAX_QQ).contains(&n_digits) && !after.is_some_and(counts_or_joins) {
                out.push(id);
            }
        }
    }

    /// Appends the WeChat ids.
    pub(super) fn wechat(&self, text: &str, out: &mut Vec<Range<usize>>) {
        if !text.contains(MARKS) {
            return;
        }
        out.extend(ids(self.wechat.as_ref(), text).filter(|id| is_id(&text[id.clone()])));
    }
}

/// Returns where the group `id` of each match lies.
fn ids<'t>(form: Option<&'t Regex>, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
    let found = form.into_iter().flat_map(move |form| form.captures_iter(text));
    found.filter_map(|captures| captures.name("id").map(|id| id.range()))
}

/// Returns whether it is no plain word: with a digit, `_` or `-`, six to twenty characters.
fn is_id(text: &str) -> bool {
    let spaced = text.contains(' ');
    let bare = text.chars().filter(|c| *c != ' ').count();
    let marked = text.contains(MARKS);
    marked
        && (MIN_WECHAT..=MAX_WECHAT).contains(&bare)
        && (!spaced || text.split(' ').all(|part| part.len() == 1))
}

/// Returns whether a number goes on, or counts something: 12345箱.
fn counts_or_joins(c: char) -> bool {
    c.is_ascii_alphanumeric() || "箱元块个件人克斤%万亿套张".contains(c)
}

const QQ: &str = r"(?x)
    (?: ^ | [^a-z] ) (?: 加 | 群 )? (?: qq | q | 扣扣 | 叩叩 | 扣 | 企鹅 | 球球 ) (?: 群号? | 号码? | 我 | 联系 )?
    [\ ::=是为>\-→➡️️]{0,4} (?<id> [1-9] (?: [\ \-.]? [0-9o] ){4,11} )";
const WECHAT: &str = r"(?x)
    (?: ^ | [^a-z0-9] ) (?: 加 | \+ | ➕ )?
    (?: (?: [微薇威维徽]\ ?[信❤♥]? | v信 | v[❤♥]\u{fe0f}? | wei\ ?xin\ ?hao ) (?: 号 | 号码 )? [\ ::=是为>\-→➡\u{fe0f}]{0,4}
      | (?: wechat | weixin | wei\ xin | vx | wx | v ) (?: 号 | 号码 )? [\ ::=是为>\-→➡\u{fe0f}]{1,4} )
    (?<id> [a-z] (?: [a-z0-9_\-]{5,19} | (?: \ [a-z0-9_\-] ){5,19} ) )";
/// Every name of QQ in [`QQ`] has one of these: a text without them is told sooner than by the regex.
const QQ_NAMES: [char; 5] = ['q', '扣', '叩', '企', '球'];
/// No WeChat id is without one of these.
const MARKS: [char; 12] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '_', '-'];
/// Digits of QQ numbers.
const MIN_QQ: usize = 5;
const MAX_QQ: usize = 11;
/// Characters of WeChat ids.
const MIN_WECHAT: usize = 6;
const MAX_WECHAT: usize = 20;
