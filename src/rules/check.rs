//! Checks what only the whole pack shows.

use std::collections::BTreeMap;

use super::circles;
use super::compile::Context;
use super::findings::Findings;
use super::names;
use super::reader::Text;
use super::rule::{AfterFire, ExemptRole, Fingerprint, Rule, RuleIdx, RuleSet, Shape, TagIdx};
use super::test_def::RuleTest;
use super::tree::Table;
use crate::diagnostic::Diagnostic;

/// Checks that tests name rules that exist (`E003`) and that stable rules have a
/// positive and a negative test (`E010`).
pub fn tests(tests: &[RuleTest], rules: &[Table], context: &Context<'_>) {
    for line in tests.iter().flat_map(|test| &test.rules) {
        context.rules.resolve(Text { text: &line.text, place: &line.place }, context.findings);
    }
    for rule in rules.iter().filter(|rule| rule.text("status") == Some("stable")) {
        let Some(id) = rule.text("id") else { continue };
        let own = || tests.iter().filter(|test| !test.todo && test.rules.iter().any(|line| line.text == id));
        let (positive, negative) = (own().any(|t| !t.expect.is_empty()), own().any(|t| t.expect.is_empty()));
        if !positive || !negative {
            report_tests(id, positive, rule, context.findings);
        }
    }
}

fn report_tests(id: &str, positive: bool, rule: &Table, findings: &Findings) {
    let (zh, en) = if positive { ("反例（expect = []）", "negative") } else { ("正例", "positive") };
    let finding = Diagnostic::new(
        "E010",
        rule.place.clone(),
        format!("稳定规则 “{id}” 缺少{zh}测试"),
        format!("stable rule `{id}` has no {en} test"),
    );
    findings.add(finding.with_help(
        "写 [[test]]: 一个应触发，一个不应触发；或把 status 改为 \"test\"",
        "write [[test]]: one that fires and one that does not; or set status to \"test\"",
    ));
}

/// Checks compiled rules against each other.
pub fn rules(set: &RuleSet, findings: &Findings) {
    protected_roles(set, findings);
    tag_keys(set, findings);
    twins(set, findings);
    circles::check(set, findings);
    for rule in &set.rules {
        every_without_cooldown(rule, findings);
        naming(rule, findings);
    }
}

/// Kick rules must spare the owner, administrators and staff (`E011`).
fn protected_roles(set: &RuleSet, findings: &Findings) {
    for (idx, rule) in (0..).map(RuleIdx).zip(&set.rules).filter(|(_, rule)| rule.kick.is_some()) {
        let spares = |role| {
            let for_rule = set.exemptions.iter().filter(|e| e.rules.is_empty() || e.rules.contains(&idx));
            for_rule.into_iter().any(|e| e.until.is_none() && e.roles.contains(&role))
        };
        if [ExemptRole::Owner, ExemptRole::Admin, ExemptRole::Staff].into_iter().all(spares) {
            continue;
        }
        let finding = Diagnostic::new(
            "E011",
            rule.place.clone(),
            format!("踢人规则 “{}” 没有豁免群主、管理员和员工", rule.id),
            format!("kick rule `{}` does not spare owner, admin and staff", rule.id),
        );
        findings.add(finding.with_help(
            "加上 [[exempt]] roles = [\"owner\", \"admin\", \"staff\"]，不写 until",
            "add [[exempt]] roles = [\"owner\", \"admin\", \"staff\"] without `until`",
        ));
    }
}

/// A tag belongs to one kind of key (`E013`).
fn tag_keys(set: &RuleSet, findings: &Findings) {
    let mut first: BTreeMap<TagIdx, &Rule> = BTreeMap::new();
    for rule in &set.rules {
        let clash = rule.tags().into_iter().find(|tag| first.entry(*tag).or_insert(rule).key != rule.key);
        let Some(tag) = clash else { continue };
        let (other, tag) = (first[&tag], &set.tags[usize::from(tag.0)].id);
        let finding = Diagnostic::new(
            "E013",
            rule.place.clone(),
            format!("标签 “{tag}” 在 {} 由另一种 key 打上", other.place),
            format!("tag `{tag}` is assigned for another kind of key at {}", other.place),
        );
        findings.add(
            finding.with_help("统一两条规则的 key，或用两个标签", "give both rules one key, or use two tags"),
        );
    }
}

/// Two rules that decide the same (`W112`).
fn twins(set: &RuleSet, findings: &Findings) {
    let mut first: BTreeMap<Fingerprint, &Rule> = BTreeMap::new();
    for rule in &set.rules {
        let other = *first.entry(rule.fingerprint).or_insert(rule);
        if other.id != rule.id {
            let finding = Diagnostic::new(
                "W112",
                rule.place.clone(),
                format!("规则 “{}” 与 “{}” 完全相同", rule.id, other.id),
                format!("rule `{}` decides the same as `{}`", rule.id, other.id),
            );
            findings.add(finding.with_help("删去一条", "remove one of them"));
        }
    }
}

fn every_without_cooldown(rule: &Rule, findings: &Findings) {
    let every = matches!(rule.shape, Shape::Count { after_fire: AfterFire::Every, .. });
    if every && rule.alert.as_ref().is_some_and(|alert| alert.cooldown.is_none()) {
        let finding = Diagnostic::new(
            "W114",
            rule.place.clone(),
            format!("规则 “{}” 每次都告警，又没有冷却", rule.id),
            format!("rule `{}` alerts at every event and has no cooldown", rule.id),
        );
        findings.add(
            finding
                .with_help("在 [rule.alert] 加 cooldown = \"24h\"", "add cooldown = \"24h\" to [rule.alert]"),
        );
    }
}

fn naming(rule: &Rule, findings: &Findings) {
    if !names::is_plain(&rule.id) || rule.id.len() < 3 {
        let (zh, en) =
            (format!("规则 id “{}” 不合命名规则", rule.id), format!("rule id `{}` is oddly named", rule.id));
        let finding = Diagnostic::new("W116", rule.place.clone(), zh, en);
        findings.add(finding.with_help(
            "小写字母开头，只用小写字母、数字、下划线，3 到 40 个字符",
            "begin with a lower-case letter; lower-case letters, digits, underscores; 3 to 40 characters",
        ));
    }
    if rule.title.chars().count() > MAX_TITLE_CHARS {
        let (zh, en) = (
            format!("规则 “{}” 的标题超过 {MAX_TITLE_CHARS} 个字", rule.id),
            format!("the title of rule `{}` is longer than {MAX_TITLE_CHARS} characters", rule.id),
        );
        let finding = Diagnostic::new("W116", rule.place.clone(), zh, en);
        findings.add(finding.with_help("缩短标题，细节写进 note", "shorten it; details go into `note`"));
    }
}

/// Longer titles do not fit into the columns of reports.
const MAX_TITLE_CHARS: usize = 30;
