//! Says in plain words why records could not be read, and what to do about it.

/// Returns what a fault with this code means and what to do, in Chinese and in English; `None` for a code that no
/// reader of archives gives.
pub fn reason(code: &str) -> Option<(&'static str, &'static str)> {
    REASONS.iter().find(|(known, ..)| *known == code).map(|(_, zh, en)| (*zh, *en))
}

/// Sorted by code.
const REASONS: &[(&str, &str, &str)] = &[
    (
        "decrypt.failed",
        "解密命令报告了错误码：按错误码的含义处理，见 docs/decryption.md",
        "the decryptor reports an error code: see docs/decryption.md for what to do",
    ),
    (
        "decrypt.gone",
        "解密命令不能工作：先单独运行它，看它为什么退出",
        "the decryptor does not work: run it by itself to see why it ends",
    ),
    (
        "decrypt.no_key",
        "没有这个公钥版本的私钥：用 --private-key 版本=文件 给出",
        "there is no private key of this version: give it with --private-key VERSION=FILE",
    ),
    (
        "decrypt.not_json",
        "解密命令的回答不是 JSON：标准输出只能写回答，日志请写到标准错误",
        "the decryptor's answer is no JSON: standard output is for answers, standard error for logs",
    ),
    (
        "decrypt.out_of_step",
        "解密命令的回答对不上信封：每个信封只回答一行，次序不变",
        "the decryptor's answers do not belong to the envelopes: one line for each, in order",
    ),
    (
        "decrypt.timeout",
        "解密命令没有按时回答：看它是否卡住，或放宽 --decryptor-timeout",
        "the decryptor did not answer in time: see whether it hangs, or raise --decryptor-timeout",
    ),
    (
        "decrypt.too_long",
        "解密命令的回答过长：看它写了什么，或放宽 --max-record",
        "an answer of the decryptor is too long: see what it writes, or raise --max-record",
    ),
    (
        "decrypt.wrong_key",
        "私钥打不开这条密文：核对私钥与公钥版本是否配对",
        "the private key does not open it: check that key and version belong together",
    ),
    (
        "file.damaged",
        "压缩文件中途断开或损坏，之前的记录已读：请重新导出或重新传一份",
        "the packed file is cut short or damaged; what stands before is read: export or copy it again",
    ),
    (
        "file.unreadable",
        "文件打不开：检查权限与磁盘",
        "the file cannot be opened: check permissions and disk",
    ),
    (
        "format.unknown",
        "不是 JSON 也不是表格（如图片、文档）：移走它，或另存为 CSV、xlsx",
        "neither JSON nor a table, such as a picture: move it away, or save it as CSV or xlsx",
    ),
    ("from.missing", "没有发送者：导出时带上 from", "there is no sender: export `from` too"),
    ("id.missing", "没有消息编号：导出时带上 msgid", "there is no message id: export `msgid` too"),
    ("json.depth", "嵌套超过 128 层，不是正常的消息", "nested more than 128 deep, as no message is"),
    (
        "json.syntax",
        "不是 JSON：看看这一行，多半是导出工具写坏了",
        "no JSON: look at the line, most likely the exporting tool broke it",
    ),
    (
        "json.truncated",
        "JSON 没有写完：文件也许还在写，或没有传完",
        "the JSON ends in the middle: the file may still be written to, or was not copied whole",
    ),
    (
        "page.error",
        "这一页是接口的错误报告，没有消息：按错误码处理后重新拉取",
        "the page is an error report of the interface: solve that and fetch it again",
    ),
    (
        "payload.not_json",
        "包着的消息不是 JSON：多半导出时被截断",
        "the wrapped message is no JSON: most likely cut off when exported",
    ),
    (
        "recall.no_target",
        "撤回没有写撤回哪条（pre_msgid）",
        "the recall does not say what it takes back (`pre_msgid`)",
    ),
    (
        "record.not_canonical",
        "像标准 JSONL，但缺字段或类型不对，见 docs/canonical-jsonl.md",
        "like canonical JSONL, but a field is missing or has another type, see docs/canonical-jsonl.md",
    ),
    (
        "record.not_message",
        "是 JSON，但没有消息的字段：看看是不是别的数据，或多包了一层",
        "JSON without the fields of a message: other data, or wrapped once more",
    ),
    ("record.not_object", "不是 JSON 对象", "no JSON object"),
    (
        "record.too_long",
        "一条记录过长：正常的话放宽 --max-record；表格里多半是引号没有闭合",
        "a record is too long: raise --max-record if it is a good one; in a table a quotation mark may be open",
    ),
    ("record.wrapped_too_deep", "外面包了四层以上", "wrapped more than four times"),
    (
        "role.both_external",
        "单聊双方都像外部联系人：在名册里列出员工",
        "both sides of a one-to-one message look like outsiders: list the staff in the roster",
    ),
    (
        "table.columns_unknown",
        "表格的列名不认识：用 --columns '列名=字段' 说明",
        "the columns of the table are not known: say which is which with --columns 'name=field'",
    ),
    (
        "table.damaged",
        "表格文件损坏，之前的行已读：请重新导出",
        "the table is damaged; the rows before are read: export it again",
    ),
    (
        "table.quote_open",
        "单元格里的引号没有闭合，会把后面的行吞进来：这一行不用，从下一行接着读；导出时引号要成对加倍",
        "a quotation mark in a cell is not closed and would take in the rows behind it: this row is left out and reading goes on with the next; export with quotes doubled",
    ),
    (
        "table.texts_alone",
        "只有正文，没有对应的消息：把列出消息的表放在同一文件夹",
        "texts without their messages: put the table that lists these into the same folder",
    ),
    (
        "table.too_large",
        "解压后过大：另存为 CSV，或按日期分开",
        "too large when unpacked: save it as CSV, or cut it by date",
    ),
    (
        "time.ahead_of_id",
        "时间比编号里的晚一天以上：核对时间的单位",
        "the time is more than a day after that in the id: check its unit",
    ),
    (
        "time.missing",
        "没有时间，编号里也没有：检查时间列；表格软件存成 1.9E+12 的时间已失去精度，导出时请设为文本",
        "there is no time, nor one in the id: check the column; a spreadsheet that wrote 1.9E+12 has rounded it, export it as text",
    ),
];
