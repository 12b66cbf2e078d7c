//! Generates the table of sounds and compares the committed one with its source.
//!
//! `CHATTAG_BLESS=1 cargo test --lib language::sound_source` writes `sound_table.bin`.

use std::collections::BTreeSet;

use pinyin::ToPinyin;

use super::sound::{FIRST, N_CHARS, N_SYLLABLES, NONE, TABLE};

/// Characters whose first reading in the source is not their commonest one in chat.
const COMMONER: &str = "的de 了le 着zhe 得de 地di 都dou 还hai 单dan 长chang 重zhong 行xing 会hui 扣kou 提ti 期qi 卡ka 奇qi 参can 差cha 率lv 熟shu";

fn reading(c: char) -> Option<String> {
    let own = COMMONER.split(' ').find_map(|entry| entry.strip_prefix(c));
    let plain = own.or_else(|| c.to_pinyin().map(|pinyin| pinyin.plain()))?;
    Some(plain.replace('ü', "v"))
}

fn table() -> Vec<u8> {
    let chars = (FIRST..FIRST + N_CHARS).map(|code| char::from_u32(code as u32).unwrap());
    let readings: Vec<Option<String>> = chars.map(reading).collect();
    let readings =
        readings.iter().map(|own| own.as_deref().filter(|own| own.bytes().all(|b| b.is_ascii_lowercase())));
    let readings: Vec<Option<&str>> = readings.collect();
    let spellings: Vec<&str> =
        readings.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
    assert!(spellings.len() < N_SYLLABLES);
    let number = |own: &Option<&str>| own.map_or(NONE, |own| spellings.binary_search(&own).unwrap() as u16);
    let mut table: Vec<u8> = readings.iter().flat_map(|own| number(own).to_le_bytes()).collect();
    table.extend(spellings.join(" ").into_bytes());
    table
}

#[test]
fn the_committed_table_of_sounds_is_that_of_its_source() {
    let made = table();
    if std::env::var_os("CHATTAG_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/language/sound_table.bin");
        std::fs::write(path, &made).unwrap();
        return;
    }
    assert!(made == TABLE, "run CHATTAG_BLESS=1 cargo test --lib language::sound_source");
}
