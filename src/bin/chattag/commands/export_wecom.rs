//! `chattag export wecom`: keyword rules within WeCom's limits, and tag changes for `mark_tag`.
#![allow(clippy::print_stdout, reason = "the summary is this command's output")]

use std::collections::{BTreeMap, BTreeSet};

use chattag::lexicon::TextEncoding;
use chattag::maintain::sheet::{self, SheetFormat};
use chattag::maintain::wecom::{self, TagDeltas, WecomExport};

use crate::Status;
use crate::args::WecomArgs;
use crate::console::Console;

/// Writes the files and says what WeCom cannot hold.
pub fn run(args: &WecomArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    for id in &args.rule {
        if !bundle.rules.rules.iter().any(|rule| rule.id == *id && rule.kick.is_some()) {
            return Err(super::unknown(("踢人规则", "kick rule"), id));
        }
    }
    let groups = match &args.groups {
        Some(path) => lines(&super::read_file(path)?),
        None => Vec::new(),
    };
    let export = wecom::keywords(&bundle, &args.rule, &groups);
    write_keywords(args, &export, console)?;
    let deltas = tag_deltas(args)?;
    if let Some(deltas) = &deltas {
        write_deltas(args, deltas)?;
    }
    match args.json {
        true => println!("{}", serde_json::json!({ "keywords": export, "tags": deltas })),
        false => print!("{}", describe(&export, deltas.as_ref(), console)),
    }
    Ok(Status::Fine)
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = chattag::lexicon::decode(bytes).0;
    let ids: BTreeSet<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    ids.into_iter().map(str::to_owned).collect()
}

fn write_keywords(args: &WecomArgs, export: &WecomExport, console: &Console) -> anyhow::Result<()> {
    let csv = |name: &str, rows: Vec<Vec<String>>| -> anyhow::Result<()> {
        let bytes = sheet::write(&rows, SheetFormat::Csv(TextEncoding::Utf8Bom))?;
        super::write_file(&args.out.join(name), &bytes)
    };
    let head = |titles: &[(&'static str, &'static str)]| {
        vec![titles.iter().map(|(zh, en)| console.pick(zh, en).to_owned()).collect::<Vec<_>>()]
    };
    let mut rows = head(&[RULE_NAME, FROM_RULE, ("处理", "action"), ("关键词", "keyword")]);
    for rule in &export.keyword_rules {
        let row =
            |word: &String| vec![rule.name.clone(), rule.rule.clone(), rule.action.to_owned(), word.clone()];
        rows.extend(rule.keywords.iter().map(row));
    }
    csv("anti_harassment.csv", rows)?;
    let mut rows = head(&[RULE_NAME, FROM_RULE, ("敏感词", "word")]);
    for rule in &export.intercept_rules {
        rows.extend(rule.words.iter().map(|word| vec![rule.name.clone(), rule.rule.clone(), word.clone()]));
    }
    csv("intercept.csv", rows)?;
    let mut rows = head(&[FROM_RULE, ("词表", "list"), ("编号", "id"), ("词", "term"), ("原因", "reason")]);
    let left = |left: &wecom::LeftOut| {
        vec![
            left.rule.clone(),
            left.lexicon.clone(),
            left.code.clone(),
            left.text.clone(),
            left.reason.to_owned(),
        ]
    };
    rows.extend(export.left_out.iter().map(left));
    csv("left_out.csv", rows)?;
    if !export.group_batches.is_empty() {
        let mut rows = head(&[("份", "batch"), ("步", "step"), ("群", "group")]);
        for (batch, one) in export.group_batches.iter().enumerate() {
            for (step, groups) in one.steps.iter().enumerate() {
                let row =
                    |group: &String| vec![(batch + 1).to_string(), (step + 1).to_string(), group.clone()];
                rows.extend(groups.iter().map(row));
            }
        }
        csv("groups.csv", rows)?;
    }
    Ok(())
}

const RULE_NAME: (&str, &str) = ("规则名称", "rule name");
const FROM_RULE: (&str, &str) = ("来源规则", "from rule");

fn tag_deltas(args: &WecomArgs) -> anyhow::Result<Option<TagDeltas>> {
    let (Some(from), Some(map)) = (&args.from, &args.tag_map) else { return Ok(None) };
    let tag_map: BTreeMap<String, String> = wecom::read_pairs(&super::read_file(map)?).into_iter().collect();
    if tag_map.is_empty() {
        let map = map.display();
        return Err(super::said(
            format!("`{map}` 里没有标签：应有表头，下面每行如 `price_sensitive,etAJ2G…`"),
            format!("`{map}` names no tag: expected a header and lines such as `price_sensitive,etAJ2G…`"),
        ));
    }
    let mut followers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if let Some(path) = &args.followers {
        for (userid, customer) in wecom::read_pairs(&super::read_file(path)?) {
            followers.entry(customer).or_default().insert(userid);
        }
    }
    let deltas = wecom::tag_deltas(from, args.since, &tag_map, &followers);
    Ok(Some(deltas?))
}

fn write_deltas(args: &WecomArgs, deltas: &TagDeltas) -> anyhow::Result<()> {
    let mut json = String::new();
    let mut rows = vec![["userid", "external_userid", "add_tag", "remove_tag"].map(str::to_owned).to_vec()];
    for call in &deltas.calls {
        json.push_str(&serde_json::to_string(call)?);
        json.push('\n');
        let (add, remove) = (call.add_tag.join("|"), call.remove_tag.join("|"));
        rows.push(vec![call.userid.clone(), call.external_userid.clone(), add, remove]);
    }
    super::write_file(&args.out.join("mark_tag.jsonl"), json.as_bytes())?;
    let bytes = sheet::write(&rows, SheetFormat::Csv(TextEncoding::Utf8Bom))?;
    super::write_file(&args.out.join("mark_tag.csv"), &bytes)
}

fn describe(export: &WecomExport, deltas: Option<&TagDeltas>, console: &Console) -> String {
    let chinese = console.language() == chattag::diagnostic::Language::Chinese;
    let words: usize = export.keyword_rules.iter().map(|rule| rule.keywords.len()).sum();
    let (rules, intercepts, left) =
        (export.keyword_rules.len(), export.intercept_rules.len(), export.left_out.len());
    let mut text = match chinese {
        true => format!(
            "关键词 {words} → 防骚扰规则 {rules} 条（每条至多 {}）、敏感词规则 {intercepts} 条（每条至多 {}）；无法导出 {left} 个，见 left_out.csv\n",
            wecom::MAX_KEYWORDS,
            wecom::MAX_WORDS
        ),
        false => format!(
            "{words} keywords → {rules} anti-harassment rules (at most {} each), {intercepts} intercept rules (at most {} each); {left} cannot be exported, see left_out.csv\n",
            wecom::MAX_KEYWORDS,
            wecom::MAX_WORDS
        ),
    };
    if export.rules_beyond_limit > 0 || export.intercept_rules.len() > wecom::MAX_INTERCEPT_RULES {
        text.push_str(console.pick(
            "规则数超过企业微信上限，要分给多个群主或精简词表\n",
            "more rules than WeCom allows: spread them over owners, or shorten the lists\n",
        ));
    }
    let steps: usize = export.group_batches.iter().map(|batch| batch.steps.len()).sum();
    if steps > 0 {
        let n: usize = export.group_batches.iter().flat_map(|batch| &batch.steps).map(Vec::len).sum();
        let batches = export.group_batches.len();
        text.push_str(&match chinese {
            true => {
                format!("群 {n} → {batches} 份，配置 {steps} 步（每步至多 {}）\n", wecom::MAX_GROUPS_PER_STEP)
            }
            false => format!(
                "{n} groups → {batches} parts, {steps} steps (at most {} each)\n",
                wecom::MAX_GROUPS_PER_STEP
            ),
        });
    }
    if let Some(deltas) = deltas {
        text.push_str(&describe_deltas(deltas, chinese));
    }
    text
}

fn describe_deltas(deltas: &TagDeltas, chinese: bool) -> String {
    let (calls, commit, most) = (deltas.calls.len(), deltas.commit, wecom::MAX_CONCURRENT_CALLS);
    let (unmapped, nobody) = (deltas.unmapped.len(), deltas.without_follower.len());
    match chinese {
        true => format!(
            "mark_tag {calls} 次调用（mark_tag.jsonl、mark_tag.csv；同时至多 {most} 个请求）；{unmapped} 个标签没有对照，{nobody} 位客户不知道谁跟进\n下次导出加 --since {commit}\n"
        ),
        false => format!(
            "{calls} calls of mark_tag (mark_tag.jsonl, mark_tag.csv; at most {most} at a time); {unmapped} tags without a WeCom id, {nobody} customers without a follower\nnext time add --since {commit}\n"
        ),
    }
}
