//! Texts that stand where a person's words would: greetings of the system and
//! placeholders of exporters. They are evidence for nobody.

/// Returns whether the client wrote this greeting in the sender's name.
///
/// Source: contact events in public archive readers, 2026-11; the middle varies (`联系人验证请求`, `好友验证请求`).
pub(crate) fn is_greeting(text: &str) -> bool {
    let text = text.trim_start();
    // The start first: hardly any text has it, and it is looked at without a search.
    GREETING_STARTS.iter().any(|start| text.starts_with(start)) && ends_as_greeting(text)
}

fn ends_as_greeting(text: &str) -> bool {
    let text = text.trim_end().trim_end_matches(['。', '.', '！', '!']);
    text.ends_with(GREETING_END) && text.len() <= GREETING_BYTES
}

/// Returns whether the whole text stands for something that is no text, such as `[图片]`.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let text = text.trim_start();
    // No search for the end of a text that does not begin like one: nearly all texts.
    if !matches!(text.as_bytes().first(), Some(b'[' | 0xE8 | 0xE3)) {
        return false;
    }
    let text = text.trim_end();
    text == "解密失败" || bracketed(text).is_some_and(|inner| PLACEHOLDERS.contains(&inner))
}

fn bracketed(text: &str) -> Option<&str> {
    let square = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    square.or_else(|| text.strip_prefix('【').and_then(|rest| rest.strip_suffix('】')))
}

const GREETING_END: &str = "现在我们可以开始聊天了";
pub(crate) const GREETING_STARTS: &[&str] = &["我通过了你的", "我已经添加了你", "我已添加了你", "你已添加了"];
/// A greeting is one short sentence; a longer text is somebody's own.
const GREETING_BYTES: usize = 150;

/// What exporters write in brackets. Emoji codes such as `[微笑]` are not among them: those are the sender's.
const PLACEHOLDERS: &[&str] = &[
    "图片",
    "语音",
    "视频",
    "文件",
    "链接",
    "小程序",
    "名片",
    "位置",
    "表情",
    "动画表情",
    "聊天记录",
    "红包",
    "视频号",
    "未知消息类型",
    "未知类型消息",
    "语音通话",
    "视频通话",
    "混合消息",
    "笔记",
    "收集表",
    "投票",
    "待办",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_and_placeholders_are_told_from_words() {
        // case 24, 25
        for (text, greeting, placeholder) in [
            ("我通过了你的联系人验证请求，现在我们可以开始聊天了", true, false),
            ("我已经添加了你，现在我们可以开始聊天了。", true, false),
            ("我通过了你的好友验证请求，现在我们可以开始聊天了", true, false),
            ("我通过了你的考试", false, false),
            ("解密失败", false, true),
            ("【未知消息类型】", false, true),
            ("[图片]", false, true),
            (" 【语音】\n", false, true),
            ("[微笑]", false, false),
            ("[图片]看这个", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_greeting(text), is_placeholder(text)), (greeting, placeholder), "{text}");
        }
    }
}
