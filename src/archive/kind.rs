//! Names of message types, and the keys under which their payloads are stored.

use crate::message::MessageKind;

/// Returns the kind with the official name `name`; exact, for the fast path.
pub(crate) fn official(name: &str) -> Option<MessageKind> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// Returns the kind that `name` means: official, in any letter case, or a name that wrappers leak.
pub(crate) fn of_name(name: &str) -> MessageKind {
    let lower = name.trim().to_ascii_lowercase();
    official(&lower)
        .or_else(|| LEAKED.iter().find(|(known, _)| *known == lower).map(|(_, kind)| *kind))
        .unwrap_or(MessageKind::Unknown)
}

/// Returns the kind of an item of a forwarded record, a `mixed` message or a note: `ChatRecordText` is `text`.
pub(crate) fn of_item(name: &str) -> MessageKind {
    let name = name.trim();
    let prefix = name.get(..10).filter(|head| head.eq_ignore_ascii_case("chatrecord"));
    match prefix {
        Some(_) if name.len() > 10 => of_name(&name[10..]),
        _ => of_name(name),
    }
}

/// Returns the key of the payload of `kind`, the official one first.
pub(crate) fn payload_keys(kind: MessageKind) -> &'static [&'static str] {
    match kind {
        MessageKind::Docmsg => &["doc", "docmsg"],
        MessageKind::ExternalRedpacket => &["redpacket", "external_redpacket"],
        MessageKind::Markdown => &["info", "markdown"],
        MessageKind::News => &["info", "news"],
        MessageKind::MeetingNotification => &["info", "meeting_notification"],
        MessageKind::Voiptext => &["info", "voiptext"],
        MessageKind::Qydiskfile => &["info", "qydiskfile"],
        MessageKind::Solitaire => &["info", "solitaire"],
        MessageKind::Note => &["info", "note"],
        MessageKind::Disagree => &["disagree", "agree"],
        MessageKind::Sphfeed => &["sphfeed", "channel"],
        MessageKind::Collect => &["collect", "template_card"],
        other => own_name(other),
    }
}

fn own_name(kind: MessageKind) -> &'static [&'static str] {
    let entry = NAMES.iter().find(|(_, known)| *known == kind);
    entry.map_or(&[], |(name, _)| std::slice::from_ref(name))
}

/// The official names; the frequent ones first, because the list is searched in order.
/// Source: developer.work.weixin.qq.com/document/path/91774, revision of 2026-01-19.
const NAMES: &[(&str, MessageKind)] = &[
    ("text", MessageKind::Text),
    ("image", MessageKind::Image),
    ("voice", MessageKind::Voice),
    ("link", MessageKind::Link),
    ("file", MessageKind::File),
    ("emotion", MessageKind::Emotion),
    ("mixed", MessageKind::Mixed),
    ("revoke", MessageKind::Revoke),
    ("video", MessageKind::Video),
    ("weapp", MessageKind::Weapp),
    ("card", MessageKind::Card),
    ("location", MessageKind::Location),
    ("chatrecord", MessageKind::Chatrecord),
    ("todo", MessageKind::Todo),
    ("vote", MessageKind::Vote),
    ("collect", MessageKind::Collect),
    ("redpacket", MessageKind::Redpacket),
    ("external_redpacket", MessageKind::ExternalRedpacket),
    ("meeting", MessageKind::Meeting),
    ("meeting_notification", MessageKind::MeetingNotification),
    ("docmsg", MessageKind::Docmsg),
    ("markdown", MessageKind::Markdown),
    ("news", MessageKind::News),
    ("calendar", MessageKind::Calendar),
    ("meeting_voice_call", MessageKind::MeetingVoiceCall),
    ("voip_doc_share", MessageKind::VoipDocShare),
    ("sphfeed", MessageKind::Sphfeed),
    ("voiptext", MessageKind::Voiptext),
    ("qydiskfile", MessageKind::Qydiskfile),
    ("solitaire", MessageKind::Solitaire),
    ("note", MessageKind::Note),
    ("agree", MessageKind::Agree),
    ("disagree", MessageKind::Disagree),
];

/// Names that wrappers and export tools write in place of the official ones.
const LEAKED: &[(&str, MessageKind)] = &[
    ("文本", MessageKind::Text),
    ("文字", MessageKind::Text),
    ("图片", MessageKind::Image),
    ("语音", MessageKind::Voice),
    ("视频", MessageKind::Video),
    ("表情", MessageKind::Emotion),
    ("文件", MessageKind::File),
    ("链接", MessageKind::Link),
    ("小程序", MessageKind::Weapp),
    ("名片", MessageKind::Card),
    ("位置", MessageKind::Location),
    ("图文混排", MessageKind::Mixed),
    ("混合消息", MessageKind::Mixed),
    ("聊天记录", MessageKind::Chatrecord),
    ("红包", MessageKind::Redpacket),
    ("笔记", MessageKind::Note),
    ("撤回", MessageKind::Revoke),
    ("doc", MessageKind::Docmsg),
    ("channel", MessageKind::Sphfeed),
    ("template_card", MessageKind::Collect),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_names_lose_their_prefix_in_any_case() {
        for (name, kind) in [
            ("ChatRecordText", MessageKind::Text),
            ("chatrecordMixed", MessageKind::Mixed),
            ("chatrecord", MessageKind::Chatrecord),
            ("ChatRecordFoo", MessageKind::Unknown),
            ("text", MessageKind::Text),
            ("聊天记录聊天记录", MessageKind::Unknown),
            ("chatReCord", MessageKind::Chatrecord),
            ("channel", MessageKind::Sphfeed),
        ] {
            assert_eq!(of_item(name), kind, "{name}");
        }
    }
}
