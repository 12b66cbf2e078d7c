//! A small pack and the decisions of an invented night.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field};
use chattag::diagnostic::Place;
use chattag::error::Error;
use chattag::lexicon::{LexiconIdx, TermIdx};
use chattag::mention::{Layer, Mention, Polarity};
use chattag::message::{Key, KeyKind, TextScope};
use chattag::rules::*;
use chattag::time::{Millis, Timestamp, Zone};
use chattag::verdict::*;
use chattag::writer::*;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Rules of the pack, by their place.
pub const DISCOUNT: RuleIdx = RuleIdx(0);
pub const BURST: RuleIdx = RuleIdx(1);
pub const ADS: RuleIdx = RuleIdx(2);

/// Tags of the pack, by their place.
pub const HIGH_CARE: TagIdx = TagIdx(0);
pub const PRICE: TagIdx = TagIdx(1);

pub fn at(local: &str) -> Timestamp {
    Zone::shanghai().parse_local(local).unwrap()
}

pub fn rules() -> RuleSet {
    let alert = AlertSpec {
        alert: AlertIdx(0),
        name: "高关怀需求".into(),
        level: AlertLevel::High,
        cooldown: Some(Millis::DAY),
        breaks_through: true,
        inhibited_by: Vec::new(),
    };
    let mut rules = vec![
        rule("discount_count", KeyKind::Customer),
        rule("complaint_burst", KeyKind::Relation),
        rule("kick_ads", KeyKind::RoomMember),
    ];
    rules[1].alert = Some(alert);
    rules[2].kick = Some(KickAction::KickBlock);
    RuleSet {
        pack: Pack {
            name: "base-zh".into(),
            version: "1.4.0".into(),
            zone: Zone::shanghai(),
            lateness: Millis(600_000),
            recall_horizon: Millis::DAY,
            reconcile: Millis::DAY,
            remember_ids: Millis::DAY,
            fingerprint: Fingerprint([7; 16]),
        },
        rules,
        signals: Vec::new(),
        tags: vec![
            tag("high_care", &["服务", "高关怀需求"]),
            tag("price_sensitive", &["偏好", "价格", "价格敏感型"]),
        ],
        groups: Vec::new(),
        exemptions: vec![Exemption {
            id: "staff".into(),
            reason: "员工不踢".into(),
            roles: vec![ExemptRole::Staff],
            members: Vec::new(),
            rules: Vec::new(),
            until: None,
        }],
        alerts: vec!["burst".into()],
    }
}

fn rule(id: &str, key: KeyKind) -> Rule {
    Rule {
        id: id.into(),
        version: 2,
        title: format!("规则 {id}"),
        status: Status::Stable,
        key,
        shape: Shape::Match { signal: SignalIdx(0) },
        recall: RecallPolicy::Retract,
        migrate: Migrate::Replay,
        migrate_is_written: false,
        emit: None,
        untag: Vec::new(),
        alert: None,
        kick: None,
        fingerprint: Fingerprint([id.len() as u8; 16]),
        state_fingerprint: Fingerprint([8; 16]),
        lexicon_fingerprint: Fingerprint([9; 16]),
        place: Place::default(),
    }
}

fn tag(id: &str, path: &[&str]) -> Tag {
    let levels = vec![("mid".to_owned(), 0.5), ("high".to_owned(), 0.8)];
    Tag {
        id: id.into(),
        path: path.iter().map(|level| (*level).to_owned()).collect(),
        group: None,
        ttl: None,
        reviewed: false,
        levels,
        hysteresis: 0.0,
        rules_may_remove: false,
        retires: false,
    }
}

/// Terms `0` 优惠, `1` 投诉, `2` a telephone number.
pub struct Terms {
    category: Vec<String>,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { category: vec!["价格".to_owned(), "优惠".to_owned()] }
    }
}

impl Names for Terms {
    fn term(&self, term: TermIdx) -> TermName<'_> {
        let (code, text) = [("d001", "优惠"), ("c001", "投诉"), ("p001", r"1\d{10}")][term.0 as usize];
        TermName { code, text, lexicon: "words", category: &self.category }
    }
}

pub fn key(kind: KeyKind, customer: &str, staff: &str, room: &str) -> Arc<Key> {
    let [customer, staff, room] = [customer, staff, room].map(Box::from);
    Arc::new(Key { corp: "corp1".into(), kind, customer, staff, room })
}

pub fn evidence(message_id: &str, at: Timestamp, term: u32, surface: Option<&str>) -> Evidence {
    let mark = Mark {
        term: TermIdx(term),
        part: 0,
        start: 3,
        end: 5,
        layer: Layer::Folded,
        polarity: Polarity::Asserted,
        surface: surface.map(Box::from),
    };
    Evidence { message_id: message_id.into(), at, mark: Some(mark), weight: 1.0 }
}

pub fn tag_row(
    key: &Arc<Key>,
    at: Timestamp,
    tag: TagIdx,
    kind: TagChangeKind,
    reason: Option<Reason>,
) -> Row {
    let standing = Standing {
        since: at,
        expires_at: Some(at.plus(Millis::DAY)),
        score: 0.5,
        level: Some(0),
        mass: 5.0,
        n_hits: 5,
        first_at: at,
        last_at: at,
        manual: false,
    };
    let decision = Decision::Tag(TagChange { tag, kind, reason, standing });
    let rule = (reason != Some(Reason::Expired)).then_some(DISCOUNT);
    let evidence = vec![evidence(&format!("m-{}", at.0), at, 0, None)];
    Row { key: key.clone(), at, rule, decision, evidence, shadow: false, ordinal: 0 }
}

pub fn alert_row(key: &Arc<Key>, at: Timestamp, suppressed_by: Option<Timestamp>) -> Row {
    let decision = Decision::Alert(Alert {
        level: AlertLevel::High,
        suppressed_by,
        inhibited_by: None,
        recalled_from: None,
    });
    let evidence = vec![evidence(&format!("c-{}", at.0), at, 1, Some("投 诉"))];
    Row { key: key.clone(), at, rule: Some(BURST), decision, evidence, shadow: false, ordinal: 0 }
}

pub fn kick_row(key: &Arc<Key>, at: Timestamp, exemption: Option<u16>) -> Row {
    let message_id = format!("k-{}", at.0);
    let pieces =
        vec![evidence(&message_id, at, 2, Some("138-0013-8000")), evidence(&message_id, at, 0, None)];
    let decision = Decision::Kick(KickDecision {
        message_id: message_id.into(),
        action: exemption.is_none().then_some(KickAction::KickBlock),
        rules: vec![ADS],
        exemption,
        held_by: None,
        model_score: None,
    });
    Row { key: key.clone(), at, rule: Some(ADS), decision, evidence: pieces, shadow: false, ordinal: 0 }
}

/// The decisions about `n_customers` customers on two days, key by key.
pub fn night(n_customers: usize) -> Tables {
    let mut tables =
        Tables { rows: decisions(n_customers).into(), mentions: Some(Vec::new()), ..Tables::default() };
    customers(n_customers).for_each(|(customer, at)| add_customer(&mut tables, &customer, at));
    tables
        .quarantine
        .extend((0..3).map(|line| refused(3 - line, Some(b"{\"tel\":\"13800138000\"".to_vec()))));
    tables
}

/// The rows of [`night`], key by key.
pub fn decisions(n_customers: usize) -> Vec<Row> {
    customers(n_customers).flat_map(|(customer, at)| decisions_about(&customer, at)).collect()
}

fn decisions_about(customer: &str, at: Timestamp) -> [Row; 6] {
    let person = key(KeyKind::Customer, customer, "", "");
    let relation = key(KeyKind::Relation, customer, "zhang", "");
    let member = key(KeyKind::RoomMember, customer, "", "wr1");
    [
        tag_row(&person, at, PRICE, TagChangeKind::Remove, Some(Reason::Expired)),
        tag_row(&person, at, PRICE, TagChangeKind::Assign, None),
        alert_row(&relation, at, None),
        alert_row(&relation, at.plus(Millis::HOUR), Some(at)),
        kick_row(&member, at, None),
        kick_row(&member, at.plus(Millis::MINUTE), Some(0)),
    ]
}

/// The customers of a night, and when something is decided about each.
fn customers(n: usize) -> impl Iterator<Item = (String, Timestamp)> {
    let first = at("2024-03-04 10:00");
    (0..n).map(move |i| (format!("wm{:04}", i * 7919 % n), first.plus(Millis::HOUR.times(i as i64 % 30))))
}

fn add_customer(tables: &mut Tables, customer: &str, at: Timestamp) {
    let person = key(KeyKind::Customer, customer, "", "");
    tables.current.push(current(&person, at));
    tables.late.push(late(&person, at.minus(Millis::DAY)));
    tables.mentions.as_mut().unwrap().push(mention(customer, at));
}

fn current(key: &Arc<Key>, at: Timestamp) -> CurrentTag {
    let row = tag_row(key, at, PRICE, TagChangeKind::Assign, None);
    let Decision::Tag(change) = row.decision else { unreachable!() };
    let (standing, evidence) = (change.standing, row.evidence);
    CurrentTag {
        key: key.clone(),
        tag: PRICE,
        standing,
        rule: Some(DISCOUNT),
        shadow: false,
        evidence,
        due: None,
    }
}

fn late(key: &Arc<Key>, at: Timestamp) -> LateEvent {
    LateEvent {
        corp: key.corp.clone(),
        kind: key.kind,
        customer: key.customer.clone(),
        staff: key.staff.clone(),
        room: key.room.clone(),
        id: format!("l-{}", at.0).into(),
        at,
        settled: at.plus(Millis::HOUR),
    }
}

fn mention(customer: &str, at: Timestamp) -> MentionRow {
    let message = MentionedIn {
        corp: "corp1".into(),
        customer: customer.into(),
        at,
        message_id: format!("m-{customer}-{}", at.0).into(),
        speaker: customer.into(),
        ..MentionedIn::default()
    };
    let mention = Mention {
        term: TermIdx(0),
        lexicon: LexiconIdx(0),
        part: 0,
        scope: TextScope::Own,
        bytes: 9..15,
        chars: 3..5,
        layer: Layer::Exact,
        polarity: Polarity::Questioned,
        flipped: false,
    };
    MentionRow { message: Arc::new(message), mention, weight: 1.0, scores: [Some(0.5), None, None] }
}

pub fn refused(line: u64, raw: Option<Vec<u8>>) -> Quarantined {
    let (path, code, detail) = ("a.jsonl".to_owned(), "A003".to_owned(), "no message id".to_owned());
    Quarantined { path, line, offset: line * 100, code, detail, raw }
}

/// A run over one input file whose content is `content`.
pub fn run(content: &str) -> RunRecord {
    let outcomes = BTreeMap::from([("processed".to_owned(), 10), ("quarantined".to_owned(), 3)]);
    let input = InputFile {
        path: format!("{content}.jsonl"),
        bytes: content.len() as u64,
        blake3: blake3::hash(content.as_bytes()),
        records: 13,
        outcomes: outcomes.clone(),
    };
    let options = BTreeMap::from([("no_text".to_owned(), "false".to_owned())]);
    RunRecord { as_of: at("2024-03-06 00:00"), inputs: vec![input], counts: outcomes, options }
}

/// Writes `tables` into the staging area of a store and commits them.
pub fn commit(
    store: &mut Store,
    tables: Tables,
    run: RunRecord,
    options: TableOptions,
) -> Result<u64, Error> {
    let rules = rules();
    let context = Context { names: &Terms::default(), rules: &rules, options };
    let staging = store.begin()?;
    let files = tables.write(&run, &context, &staging)?;
    store.commit(staging, &files, StateFiles::default(), run, Versions::of(&rules))
}

/// A scratch directory, in memory where there is such a place: these tests sync a great deal.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Commits one night into a new directory.
pub fn committed(tables: Tables, options: TableOptions) -> tempfile::TempDir {
    let out = scratch();
    let mut store = Store::open(out.path()).unwrap();
    commit(&mut store, tables, run("one"), options).unwrap();
    out
}

/// Returns the files below a directory as paths relative to it, sorted.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    let mut paths: Vec<PathBuf> =
        files.map(|file| file.path().strip_prefix(dir).unwrap().to_owned()).collect();
    paths.sort();
    paths
}

/// Returns the Parquet files below a directory, as [`files_below`].
pub fn tables_below(dir: &Path) -> Vec<PathBuf> {
    let is_table = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
    files_below(dir).into_iter().filter(is_table).collect()
}

/// Reads all rows that `current` shows of a table, file by file in path order.
pub fn read(out: &Path, table: &str) -> Vec<RecordBatch> {
    let dir = out.join("current").join(table).canonicalize().unwrap();
    files_below(&dir).iter().flat_map(|file| read_file(&dir.join(file))).collect()
}

pub fn read_file(path: &Path) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

/// Returns a text column of all batches; null is `-`.
pub fn texts(batches: &[RecordBatch], column: &str) -> Vec<String> {
    let text = |array: &arrow::array::ArrayRef, i: usize| {
        let format = arrow::util::display::FormatOptions::default().with_null("-");
        arrow::util::display::ArrayFormatter::try_new(array, &format).unwrap().value(i).to_string()
    };
    let cells = |batch: &RecordBatch| {
        let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
        let array = arrow::compute::cast(array, &with_numeric_zone(array.data_type())).unwrap();
        (0..batch.num_rows()).map(move |i| text(&array, i)).collect::<Vec<_>>()
    };
    batches.iter().flat_map(cells).collect()
}

/// Returns the type with `UTC` as `+00:00`, which can be shown without a table of zone names.
fn with_numeric_zone(kind: &DataType) -> DataType {
    let of_field = |field: &Field| field.clone().with_data_type(with_numeric_zone(field.data_type()));
    match kind {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::List(item) => DataType::List(Arc::new(of_field(item))),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| of_field(field)).collect()),
        other => other.clone(),
    }
}
