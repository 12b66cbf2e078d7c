//! Names what detectors look for: things with a form instead of a wording.

/// What a term of mode 识别 looks for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Detector {
    /// A mobile number of the mainland.
    Phone,
    /// A WeChat id after words that lead to it.
    WechatId,
    /// A QQ number after words that lead to it.
    Qq,
    /// An e-mail address.
    Email,
    /// The address of a page.
    Url,
    /// A bank card number with a right check digit.
    BankCard,
    /// A resident identity card number with a right check digit.
    IdCard,
}

/// Every detector with the names a term may use.
const NAMES: &[(Detector, &[&str])] = &[
    (Detector::Phone, &["手机号", "phone"]),
    (Detector::WechatId, &["微信号", "wechat_id"]),
    (Detector::Qq, &["QQ号", "qq"]),
    (Detector::Email, &["邮箱", "email"]),
    (Detector::Url, &["网址", "url"]),
    (Detector::BankCard, &["银行卡号", "bank_card"]),
    (Detector::IdCard, &["身份证号", "id_card"]),
];

impl Detector {
    /// Returns the detector with this name, in either language; `<…>` around it does not matter.
    pub fn named(name: &str) -> Option<Detector> {
        let name = name.trim().trim_start_matches('<').trim_end_matches('>');
        NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(detector, _)| *detector)
    }

    /// Returns the names a term may use, in Chinese.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, names)| names[0])
    }
}
