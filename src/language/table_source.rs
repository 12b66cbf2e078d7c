//! Generates the folding table and compares the committed one with its sources.
//!
//! `CHATTAG_BLESS=1 cargo test --lib language::table_source` writes `fold_table.bin`.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::character::{CharFlags, EXPANDS, FLAG_SHIFT, INDEX_LEN, PAGE_BITS, TABLE, VALUE};

/// Letters of other alphabets, small capitals and the like, with the Latin letter they pass for.
/// Own list, by eye; the order is alphabetic by target.
const LOOKALIKES: &str = "\
    аa αa ɑa ᴀa ʙb βb вb сc ᴄc ԁd ᴅd еe ᴇe εe ꜰf ɡg ɢg ʜh нh һh іi ıi ιi ɪi јj ᴊj кk κk ᴋk \
    ʟl ӏl мm ᴍm ɴn ηn оo οo ᴏo рp ρp ᴘp ԛq ʀr ѕs ꜱs тt τt ᴛt ᴜu υu νv ѵv ᴠv ∨v ԝw ᴡw ωw хx χx \
    уy ʏy γy ᴢz";

/// Signs and emoji read as a word or digit.
const READ_AS: &str = "➕加 ⺠民 ⻔门 ⻋车 ⻢马 ⻥鱼 ⻦鸟 ⻩黄 ⻚页 ⻛风 ⻜飞 ⻝食 ⻓长 ⻉贝 ⻅见 ⻄西 ⻘青 ⻙韦 ⻬齐 ⻰龙 ⻮齿 \
    ⺀冫 ⺅亻 ⺌小 ⺍小 ⺗心 ⺘扌 ⺙攵 ⺡氵 ⺣灬 ⺩王 ⺪疋 ⺫目 ⺬示 ⺭礻 ⺮竹 ⺯纟 ⺰纟 ⺶羊 ⺷羊 ⺹老 ⺼月 ⻁虎 ⻂衤 ⻊足 ⻌辶 ⻍辶 ⻎辶 \
    ⻏阝 ⻐钅 ⻖阝 ⻗雨 ⻟饣 ⻠饣 ⻤鬼 ⻨麦";

/// Ranges of characters that separate without ending a clause: punctuation, symbols, emoji.
const SOFT_RANGES: &[(u32, u32)] = &[
    (0x20, 0x20),
    (0x09, 0x09),
    (0x22, 0x2b),
    (0x2d, 0x2f),
    (0x3a, 0x3a),
    (0x3c, 0x3e),
    (0x40, 0x40),
    (0x5b, 0x60),
    (0x7b, 0x7e),
    (0xa0, 0xbf),
    (0xd7, 0xd7),
    (0xf7, 0xf7),
    (0x2b0, 0x2ff),
    (0x2000, 0x206f),
    (0x20a0, 0x20bf),
    (0x2100, 0x2bff),
    (0x2e00, 0x2e5d),
    (0x3000, 0x3000),
    (0x3003, 0x3004),
    (0x3008, 0x3020),
    (0x3030, 0x303f),
    (0x30fb, 0x30fb),
    (0xfe10, 0xfe6f),
    (0xfffd, 0xfffd),
    (0x1f000, 0x1faff),
];
/// Ranges of characters that nobody sees.
const SKIP_RANGES: &[(u32, u32)] = &[
    (0xad, 0xad),
    (0x300, 0x36f),
    (0x483, 0x489),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x20d0, 0x20ff),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0x1f3fb, 0x1f3ff),
    (0xe0000, 0xe0fff),
];
const HAN_RANGES: &[(u32, u32)] = &[
    (0x3005, 0x3007),
    (0x2e80, 0x2fdf),
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    (0xf900, 0xfaff),
    (0x20000, 0x3ffff),
];
const HARD: &str = "。!?;\n\r…\u{2028}\u{2029}\u{b}\u{c}\u{85}⋯";

fn within(ranges: &[(u32, u32)], c: char) -> bool {
    ranges.iter().any(|&(from, to)| (from..=to).contains(&(c as u32)))
}

struct Source {
    pairs: HashMap<char, String>,
}

impl Source {
    fn new() -> Source {
        let mut pairs = HashMap::new();
        for pair in LOOKALIKES.split_whitespace().chain(READ_AS.split_whitespace()) {
            let mut chars = pair.chars();
            let from = chars.next().expect("a pair has two characters");
            pairs.insert(from, chars.collect());
        }
        for i in 0..26u8 {
            let letter = char::from(b'a' + i).to_string();
            for base in [0x1f150, 0x1f170, 0x1f1e6] {
                pairs.insert(char::from_u32(base + u32::from(i)).unwrap(), letter.clone());
            }
        }
        for i in 0..10u32 {
            for base in [0x2776, 0x2780, 0x278a] {
                pairs.insert(char::from_u32(base + i).unwrap(), (i + 1).to_string());
            }
        }
        pairs.insert('⓿', "0".to_owned());
        Source { pairs }
    }

    fn step(&self, c: char) -> String {
        if let Some(text) = self.pairs.get(&c) {
            return text.clone();
        }
        if HARD.contains(c) || within(SKIP_RANGES, c) {
            return c.to_string();
        }
        let normal: String = c.nfkc().flat_map(char::to_lowercase).collect();
        if normal.chars().count() > 4 || normal.starts_with(' ') && normal.chars().count() > 1 {
            return c.to_string();
        }
        let plain: String = normal.chars().flat_map(strip_accent).collect();
        plain.chars().map(simplify).collect()
    }

    /// Folds until nothing changes any more.
    fn fold(&self, c: char) -> String {
        let mut text = self.step(c);
        for _ in 0..8 {
            let next: String = text.chars().map(|c| self.step(c)).collect();
            if next == text {
                return text;
            }
            text = next;
        }
        panic!("{c:?} does not settle: {text}");
    }
}

/// Takes the accents off a Latin letter.
fn strip_accent(c: char) -> Vec<char> {
    let parts: Vec<char> = c.to_string().nfkd().collect();
    let accented = parts.len() > 1 && parts[0].is_ascii_alphabetic();
    if !accented {
        return vec![c];
    }
    parts.into_iter().filter(|part| !is_combining_mark(*part)).collect()
}

fn simplify(c: char) -> char {
    let text = c.to_string();
    let simple = character_converter::traditional_to_simplified(&text).into_owned();
    let mut chars = simple.chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn flags(c: char) -> CharFlags {
    let mut flags = CharFlags(0);
    let mut set = |on: bool, flag: CharFlags| {
        if on {
            flags |= flag;
        }
    };
    let (skip, hard) = (within(SKIP_RANGES, c), HARD.contains(c));
    let han = within(HAN_RANGES, c);
    let latin =
        c.is_alphabetic() && (c as u32) < 0x590 || ('\u{1d00}'..'\u{2000}').contains(&c) && c.is_alphabetic();
    set(skip, CharFlags::SKIP);
    set(hard, CharFlags::HARD);
    set(han, CharFlags::HAN);
    set(latin && !skip, CharFlags::LATIN);
    set(c.is_ascii_digit(), CharFlags::DIGIT);
    set(c.is_whitespace(), CharFlags::SPACE);
    set(c == '[', CharFlags::BRACKET);
    set(within(SOFT_RANGES, c) && !skip && !hard && !latin && c != '、', CharFlags::SOFT);
    flags
}

fn entry(source: &Source, pool: &mut String, c: char) -> u32 {
    let folded = source.fold(c);
    let of_result = folded.chars().fold(CharFlags(0), |all, c| all | flags(c));
    let value = if folded.chars().eq([c]) {
        0
    } else if folded.chars().count() == 1 {
        folded.chars().next().expect("it has one") as u32
    } else {
        EXPANDS | place_in(pool, &folded)
    };
    value | u32::from(of_result.0) << FLAG_SHIFT
}

fn place_in(pool: &mut String, text: &str) -> u32 {
    assert!(text.len() < 32, "{text}");
    let at = pool.find(text).unwrap_or_else(|| {
        pool.push_str(text);
        pool.len() - text.len()
    });
    let value = (at as u32) << 5 | text.len() as u32;
    assert!(value <= VALUE);
    value
}

fn generate() -> Vec<u8> {
    let (source, mut pool) = (Source::new(), String::new());
    let mut pages: Vec<Vec<u32>> = Vec::new();
    let mut index: Vec<u16> = Vec::new();
    for page in 0..INDEX_LEN {
        let codes = (page << PAGE_BITS)..((page + 1) << PAGE_BITS);
        let entries: Vec<u32> = codes
            .map(|code| char::from_u32(code as u32).map_or(0, |c| entry(&source, &mut pool, c)))
            .collect();
        let at = pages.iter().position(|known| *known == entries).unwrap_or_else(|| {
            pages.push(entries);
            pages.len() - 1
        });
        index.push(at as u16);
    }
    let mut bytes = (pages.len() as u32).to_le_bytes().to_vec();
    bytes.extend(index.iter().flat_map(|at| at.to_le_bytes()));
    bytes.extend(pages.iter().flatten().flat_map(|entry| entry.to_le_bytes()));
    bytes.extend(pool.bytes());
    bytes
}

#[test]
fn the_committed_table_is_the_one_its_sources_give() {
    let bytes = generate();
    if std::env::var_os("CHATTAG_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/language/fold_table.bin");
        std::fs::write(path, &bytes).unwrap();
        return;
    }
    assert!(bytes == TABLE, "the sources changed: bless the table anew and read the difference");
}

#[test]
fn folding_a_folded_character_changes_nothing() {
    for c in (0..0x11_0000).filter_map(char::from_u32) {
        let once = super::fold(&c.to_string());
        assert_eq!(super::fold(&once), once, "{c:?}");
    }
}
