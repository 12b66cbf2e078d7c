//! Whatever the fast path reads, the general one reads the same.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::archive::{ReadOptions, fast, general};
use crate::message::Flags;

const CUSTOMER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
const ROOM: &str = "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09";

/// What the general path says of `bytes`, as far as the fast one may say anything: one undamaged value.
fn in_general(bytes: &[u8], options: &ReadOptions) -> Option<String> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let mut out = Vec::new();
    general::decode(&value, None, Flags::default(), options, &mut out);
    match out.as_slice() {
        [one] => Some(format!("{:?}", one.record)),
        _ => None,
    }
}

fn fast(bytes: &[u8], options: &ReadOptions) -> Option<String> {
    fast::decode(bytes, options).map(|record| format!("{record:?}"))
}

fn written() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[甲乙多少钱好 a-c0-9，。\\[\\]{}:,]{0,12}",
        1 => "[\"\\\\/\n\t甲😀\u{7f}\u{0}b]{0,6}",
        1 => prop::sample::select(vec![
            "这是一条引用/回复消息：\n\"甲：\n贵\"\n------\n好", "「甲：贵」\n- - -\n好", "[图片]", " 【语音】", "解密失败",
            "我通过了你的联系人验证请求，现在我们可以开始聊天了", "这是一条引用/回复消息：", "", "0", "null", " ", "\u{3000}0",
        ]).prop_map(str::to_owned),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(CUSTOMER.to_owned()),
        4 => Just("lihua".to_owned()),
        2 => Just("wbEXAMPLEAAAAAAAAAAAAAAAAAAAAA01".to_owned()),
        1 => Just(format!("客户:{CUSTOMER}")),
        1 => written(),
    ]
}

fn message_id() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("7000000000000000001_1900000000123_external".to_owned()),
        1 => "[0-9x]{1,3}_[0-9]{9,14}(_[0-9]{10}|_[a-z0-9]{13}|)",
        1 => written(),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!(1_900_000_000_123_i64)),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => prop::sample::select(vec![json!(0), json!("9"), json!(null), json!(1_900_000_000), json!(true)]),
    ]
}

fn payload() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "content",
        "title",
        "description",
        "link_url",
        "filename",
        "pre_msgid",
        "play_length",
        "userid",
        "Title",
        "item",
        "sdkfileid",
        "md5sum",
        "text",
        "link",
        "image",
        "votetype",
    ]);
    let value = prop_oneof![
        4 => written().prop_map(Value::from),
        2 => number(),
        1 => Just(json!([{"type": "text", "content": "{\"content\": \"甲\"}"}])),
        1 => Just(json!({"content": "乙"})),
    ];
    let fields = prop::collection::vec((name.prop_map(str::to_owned), value), 0..5);
    prop_oneof![
        3 => written().prop_map(|content| json!({"content": content})),
        6 => fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        1 => written().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

/// The fields of a message, each written out, in the official order.
fn fields() -> impl Strategy<Value = Vec<String>> {
    let kind = prop::sample::select(vec![
        "text", "text", "image", "voice", "video", "emotion", "file", "link", "revoke", "mixed", "vote",
        "agree", "galaxy",
    ]);
    let key = prop_oneof![
        8 => Just(None),
        1 => prop::sample::select(vec!["text", "image", "agree", "info", "Link", "content"]).prop_map(Some),
    ];
    let action = prop_oneof![9 => Just("send"), 1 => Just("recall"), 1 => Just("switch")];
    let room = prop_oneof![4 => Just(String::new()), 2 => Just(ROOM.to_owned()), 1 => written()];
    let head = (message_id(), action, id(), prop::collection::vec(id(), 0..4), room, number());
    (head, kind, key, payload()).prop_map(|((msgid, action, from, to, room, time), kind, key, payload)| {
        let field = |key: &str, value: Value| format!("\"{key}\":{value}");
        vec![
            field("msgid", json!(msgid)),
            field("action", json!(action)),
            field("from", json!(from)),
            field("tolist", json!(to)),
            field("roomid", json!(room)),
            field("msgtime", time),
            field("msgtype", json!(kind)),
            field(key.unwrap_or(kind), payload),
        ]
    })
}

/// What may be done to the fields before they are joined.
fn extra() -> impl Strategy<Value = Option<(usize, String)>> {
    let field = prop::sample::select(vec![
        "\"seq\":7",
        "\"seq\":18446744073709551615",
        "\"seq\":01",
        "\"seq\":-1",
        "\"corpid\":\"ww1\"",
        "\"voiceid\":\"v\"",
        "\"msgid\":\"x_1900000000\"",
        "\"image\":null",
        "\"image\":{}",
        "\"text\":{\"content\":\"丙\"}",
        "\"from\":\"甲\"",
        "\"unofficial\":1",
        "\"voice\":{\"play_length\":1,\"play_length\":2}",
    ]);
    prop::option::weighted(0.4, (0..9_usize, field.prop_map(str::to_owned)))
}

fn record() -> impl Strategy<Value = Vec<u8>> {
    (fields(), extra(), prop::option::weighted(0.2, (0..8_usize, 0..8_usize))).prop_map(
        |(mut fields, extra, swap)| {
            if let Some((one, other)) = swap {
                fields.swap(one, other);
            }
            if let Some((at, field)) = extra {
                fields.insert(at.min(fields.len()), field);
            }
            format!("{{{}}}", fields.join(",")).into_bytes()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fast_path_reads_official_records_as_the_general_one_does(bytes in record()) {
        let options = ReadOptions::default();
        if let Some(said) = fast(&bytes, &options) {
            prop_assert_eq!(Some(said), in_general(&bytes, &options), "{}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn the_fast_path_reads_damaged_records_as_the_general_one_does_or_not_at_all(
        mut bytes in record(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize,
            prop_oneof![prop::sample::select(b"\"\\{}[]:,0 n\x00\x1f\n\xff\xe4".to_vec()), any::<u8>()]), 1..3),
    ) {
        for (place, way, byte) in damages {
            let at = place.index(bytes.len());
            match way {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let options = ReadOptions::default();
        if let Some(said) = fast(&bytes, &options) {
            prop_assert_eq!(Some(said), in_general(&bytes, &options), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn records_of_the_sdk_take_the_fast_path() {
    let line = |tail: &str| {
        format!(
            "{{\"msgid\":\"7_1900000000123_external\",\"action\":\"send\",\"from\":\"{CUSTOMER}\",\"tolist\":[\"lihua\",\"b\"],\"roomid\":\"\",\"msgtime\":1900000000123,{tail}}}"
        )
    };
    for tail in [
        r#""msgtype":"text","text":{"content":"多少钱"}"#,
        r#""msgtype":"text","text":{"content":"\"引\n用\" \ud83d\ude00"}"#,
        r#""msgtype":"image","image":{"md5sum":"0","filesize":70961,"sdkfileid":"x"}"#,
        r#""msgtype":"voice","voice":{"md5sum":"0","voice_size":9,"play_length":3,"sdkfileid":"x"}"#,
        r#""msgtype":"file","file":{"filename":"报价.xlsx","filesize":1}"#,
        r#""msgtype":"link","link":{"title":"甲\n","description":"乙","link_url":"u","image_url":""}"#,
        r#""msgtype":"revoke","revoke":{"pre_msgid":"x_1"}"#,
        r#""msgtype":"location","location":{"longitude":1.5,"title":"乙"}"#,
        r#""msgtype":"mixed","mixed":{"item":[{"type":"text","content":"{\"content\":\"投\"}"}]}"#,
        r#""msgtype":"text","text":{"content":"甲"},"seq":9,"corpid":"ww1","image":null"#,
    ] {
        let bytes = line(tail).into_bytes();
        let options = ReadOptions::default();
        assert!(fast(&bytes, &options).is_some(), "{tail}");
        assert_eq!(fast(&bytes, &options), in_general(&bytes, &options), "{tail}");
    }
    let hostile = [
        r#""msgtype":"image","image":"{""#.to_owned(),
        r#""msgtype":"image","voice":{}"#.to_owned(),
        r#""msgtype":"image","image":{"a":1e999}"#.to_owned(),
        r#""msgtype":"image","image":{"a":"\ud83d"}"#.to_owned(),
        format!(r#""msgtype":"mixed","mixed":{{"item":{}{}}}"#, "[".repeat(126), "]".repeat(126)),
    ];
    for tail in hostile {
        assert_eq!(fast(line(&tail).as_bytes(), &ReadOptions::default()), None, "{tail}");
    }
}
