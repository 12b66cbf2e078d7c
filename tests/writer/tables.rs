//! What stands in the rows.

use std::collections::HashSet;

use chattag::message::KeyKind;
use chattag::time::Timestamp;
use chattag::verdict::{Reason, TagChangeKind};
use chattag::writer::{Context, Rows, Store, TableOptions, Tables, all_tables};

use super::fixture::*;

/// Returns table, day and content hash of every file that a night gives on `n_threads` threads.
fn content(tables: Tables, n_threads: usize) -> Vec<(String, String)> {
    let out = scratch();
    let store = Store::open(out.path()).unwrap();
    let staging = store.begin().unwrap();
    let rules = rules();
    let context = Context { names: &Terms::default(), rules: &rules, options: TableOptions::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
    let files = pool.install(|| tables.write(&run("one"), &context, &staging)).unwrap();
    files
        .iter()
        .map(|file| (format!("{}/{}", file.table, file.day.to_iso()), file.blake3.to_string()))
        .collect()
}

/// A night with its keys in another order; the rows of one key stay in theirs.
fn with_keys_shuffled(n_customers: usize) -> Tables {
    let mut tables = night(n_customers);
    let mut rows = decisions(n_customers);
    rows.sort_by_key(|row| blake3::hash(format!("{:?}", row.key).as_bytes()).to_string());
    tables.rows = rows.into();
    tables.current.reverse();
    tables.quarantine.reverse();
    tables.mentions.as_mut().unwrap().reverse();
    tables
}

#[test]
fn the_same_rows_give_the_same_bytes_in_any_key_order_on_any_number_of_threads() {
    let expected = content(night(50), 1);
    assert_eq!(expected.len(), 14, "two days of five tables, one of four");
    assert_eq!(content(night(50), 4), expected);
    assert_eq!(content(with_keys_shuffled(50), 2), expected);
}

#[test]
fn rows_that_wait_on_disk_give_the_same_bytes() {
    let (expected, scratch) = (content(night(50), 1), scratch());
    for budget in [0, 20_000] {
        let mut tables = night(50);
        tables.rows = Rows::spilling(budget, scratch.path(), &rules().pack.zone);
        decisions(50).chunks(6).for_each(|of_customer| tables.rows.add(of_customer.to_vec()).unwrap());
        assert!(std::fs::read_dir(scratch.path()).unwrap().count() > 0, "{budget}");
        assert_eq!(content(tables, 2), expected, "{budget}");
    }
}

#[test]
fn changes_at_one_instant_keep_the_order_they_were_decided_in() {
    let (person, noon) = (key(KeyKind::Customer, "wm1", "", ""), at("2024-03-04 12:00"));
    let changes = [
        (PRICE, TagChangeKind::Assign, None),
        (PRICE, TagChangeKind::Remove, Some(Reason::Superseded(HIGH_CARE))),
        (HIGH_CARE, TagChangeKind::Assign, None),
    ];
    let mut rows = changes.map(|(tag, kind, reason)| tag_row(&person, noon, tag, kind, reason)).to_vec();
    (0..).zip(&mut rows).for_each(|(ordinal, row)| row.ordinal = ordinal);
    let out = committed(Tables { rows: rows.into(), ..Tables::default() }, TableOptions::default());
    let events = read(out.path(), "tag_events");
    assert_eq!(texts(&events, "kind"), ["assign", "remove", "assign"]);
    assert_eq!(texts(&events, "ordinal"), ["0", "1", "2"]);
    assert_eq!(texts(&events, "reason"), ["-", "superseded", "-"]);
    assert_eq!(texts(&events, "reason_tag_id"), ["-", "high_care", "-"]);
    assert_eq!(
        texts(&events, "tag_path"),
        ["偏好/价格/价格敏感型", "偏好/价格/价格敏感型", "服务/高关怀需求"]
    );
}

#[test]
fn ids_are_unique_and_do_not_depend_on_other_rows() {
    let ids = |tables: Tables| -> Vec<String> {
        let out = committed(tables, TableOptions::default());
        let of = |table| texts(&read(out.path(), table), "output_id");
        ["tag_events", "alerts", "kick_decisions"].into_iter().flat_map(of).collect()
    };
    let many = ids(night(50));
    assert_eq!(many.iter().collect::<HashSet<_>>().len(), 300);
    let mut one = night(50);
    one.rows = decisions(50)[..6].to_vec().into();
    assert!(ids(one).iter().all(|id| many.contains(id)));
}

#[test]
fn rows_alike_in_everything_still_have_ids_of_their_own() {
    let (person, noon) = (key(KeyKind::Customer, "wm1", "", ""), at("2024-03-04 12:00"));
    let rows = vec![tag_row(&person, noon, PRICE, TagChangeKind::Refresh, None); 3];
    let out = committed(Tables { rows: rows.into(), ..Tables::default() }, TableOptions::default());
    let ids: HashSet<String> = texts(&read(out.path(), "tag_events"), "output_id").into_iter().collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn evidence_quotes_masked_text_unless_asked_otherwise() {
    // (options, what the evidence says, what the refused record says)
    let cases = [
        (TableOptions::default(), "text: 138-****-8000", "{\"tel\":\"138****8000\""),
        (TableOptions { unmasked: true, no_text: false }, "text: 138-0013-8000", "{\"tel\":\"13800138000\""),
        (TableOptions { unmasked: true, no_text: true }, "weight: 1.0, text: -}", "-"),
    ];
    for (options, quoted, raw) in cases {
        let out = committed(night(1), options);
        let evidence = texts(&read(out.path(), "kick_decisions"), "evidence");
        assert!(evidence[0].contains(quoted), "{options:?}: {}", evidence[0]);
        assert_eq!(texts(&read(out.path(), "quarantine"), "raw")[0], raw, "{options:?}");
    }
}

#[test]
fn without_text_no_file_holds_a_word_of_a_message() {
    let out = committed(night(3), TableOptions { no_text: true, unmasked: true });
    for table in all_tables() {
        let rows = read(out.path(), table.name);
        let cells = table.columns.iter().flat_map(|column| texts(&rows, column.name));
        assert!(cells.count() > 0, "{} has rows", table.name);
        for cell in table.columns.iter().flat_map(|column| texts(&rows, column.name)) {
            assert!(!cell.contains("投 诉") && !cell.contains("0013"), "{}: {cell}", table.name);
        }
    }
}

#[test]
fn an_exempt_member_is_named_with_the_reason() {
    let out = committed(night(1), TableOptions::default());
    let kicks = read(out.path(), "kick_decisions");
    assert_eq!(texts(&kicks, "action"), ["kick_block", "none"]);
    assert_eq!(texts(&kicks, "reason"), ["-", "exempt"]);
    assert_eq!(texts(&kicks, "exemption_reason"), ["-", "员工不踢"]);
    assert_eq!(texts(&kicks, "terms"), [r"[1\d{10}, 优惠]", r"[1\d{10}, 优惠]"]);
    assert_eq!(texts(&kicks, "layer"), ["folded", "folded"]);
}

#[test]
fn a_suppressed_alert_names_the_one_that_holds_it_back() {
    let out = committed(night(1), TableOptions::default());
    let alerts = read(out.path(), "alerts");
    assert_eq!(texts(&alerts, "kind"), ["alert", "suppressed"]);
    assert_eq!(texts(&alerts, "alert"), ["高关怀需求", "高关怀需求"]);
    assert_eq!(texts(&alerts, "staff"), ["zhang", "zhang"]);
    assert_eq!(texts(&alerts, "suppressed_by"), ["-", "2024-03-04T02:00:00Z"]);
}

#[test]
fn a_tag_that_ran_out_names_no_rule() {
    let out = committed(night(1), TableOptions::default());
    let events = read(out.path(), "tag_events");
    assert_eq!(texts(&events, "rule_id"), ["-", "discount_count"]);
    assert_eq!(texts(&events, "reason"), ["expired", "-"]);
    assert_eq!(texts(&events, "level"), ["mid", "mid"]);
    assert_eq!(texts(&events, "expires_at")[0], "2024-03-05T02:00:00Z");
}

#[test]
fn instants_at_the_end_of_time_are_written() {
    let person = key(KeyKind::Customer, "wm1", "", "");
    let rows =
        [Timestamp::MIN, Timestamp::MAX].map(|at| tag_row(&person, at, PRICE, TagChangeKind::Assign, None));
    let out = committed(Tables { rows: rows.to_vec().into(), ..Tables::default() }, TableOptions::default());
    let instants = texts(&read(out.path(), "tag_events"), "at");
    assert_eq!(instants.len(), 2);
    assert!(instants.contains(&"9999-12-31T23:59:59.999Z".to_owned()), "{instants:?}");
}

#[test]
fn a_run_is_a_row_with_its_inputs() {
    let out = committed(night(1), TableOptions::default());
    let runs = read(out.path(), "runs");
    assert_eq!(texts(&runs, "commit"), ["0"]);
    assert_eq!(texts(&runs, "pack_version"), ["1.4.0"]);
    let inputs = &texts(&runs, "inputs")[0];
    for part in ["path: one.jsonl", "records: 13", "{name: quarantined, value: 3}"] {
        assert!(inputs.contains(part), "{inputs}");
    }
}

#[test]
fn a_digest_has_one_row_per_employee_and_day() {
    let of = |staff: &str, customer: &str| key(KeyKind::Relation, customer, staff, "");
    let noon = at("2024-03-04 12:00");
    let rows = vec![
        alert_row(&of("li", "wm1"), noon, None),
        alert_row(&of("li", "wm2"), at("2024-03-04 23:59"), None),
        alert_row(&of("li", "wm1"), at("2024-03-04 13:00"), Some(noon)),
        alert_row(&of("li", "wm1"), at("2024-03-05 00:00"), None),
        alert_row(&of("wang", "wm1"), noon, None),
    ];
    let out = committed(Tables { rows: rows.into(), ..Tables::default() }, TableOptions::default());
    let digests = read(out.path(), "alert_digests");
    assert_eq!(texts(&digests, "staff"), ["li", "wang", "li"]);
    assert_eq!(texts(&digests, "day"), ["2024-03-04", "2024-03-04", "2024-03-05"]);
    assert_eq!(texts(&digests, "n_high"), ["2", "1", "1"]);
    assert_eq!(texts(&digests, "n_suppressed"), ["1", "0", "0"]);
    assert_eq!(texts(&digests, "n_customers"), ["2", "1", "1"]);
    assert_eq!(texts(&digests, "alerts"), ["高关怀需求×2", "高关怀需求×1", "高关怀需求×1"]);
}
