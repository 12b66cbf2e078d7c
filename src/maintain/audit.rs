//! Looks at the tag registry as the owner of all tags does: what is unclear, unused, run out, too much.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::bundle::Bundle;
use crate::rules::{RuleSet, Tag};
use crate::time::Zone;

use super::tables::{self, Rows, TableError};

/// What is expected of the registry.
#[derive(Clone, Copy, Debug)]
pub struct AuditOptions {
    /// Most tags under one parent.
    pub max_children: usize,
    /// Months without an assignment that make a tag idle.
    pub idle_months: u32,
}

/// The report for the quarterly clean-up.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Audit {
    /// Tags in the registry.
    pub tags: usize,
    /// What should be looked at, by kind and tag.
    pub findings: Vec<AuditFinding>,
    /// Pairs of tags that seem to mean the same, with a migration.
    pub near_duplicates: Vec<NearDuplicate>,
    /// How each tag is used; empty without tables.
    pub usage: Vec<TagUsage>,
    /// The newest month of the tables, `YYYY-MM`.
    pub newest_month: Option<String>,
}

/// One thing to look at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct AuditFinding {
    /// `levels`, `children`, `naming`, `limit`, `no_rule`, `unused`, `idle`, `all_expired` or `no_end`.
    pub kind: &'static str,
    /// The tag, or the parent's path.
    pub tag: String,
    /// What is the matter, in Chinese.
    pub zh: String,
    /// What is the matter, in English.
    pub en: String,
}

/// Two tags that seem to mean the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NearDuplicate {
    /// The tag to keep: the one used more.
    pub keep: String,
    /// Its path.
    pub keep_path: String,
    /// The tag to give up.
    pub drop: String,
    /// Its path.
    pub drop_path: String,
    /// Why they seem to be the same, in Chinese.
    pub zh: String,
    /// Why they seem to be the same, in English.
    pub en: String,
    /// Keys that have both at present.
    pub both: u64,
    /// What to do, step by step, in Chinese.
    pub migration_zh: Vec<String>,
    /// What to do, step by step, in English.
    pub migration_en: Vec<String>,
}

/// How a tag is used.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TagUsage {
    /// The tag.
    pub tag: String,
    /// Its path.
    pub path: String,
    /// Keys that have it at present.
    pub standing: u64,
    /// Assignments.
    pub assigned: u64,
    /// Times it ran out.
    pub expired: u64,
    /// Assignments by local month, `YYYY-MM`.
    pub by_month: BTreeMap<String, u64>,
}

/// Looks at the registry of `bundle` and, with `out`, at what the runs into that directory assigned.
///
/// # Errors
///
/// The tables cannot be read.
pub fn audit(bundle: &Bundle, out: Option<&Path>, options: AuditOptions) -> Result<Audit, TableError> {
    let set = &bundle.rules;
    let mut audit = Audit { tags: set.tags.len(), ..Audit::default() };
    registry(set, options, &mut audit.findings);
    let standing = match out {
        Some(out) => usage(set, out, &mut audit)?,
        None => BTreeMap::new(),
    };
    if out.is_some() {
        unused(set, options, &mut audit);
    }
    audit.near_duplicates = near_duplicates(set, &audit.usage, &standing);
    audit.findings.sort();
    Ok(audit)
}

fn finding(kind: &'static str, tag: &str, zh: impl Into<String>, en: impl Into<String>) -> AuditFinding {
    AuditFinding { kind, tag: tag.to_owned(), zh: zh.into(), en: en.into() }
}

fn registry(set: &RuleSet, options: AuditOptions, findings: &mut Vec<AuditFinding>) {
    if set.tags.len() > MAX_TAGS {
        let (zh, en) =
            (format!("标签超过企业微信上限 {MAX_TAGS} 个"), format!("more tags than WeCom's {MAX_TAGS}"));
        findings.push(finding("limit", "", zh, en));
    }
    let assigned: BTreeSet<usize> =
        set.rules.iter().flat_map(|rule| rule.tags()).map(|tag| usize::from(tag.0)).collect();
    for (at, tag) in set.tags.iter().enumerate() {
        naming(tag, findings);
        if !assigned.contains(&at) {
            findings.push(finding("no_rule", &tag.id, "没有规则会打这个标签", "no rule assigns it"));
        }
        if tag.ttl.is_none() && tag.group.is_none() {
            findings.push(finding(
                "no_end",
                &tag.id,
                "没有有效期，也不在互斥组里：打上就不会掉",
                "no ttl and no group: once assigned it stays",
            ));
        }
    }
    for (parent, children) in children(set) {
        if children.len() > options.max_children {
            let (n, most) = (children.len(), options.max_children);
            let (zh, en) = (format!("下面有 {n} 个，上限 {most}"), format!("{n} children, at most {most}"));
            findings.push(finding("children", &parent, zh, en));
        }
    }
}

/// The children of each parent path.
fn children(set: &RuleSet) -> BTreeMap<String, BTreeSet<String>> {
    let mut children: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for tag in &set.tags {
        for depth in 1..tag.path.len() {
            children.entry(tag.path[..depth].join("/")).or_default().insert(tag.path[depth].clone());
        }
    }
    children
}

/// Names are short, without marks or vague words, and do not repeat their parent.
fn naming(tag: &Tag, findings: &mut Vec<AuditFinding>) {
    let name = tag.path.last().map_or("", String::as_str);
    let n = name.chars().count();
    if tag.path.len() < 2 {
        findings.push(finding(
            "levels",
            &tag.id,
            "只有一级，应放在某一类下面",
            "one level only: put it under a group",
        ));
    }
    if n > MAX_NAME_CHARS {
        let (zh, en) = (
            format!("名称 {n} 个字，标签名应不超过 {MAX_NAME_CHARS} 个"),
            format!("a name of {n} characters; at most {MAX_NAME_CHARS}"),
        );
        findings.push(finding("naming", &tag.id, zh, en));
    }
    if name.contains(|c: char| c.is_whitespace() || "!！?？,，.。;；:：#&+*\"'“”()（）".contains(c))
    {
        findings.push(finding("naming", &tag.id, "名称含空格或标点", "spaces or marks in the name"));
    }
    if VAGUE.contains(&name) {
        findings.push(finding("naming", &tag.id, "名称太含糊，看不出是什么客户", "the name is vague"));
    }
    let parent = tag.path.len().checked_sub(2).map(|at| tag.path[at].as_str());
    if parent == Some(name) {
        findings.push(finding("naming", &tag.id, "名称与上一级相同", "the name repeats its parent's"));
    }
}

/// Reads usage from the tables; returns the keys that have each tag.
fn usage(
    set: &RuleSet,
    out: &Path,
    audit: &mut Audit,
) -> Result<BTreeMap<String, BTreeSet<String>>, TableError> {
    let new = |tag: &Tag| TagUsage { tag: tag.id.clone(), path: tag.path.join("/"), ..TagUsage::default() };
    let mut usage: BTreeMap<String, TagUsage> =
        set.tags.iter().map(|tag| (tag.id.clone(), new(tag))).collect();
    let mut standing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for batch in tables::read(out, "current", "tag_events")? {
        let rows = Rows(&batch);
        (0..batch.num_rows()).filter(|row| !rows.flag("shadow", *row)).for_each(|row| {
            count_event(rows, row, &set.pack.zone, &mut usage, &mut audit.newest_month);
        });
    }
    for batch in tables::read(out, "current", "current_tags")? {
        let rows = Rows(&batch);
        for row in (0..batch.num_rows()).filter(|row| !rows.flag("shadow", *row)) {
            let tag = rows.text("tag_id", row);
            let key =
                ["corp", "customer", "staff", "room"].map(|column| rows.text(column, row)).join("\u{1f}");
            usage.entry(tag.to_owned()).or_default().standing += 1;
            standing.entry(tag.to_owned()).or_default().insert(key);
        }
    }
    audit.usage = usage.into_iter().map(|(tag, usage)| TagUsage { tag, ..usage }).collect();
    Ok(standing)
}

fn count_event(
    rows: Rows<'_>,
    row: usize,
    zone: &Zone,
    usage: &mut BTreeMap<String, TagUsage>,
    newest: &mut Option<String>,
) {
    let entry = usage.entry(rows.text("tag_id", row).to_owned()).or_default();
    if entry.path.is_empty() {
        entry.path = rows.text("tag_path", row).to_owned();
    }
    let month = rows.time("at", row).map(|at| zone.day(at).to_iso()[..7].to_owned());
    if *newest < month {
        newest.clone_from(&month);
    }
    match (rows.text("kind", row), rows.text("reason", row)) {
        ("assign", _) => {
            entry.assigned += 1;
            *entry.by_month.entry(month.unwrap_or_default()).or_default() += 1;
        }
        ("remove", "expired") => entry.expired += 1,
        _ => {}
    }
}

fn unused(set: &RuleSet, options: AuditOptions, audit: &mut Audit) {
    let newest = audit.newest_month.clone();
    for usage in &audit.usage {
        let registered = set.tags.iter().any(|tag| tag.id == usage.tag);
        if !registered {
            let (zh, en) = ("已不在登记处，还有客户带着它", "no longer in the registry, and still assigned");
            if usage.standing > 0 {
                audit.findings.push(finding("unused", &usage.tag, zh, en));
            }
            continue;
        }
        let last = usage.by_month.keys().next_back();
        let idle = last.zip(newest.as_ref()).map_or(0, |(last, newest)| months_between(last, newest));
        if usage.assigned == 0 {
            audit.findings.push(finding("unused", &usage.tag, "从来没有打过", "never assigned"));
        } else if idle >= options.idle_months {
            let last = last.cloned().unwrap_or_default();
            let (zh, en) = (
                format!("{idle} 个月没有打过，最后一次在 {last}"),
                format!("not assigned for {idle} months, last in {last}"),
            );
            audit.findings.push(finding("idle", &usage.tag, zh, en));
        } else if usage.standing == 0 && usage.expired > 0 {
            let (zh, en) =
                ("打过的都已到期，现在没有客户带着它", "all assignments ran out: nobody has it now");
            audit.findings.push(finding("all_expired", &usage.tag, zh, en));
        }
    }
}

/// Months from `a` to `b`, both `YYYY-MM`.
fn months_between(a: &str, b: &str) -> u32 {
    let months = |text: &str| {
        let (year, month) = text.split_once('-')?;
        Some(year.parse::<i32>().ok()? * 12 + month.parse::<i32>().ok()?)
    };
    let between = months(b).zip(months(a)).map_or(0, |(b, a)| b - a);
    u32::try_from(between).unwrap_or(0)
}

fn near_duplicates(
    set: &RuleSet,
    usage: &[TagUsage],
    standing: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<NearDuplicate> {
    let mut found = Vec::new();
    for (at, one) in set.tags.iter().enumerate() {
        for other in &set.tags[at + 1..] {
            let why = same_name(one, other).or_else(|| same_customers(one, other, standing));
            if let Some((zh, en)) = why {
                found.push(merge(one, other, (zh, en), usage, standing));
            }
        }
    }
    found
}

/// Names that are the same once words for "customer" are gone and synonyms are one word.
fn same_name(one: &Tag, other: &Tag) -> Option<(String, String)> {
    let (a, b) = (plain_name(one), plain_name(other));
    let shared = !a.is_empty() && a == b;
    shared.then(|| {
        let names = [one, other].map(|tag| tag.path.last().map_or("", String::as_str));
        (
            format!("“{}” 与 “{}” 说的是一回事", names[0], names[1]),
            format!("`{}` and `{}` say the same", names[0], names[1]),
        )
    })
}

fn plain_name(tag: &Tag) -> String {
    let mut name = crate::language::fold(tag.path.last().map_or("", String::as_str));
    for (word, plain) in SYNONYMS {
        name = name.replace(word, plain);
    }
    for word in FILLERS {
        let stripped = name.replace(word, "");
        if !stripped.is_empty() {
            name = stripped;
        }
    }
    name
}

/// Most of those who have one tag have the other, too.
fn same_customers(
    one: &Tag,
    other: &Tag,
    standing: &BTreeMap<String, BTreeSet<String>>,
) -> Option<(String, String)> {
    let (a, b) = (standing.get(&one.id)?, standing.get(&other.id)?);
    let both = a.intersection(b).count();
    let either = a.union(b).count();
    let alike = either >= MIN_KEYS && both * 10 >= either * 9;
    alike.then(|| {
        (format!("{either} 位客户里有 {both} 位两个都有"), format!("{both} of {either} customers have both"))
    })
}

fn merge(
    one: &Tag,
    other: &Tag,
    (zh, en): (String, String),
    usage: &[TagUsage],
    standing: &BTreeMap<String, BTreeSet<String>>,
) -> NearDuplicate {
    let used = |tag: &Tag| usage.iter().find(|usage| usage.tag == tag.id).map_or(0, |usage| usage.assigned);
    let (keep, drop) = if used(other) > used(one) { (other, one) } else { (one, other) };
    let none = BTreeSet::new();
    let keys = |tag: &Tag| standing.get(&tag.id).unwrap_or(&none);
    let (keep_id, drop_id) = (&keep.id, &drop.id);
    NearDuplicate {
        keep: keep_id.clone(),
        keep_path: keep.path.join("/"),
        drop: drop_id.clone(),
        drop_path: drop.path.join("/"),
        zh,
        en,
        both: keys(keep).intersection(keys(drop)).count() as u64,
        migration_zh: vec![
            format!("规则里的 tag = \"{drop_id}\" 都改成 \"{keep_id}\"，各升一次 version"),
            format!("tags.toml 删去 {drop_id}，retired.txt 加一行 {drop_id}"),
            format!("企业微信里：带 {drop_id} 的 {} 位加上 {keep_id}，再删去 {drop_id}", keys(drop).len()),
        ],
        migration_en: vec![
            format!("replace tag = \"{drop_id}\" by \"{keep_id}\" in the rules and raise their versions"),
            format!("remove {drop_id} from tags.toml and add it to retired.txt"),
            format!(
                "in WeCom: give {keep_id} to the {} who have {drop_id}, then remove {drop_id}",
                keys(drop).len()
            ),
        ],
    }
}

/// Fewer customers say nothing about two tags being the same.
const MIN_KEYS: usize = 20;

/// WeCom's limit for a company. Source: WeCom's documentation of customer tags, as the design cites it.
const MAX_TAGS: usize = 3_000;

/// WeCom's limit for a tag's name.
const MAX_NAME_CHARS: usize = 30;

/// Names that say nothing about a customer.
const VAGUE: &[&str] = &["其他", "其它", "未知", "普通", "一般", "测试", "临时", "新建标签", "标签"];

/// Words that add nothing to a tag's name.
const FILLERS: &[&str] = &["客户", "用户", "人群", "型", "类", "标签", "的", "群体", "待"];

/// Words of one meaning in tag names, with the one they are compared by.
const SYNONYMS: &[(&str, &str)] = &[
    ("vip", "高价值"),
    ("高净值", "高价值"),
    ("重要", "高价值"),
    ("优质", "高价值"),
    ("贵宾", "高价值"),
    ("价格敏感", "在意价格"),
    ("爱优惠", "在意价格"),
    ("促销敏感", "在意价格"),
    ("沉睡", "不活跃"),
    ("沉默", "不活跃"),
    ("休眠", "不活跃"),
    ("潜在", "意向"),
    ("潜客", "意向"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(id: &str, path: &str) -> Tag {
        Tag {
            id: id.into(),
            path: path.split('/').map(str::to_owned).collect(),
            group: None,
            ttl: None,
            levels: Vec::new(),
            hysteresis: 0.0,
            reviewed: false,
            rules_may_remove: true,
            retires: false,
        }
    }

    #[test]
    fn names_that_say_the_same_are_found_and_others_are_not() {
        // (name, name, the same)
        const CASES: &[(&str, &str, bool)] = &[
            ("高价值客户", "VIP客户", true),
            ("ＶＩＰ", "贵宾用户", true),
            ("沉睡客户", "沉默用户", true),
            ("价格敏感型", "价格敏感客户", true),
            ("质量问题", "物流问题", false),
            ("高活跃", "高价值", false),
            ("客户", "用户", false),
        ];
        for (a, b, same) in CASES {
            let found = same_name(&tag("a", &format!("甲/{a}")), &tag("b", &format!("乙/{b}"))).is_some();
            assert_eq!(found, *same, "{a} {b}: {} {}", plain_name(&tag("", a)), plain_name(&tag("", b)));
        }
    }

    #[test]
    fn the_naming_standard_is_kept() {
        // (path, kinds of findings)
        const CASES: &[(&str, &[&str])] = &[
            ("偏好/价格/价格敏感型", &[]),
            ("偏好", &["levels"]),
            ("偏好/其他", &["naming"]),
            ("偏好/喜欢 优惠！", &["naming"]),
            ("偏好/偏好", &["naming"]),
        ];
        for (path, kinds) in CASES {
            let mut findings = Vec::new();
            naming(&tag("t", path), &mut findings);
            let found: Vec<&str> = findings.iter().map(|finding| finding.kind).collect();
            assert_eq!(found, *kinds, "{path}");
        }
    }

    #[test]
    fn months_are_counted_over_years() {
        assert_eq!(months_between("2025-11", "2026-02"), 3);
        assert_eq!(months_between("2026-02", "2025-11"), 0);
    }
}
