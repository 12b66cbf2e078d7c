//! Archives kept as tables: each is read as the messages it was made of.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};

use serde_json::{Value, json};

use super::table::{Columns, TableKind};
use super::tests::{CUSTOMER, read_all};
use crate::archive::workbook::workbook;
use crate::archive::{MESSAGE_COLUMNS, Plan, ReadOptions, Record, Shape, read_blocks};

/// Writes the files and returns what each record told, in reading order, with its line.
fn read(files: &[(&str, Vec<u8>)], options: &ReadOptions) -> (Vec<(u64, String)>, Vec<Shape>) {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a directory");
        std::fs::write(path, bytes).expect("written");
    }
    let (seen, reports) = read_all(dir.path(), options);
    for (report, (_, bytes)) in reports.iter().zip(files) {
        assert_eq!(report.blake3, *blake3::hash(bytes).as_bytes(), "{}", report.path.display());
    }
    (seen, reports.iter().map(|report| report.variant).collect())
}

fn told(files: &[(&str, Vec<u8>)]) -> Vec<(u64, String)> {
    read(files, &ReadOptions::default()).0
}

fn line(number: u64, told: &str) -> (u64, String) {
    (number, told.to_owned())
}

/// Who speaks to whom, when, under which id: what a table of messages must keep.
fn parties(dir: &Path) -> Vec<String> {
    let plan = Plan::new(&[dir.display().to_string()]).expect("files");
    let seen = std::sync::Mutex::new(Vec::new());
    let visit = |block: &mut crate::archive::Block<'_>| {
        while let Some(read) = block.next_record() {
            if let Ok(Record::Message(m)) = &read.record {
                let staff = m.staff.as_deref().unwrap_or("-");
                let customer = m.customer.as_deref().unwrap_or("-");
                let said = format!("{:?} {staff} {customer} {} {:?}", m.role, m.at.0, m.chat);
                seen.lock().expect("not poisoned").push((read.origin, said));
            }
        }
    };
    let (progress, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    read_blocks(&plan, &ReadOptions::default(), &progress, &stop, &visit).expect("not stopped");
    let mut seen = seen.into_inner().expect("not poisoned");
    seen.sort();
    seen.into_iter().map(|(_, said)| said).collect()
}

/// An export tool's file: V18.
const EXPORT: &str = "发件人,收件人,内容,时间,from,tolist,群ID\r\n\
    客户:小鹿,销售:李华,\"多少钱\n便宜点\",2031/5/6 7:08:09,wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01,lihua,\r\n\
    销售:李华,客户:小鹿,好的,2031/5/6 7:09:00,lihua,wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01,\r\n\
    ,,,,,,\r\n\
    销售:李华,,大家好,2031/5/6 7:10:00,lihua,,wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09\r\n";

#[test]
fn case_54_exports_are_read_in_every_encoding_and_as_workbooks() {
    let utf16 = |text: &str| -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let rows: Vec<Vec<Value>> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(EXPORT.as_bytes())
        .into_records()
        .map(|row| row.expect("good rows").iter().map(Value::from).collect())
        .collect();
    let expected = |lines: [u64; 3]| {
        let texts = ["Text o:多少钱\n便宜点", "Text o:好的", "Text o:大家好"];
        lines.into_iter().zip(texts).map(|(number, text)| line(number, text)).collect::<Vec<_>>()
    };
    let gzip = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(EXPORT.as_bytes()).expect("packed");
        packer.finish().expect("packed")
    };
    let book = workbook(&[("聊天", rows)]);
    let zstd = zstd::stream::encode_all(&book[..], 1).expect("packed");
    for (name, bytes, lines) in [
        ("a.csv", EXPORT.as_bytes().to_vec(), [2, 4, 6]),
        ("bom.csv", format!("\u{feff}{EXPORT}").into_bytes(), [2, 4, 6]),
        ("gbk.csv", encoding_rs::GB18030.encode(EXPORT).0.into_owned(), [2, 4, 6]),
        ("utf16.csv", utf16(EXPORT), [2, 4, 6]),
        ("tab.txt", EXPORT.replace(',', "\t").into_bytes(), [2, 4, 6]),
        ("a.csv.gz", gzip, [2, 4, 6]),
        ("a.xlsx", book, [2, 3, 5]),
        ("a.xlsx.zst", zstd, [2, 3, 5]),
    ] {
        assert_eq!(told(&[(name, bytes)]), expected(lines), "{name}");
    }
}

#[test]
fn roles_and_times_of_an_export_are_those_of_the_conversation() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("a.csv"), EXPORT).expect("written");
    let seen = parties(dir.path());
    assert_eq!(
        seen,
        [
            format!("Customer lihua {CUSTOMER} 1935788889000 OneToOne"),
            format!("Staff lihua {CUSTOMER} 1935788940000 OneToOne"),
            "Staff lihua - 1935789000000 Group".to_owned(),
        ]
    );
    let names_only = "发件人,收件人,内容,时间\n客户:小鹿,销售:李华,多少钱,2031/5/6 7:08:09\n销售:李华,客户:小鹿,好的,2031/5/6 7:09:00\n";
    std::fs::write(dir.path().join("a.csv"), names_only).expect("written");
    let seen = parties(dir.path());
    assert_eq!(seen, ["Customer 李华 小鹿 1935788889000 OneToOne", "Staff 李华 小鹿 1935788940000 OneToOne"]);
}

#[test]
fn rows_without_ids_keep_theirs_from_export_to_export() {
    let ids = |content: &str| -> Vec<String> {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("a.csv"), content).expect("written");
        let plan = Plan::new(&[dir.path().display().to_string()]).expect("a file");
        let ids = std::sync::Mutex::new(Vec::new());
        let visit = |block: &mut crate::archive::Block<'_>| {
            while let Some(read) = block.next_record() {
                if let Ok(Record::Message(message)) = &read.record {
                    ids.lock().expect("not poisoned").push(message.id.to_string());
                }
            }
        };
        let (progress, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        read_blocks(&plan, &ReadOptions::default(), &progress, &stop, &visit).expect("not stopped");
        ids.into_inner().expect("not poisoned")
    };
    let head = "发件人,收件人,内容,时间\n";
    let (a, b) = ("客户:甲,销售:乙,在吗,2031/5/6 7:08:09\n", "客户:甲,销售:乙,在吗,2031/5/6 7:08:10\n");
    let first = ids(&format!("{head}{a}{a}{b}"));
    let second = ids(&format!("{head}{a}{a}{b}{b}"));
    assert_eq!(first[..], second[..3]);
    assert_eq!(
        std::collections::BTreeSet::from_iter(&second).len(),
        4,
        "the same words twice are two messages"
    );
}

const LIST: &str = "msgid,from,tolist,roomid,msgtime,msgtype\n\
    m_1900000000123,wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01,lihua,,1900000000123,text\n\
    m_1900000000124,lihua,wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01|b,wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09,1900000000124,text\n\
    m_1900000000125,lihua,wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01,,1900000000125,image\n";
const TEXTS: &str = "msgid,content\nm_1900000000124,好的\nm_1900000000123,多少钱\n";

#[test]
fn lists_and_texts_are_joined_from_two_files_and_from_two_sheets() {
    let sheet = |text: &str| -> Vec<Vec<Value>> {
        text.lines().map(|line| line.split(',').map(Value::from).collect()).collect()
    };
    let expected = [line(2, "Text o:多少钱"), line(3, "Text o:好的"), line(4, "Image ")];
    let files = [("list.csv", LIST.into()), ("text.csv", TEXTS.into())];
    assert_eq!(told(&files), expected);
    let book = workbook(&[("list", sheet(LIST)), ("text", sheet(TEXTS))]);
    let mut seen = told(&[("a.xlsx", book)]);
    assert_eq!(
        seen.pop(),
        Some(line(5, "empty page.empty")),
        "the sheet of texts holds no messages of its own"
    );
    assert_eq!(seen, expected);
}

#[test]
fn what_a_join_leaves_over_is_told() {
    let texts = format!("{TEXTS}m_9,无主\n");
    let seen = told(&[("list.csv", LIST.into()), ("text.csv", texts.into())]);
    assert_eq!(seen.iter().filter(|(_, said)| said == "! table.texts_alone").count(), 1);
    assert_eq!(seen.len(), 4);
    let apart = told(&[("a/list.csv", LIST.into()), ("b/text.csv", TEXTS.into())]);
    let faults: Vec<_> = apart.iter().filter(|(_, said)| said.starts_with('!')).collect();
    assert_eq!(faults, [&line(2, "! from.missing"), &line(3, "! from.missing")], "another folder, no join");
}

#[test]
fn a_column_map_makes_any_table_an_archive() {
    let text =
        "编号;谁;对谁;何时;说了什么\n1;lihua;wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01;2031-05-06 07:08:09;好的\n";
    let unknown = told(&[("a.csv", text.into())]);
    assert_eq!(unknown, [line(1, "! table.columns_unknown")]);
    let map = "编号=msgid,谁=from,对谁=tolist,何时=msgtime,说了什么=content";
    let columns = Columns::parse(map, MESSAGE_COLUMNS).expect("a map");
    let options = ReadOptions { columns, ..ReadOptions::default() };
    let (seen, shapes) = read(&[("a.csv", text.into())], &options);
    assert_eq!(seen, [line(2, "Text o:好的")]);
    assert_eq!(shapes, [Shape::Table(TableKind::Csv)]);
}

#[test]
fn rows_of_a_database_dump_keep_their_payloads() {
    // V10 and V9 as columns
    let payload = json!({"content": "多少钱"}).to_string().replace('"', "\"\"");
    let dump = format!(
        "id,msgid,msgfrom,tolist,roomid,msgtime,msgtype,msgdata\n\
         1,m_1900000000123,{CUSTOMER},\"lihua,b\",,1900000000123,text,\"{payload}\"\n"
    );
    assert_eq!(told(&[("a.csv", dump.into())]), [line(2, "Text o:多少钱")]);
    let whole = json!({"msgid": "m_1900000000123", "from": CUSTOMER, "tolist": ["lihua"], "msgtime": 1_900_000_000_123_i64,
        "msgtype": "text", "text": {"content": "多少钱"}})
    .to_string()
    .replace('"', "\"\"");
    let push = format!("message_id,type,content\nm_1900000000123,101,\"{whole}\"\n");
    assert_eq!(told(&[("a.csv", push.into())]), [line(2, "Text o:多少钱")]);
}

#[test]
fn an_open_quotation_mark_costs_its_row_and_no_other() {
    let row = |n: usize, content: &str| format!("m{n},lihua,b,19000000{n:02},{content}\n");
    for (mark_at, closes) in [(0, false), (3, false), (3, true), (9, false)] {
        let mut text = "msgid,from,tolist,msgtime,content\n".to_owned();
        for n in 0..10 {
            let content = match n {
                n if n == mark_at => "\"说了",
                n if closes && n == 7 => "他说\"行\"",
                _ => "\"两行,\n一句\"",
            };
            text.push_str(&row(n, content));
        }
        let seen = told(&[("a.csv", text.clone().into())]);
        let faults: Vec<_> = seen.iter().filter(|(_, said)| said.starts_with('!')).collect();
        let at = 2 + 2 * mark_at as u64;
        if mark_at < 9 {
            assert_eq!(faults, [&line(at, "! table.quote_open")], "{text}");
        }
        assert_eq!(seen.len(), 10, "{text}");
        assert!(seen.contains(&line(at + 1, "Text o:两行,\n一句")) || mark_at == 9, "{seen:?}");
    }
}

#[test]
fn what_a_spreadsheet_has_rounded_is_not_taken_for_an_id_or_a_time() {
    let text = "msgid,from,tolist,msgtime,msgtype,content\n\
        m_1900000000123,lihua,b,1.90000E+12,text,时间在编号里\n\
        m,lihua,b,1.90E+12,text,没有时间\n\
        7E+18,lihua,b,1900000000123,text,没有编号\n\
        m_1900000000124,1.38E+10,b,1900000000124,text,没有发送者\n\
        m_1900000000125,lihua,b,1.900000000125E+12,text,没有损失\n";
    assert_eq!(
        told(&[("a.csv", text.into())]),
        [
            line(2, "Text o:时间在编号里"),
            line(3, "! time.missing"),
            line(4, "! id.missing"),
            line(5, "! from.missing"),
            line(6, "Text o:没有损失"),
        ]
    );
}

#[test]
fn utf16_lines_are_read_as_any_other() {
    let text = json!({"msgid": "m_1900000000123", "from": CUSTOMER, "tolist": ["lihua"], "msgtime": 1_900_000_000_123_i64,
        "msgtype": "text", "text": {"content": "多少钱"}})
    .to_string();
    let bytes: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(format!("{text}\n{text}\n").encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert_eq!(told(&[("a.jsonl", bytes)]), [line(1, "Text o:多少钱"), line(2, "Text o:多少钱")]);
}
