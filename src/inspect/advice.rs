//! Says what to do with an archive, from what was counted in it.

use serde::Serialize;

use super::Inspection;
use crate::archive::ReadOptions;

/// One thing to know or to do before the first run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Advice {
    /// Stable code; `docs/inspect.md` lists them.
    pub code: &'static str,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Adds advice and the command for a run.
pub(super) fn add(inspection: &mut Inspection, inputs: &[String], options: &ReadOptions) {
    let rules: [fn(&Inspection, &ReadOptions) -> Option<Advice>; 11] = [
        nothing,
        encrypted,
        unknown_columns,
        texts_alone,
        unreadable,
        two_outsiders,
        roster,
        companies,
        conflicts,
        strangers,
        unknown_types,
    ];
    inspection.advice = rules.iter().filter_map(|rule| rule(inspection, options)).collect();
    inspection.command = command(inspection, inputs, options);
}

fn advice(code: &'static str, zh: String, en: String) -> Option<Advice> {
    Some(Advice { code, zh, en })
}

fn fault(inspection: &Inspection, code: &str) -> u64 {
    inspection.total.faults.get(code).copied().unwrap_or(0)
}

fn nothing(inspection: &Inspection, _: &ReadOptions) -> Option<Advice> {
    if inspection.total.messages > 0 || inspection.total.encrypted > 0 {
        return None;
    }
    advice(
        "no_messages",
        "没有读到一条消息：看下面“读不懂的记录”里的原因".into(),
        "not one message was read: the reasons stand with the unreadable records".into(),
    )
}

fn encrypted(inspection: &Inspection, options: &ReadOptions) -> Option<Advice> {
    let n = inspection.total.encrypted;
    let tried = options.decryptor.is_some();
    let (zh, en) = match (n, tried) {
        (0, _) => return None,
        (_, true) => (
            format!(
                "{n} 条密文的随机密钥能用所给私钥打开；还需要 --decryptor 完成 SDK 的 DecryptData 这一步"
            ),
            format!(
                "the keys given open {n} encrypted records; --decryptor must do the SDK's DecryptData step"
            ),
        ),
        (_, false) => {
            let versions: Vec<String> = inspection
                .total
                .key_versions
                .iter()
                .map(|(version, n)| format!("v{version} × {n}"))
                .collect();
            let versions = versions.join(", ");
            (
                format!(
                    "{n} 条是密文（公钥版本 {versions}）：用 --private-key 给出各版本私钥，用 --decryptor 给出解密命令，见 docs/decryption.md"
                ),
                format!(
                    "{n} records are encrypted (key versions {versions}): give the keys with --private-key and a command with --decryptor, see docs/decryption.md"
                ),
            )
        }
    };
    advice("encrypted", zh, en)
}

fn unknown_columns(inspection: &Inspection, _: &ReadOptions) -> Option<Advice> {
    let n = fault(inspection, "table.columns_unknown");
    if n == 0 {
        return None;
    }
    advice(
        "columns_unknown",
        format!(
            "{n} 张表的列名不认识：用 --columns '列名=from,列名=msgtime,列名=content' 说明，见 docs/tables.md"
        ),
        format!(
            "the columns of {n} tables are not known: say which is which with --columns 'name=from,name=msgtime,name=content', see docs/tables.md"
        ),
    )
}

fn texts_alone(inspection: &Inspection, _: &ReadOptions) -> Option<Advice> {
    let texts = |columns: &[(String, Option<&'static str>)]| {
        let has = |field: &str| columns.iter().any(|(_, known)| *known == Some(field));
        has("msgid") && has("content") && !has("from") && !has("from_name")
    };
    let alone =
        inspection.files.iter().filter(|file| texts(&file.columns) && file.contents.unreadable > 0).count();
    if alone == 0 && fault(inspection, "table.texts_alone") == 0 {
        return None;
    }
    advice(
        "texts_alone",
        "有的表只有正文，没有说明是谁发的：把列出消息的表（msgid, from, tolist, msgtime …）放在同一文件夹".into(),
        "some tables hold texts and not who wrote them: put the table that lists the messages into the same folder".into(),
    )
}

fn unreadable(inspection: &Inspection, _: &ReadOptions) -> Option<Advice> {
    let (bad, all) = (inspection.total.unreadable, inspection.total.records);
    if bad * 100 <= all {
        return None;
    }
    let share = bad as f64 * 100.0 / all as f64;
    advice(
        "many_unreadable",
        format!("{share:.1}% 的记录读不懂，超过 1%：运行会以退出码 1 结束，多半是格式认错了或文件损坏"),
        format!(
            "{share:.1}% of the records cannot be read, more than 1%: a run ends with exit code 1; most likely a format was mistaken or files are damaged"
        ),
    )
}

fn two_outsiders(inspection: &Inspection, options: &ReadOptions) -> Option<Advice> {
    let n = fault(inspection, "role.both_external");
    if n == 0 {
        return None;
    }
    let (zh, en) = match options.roster.is_empty() {
        true => ("没有名册", "there is no roster"),
        false => ("名册里没有他们", "they are not on the roster"),
    };
    advice(
        "staff_unknown",
        format!("{n} 条单聊的双方都像外部联系人，而{zh}：员工可能以 wo… 账号出现，请在名册里列出他们"),
        format!(
            "both sides of {n} one-to-one messages look like outsiders and {en}: staff may go by wo… ids, list them in the roster"
        ),
    )
}

fn roster(inspection: &Inspection, options: &ReadOptions) -> Option<Advice> {
    if !options.roster.is_empty() || inspection.total.messages == 0 {
        return None;
    }
    let staff = inspection.speakers.get("staff").copied().unwrap_or(0);
    let rooms = inspection.rooms;
    advice(
        "roster_missing",
        format!(
            "没有给名册：{staff} 个账号按前缀算作员工，{rooms} 个群的群主、管理员未知，踢人规则无法豁免他们。--roster 名册.csv（成员,角色,群,企业）"
        ),
        format!(
            "no roster: {staff} accounts count as staff by their prefix, and nobody knows the owners and administrators of {rooms} groups, whom kick rules must spare. --roster roster.csv (userid,role,room,company)"
        ),
    )
}

fn companies(inspection: &Inspection, _: &ReadOptions) -> Option<Advice> {
    let n = inspection.corps.len();
    if n < 2 {
        return None;
    }
    advice(
        "companies",
        format!("记录里有 {n} 家企业：同一客户在不同企业的账号不同，分开计算"),
        format!("records name {n} companies: their customers are counted apart"),
    )
}

fn conflicts(inspection: &Inspection, _: &ReadOptions) -> Option<Advice> {
    let n = inspection.conflicting_duplicates;
    if n == 0 {
        return None;
    }
    advice(
        "conflicting_duplicates",
        format!(
            "{n} 条消息编号重复而写法不同：运行时取 seq 较小、文件靠前的一条；同一存档导出成两种格式也会这样"
        ),
        format!(
            "{n} records repeat an id and are written otherwise: a run takes the one with the lower seq, then the earlier file; one archive exported in two formats looks like this too"
        ),
    )
}

fn strangers(inspection: &Inspection, _: &ReadOptions) -> Option<Advice> {
    let n = inspection.files.iter().filter(|file| file.container.contains('.')).count();
    if n == 0 {
        return None;
    }
    advice(
        "strangers",
        format!("{n} 个文件不是存档或打不开，各算一条隔离记录：移走它们，或只给出存档文件"),
        format!(
            "{n} files are no archives or cannot be opened, and count as one unreadable record each: move them away, or name the archives only"
        ),
    )
}

fn unknown_types(inspection: &Inspection, _: &ReadOptions) -> Option<Advice> {
    let n = inspection.total.notes.get("unknown_type").copied().unwrap_or(0);
    if n == 0 {
        return None;
    }
    advice(
        "unknown_types",
        format!("{n} 条消息的类型不认识：算作互动，不看内容（数据专区的数字类型只认文本）"),
        format!(
            "{n} messages are of unknown types: they count as contact without text (of the data zone's numbers only text is known)"
        ),
    )
}

/// Returns the command for a run, with placeholders for what is still to be given.
fn command(inspection: &Inspection, inputs: &[String], options: &ReadOptions) -> String {
    let mut command = vec!["chattag run".to_owned()];
    command.extend(inputs.iter().map(|input| quoted(input)));
    command.push("--out out".into());
    command.push("--roster roster.csv".into());
    if fault(inspection, "table.columns_unknown") > 0 {
        command.push("--columns columns.txt".into());
    }
    if inspection.total.encrypted > 0 {
        if options.decryptor.is_none() {
            let versions = inspection.total.key_versions.keys();
            command.extend(versions.map(|version| format!("--private-key {version}=key-{version}.pem")));
        }
        command.push("--decryptor ./decrypt".into());
    }
    command.join(" ")
}

fn quoted(input: &str) -> String {
    let plain = !input.is_empty() && input.chars().all(|c| c.is_alphanumeric() || "/._-=".contains(c));
    if plain { input.to_owned() } else { format!("'{}'", input.replace('\'', r"'\''")) }
}
