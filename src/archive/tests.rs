//! The stage as a whole: each numbered case of the input specification that concerns reading.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::archive::{FileReport, Plan, ReadOptions, Record, Roster, Shape, decode, read_blocks};
use crate::message::{ChatKind, Flags, Message, Role, TextScope};

pub(super) const CUSTOMER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
const OTHER: &str = "woEXAMPLEAAAAAAAAAAAAAAAAAAAAA02";
const BOT: &str = "wbEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";

/// One record in one line: what tables compare.
fn told(bytes: &[u8], options: &ReadOptions) -> Vec<String> {
    let mut told = Vec::new();
    decode(bytes, options, &mut |read| {
        told.push(match &read.record {
            Ok(record) => tell(record),
            Err(fault) => format!("! {}", fault.code),
        });
    });
    told
}

pub(super) fn tell(record: &Record<'_>) -> String {
    match record {
        Record::Message(message) => tell_message(message),
        Record::Recall(recall) => format!("recall {} of {}", recall.id, recall.target),
        Record::Consent(consent) => format!(
            "consent {} {} staff={} room={}",
            consent.agreed,
            consent.customer,
            consent.staff.as_deref().unwrap_or("-"),
            consent.room.as_deref().unwrap_or("-")
        ),
        Record::Switch { id, .. } => format!("switch {id}"),
        Record::Encrypted { key_version, seq, .. } => format!("encrypted {key_version:?} {seq}"),
        Record::Empty(reason) => format!("empty {reason}"),
    }
}

fn tell_message(message: &Message<'_>) -> String {
    let parts: Vec<_> =
        message.parts.iter().map(|part| format!("{}:{}", letter(part.scope), part.text)).collect();
    format!("{:?} {}", message.kind, parts.join("|"))
}

fn letter(scope: TextScope) -> char {
    match scope {
        TextScope::Own => 'o',
        TextScope::Shared => 's',
        TextScope::Machine => 'm',
        TextScope::Quoted => 'q',
    }
}

fn message(kind: &str, key: &str, payload: Value) -> Value {
    json!({"msgid": "7000000000000000001_1900000000123_external", "action": "send", "from": CUSTOMER,
        "tolist": ["lihua"], "roomid": "", "msgtime": 1_900_000_000_123_i64, "msgtype": kind, key: payload})
}

fn with(mut base: Value, changes: Value) -> Value {
    let (Some(base_map), Some(changes)) = (base.as_object_mut(), changes.as_object()) else { return base };
    for (key, value) in changes {
        base_map.insert(key.clone(), value.clone());
    }
    base
}

fn text(content: &str) -> Value {
    message("text", "text", json!({"content": content}))
}

fn only_message<T>(row: &Value, options: &ReadOptions, look: impl Fn(&Message<'_>) -> T) -> T {
    let mut seen = Vec::new();
    decode(row.to_string().as_bytes(), options, &mut |read| match &read.record {
        Ok(Record::Message(message)) => seen.push(look(message)),
        other => panic!("no message: {other:?}"),
    });
    assert_eq!(seen.len(), 1);
    seen.remove(0)
}

#[test]
fn every_type_gives_its_texts_with_their_scopes() {
    let inner = |value: Value| value.to_string();
    // cases 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14; (msgtype, payload key, payload, told)
    let cases = [
        ("text", "text", json!({"content": "便宜点"}), "Text o:便宜点"),
        ("image", "image", json!({"sdkfileid": "x", "md5sum": "", "filesize": 1}), "Image "),
        ("voice", "voice", json!({"voice_size": 1, "play_length": 9}), "Voice "),
        ("video", "video", json!({"play_length": 9}), "Video "),
        ("emotion", "emotion", json!({"type": 1}), "Emotion "),
        ("file", "file", json!({"filename": "报价.xlsx"}), "File s:报价.xlsx"),
        ("link", "link", json!({"title": "甲", "description": "乙"}), "Link s:甲|s:乙"),
        (
            "weapp",
            "weapp",
            json!({"title": "甲", "description": "乙", "displayname": "丙"}),
            "Weapp s:甲|s:乙|s:丙",
        ),
        ("card", "card", json!({"corpname": "甲", "Userid": "x"}), "Card s:甲"),
        (
            "location",
            "location",
            json!({"longitude": 1.5, "address": "甲", "title": "乙"}),
            "Location o:乙|o:甲",
        ),
        ("todo", "todo", json!({"title": "甲", "content": "乙"}), "Todo s:甲|o:乙"),
        (
            "vote",
            "vote",
            json!({"votetitle": "甲", "voteitem": ["乙", "丙"], "votetype": 101}),
            "Vote o:甲|o:乙|o:丙",
        ),
        ("vote", "vote", json!({"votetitle": "甲", "voteitem": ["乙"], "votetype": 102}), "Vote s:甲|s:乙"),
        (
            "collect",
            "collect",
            json!({"title": "甲", "details": [{"id": u64::MAX, "ques": "乙"}]}),
            "Collect o:甲|o:乙",
        ),
        ("redpacket", "redpacket", json!({"wish": "甲", "totalamount": 5}), "Redpacket o:甲"),
        ("external_redpacket", "redpacket", json!({"wish": "甲"}), "ExternalRedpacket o:甲"),
        ("meeting", "meeting", json!({"topic": "甲", "remarks": "", "meetingid": u64::MAX}), "Meeting o:甲"),
        ("meeting_notification", "info", json!({"content": "甲"}), "MeetingNotification m:甲"),
        ("docmsg", "doc", json!({"title": "甲"}), "Docmsg s:甲"),
        ("doc", "doc", json!({"title": "甲"}), "Docmsg s:甲"),
        ("news", "info", json!({"item": [{"title": "甲", "description": "乙"}]}), "News s:甲|s:乙"),
        ("news", "info", json!({"title": "甲", "description": "乙", "url": "u"}), "News s:甲|s:乙"),
        ("markdown", "info", json!({"content": "甲"}), "Markdown m:甲"),
        ("calendar", "calendar", json!({"title": "甲", "remarks": "乙"}), "Calendar o:甲|o:乙"),
        ("meeting_voice_call", "meeting_voice_call", json!({"endtime": 1}), "MeetingVoiceCall "),
        (
            "voip_doc_share",
            "voip_doc_share",
            json!({"filename": "甲", "filesize": u64::MAX}),
            "VoipDocShare s:甲",
        ),
        (
            "sphfeed",
            "sphfeed",
            json!({"feed_type": "4", "sph_name": "甲", "feed_desc": "乙"}),
            "Sphfeed s:乙|s:甲",
        ),
        ("channel", "sphFeed", json!({"feed_desc": "乙"}), "Sphfeed s:乙"),
        ("voiptext", "info", json!({"callduration": 35}), "Voiptext "),
        ("qydiskfile", "info", json!({"filename": "甲"}), "Qydiskfile s:甲"),
        ("solitaire", "info", json!({"solitaire_content": "#接龙\n1. 甲"}), "Solitaire s:#接龙\n1. 甲"),
        (
            "note",
            "info",
            json!({"items": [{"msg_type": "text", "content": inner(json!({"content": "甲"}))}]}),
            "Note o:甲",
        ),
        (
            "note",
            "info",
            json!({"item": [{"msg_type": "text", "content": inner(json!({"content": "甲"}))}]}),
            "Note o:甲",
        ),
        (
            "mixed",
            "mixed",
            json!({"item": [
                {"type": "text", "content": inner(json!({"content": "投"}))}, {"type": "image", "content": "{}"},
                {"type": "text", "content": {"content": "诉"}}, {"type": "text", "content": "{\"content\": \"断"},
            ]}),
            "Mixed o:投|o:诉",
        ),
        (
            "chatrecord",
            "chatReCord",
            json!({"title": "群聊的聊天记录", "item": [
                {"type": "ChatRecordText", "content": inner(json!({"content": "投诉"}))},
                {"type": "ChatRecordMixed", "content": inner(json!({"item": [{"type": "text", "content": inner(json!({"content": "慢"}))}]}))},
                {"type": "chatrecord", "content": {"item": [{"type": "ChatRecordText", "content": "纯文本"}]}},
                {"type": "ChatRecordFoo", "content": "x"},
            ]}),
            "Chatrecord s:投诉|s:慢|s:纯文本",
        ),
        ("galaxy", "galaxy", json!({"content": "甲"}), "Unknown "),
    ];
    let options = ReadOptions::default();
    for (kind, key, payload, expected) in cases {
        let row = message(kind, key, payload);
        assert_eq!(told(row.to_string().as_bytes(), &options), [expected], "{kind}");
    }
}

#[test]
fn a_vote_at_top_level_reads_as_a_nested_one() {
    // case 3
    let row = with(message("vote", "votetitle", json!("甲")), json!({"voteitem": ["乙"], "votetype": 101}));
    assert_eq!(told(row.to_string().as_bytes(), &ReadOptions::default()), ["Vote o:甲|o:乙"]);
}

#[test]
fn nesting_is_cut_off_and_flagged() {
    // case 9: a depth bomb
    let mut payload = json!({"item": [{"type": "ChatRecordText", "content": {"content": "底"}}]});
    for _ in 0..20 {
        payload = json!({"item": [{"type": "chatrecord", "content": payload}]});
    }
    let row = message("chatrecord", "chatrecord", payload);
    let seen =
        only_message(&row, &ReadOptions::default(), |m| (m.parts.len(), m.flags.contains(Flags::TRUNCATED)));
    assert_eq!(seen, (0, true));
}

#[test]
fn case_11_a_list_that_everybody_repeats_counts_each_line_once() {
    let grown = |n: usize| -> String {
        let lines = ["#接龙", "周五团购", "1. 甲 两份", "2. 乙 多少钱", "3. 丙 一份\n不要辣"];
        lines[..n].join("\n")
    };
    let list = |kind: i64, n: usize| {
        message("solitaire", "info", json!({"solitaire_type": kind, "solitaire_content": grown(n)}))
    };
    let said = |row: &Value| {
        only_message(row, &ReadOptions::default(), |m| {
            m.parts
                .iter()
                .filter(|part| part.scope != TextScope::Quoted)
                .map(|part| part.text.to_string())
                .collect::<String>()
        })
    };
    let as_list = [said(&list(101, 3)), said(&list(102, 4)), said(&list(102, 5))];
    assert_eq!(as_list, ["#接龙\n周五团购\n1. 甲 两份", "2. 乙 多少钱", "3. 丙 一份\n不要辣"]);
    let as_text = [3, 4, 5].map(|n| said(&text(&grown(n))));
    assert_eq!(as_text, as_list, "copied as text");
    let plain = "1. 一\n2. 二";
    assert_eq!(said(&text(plain)), plain, "no list that others began");
}

#[test]
fn own_text_is_told_from_quotes_greetings_and_placeholders() {
    // cases 16, 21, 23, 24, 25
    for (content, parts, flags) in [
        ("这是一条引用/回复消息：\n\"甲：\n贵\"\n------\n好", "q:甲：\n贵|o:好", Flags::QUOTE),
        (
            "这是一条引用/回复消息：\n\"甲：\n贵",
            "q:这是一条引用/回复消息：\n\"甲：\n贵",
            Flags::QUOTE_UNPARSED,
        ),
        (
            "我已经添加了你，现在我们可以开始聊天了。",
            "m:我已经添加了你，现在我们可以开始聊天了。",
            Flags::GREETING,
        ),
        ("[图片]", "m:[图片]", Flags::default()),
        ("解密失败", "m:解密失败", Flags::default()),
        ("[发怒]", "o:[发怒]", Flags::default()),
    ] {
        let seen = only_message(&text(content), &ReadOptions::default(), |m| (tell_message(m), m.flags));
        assert_eq!(seen, (format!("Text {parts}"), flags), "{content}");
    }
    let base = only_message(&text("「甲：贵」\n- - -\n好的"), &ReadOptions::default(), |m| {
        m.parts.iter().map(|part| part.base_chars).collect::<Vec<_>>()
    });
    assert_eq!(base, [1, 12]);
}

#[test]
fn conversations_are_attributed_to_customers_and_staff() {
    let roster = Roster::parse("r", format!("userid,role\n{OTHER},staff\nLiHua,staff\n").as_bytes()).0;
    let options = ReadOptions { roster, ..ReadOptions::default() };
    let room = "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09";
    use ChatKind::{Group, Internal, OneToOne};
    use Role::{Bot, Customer, Staff};
    let cases = [
        (json!({}), Customer, OneToOne, "lihua", CUSTOMER),
        (json!({"from": "wolf", "tolist": [CUSTOMER]}), Staff, OneToOne, "wolf", CUSTOMER), // case 26
        (json!({"from": OTHER, "tolist": [CUSTOMER]}), Staff, OneToOne, OTHER, CUSTOMER),   // case 27
        (json!({"from": CUSTOMER, "tolist": [BOT], "from_type": 1}), Staff, Internal, CUSTOMER, "-"), // case 28
        (json!({"from": BOT, "tolist": ["lihua"]}), Bot, Internal, "lihua", "-"), // case 29
        (json!({"from": "a", "tolist": ["b"]}), Staff, Internal, "a", "-"),       // case 30
        (json!({"from": "lihua", "tolist": [CUSTOMER], "roomid": room}), Staff, Group, "lihua", "-"), // case 32
        (json!({"roomid": room}), Customer, Group, "-", CUSTOMER),
        (json!({"from": "LIHUA", "tolist": [CUSTOMER]}), Staff, OneToOne, "LIHUA", CUSTOMER), // case 33
        (json!({"tolist": []}), Customer, OneToOne, "-", CUSTOMER),
        (json!({"from": format!("客户:{CUSTOMER}")}), Customer, OneToOne, "lihua", CUSTOMER),
    ];
    for (changes, role, chat, staff, customer) in cases {
        let row = with(text("好"), changes.clone());
        let seen = only_message(&row, &options, |m| {
            let name = |id: &Option<std::borrow::Cow<'_, str>>| id.as_deref().unwrap_or("-").to_owned();
            (m.role, m.chat, name(&m.staff), name(&m.customer))
        });
        assert_eq!(seen, (role, chat, staff.to_owned(), customer.to_owned()), "{changes}");
    }
}

#[test]
fn bad_and_special_records_say_what_they_are() {
    let id = "7000000000000000001_1900000000123_external";
    let consent = |kind: &str, key: &str| message(kind, key, json!({"userid": CUSTOMER, "agree_time": 1}));
    let consent_told = |agreed: bool| format!("consent {agreed} {CUSTOMER} staff=lihua room=-");
    let recall = format!("recall {id} of x_1");
    let cases = [
        (with(text("好"), json!({"tolist": [OTHER]})), "! role.both_external".to_owned()), // case 31
        (with(text("好"), json!({"msgtime": 0})), "Text o:好".to_owned()),                 // case 35
        (with(text("好"), json!({"msgtime": 0, "msgid": "CAQQ"})), "! time.missing".to_owned()), // case 36
        (with(text("好"), json!({"msgtime": 1_900_086_400_124_i64})), "! time.ahead_of_id".to_owned()),
        (with(text("好"), json!({"msgtime": 1_900_086_400_123_i64})), "Text o:好".to_owned()),
        (with(text("好"), json!({"msgid": ""})), "! id.missing".to_owned()),
        (with(text("好"), json!({"from": null})), "! from.missing".to_owned()),
        (
            with(message("revoke", "revoke", json!({"pre_msgid": "x_1"})), json!({"action": "recall"})),
            recall.clone(),
        ), // 44
        (message("revoke", "revoke", json!({"pre_msgid": "x_1"})), recall), // case 46
        (message("revoke", "revoke", json!({})), "! recall.no_target".to_owned()),
        (json!({"msgid": "s1", "action": "switch", "time": 1, "user": "lihua"}), "switch s1".to_owned()), // case 49
        (consent("agree", "agree"), consent_told(true)), // case 50
        (consent("disagree", "disagree"), consent_told(false)),
        (consent("disagree", "agree"), consent_told(false)), // case 4
        (
            json!({"seq": 7, "msgid": "e", "publickey_ver": 3, "encrypt_random_key": "x", "encrypt_chat_msg": "y"}),
            "encrypted Some(3) 7".to_owned(),
        ), // case 74
        (json!({"errcode": 301_052, "errmsg": "x"}), "! page.error".to_owned()), // case 57
        (json!({"errcode": 0, "errmsg": "ok"}), "empty page.empty".to_owned()),
        (json!({"errcode": 0, "chatdata": []}), "empty page.empty".to_owned()),
        (json!({"x": 1}), "! record.not_message".to_owned()),
        (json!({"message_id": "m", "type": 101, "content": "不是 JSON"}), "! payload.not_json".to_owned()), // case 61
    ];
    for (row, expected) in cases {
        assert_eq!(told(row.to_string().as_bytes(), &ReadOptions::default()), [expected], "{row}");
    }
}

#[test]
fn flags_note_what_was_odd() {
    let options = ReadOptions::default();
    for (row, flag) in [
        (message("image", "image", Value::Null), Flags::EMPTY_PAYLOAD), // case 13
        (message("text", "x", json!(1)), Flags::EMPTY_PAYLOAD),
        (message("galaxy", "x", json!(1)), Flags::UNKNOWN_TYPE), // case 12
        (with(text("好"), json!({"isRevoke": true})), Flags::RECALLED), // case 47
        (with(text("好"), json!({"tolist": []})), Flags::NO_RECEIVER),
        (with(text("好"), json!({"msgtime": 0})), Flags::TIME_FROM_ID),
        (json!({"msgid": "other", "msg": text("好")}), Flags::ID_MISMATCH), // case 59
    ] {
        assert!(only_message(&row, &options, |m| m.flags.contains(flag)), "{row}");
    }
}

#[test]
fn every_storage_variant_gives_the_same_message() {
    // cases 52, 60, 62
    let plain = text("多少钱");
    let payload = json!({"content": "多少钱"});
    let head = json!({"msgid": plain["msgid"], "seq": 9, "from": CUSTOMER, "msgtime": plain["msgtime"]});
    let bare = with(head.clone(), json!({"msgtype": "text"}));
    let variants = [
        ("V1", plain.clone()),
        ("V2", json!({"data": [plain]})),
        ("V2 list", json!([plain])),
        ("V4", json!({"chatdata": [{"seq": 9, "msgid": plain["msgid"], "publickey_ver": 1, "msg": plain}]})),
        ("V5", json!({"seq": 9, "message": plain})),
        ("V6", json!({"messages": [{"seq": 9, "content": plain}]})),
        (
            "V7",
            json!({"sequence": 9, "message_id": plain["msgid"], "type": "text", "from_id": CUSTOMER, "raw": plain}),
        ),
        ("V8", json!({"last_seq": 9, "data": [plain.to_string()]})),
        (
            "V9",
            json!({"message_id": plain["msgid"], "type": 101, "content": with(plain.clone(), json!({
            "seq": "9", "msgtime": "1900000000123", "tolist": "lihua", "image": null, "info": null, "is_grp": "false"
        })).to_string()}),
        ),
        (
            "V10",
            with(
                with(
                    bare.clone(),
                    json!({"tolist": "lihua,", "text": "多少钱", "msgdata": payload.to_string()}),
                ),
                json!({"msgfrom": "x", "created_at": "2030-01-01"}),
            ),
        ),
        ("V10 whole", with(bare.clone(), json!({"msgdata": plain.to_string()}))),
        (
            "V12",
            json!({"msg_id": plain["msgid"], "action": "send", "from": CUSTOMER, "to_list": "[\"lihua\"]",
            "room_id": "", "msg_time": 1_900_000_000_123_i64, "msg_type": "text", "content_text": "多少钱", "seq": 9}),
        ),
        (
            "V13",
            json!({"msgId": plain["msgid"], "msgType": "text", "msgTime": 1_900_000_000_123_i64, "from": CUSTOMER,
            "toList": ["lihua"], "text": payload}),
        ),
        ("V14", with(head.clone(), json!({"msg_type": "text", "tolist": ["lihua"], "raw_content": payload}))),
        (
            "V15",
            with(
                bare.clone(),
                json!({"action": 0, "from_id": 3, "room_id": 0, "tolist": ["lihua"],
            "content": payload.to_string()}),
            ),
        ),
        ("V16", with(bare.clone(), json!({"tolist": ["lihua"], "content": payload, "filesize": "1"}))),
        (
            "V17",
            json!({"msgid": plain["msgid"], "sender": {"type": 2, "id": CUSTOMER},
            "receiver_list": [{"type": 1, "id": "lihua"}], "send_time": 1_900_000_000, "msgtype": 2, "text": payload}),
        ),
        ("V19", with(plain.clone(), json!({"image": null, "voice": null}))),
    ];
    for (name, row) in variants {
        let seen = only_message(&row, &ReadOptions::default(), |m| {
            let staff = m.staff.as_deref().unwrap_or("-").to_owned();
            (
                m.id.to_string(),
                m.at.0 / 1_000,
                tell_message(m),
                staff,
                m.customer.as_deref() == Some(CUSTOMER),
                m.recipients,
            )
        });
        let id = plain["msgid"].as_str().expect("an id").to_owned();
        assert_eq!(
            seen,
            (id, 1_900_000_000, "Text o:多少钱".to_owned(), "lihua".to_owned(), true, 1),
            "{name}"
        );
    }
}

#[test]
fn entries_that_nobody_could_decrypt_are_counted() {
    // V8
    let row = json!({"data": [text("好").to_string(), null, ""]});
    let seen = told(row.to_string().as_bytes(), &ReadOptions::default());
    assert_eq!(seen, ["Text o:好", "empty entry.null", "empty entry.null"]);
}

#[test]
fn groups_are_counted_and_not_kept() {
    // case 79: 499 receivers
    let ids: Vec<String> = (0..499).map(|n| format!("staff{n:05}")).collect();
    let row = with(text("好"), json!({"tolist": ids, "roomid": "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09"}));
    assert_eq!(only_message(&row, &ReadOptions::default(), |m| m.recipients), 499);
}

#[test]
fn byte_damage_is_mended_or_refused() {
    let line = |content: &str| text(content).to_string();
    let damaged = |from: &str, to: &[u8]| {
        let line = line("甲@乙");
        let at = line.find(from).expect("there");
        [&line.as_bytes()[..at], to, &line.as_bytes()[at + from.len()..]].concat()
    };
    let whole = line("好");
    let deep = whole.replace("\"好\"", &format!("{}{}", "[".repeat(200), "]".repeat(200)));
    let cases: Vec<(Vec<u8>, Vec<&str>)> = vec![
        (damaged("@", b"\x12"), vec!["Text o:甲\u{FFFD}乙"]), // case 63
        (damaged("@", b"\\ud83d"), vec!["Text o:甲\u{FFFD}乙"]), // case 64
        (damaged("@", b"\xFF"), vec!["Text o:甲\u{FFFD}乙"]), // case 65
        (damaged("@", b"\\u0000"), vec!["Text o:甲\0乙"]),    // case 66
        (damaged("@", b"\n"), vec!["Text o:甲\n乙"]),         // a raw line feed
        (format!("{whole}\0\0,\r\n").into_bytes(), vec!["Text o:好"]), // case 67
        (format!("\u{FEFF}{whole}\n\n  \n{whole}").into_bytes(), vec!["Text o:好", "Text o:好"]), // case 56
        (format!("{whole}{whole}").into_bytes(), vec!["Text o:好", "Text o:好"]),
        (deep.into_bytes(), vec!["! json.depth"]), // case 71
        (whole.as_bytes()[..whole.len() - 9].to_vec(), vec!["! json.truncated"]), // case 72
        (format!("{{\"a\n{whole}\n").into_bytes(), vec!["! json.truncated", "Text o:好"]),
        (b"  \n\r\n".to_vec(), vec![]),
        (
            whole.replace("\"msgtime\"", "\"msgid\":\"twice_1900000000\",\"msgtime\"").into_bytes(),
            vec!["Text o:好"],
        ), // 70
        (
            whole.replace("\"roomid\"", "\"seq\":18446744073709551615,\"roomid\"").into_bytes(),
            vec!["Text o:好"],
        ), // 69
    ];
    for (bytes, expected) in cases {
        assert_eq!(told(&bytes, &ReadOptions::default()), expected, "{}", String::from_utf8_lossy(&bytes));
    }
    let small = ReadOptions { max_record_bytes: 100, ..ReadOptions::default() };
    assert_eq!(told(whole.as_bytes(), &small), ["! record.too_long"]); // case 68
}

/// Reads the files of `dir` and returns what each record told with its line, in file order, and the reports.
pub(super) fn read_all(
    dir: &std::path::Path,
    options: &ReadOptions,
) -> (Vec<(u64, String)>, Vec<FileReport>) {
    let plan = Plan::new(&[dir.display().to_string()]).expect("files");
    let seen = Mutex::new(Vec::new());
    let (progress, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let visit = |block: &mut crate::archive::Block<'_>| {
        while let Some(read) = block.next_record() {
            let said = read.record.as_ref().map_or_else(|fault| format!("! {}", fault.code), tell);
            seen.lock().expect("not poisoned").push((read.origin, said));
        }
    };
    let reports = read_blocks(&plan, options, &progress, &stop, &visit).expect("not stopped");
    let mut seen = seen.into_inner().expect("not poisoned");
    seen.sort();
    assert_eq!(reports.iter().map(|report| report.records).sum::<u64>(), seen.len() as u64);
    let lined = seen.into_iter().map(|(origin, said)| (reports[origin.file as usize].line_of(&origin), said));
    (lined.collect(), reports)
}

fn lines_of(count: usize) -> String {
    (0..count).map(|n| format!("{}\n", text(&format!("第{n}条")))).collect()
}

#[test]
fn blocks_of_any_size_give_every_record_once_with_its_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut content = format!("stray\n{}", lines_of(40));
    content.push_str("\nnot json\nnot json either\n");
    content.push_str(&text("甲@乙").to_string().replace('@', "\n"));
    content.push_str(&format!("\n{}\n", text(&"长".repeat(3_000))));
    content.push_str(&lines_of(20));
    content.push_str(&"garbage in between\n".repeat(500));
    content.push_str(&lines_of(2));
    content.push_str("{\"cut");
    std::fs::write(dir.path().join("a.jsonl"), &content).expect("written");
    let (whole, report) = read_all(dir.path(), &ReadOptions::default());
    assert_eq!(whole.iter().filter(|(_, said)| said.starts_with("Text")).count(), 64);
    assert_eq!(whole[0], (1, "! json.syntax".to_owned()));
    assert_eq!(whole[1], (2, "Text o:第0条".to_owned()));
    for block_bytes in [1_024, 2_048, 8_192] {
        let options = ReadOptions { block_bytes, ..ReadOptions::default() };
        let (blocks, block_report) = read_all(dir.path(), &options);
        assert_eq!(blocks, whole, "{block_bytes}");
        assert_eq!(block_report[0].blake3, *blake3::hash(content.as_bytes()).as_bytes());
        assert_eq!((block_report[0].lines, block_report[0].bytes), (report[0].lines, report[0].bytes));
    }
}

#[test]
fn the_number_of_threads_changes_no_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let content = format!("{}garbage\n{}", lines_of(100), text("甲@乙").to_string().replace('@', "\n"));
    std::fs::write(dir.path().join("a.jsonl"), content).expect("written");
    std::fs::write(dir.path().join("b.json"), json!({"data": [text("好"), null]}).to_string())
        .expect("written");
    let options = ReadOptions { block_bytes: 1_024, ..ReadOptions::default() };
    let [one, four] = [1, 4].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| read_all(dir.path(), &options).0)
    });
    assert_eq!(one.len(), 104);
    assert_eq!(one, four);
}

#[test]
fn containers_are_told_by_their_content() {
    // cases 54 (gz, zst: 55), 56, 57
    let lines = lines_of(3);
    let list = format!("[{}]", lines.trim().replace('\n', ",\n"));
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(&list).expect("a list")).expect("json");
    let page = format!("{{\"errcode\":0,\"corpid\":\"ww1\",\"chatdata\":{list}}}");
    let beside = lines.replace('\n', "");
    let gzip = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, lines.as_bytes()).expect("packed");
        packer.finish().expect("packed")
    };
    let zstd = zstd::stream::encode_all(pretty.as_bytes(), 1).expect("packed");
    let cut = gzip[..gzip.len() - 20].to_vec();
    // (name, content, shape, records, fault)
    type Case<'c> = (&'c str, Vec<u8>, Shape, usize, Option<&'c str>);
    let cases: Vec<Case<'_>> = vec![
        ("lines", lines.clone().into_bytes(), Shape::Lines, 3, None),
        ("no final feed", lines.trim().as_bytes().to_vec(), Shape::Lines, 3, None),
        ("list", list.clone().into_bytes(), Shape::List, 3, None),
        ("pretty", pretty.clone().into_bytes(), Shape::List, 3, None),
        (
            "pretty object",
            serde_json::to_string_pretty(&text("好")).expect("json").into_bytes(),
            Shape::Objects,
            1,
            None,
        ),
        ("page", page.into_bytes(), Shape::Page, 3, None),
        ("beside", beside.into_bytes(), Shape::Objects, 3, None),
        ("gzip", gzip, Shape::Lines, 3, None),
        ("zstd", zstd, Shape::List, 3, None),
        ("cut gzip", cut, Shape::Lines, 1, Some("! file.damaged")),
        (
            "cut list",
            format!("{},{{\"a", &list[..list.len() - 1]).into_bytes(),
            Shape::List,
            3,
            Some("! json.truncated"),
        ),
        ("open list", list.as_bytes()[..list.len() - 1].to_vec(), Shape::List, 3, Some("! json.truncated")),
        (
            "an answer of a server",
            format!("{{\"code\":0,\"data\":{{\"total\":3,\"list\":{list}}},\"more\":false}}").into_bytes(),
            Shape::Page,
            3,
            None,
        ),
        ("a dump of Navicat", format!("{{\n\"RECORDS\":\n{pretty}\n}}").into_bytes(), Shape::Page, 3, None),
        ("lines in GB18030", encoding_rs::GB18030.encode(&lines).0.into_owned(), Shape::Lines, 3, None),
        ("lines in UTF-16", lines.encode_utf16().flat_map(u16::to_be_bytes).collect(), Shape::Lines, 3, None),
        ("empty", Vec::new(), Shape::Empty, 0, None),
        ("blank", b"\n\n".to_vec(), Shape::Empty, 0, None),
        (
            "picture",
            b"\x89PNG\r\n\x1a\n\0\0\0".to_vec(),
            Shape::Foreign("format.unknown"),
            0,
            Some("! format.unknown"),
        ),
    ];
    for (name, bytes, shape, messages, fault) in cases {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("a.jsonl"), &bytes).expect("written");
        let (seen, reports) = read_all(dir.path(), &ReadOptions::default());
        let faults: Vec<_> =
            seen.iter().filter(|(_, said)| said.starts_with('!')).map(|(_, said)| said.as_str()).collect();
        assert_eq!(reports[0].variant, shape, "{name}");
        assert_eq!(seen.len() - faults.len(), messages, "{name}");
        assert_eq!(faults, Vec::from_iter(fault), "{name}");
        assert_eq!(reports[0].blake3, *blake3::hash(&bytes).as_bytes(), "{name}");
    }
}

#[test]
fn a_page_may_be_longer_than_a_record_wherever_its_list_stands() {
    let message = text("好");
    let options = ReadOptions { max_record_bytes: message.to_string().len(), ..ReadOptions::default() };
    let list = json!([message, message, message, message]);
    for page in [
        json!({"data": list}),
        json!({"code": 0, "result": {"rows": list, "next": {"cursor": "]}"}}}),
        json!({"RECORDS": list}),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("a.json"), format!("{page}\n{page}")).expect("written");
        let told: Vec<String> = read_all(dir.path(), &options).0.into_iter().map(|(_, told)| told).collect();
        assert_eq!(told, ["Text o:好"; 8], "{page}");
    }
}

#[test]
fn a_page_lends_its_company_to_its_messages_and_so_does_the_name_of_a_file() {
    let page = json!({"corpid": "ww1", "data": [text("好")]}).to_string();
    assert_eq!(corps_of("a.json", &page), ["ww1"]);
    assert_eq!(corps_of("message_ww0123456789abcdef.json", &page), ["ww1"], "a record's own company wins");
    let lines = format!("{}\n{}\n", text("好"), with(text("好"), json!({"unofficial": 1})));
    assert_eq!(corps_of("message_ww0123456789abcdef.jsonl", &lines), ["ww0123456789abcdef"; 2]);
}

fn corps_of(name: &str, content: &str) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join(name), content).expect("written");
    let plan = Plan::new(&[dir.path().display().to_string()]).expect("a file");
    let corps = Mutex::new(Vec::new());
    let (progress, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let visit = |block: &mut crate::archive::Block<'_>| {
        while let Some(read) = block.next_record() {
            if let Ok(Record::Message(message)) = read.record {
                corps.lock().expect("not poisoned").push(message.corp.into_owned());
            }
        }
    };
    read_blocks(&plan, &ReadOptions::default(), &progress, &stop, &visit).expect("not stopped");
    corps.into_inner().expect("not poisoned")
}

#[test]
fn the_fast_path_agrees_with_the_general_one() {
    for kind in ["text", "image", "link", "mixed", "revoke"] {
        let payload = match kind {
            "text" => json!({"content": "好"}),
            _ => json!({"title": "甲", "pre_msgid": "x", "md5sum": ""}),
        };
        let row = message(kind, kind, payload);
        let slow = with(row.clone(), json!({"unofficial": 1}));
        let options = ReadOptions::default();
        assert!(crate::archive::fast::decode(row.to_string().as_bytes(), &options).is_some(), "{kind}");
        assert!(crate::archive::fast::decode(slow.to_string().as_bytes(), &options).is_none(), "{kind}");
        assert_eq!(told(row.to_string().as_bytes(), &options), told(slow.to_string().as_bytes(), &options));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    // case 73
    #[test]
    fn any_bytes_are_read_without_panic_and_counts_add_up(
        pieces in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[\\[\\]{}\":,\\\\a-c0-9 \n]{0,40}".prop_map(String::into_bytes),
            Just(text("好").to_string().into_bytes()),
            Just(b"\n".to_vec()),
            Just(b"{\"data\":[".to_vec()),
        ], 0..60),
    ) {
        let bytes = pieces.concat();
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("a"), &bytes).expect("written");
        let small = ReadOptions { block_bytes: 1_024, ..ReadOptions::default() };
        let (seen, reports) = read_all(dir.path(), &small);
        prop_assert_eq!(reports[0].blake3, *blake3::hash(&bytes).as_bytes());
        let (whole, _) = read_all(dir.path(), &ReadOptions::default());
        prop_assert_eq!(seen, whole);
    }
}
