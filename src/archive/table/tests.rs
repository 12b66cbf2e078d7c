//! Tables of every format give the same rows.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use serde_json::{Value, json};

use super::{Columns, Field, Input, Limits, Row, Schema, Sheet, Table, TableKind};
use crate::archive::record::RecordFault;
use crate::archive::workbook::workbook;

const ORDERS: Schema = &[
    Field { name: "order_id", aliases: &["订单号"] },
    Field { name: "customer", aliases: &["客户"] },
    Field { name: "amount", aliases: &["金额", "total"] },
    Field { name: "paid_at", aliases: &["支付时间"] },
];

type Seen = (Vec<Sheet>, Vec<Result<Row, (u64, RecordFault)>>);

fn rows(kind: TableKind, input: Input<'_>, columns: &Columns, limits: Limits) -> Result<Seen, RecordFault> {
    let mut table = Table::open(kind, input, columns, limits)?;
    let sheets = table.sheets().to_vec();
    let mut seen = Vec::new();
    for sheet in 0..sheets.len() {
        table.read(sheet, &mut |row| {
            seen.push(row);
            ControlFlow::Continue(())
        })?;
    }
    Ok((sheets, seen))
}

fn of_bytes(bytes: &[u8]) -> Seen {
    let columns = Columns::automatic(ORDERS);
    let kind = TableKind::of(bytes, &columns).expect("a table");
    let input = match kind {
        TableKind::Csv => Input::Stream(Box::new(Cursor::new(bytes.to_vec()))),
        _ => Input::Memory(bytes.to_vec()),
    };
    rows(kind, input, &columns, Limits::default()).expect("an undamaged table")
}

fn objects(seen: &Seen) -> Vec<Value> {
    let rows = seen.1.iter().map(|row| row.as_ref().expect("a good row"));
    rows.filter(|row| !row.is_blank()).map(|row| Value::Object(seen.0[0].object(row.cells.clone()))).collect()
}

const HEADER: [&str; 4] = ["订单号", "客户", "金额", "备注"];

fn expected() -> Vec<Value> {
    vec![
        json!({"order_id": "A1", "customer": "小鹿", "amount": "19.9", "备注": "两行\n备注, 带逗号"}),
        json!({"order_id": "A2", "customer": "阿明", "amount": "5"}),
    ]
}

fn delimited(delimiter: &str) -> String {
    let row = |cells: [&str; 4]| cells.join(delimiter) + "\r\n";
    row(HEADER)
        + &row(["A1", "小鹿", "19.9", "\"两行\n备注, 带逗号\""])
        + "\r\n"
        + &row(["A2", "阿明", "5", ""])
}

#[test]
fn text_tables_are_read_with_every_delimiter_and_in_every_encoding() {
    let comma = delimited(",");
    let utf16 = |text: &str| -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("comma", comma.clone().into_bytes()),
        ("tab", delimited("\t").into_bytes()),
        ("semicolon", delimited(";").into_bytes()),
        ("bar", delimited("|").into_bytes()),
        ("bom", format!("\u{feff}{comma}").into_bytes()),
        ("gb18030", encoding_rs::GB18030.encode(&comma).0.into_owned()),
        ("utf-16", utf16(&comma)),
        ("titles above the header", format!("导出时间：今天,,,\r\n\r\n{comma}").into_bytes()),
        ("no final line feed", comma.trim_end().as_bytes().to_vec()),
    ];
    for (name, bytes) in cases {
        assert_eq!(objects(&of_bytes(&bytes)), expected(), "{name}");
    }
    let numbers: Vec<u64> =
        of_bytes(comma.as_bytes()).1.iter().map(|row| row.as_ref().expect("good").number).collect();
    assert_eq!(numbers, [2, 4, 5], "rows are numbered by the line they begin on, blank ones too");
}

#[test]
fn workbooks_are_read_sheet_by_sheet() {
    let header: Vec<Value> = HEADER.iter().map(|name| json!(name)).collect();
    let orders = vec![
        vec![json!("门店订单导出")],
        header,
        vec![json!("A1"), json!("小鹿"), json!(19.9), json!("两行\n备注, 带逗号")],
        vec![json!("A2"), json!("阿明"), json!(5), Value::Null],
    ];
    let seen =
        of_bytes(&workbook(&[("订单", orders), ("空", vec![]), ("说明", vec![vec![json!("随便写写")]])]));
    assert_eq!(seen.0.iter().map(|sheet| sheet.name.as_str()).collect::<Vec<_>>(), ["订单", "说明"]);
    assert_eq!(seen.0[0].header_row, 2);
    let numbers = vec![
        json!({"order_id": "A1", "customer": "小鹿", "amount": 19.9, "备注": "两行\n备注, 带逗号"}),
        json!({"order_id": "A2", "customer": "阿明", "amount": 5}),
    ];
    assert_eq!(objects(&seen), numbers);
}

fn batch() -> RecordBatch {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("甲"), None]);
    lists.append(false);
    let at = TimestampMicrosecondArray::from(vec![1_900_000_000_123_000, 1_900_000_000_000_000]);
    let columns: [(&str, ArrayRef); 6] = [
        ("order_id", Arc::new(StringArray::from(vec!["A1", "A2"]))),
        ("total", Arc::new(Float64Array::from(vec![Some(19.9), None]))),
        ("n", Arc::new(Int64Array::from(vec![1, 2]))),
        ("items", Arc::new(lists.finish())),
        ("local", Arc::new(at.clone())),
        ("paid_at", Arc::new(at.with_timezone("UTC"))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

#[test]
fn columnar_tables_keep_their_types() {
    let batch = batch();
    let mut parquet = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let mut file = arrow::ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    file.write(&batch).expect("written");
    let file = file.into_inner().expect("closed");
    let mut stream =
        arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    stream.write(&batch).expect("written");
    let stream = stream.into_inner().expect("closed");
    for (name, bytes) in [("parquet", parquet), ("file", file), ("stream", stream)] {
        let seen = of_bytes(&bytes);
        assert_eq!(
            objects(&seen),
            [
                json!({"order_id": "A1", "amount": 19.9, "n": 1, "items": ["甲", null],
                    "local": "2030-03-17 17:46:40.123", "paid_at": 1_900_000_000_123_i64}),
                json!({"order_id": "A2", "n": 2, "local": "2030-03-17 17:46:40", "paid_at": 1_900_000_000_000_i64}),
            ],
            "{name}"
        );
    }
}

#[test]
fn a_quotation_mark_that_nothing_closes_costs_one_stretch_and_not_the_memory() {
    let mut text = "订单号,金额\nA1,1\nA2,\"2\n".to_owned();
    text.push_str(&"A3,3\n".repeat(20_000));
    let limits = Limits { row_bytes: 10_000, ..Limits::default() };
    let input = Input::Stream(Box::new(Cursor::new(text.into_bytes())));
    let (_, seen) = rows(TableKind::Csv, input, &Columns::automatic(ORDERS), limits).expect("a table");
    let faults: Vec<_> =
        seen.iter().filter_map(|row| row.as_ref().err()).map(|(_, fault)| fault.code).collect();
    assert_eq!(faults, ["record.too_long"]);
    assert!(seen.len() > 10_000, "{} rows", seen.len());
}

#[test]
fn a_workbook_that_unpacks_beyond_the_limit_is_not_opened() {
    let bytes = workbook(&[("a", vec![vec![json!("x".repeat(200_000))]])]);
    let limits = Limits { unpacked_bytes: 100_000, ..Limits::default() };
    let fault = rows(TableKind::Workbook, Input::Memory(bytes), &Columns::automatic(ORDERS), limits);
    assert_eq!(fault.expect_err("too large").code, "table.too_large");
}

#[test]
fn damaged_tables_are_faults() {
    let whole = workbook(&[("a", vec![vec![json!("订单号"), json!("金额")]])]);
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    for (kind, bytes) in [
        (TableKind::Workbook, cut(&whole)),
        (TableKind::Workbook, b"PK\x03\x04".to_vec()),
        (TableKind::Parquet, b"PAR1 and nothing".to_vec()),
        (TableKind::Arrow, b"ARROW1\0\0 and nothing".to_vec()),
        (TableKind::Arrow, b"\xff\xff\xff\xff\x10\0\0\0 and nothing".to_vec()),
    ] {
        let fault = rows(kind, Input::Memory(bytes), &Columns::automatic(ORDERS), Limits::default());
        assert_eq!(fault.expect_err("damaged").code, "table.damaged", "{kind:?}");
    }
}

#[test]
fn talk_is_not_taken_for_a_table() {
    let columns = Columns::automatic(ORDERS);
    for text in ["", "你好，在吗\n在的\n", "a,b\n1,2\n", "订单号\nA1\n", "金额、客户\n"] {
        assert_eq!(TableKind::of(text.as_bytes(), &columns), None, "{text}");
    }
    let named = Columns::parse("b=customer", ORDERS).expect("a map");
    assert_eq!(TableKind::of(b"a,b\n1,2\n", &named), Some(TableKind::Csv));
}
