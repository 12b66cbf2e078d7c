//! Layers over layers act as one map; what is written is read back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::business::Aliases;
use crate::message::{Class, KeyKind};
use crate::time::{Day, Timestamp};
use crate::verdict::KeyState;
use crate::writer::{FileEntry, RunRecord, StateFiles, Store, Versions};

/// A history of which only `seed` tells it from others.
fn stored(hash: u128, seed: u8) -> StoredHistory {
    let snapshot = Snapshot {
        keys: vec![SavedKey { kind: KeyKind::Relation, second: "lihua".into(), state: KeyState::default() }],
        refused: vec![("".into(), "lihua".into())],
        settled: Timestamp(i64::from(seed)),
    };
    let history = History { base: Snapshot::default(), journal: vec![seed; 3], head: Some(snapshot) };
    StoredHistory {
        hash,
        class: Class::Customer,
        corp: "wwA".into(),
        primary: format!("wm{hash:x}").into(),
        wake_at: (!seed.is_multiple_of(3)).then(|| Timestamp(i64::from(seed))),
        ranked: seed.is_multiple_of(2),
        state: history.encode(),
    }
}

/// Spreads small numbers over all shards.
fn hash_of(number: u16) -> u128 {
    (u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)) | 1
}

fn state_of(store: &Store) -> &[crate::writer::FileEntry] {
    store.head().map_or(&[], |head| &head.state)
}

fn commit(store: &mut Store, write: impl FnOnce(&Store, &crate::writer::Staging) -> StateFiles) {
    let staging = store.begin().expect("a directory");
    let state = write(store, &staging);
    let [engine, pack, pack_version, pack_fp] = ["1", "p", "1", "0"].map(str::to_owned);
    let versions = Versions { engine, pack, pack_version, pack_fp };
    store.commit(staging, &[], state, RunRecord::default(), versions).expect("space");
}

/// Commits what changed.
fn night(store: &mut Store, changed: &BTreeMap<u128, StoredHistory>) {
    commit(store, |store, staging| {
        let reader = Reader::open(store.root(), state_of(store));
        let mut files = StateFiles::default();
        for shard in 0..N_SHARDS {
            let of_shard = changed.values().filter(|row| shard_of(row.hash) == shard).cloned().collect();
            let (stay, written) = write_shard(&reader, shard, of_shard, staging).expect("space");
            files.carried.extend(stay);
            files.written.extend(written);
        }
        files
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn layers_over_layers_read_as_one_map(
        nights in prop::collection::vec(prop::collection::btree_map(0_u16..300, any::<u8>(), 1..60), 1..7),
    ) {
        let place = tempfile::tempdir().expect("a directory");
        let mut store = Store::open(place.path()).expect("a directory");
        let mut expected = BTreeMap::new();
        for changes in nights {
            let changed: BTreeMap<u128, StoredHistory> =
                changes.iter().map(|(number, seed)| (hash_of(*number), stored(hash_of(*number), *seed))).collect();
            night(&mut store, &changed);
            expected.extend(changed);
        }
        let reader = Reader::open(store.root(), state_of(&store));
        let shards: Vec<Shard> = (0..N_SHARDS).map(|shard| reader.shard(shard).expect("readable")).collect();
        let all: Vec<StoredHistory> = shards
            .iter()
            .flat_map(|shard| shard.load(&shard.hashes()).expect("readable"))
            .collect();
        prop_assert_eq!(&all, &expected.values().cloned().collect::<Vec<_>>());
        let due: Vec<u128> = shards.iter().flat_map(|shard| shard.due(Timestamp(100))).collect();
        let is_due = |row: &&StoredHistory| row.wake_at.is_some_and(|at| at <= Timestamp(100));
        prop_assert_eq!(due, expected.values().filter(is_due).map(|row| row.hash).collect::<Vec<_>>());
        for number in 0..300 {
            let hash = hash_of(number);
            prop_assert_eq!(reader.find(hash).expect("readable"), expected.get(&hash).cloned());
        }
        for shard in 0..N_SHARDS {
            prop_assert!(reader.layers(shard).len() <= 6, "{}", reader.layers(shard).len());
        }
    }

    #[test]
    fn ids_are_remembered_whatever_the_commits_they_came_with(
        nights in prop::collection::vec(prop::collection::btree_set(any::<u16>(), 0..40), 1..6),
    ) {
        let place = tempfile::tempdir().expect("a directory");
        let mut store = Store::open(place.path()).expect("a directory");
        let id = |number: u16, day: i32| RememberedId {
            stem: hash_of(number),
            suffix: (number % 3) as u8,
            recalled: number.is_multiple_of(5),
            content: u64::MAX - u64::from(number),
            sent: Sent { histories: [u64::from(number) << 48, 0, 7], second: day as u32 },
        };
        let mut expected = Vec::new();
        for (day, numbers) in (0_i32..).zip(&nights) {
            let day = day / 2;
            let ids: Vec<RememberedId> = numbers.iter().map(|number| id(*number, day)).collect();
            commit(&mut store, |store, staging| {
                let memory = IdMemory::open(store.root(), state_of(store), "ids", Day(0));
                let of_range = |range| Ok(ids.iter().copied().filter(|id| range_of(id.stem) == range).collect());
                let (carried, written) = memory.write(of_range, ids.len() as u64, Some(Day(day)), staging).expect("space");
                StateFiles { carried, written: written.into_iter().collect() }
            });
            expected.extend(ids);
        }
        expected.sort_unstable();
        expected.dedup();
        let memory = IdMemory::open(store.root(), state_of(&store), "ids", Day(0));
        // One in three is asked for, most of them strangers.
        let asked: Vec<u128> = (0..=u16::MAX).step_by(3).map(hash_of).collect();
        let mut found = known(&memory, &asked);
        found.sort_unstable();
        found.dedup();
        let is_asked = |id: &RememberedId| asked.contains(&id.stem);
        prop_assert_eq!(&found, &expected.iter().copied().filter(is_asked).collect::<Vec<_>>());
        found.clear();
        memory.scan_all(|id| found.push(id)).expect("readable");
        // What two commits of one day bring stands twice until their files are folded.
        found.sort_unstable();
        found.dedup();
        prop_assert_eq!(&found, &expected);
        let later = IdMemory::open(store.root(), state_of(&store), "ids", Day(1));
        let mut left = Vec::new();
        later.scan_all(|id| left.push(id)).expect("readable");
        left.sort_unstable();
        left.dedup();
        let is_later = |id: &RememberedId| id.sent.second >= 1;
        prop_assert_eq!(left, expected.into_iter().filter(is_later).collect::<Vec<_>>());
    }
}

#[test]
fn what_histories_share_is_read_back() {
    let place = tempfile::tempdir().expect("a directory");
    let mut store = Store::open(place.path()).expect("a directory");
    assert!(Shared::read(store.root(), state_of(&store)).expect("readable").is_none());
    let mut aliases = Aliases::default();
    aliases.add("wwA", "wmNew", "wmOld", Timestamp(5));
    let shared = Shared { as_of: Timestamp(9), newest: Some(Timestamp(8)), aliases, ..Shared::default() };
    commit(&mut store, |_, staging| StateFiles {
        written: vec![shared.write(staging).expect("space")],
        ..StateFiles::default()
    });
    let read = Shared::read(store.root(), state_of(&store)).expect("readable").expect("a state");
    assert_eq!((read.as_of, read.newest, read.aliases), (shared.as_of, shared.newest, shared.aliases));
}

/// State files, one of each format, as a version wrote them that had it.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state").join(name)
}

#[test]
fn layers_of_all_formats_are_read() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let place = tempfile::tempdir().expect("a directory");
        let staging = Store::open(place.path()).and_then(|store| store.begin()).expect("a directory");
        let rows = (1..=5).map(|seed| Ok(stored(u128::from(seed), seed)));
        let file = layer::write_layer(&staging, "00", rows).expect("space");
        std::fs::copy(file.path, sample(&format!("{FORMAT}.parquet"))).expect("writable");
    }
    for format in 1..=FORMAT {
        let path = sample(&format!("{format}.parquet"));
        let rows = layer::Layer::open(&path).and_then(|layer| layer.scan()).expect("readable");
        for (seed, row) in (1..=5).zip(rows) {
            let row = row.expect("readable");
            let history = History::decode(&row).expect("a history");
            // Older formats encode histories otherwise.
            let known = stored(u128::from(seed), seed);
            assert_eq!(StoredHistory { state: known.state.clone(), ..row }, known);
            assert_eq!((history.journal, history.base), (vec![seed; 3], Snapshot::default()));
            assert_eq!(history.head.expect("a head").keys[0].state, KeyState::default());
        }
    }
}

#[test]
fn ids_of_all_formats_are_read() {
    let ids: Vec<RememberedId> = (0..9)
        .map(|number| RememberedId {
            stem: hash_of(number),
            suffix: (number % 3) as u8,
            recalled: number == 4,
            content: u64::from(number),
            sent: Sent { histories: [u64::MAX, 0, u64::from(number)], second: u32::MAX },
        })
        .collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let place = tempfile::tempdir().expect("a directory");
        let staging = Store::open(place.path()).and_then(|store| store.begin()).expect("a directory");
        let of_range = |range| Ok(ids.iter().copied().filter(|id| range_of(id.stem) == range).collect());
        let memory = IdMemory::open(place.path(), &[], "ids", Day(0));
        let (_, file) = memory.write(of_range, 9, Some(Day(0)), &staging).expect("space");
        std::fs::copy(file.expect("there are ids").path, sample(&format!("ids-{FORMAT}.parquet")))
            .expect("writable");
    }
    for format in 1..=FORMAT {
        let mut found = Vec::new();
        ids::scan_file(&sample(&format!("ids-{format}.parquet")), None, &mut |id| found.push(id))
            .expect("readable");
        found.sort_by_key(|id| id.content);
        assert_eq!(found, ids);
        assert_eq!(asked(&format!("ids-{format}.parquet"), &[0, 3, 4, 100]), [ids[0], ids[3], ids[4]]);
    }
}

/// Asks a sample for the ids of some numbers.
fn asked(name: &str, numbers: &[u16]) -> Vec<RememberedId> {
    let (root, blake3) = (sample(""), blake3::hash(b""));
    let entry = FileEntry {
        table: "state".to_owned(),
        path: name.to_owned(),
        dt: String::new(),
        bytes: 0,
        blake3,
        rows: 9,
    };
    let memory = IdMemory { root, part: "ids", files: vec![entry] };
    let stems: Vec<u128> = numbers.iter().copied().map(hash_of).collect();
    let mut found = known(&memory, &stems);
    found.sort_by_key(|id| id.content);
    found
}

/// Looks `stems` up, range by range.
fn known(memory: &IdMemory, stems: &[u128]) -> Vec<RememberedId> {
    let (lookup, mut found) = (memory.lookup().expect("readable"), Vec::new());
    for range in 0..N_RANGES {
        let mut stems: Vec<u128> = stems.iter().copied().filter(|stem| range_of(*stem) == range).collect();
        stems.sort_unstable();
        lookup.find(range, &stems, |id| found.push(id)).expect("readable");
    }
    found
}

#[test]
fn strangers_and_newer_formats_are_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("state.parquet");
    std::fs::write(&path, b"PAR1, but not really PAR1").expect("writable");
    let error = layer::Layer::open(&path).expect_err("no state file").to_string();
    assert!(error.contains("damaged"), "{error}");
    let mut bytes = std::fs::read(sample("1.parquet")).expect("readable");
    let key = b"chattag.state";
    let at = bytes.windows(key.len()).position(|window| window == key).expect("the key is in the footer");
    let value = bytes[at..].iter().position(|byte| *byte == b'1').expect("the format follows");
    bytes[at + value] = b'9';
    std::fs::write(&path, bytes).expect("writable");
    let error = layer::Layer::open(&path).expect_err("a newer format").to_string();
    assert!(error.contains(&format!("has format 9, this build reads {FORMAT}")), "{error}");
}
