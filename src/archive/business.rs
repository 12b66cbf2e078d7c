//! Reads business events: orders, clicks, joins, transfers, from lines of JSON or from tables.
//!
//! A row is one event. What a column is called does not matter: names are known, or
//! the source says which is which. Whatever cannot be used is a fault with its line,
//! never dropped silently.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value};

use super::compression;
use super::instant;
use super::record::RecordFault;
use super::table::{Columns, Field, Limits, Schema, Table};
use crate::business::{self, BusinessEvent, BusinessKind, FieldValue};
use crate::time::Zone;

/// The columns of a table of business events, and the names they go by.
pub const BUSINESS_COLUMNS: Schema = &[
    Field { name: "id", aliases: &["event_id", "编号", "事件编号", "单号", "订单号", "order_no"] },
    Field {
        name: "at",
        aliases: &["occurred_at", "time", "event_time", "时间", "发生时间", "下单时间", "支付时间"],
    },
    Field { name: "kind", aliases: &["event", "event_type", "事件", "事件类型"] },
    Field {
        name: "customer",
        aliases: &["external_userid", "customer_id", "客户", "客户ID", "外部联系人ID"],
    },
    Field { name: "staff", aliases: &["userid", "staff_id", "员工", "员工ID", "客服", "导购"] },
    Field { name: "room", aliases: &["roomid", "chat_id", "群", "群ID"] },
    Field { name: "corp", aliases: &["corp_id", "企业ID"] },
    Field { name: "status", aliases: &["状态", "订单状态"] },
    Field { name: "amount_fen", aliases: &["amount", "金额分", "金额（分）", "金额(分)"] },
    Field { name: "coupon_id", aliases: &["coupon", "优惠券", "优惠券ID", "活动ID"] },
    Field { name: "product", aliases: &["商品", "商品名称"] },
    Field { name: "category", aliases: &["类目", "品类"] },
    Field { name: "order_id", aliases: &["原订单号", "关联订单"] },
    Field { name: "page", aliases: &["页面", "url"] },
    Field { name: "material", aliases: &["素材", "素材ID"] },
    Field { name: "material_type", aliases: &["素材类型"] },
    Field { name: "seconds", aliases: &["停留秒数", "时长秒"] },
    Field { name: "channel", aliases: &["渠道", "来源", "添加方式"] },
    Field { name: "reason", aliases: &["原因"] },
    Field { name: "region", aliases: &["地区", "省份", "区域"] },
    Field { name: "gender", aliases: &["性别"] },
    Field { name: "birthday", aliases: &["生日"] },
    Field { name: "tag", aliases: &["标签"] },
    Field { name: "action", aliases: &["动作", "操作"] },
    Field { name: "by", aliases: &["操作人"] },
    Field { name: "from", aliases: &["原员工", "转出员工"] },
    Field { name: "to", aliases: &["新员工", "接替员工"] },
    Field { name: "old", aliases: &["旧ID", "原客户ID"] },
];

/// How the files of one source are read.
#[derive(Clone, Debug)]
pub struct BusinessReader<'z> {
    /// What its columns are called.
    pub columns: Columns,
    /// What its rows are, where no column says it.
    pub kind: Option<BusinessKind>,
    /// The zone of times without one.
    pub zone: &'z Zone,
}

/// One row: the event, or why there is none, and the line or row it stands in.
pub type BusinessRow = (u64, Result<BusinessEvent, RecordFault>);

impl BusinessReader<'_> {
    /// Reads the file at `path`, packed or not, and calls `visit` with each row.
    ///
    /// # Errors
    ///
    /// `file.unreadable` and `table.…`: the file as a whole cannot be read on; rows before were visited.
    pub fn read(&self, path: &Path, visit: &mut dyn FnMut(BusinessRow)) -> Result<(), RecordFault> {
        let unreadable =
            |error: std::io::Error| RecordFault::new("file.unreadable", error.kind().to_string());
        let file = File::open(path).map_err(unreadable)?;
        let (_, unpacked) = compression::unpack(file).map_err(unreadable)?;
        let mut lines = BufReader::new(unpacked);
        if lines.fill_buf().map_err(unreadable)?.trim_ascii_start().starts_with(b"{") {
            return self.read_lines(lines, visit).map_err(unreadable);
        }
        drop(lines);
        let mut table = Table::open_path(path, &self.columns, Limits::default())?;
        for sheet in 0..table.sheets().len() {
            let about = table.sheets()[sheet].clone();
            table.read(sheet, &mut |row| {
                match row {
                    Ok(row) if row.is_blank() => {}
                    Ok(row) => visit((row.number, self.event(about.object(row.cells)))),
                    Err((number, fault)) => visit((number, Err(fault))),
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(())
    }

    fn read_lines(&self, mut lines: impl BufRead, visit: &mut dyn FnMut(BusinessRow)) -> std::io::Result<()> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let read = (&mut lines).take(LONGEST_LINE + 1).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            if line.len() as u64 > LONGEST_LINE {
                let fault =
                    RecordFault::new("event.too_long", format!("more than {LONGEST_LINE} bytes in a line"));
                visit((number, Err(fault)));
                lines.skip_until(b'\n')?;
            } else if !line.trim_ascii().is_empty() {
                visit((number, self.line(&line)));
            }
        }
        Ok(())
    }

    fn line(&self, line: &[u8]) -> Result<BusinessEvent, RecordFault> {
        let object: Map<String, Value> = serde_json::from_slice(line).map_err(|error| {
            RecordFault::new("json.syntax", format!("no JSON object: column {}", error.column()))
        })?;
        let names: Vec<&str> = object.keys().map(String::as_str).collect();
        let fields = self.columns.fields_of(&names);
        let renamed = names.iter().zip(fields).map(|(name, field)| field.unwrap_or(name).to_owned());
        let renamed: Vec<String> = renamed.collect();
        let cells = renamed.into_iter().zip(object.into_values()).filter(|(_, value)| !value.is_null());
        self.event(cells.collect())
    }

    /// Makes the event of a row whose cells stand under the names of their fields.
    fn event(&self, mut row: Map<String, Value>) -> Result<BusinessEvent, RecordFault> {
        let kind = self.kind_of(row.remove("kind"))?;
        let at = row.remove("at").ok_or_else(|| missing("at"))?;
        let at = instant::of_value(&at, self.zone).ok_or_else(|| malformed("at", "a time"))?;
        let mut take = |name: &str| row.remove(name).map_or_else(Box::default, text);
        let (id, corp) = (take("id"), take("corp"));
        let (customer, staff, room) = (take("customer"), take("staff"), take("room"));
        let mut event = BusinessEvent {
            corp,
            id,
            at,
            kind,
            customer,
            staff,
            room,
            fields: Vec::with_capacity(row.len()),
        };
        for (name, value) in row {
            if business::is_field(kind, &name)
                && let Some(value) = self.field(kind, &name, value)?
            {
                event.fields.push((name.into(), value));
            }
        }
        complete(&event)?;
        Ok(event)
    }

    fn kind_of(&self, written: Option<Value>) -> Result<BusinessKind, RecordFault> {
        let Some(written) = written else { return self.kind.ok_or_else(|| missing("kind")) };
        BusinessKind::named(&text(written)).ok_or_else(|| malformed("kind", "a known kind of event"))
    }

    fn field(&self, kind: BusinessKind, name: &str, value: Value) -> Result<Option<FieldValue>, RecordFault> {
        let documented = kind.doc().fields.iter().find(|(known, ..)| *known == name);
        let number = whole(&value);
        match documented {
            Some((_, true, ..)) => {
                let whole = number.ok_or_else(|| malformed(name, "a whole number (money in fen)"))?;
                Ok(Some(FieldValue::Number(whole)))
            }
            Some(_) => Ok(Some(text(value)).filter(|text| !text.is_empty()).map(FieldValue::Text)),
            None => Ok(Some(number.map_or_else(|| FieldValue::Text(text(value)), FieldValue::Number))),
        }
    }
}

/// Checks that an event says what its kind needs.
fn complete(event: &BusinessEvent) -> Result<(), RecordFault> {
    let of_group = matches!(event.kind, BusinessKind::Join | BusinessKind::Leave);
    if event.id.is_empty() {
        return Err(missing("id"));
    }
    if event.customer.is_empty() {
        return Err(missing("customer"));
    }
    if of_group && event.room.is_empty() {
        return Err(missing("room"));
    }
    let absent = |(name, _, needed, _): &&(&str, bool, bool, &str)| *needed && event.field(name).is_none();
    match event.kind.doc().fields.iter().find(absent) {
        Some((name, ..)) => Err(missing(name)),
        None => Ok(()),
    }
}

fn missing(field: &str) -> RecordFault {
    RecordFault::new("event.incomplete", format!("`{field}` is missing"))
}

fn malformed(field: &str, expected: &str) -> RecordFault {
    RecordFault::new("event.malformed", format!("`{field}` is not {expected}"))
}

fn text(value: Value) -> Box<str> {
    match value {
        Value::String(text) => text.trim().into(),
        Value::Null => Box::default(),
        other => other.to_string().into(),
    }
}

/// Returns the whole number in a cell. A fraction is none: money is in fen.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| instant::integral(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Most bytes of one line of JSON.
const LONGEST_LINE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn read(name: &str, bytes: &[u8], kind: Option<BusinessKind>) -> Vec<String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        let zone = Zone::shanghai();
        let columns = Columns::automatic(BUSINESS_COLUMNS);
        let reader = BusinessReader { columns, kind, zone: &zone };
        let mut rows = Vec::new();
        let end = reader.read(&path, &mut |(number, row)| {
            rows.push(match row {
                Ok(event) => format!("{number} {}", shown(&event)),
                Err(fault) => format!("{number} ! {} {}", fault.code, fault.detail),
            });
        });
        rows.extend(end.err().map(|fault| format!("! {}", fault.code)));
        rows
    }

    fn shown(event: &BusinessEvent) -> String {
        let fields: Vec<String> = event
            .fields
            .iter()
            .map(|(name, value)| match value {
                FieldValue::Number(number) => format!("{name}={number}"),
                FieldValue::Text(text) => format!("{name}={text}"),
            })
            .collect();
        format!(
            "{} {} {} {} {}",
            event.kind.doc().word,
            event.id,
            event.at.0,
            event.customer,
            fields.join(" ")
        )
    }

    #[test]
    fn lines_of_json_are_events_and_faults_keep_their_lines() {
        let lines = "{\"id\":\"o1\",\"kind\":\"order\",\"occurred_at\":1709258400,\"customer\":\"wm1\",\"status\":\"paid\",\"amount_fen\":8800}\n\
            \n\
            {\"id\":\"o2\",\"kind\":\"order\",\"at\":\"2024-03-01 10:00\",\"customer\":\"wm1\",\"status\":\"paid\",\"amount_fen\":88.5}\n\
            {\"id\":\"o3\",\"kind\":\"ordr\",\"at\":1,\"customer\":\"wm1\"}\n\
            {\"id\":\"v1\",\"kind\":\"visit\",\"at\":\"2024-03-01 23:59:60\",\"customer\":\"wm1\",\"page\":\"course\"}\n\
            [1]\n\
            {\"id\":\"a1\",\"kind\":\"add\",\"at\":\"2024-03-01 10:00\",\"customer\":\"wm1\",\"channel\":\"live\",\"x_store\":7,\"other\":1}\n";
        let expected = [
            "1 order o1 1709258400000 wm1 amount_fen=8800 status=paid",
            "3 ! event.malformed `amount_fen` is not a whole number (money in fen)",
            "4 ! event.malformed `kind` is not a known kind of event",
            "5 ! event.malformed `at` is not a time",
            "6 ! json.syntax no JSON object: column 0",
            "7 add a1 1709258400000 wm1 channel=live x_store=7",
        ];
        assert_eq!(read("events.jsonl", lines.as_bytes(), None), expected);
    }

    #[test]
    fn tables_are_known_by_their_column_names() {
        let table = "订单号,下单时间,客户ID,订单状态,金额（分）,优惠券\n\
            o1,2024-03-01 10:00,wm1,paid,8800,\n\
            o2,2024-03-01 10:00,,paid,8800,c1\n\
            o3,2024-03-01 10:00,wm1,paid,8800,c1\n";
        let expected = [
            "2 order o1 1709258400000 wm1 amount_fen=8800 status=paid",
            "3 ! event.incomplete `customer` is missing",
            "4 order o3 1709258400000 wm1 amount_fen=8800 coupon_id=c1 status=paid",
        ];
        assert_eq!(read("orders.csv", table.as_bytes(), Some(BusinessKind::Order)), expected);
        assert_eq!(read("orders.csv", table.as_bytes(), None)[0], "2 ! event.incomplete `kind` is missing");
    }

    #[test]
    fn a_foreign_file_is_a_fault_of_the_file() {
        assert_eq!(read("x", b"\0\0\0\0", None), ["! format.unknown"]);
    }

    #[test]
    fn seconds_milliseconds_and_local_times_are_one_instant() {
        for at in ["1709258400", "1709258400000", "\"2024-03-01 10:00\"", "\"2024/3/1 10:00:00\""] {
            let line = format!("{{\"id\":\"a\",\"kind\":\"add\",\"at\":{at},\"customer\":\"w\"}}\n");
            assert_eq!(
                read("e", line.as_bytes(), None),
                [format!("1 add a {} w ", Timestamp(1_709_258_400_000).0)]
            );
        }
    }
}
