//! The fixed phrases of errors in Chinese; a test looks for every phrase of the sources here.

/// Returns `english` in Chinese; a phrase that is not listed stays as it is.
pub(super) fn chinese(english: &str) -> &str {
    PHRASES.iter().find(|(known, _)| *known == english).map_or(english, |(_, chinese)| chinese)
}

/// (English, Chinese): what a value should have been, what was expected, what is wrong with a file.
const PHRASES: &[(&str, &str)] = &[
    ("number of threads", "线程数"),
    ("one the system allows", "系统允许的数目"),
    ("column map", "列名对照"),
    ("pair of a column map", "列名对照中的一对"),
    ("the column first and the field behind the sign: `column=field`", "列名在前、字段在等号后：`列名=字段`"),
    ("each column to hold one field", "每一列只对应一个字段"),
    (
        "`name=field` pairs separated by commas, or a file with one pair a line",
        "逗号隔开的 `列名=字段`，或一行一对的文件",
    ),
    ("field", "字段"),
    ("private key file", "私钥文件"),
    ("RSA in PKCS#1 or PKCS#8, as PEM or bare base64", "PKCS#1 或 PKCS#8 的 RSA 私钥，PEM 或纯 base64"),
    ("line of JSONL", "JSONL 的一行"),
    ("one JSON object a line", "一行一个 JSON 对象"),
    ("CSV file", "CSV 文件"),
    ("rows of cells under a header", "表头加各行单元格"),
    ("header", "表头"),
    ("a column with the text; name it with --text-field", "有一列是文本；用 --text-field 指明列名"),
    ("exercise", "练习"),
    (
        "`+ text` or `- text`, alternatives as `(a|b)`, `<name> = a|b`",
        "`+ 文本` 或 `- 文本`，几种说法写成 `(甲|乙)`，起名写成 `<名> = 甲|乙`",
    ),
    ("list of event sources", "事件来源清单"),
    (
        "[[source]] with name, files, and perhaps kind, columns, lateness, complete",
        "[[source]]，有 name、files，可选 kind、columns、lateness、complete",
    ),
    ("kind of event", "事件种类"),
    ("lateness", "迟到时长"),
    ("elapsed time such as 10m, 24h, 2d", "流逝时间，如 10m、24h、2d"),
    ("0, or elapsed time such as 30s, 10m, 24h", "0，或流逝时间，如 30s、10m、24h"),
    ("instant to decide as of", "截止时刻"),
    (
        "one that is not before the `as_of` of the last commit: what is decided stays decided",
        "不早于上次提交的 `as_of`：已经决定的不再改",
    ),
    ("rule", "规则"),
    ("the id of a rule; `chattag stats` lists them", "规则 id；`chattag stats` 会列出全部"),
    ("size", "大小"),
    ("bytes, or a number with K, M or G", "字节数，或带 K、M、G 的数"),
    ("time zone", "时区"),
    ("an IANA name such as `Asia/Shanghai`", "IANA 名称，如 `Asia/Shanghai`"),
    ("time", "时刻"),
    ("local time such as `2026-02-01 00:00`", "当地时间，如 `2026-02-01 00:00`"),
    ("share", "比例"),
    ("`1%` or `0.01`", "`1%` 或 `0.01`"),
    ("input of a stream", "流的输入"),
    ("either - alone or files to follow", "要么只写 -，要么写要跟读的文件"),
    ("commit that can be read", "可以读的提交"),
    ("it is no list of hashes", "不是哈希清单"),
    (
        "it is not what was published; `chattag pack verify` says how",
        "与发布时不同；用 `chattag pack verify` 看差在哪里",
    ),
    ("it has no row", "里面没有一行"),
    ("a state in it cannot be read", "其中有状态读不出"),
    ("a row in it cannot be read", "其中有结果行读不出"),
    ("it is no state file", "不是状态文件"),
    ("it cannot be read as a state file", "不能当作状态文件读"),
    ("it cannot be read as a file of ids", "不能当作编号文件读"),
    ("it is no file of ids", "不是编号文件"),
    ("it does not say how its ids are divided", "没有写明编号怎样分开"),
    ("it does not read back as it was written", "读回来与写入的不同"),
    ("it cannot be read as a table", "不能当作表读"),
    ("it cannot be read as the table of current tags", "不能当作现有标签表读"),
    ("the record of the published commit is missing", "已公布的提交没有记录"),
    ("its size is not what the log says", "大小与记录不符"),
    ("its checksum does not match it and the record before it", "校验和与它自己和前一条记录不符"),
    ("its number is not that of its name", "编号与文件名不符"),
    ("it names a commit that is not before it", "它指向一次不在它之前的提交"),
    ("it was written by a newer version of chattag: use that one", "由更新的 chattag 写成：请用那个版本"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments of every call of `name` in `source`, as they are written.
    fn calls<'s>(source: &'s str, name: &str) -> Vec<&'s str> {
        let starts = source.match_indices(name).map(|(at, found)| at + found.len());
        let call = |start: usize| {
            let (mut depth, mut quoted, mut escaped) = (1, false, false);
            let end = source[start..].char_indices().find(|(_, c)| {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = quoted,
                    '"' => quoted = !quoted,
                    '(' if !quoted => depth += 1,
                    ')' if !quoted => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            &source[start..start + end.map_or(0, |(at, _)| at)]
        };
        starts.map(call).collect()
    }

    /// The texts of a call that a person reads: those with a space or of one plain word, without placeholders.
    fn phrases(call: &str) -> Vec<&str> {
        let quoted: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
        let is_phrase = |text: &&str| text.contains(|c: char| c.is_alphabetic()) && !text.contains('{');
        quoted.into_iter().filter(is_phrase).collect()
    }

    #[test]
    fn every_phrase_of_the_sources_has_a_translation() {
        const CALLS: &[&str] = &["Error::argument(", "Error::argument_one_of(", "Error::damaged("];
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut n, mut missing) = (0, Vec::new());
        for entry in walkdir::WalkDir::new(root).into_iter().filter_map(Result::ok) {
            if entry.path().extension().is_none_or(|ending| ending != "rs")
                || entry.path().ends_with("phrases.rs")
            {
                continue;
            }
            let source = std::fs::read_to_string(entry.path()).expect("sources are text");
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for call in CALLS.iter().flat_map(|name| calls(source, name)) {
                for phrase in phrases(call).into_iter().filter(|phrase| *phrase != "log") {
                    n += 1;
                    if chinese(phrase) == phrase {
                        missing.push(format!("{}: {phrase}", entry.path().display()));
                    }
                }
            }
        }
        assert!(n > 40 && missing.is_empty(), "of {n}: {missing:#?}");
    }
}
