//! What rules mean, sentence by sentence, with the test that holds the engine to each; and the numbered
//! boundary cases, each of which stands in some table.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

/// Number, what it says, the tests that check it.
type Semantic = (u32, &'static str, &'static [&'static str]);

const SEMANTICS: &[Semantic] = &[
    (
        1,
        "event time alone decides",
        &[
            "the_core_touches_no_files_clock_threads_or_log",
            "semantic_1_an_event_has_its_own_time_and_not_that_of_its_arrival",
        ],
    ),
    (
        2,
        "per key in the order of time, sequence number, id",
        &[
            "a_sequence_takes_the_latest_start_and_each_event_once",
            "semantic_2_an_order_acts_before_the_messages_of_its_millisecond",
        ],
    ),
    (3, "within d is less than d", &["windows_are_half_open_and_natural_days_begin_at_local_midnight"]),
    (
        4,
        "timers before events",
        &[
            "an_absence_fires_at_its_deadline_before_what_happens_then",
            "what_happens_at_one_instant_has_its_order",
        ],
    ),
    (
        5,
        "elapsed, natural and calendar units",
        &[
            "natural_windows_begin_at_local_midnight_and_elapsed_ones_just_inside",
            "windows_are_half_open_and_natural_days_begin_at_local_midnight",
        ],
    ),
    (
        6,
        "the watermark is the earliest of all sources",
        &[
            "semantic_6_an_event_at_the_watermark_is_in_time_and_one_before_it_is_late",
            "x3_a_source_that_is_not_complete_holds_the_night_back",
            "semantic_6_what_is_older_than_the_journal_goes_to_the_table_late_and_changes_nothing",
        ],
    ),
    (
        7,
        "events at as_of wait",
        &["messages_at_or_after_as_of_wait", "semantic_7_messages_at_or_after_as_of_wait_for_the_next_night"],
    ),
    (
        8,
        "a decision has the time of its event or deadline",
        &["an_absence_fires_at_its_deadline_before_what_happens_then"],
    ),
    (9, "late events take their place", &["semantic_9_late_messages_take_their_place"]),
    (
        10,
        "the first of duplicates counts",
        &[
            "recalls_take_back_hits_and_keys_do_not_meet",
            "the_first_by_sequence_then_reading_order_counts",
            "an_event_with_an_id_that_was_there_counts_once_and_the_first_one_counts",
            "a_message_of_an_earlier_night_is_a_duplicate_and_a_night_without_news_changes_nothing",
        ],
    ),
    (11, "keys do not meet", &["other_keys_change_nothing", "recalls_take_back_hits_and_keys_do_not_meet"]),
    (
        12,
        "a group message belongs to its sender",
        &[
            "conversations_are_attributed_to_customers_and_staff",
            "semantic_12_a_group_message_belongs_to_its_sender_alone",
        ],
    ),
    (
        13,
        "folded text leads back to the original",
        &[
            "offsets_are_bytes_of_the_part_and_characters_of_the_stored_text",
            "semantics_13_to_17_what_is_a_hit_and_what_is_none",
        ],
    ),
    (
        14,
        "leftmost-longest within a list",
        &[
            "hits_are_those_of_the_boundary_cases",
            "semantics_13_to_17_what_is_a_hit_and_what_is_none",
            "semantic_14_lists_do_not_see_each_other",
        ],
    ),
    (
        15,
        "covered hits are dropped",
        &["hits_are_those_of_the_boundary_cases", "semantics_13_to_17_what_is_a_hit_and_what_is_none"],
    ),
    (
        16,
        "companions within eight characters",
        &[
            "hits_are_those_of_the_boundary_cases",
            "semantics_13_to_17_what_is_a_hit_and_what_is_none",
            "semantic_16_a_companion_in_another_part_is_none",
        ],
    ),
    (
        17,
        "negation per term",
        &["scope_words_decide_what_a_hit_means", "semantics_13_to_17_what_is_a_hit_and_what_is_none"],
    ),
    (
        18,
        "terms count on their own days",
        &[
            "a_term_counts_on_its_own_days",
            "semantic_18_a_term_counts_from_its_first_day_until_the_midnight_of_its_end",
        ],
    ),
    (
        19,
        "a signal is true or not, whatever came before",
        &["a_signal_holds_when_all_its_conditions_do", "semantic_19_a_signal_depends_on_its_message_alone"],
    ),
    (20, "count", &["windows_are_half_open_and_natural_days_begin_at_local_midnight"]),
    (21, "after_fire", &["after_firing_a_count_consumes_holds_or_fires_again"]),
    (22, "sessions", &["any_message_keeps_a_session_open"]),
    (23, "sequence", &["a_sequence_is_found_whenever_some_tuple_of_events_makes_one"]),
    (24, "without", &["a_sequence_takes_the_latest_start_and_each_event_once"]),
    (25, "streak", &["d1_to_d8_streaks_count_local_days_running"]),
    (26, "absence", &["an_absence_fires_at_its_deadline_before_what_happens_then"]),
    (27, "ratio", &["q1_to_q5_shares_are_compared_with_whole_numbers_at_each_denominator_event"]),
    (28, "cycle", &["c1_to_c6_rhythms_open_and_close_at_local_midnights"]),
    (
        29,
        "rank",
        &[
            "r1_r2_r3_x16_bands_count_who_lies_strictly_below_and_ties_share_one",
            "semantic_29_a_stream_ranks_all_keys_when_its_watermark_reaches_the_month",
            "ranks_of_many_keys_are_those_of_a_plain_count",
        ],
    ),
    (30, "combine", &["combinations_follow_their_parts_at_the_same_instant"]),
    (31, "kick", &["one_decision_per_message_exemptions_first"]),
    (
        32,
        "rules in id order",
        &[
            "the_engine_says_what_a_plain_one_says_that_reads_the_whole_history",
            "what_happens_at_one_instant_has_its_order",
        ],
    ),
    (
        33,
        "a tag holds until just before its removal",
        &["a_tag_stands_from_its_assignment_until_just_before_its_removal"],
    ),
    (
        34,
        "ttl from the last evidence, expiry first",
        &["a_tag_stands_from_its_assignment_until_just_before_its_removal"],
    ),
    (35, "exclusive groups", &["a_tag_stands_from_its_assignment_until_just_before_its_removal"]),
    (36, "clear_on", &["a_tag_stands_from_its_assignment_until_just_before_its_removal"]),
    (37, "monthly review", &["reviewed_tags_stay_while_one_of_their_rules_still_holds"]),
    (
        38,
        "cooldown",
        &[
            "a_cooldown_is_half_open_and_suppressed_alerts_do_not_extend_it",
            "a_longer_cooldown_changes_alert_rows_only",
        ],
    ),
    (39, "breakthrough and inhibition", &["alerts_break_through_upwards_and_are_muted_by_others"]),
    (
        40,
        "recalls",
        &[
            "recalls_take_back_hits_and_keys_do_not_meet",
            "semantic_40_what_rested_on_a_message_recalled_a_night_later_is_noted",
        ],
    ),
    (
        41,
        "enough is kept for recalls",
        &[
            "recalls_take_back_hits_and_keys_do_not_meet",
            "what_a_count_keeps_is_bounded_by_the_rule_and_the_recall_horizon",
        ],
    ),
    (
        42,
        "determinism",
        &[
            "the_same_input_gives_the_same_bytes_whatever_threads_memory_and_names",
            "p3_a_mass_written_back_when_it_is_read_would_not_be_the_same_mass",
        ],
    ),
    (
        43,
        "ids of rows",
        &[
            "ids_are_unique_and_do_not_depend_on_other_rows",
            "semantic_43_a_night_that_is_written_again_has_the_same_ids_and_a_changed_rule_others",
        ],
    ),
    (
        44,
        "migration",
        &[
            "semantic_44_a_changed_rule_is_replayed_reset_or_kept_as_it_says",
            "semantic_44_an_unchanged_rule_goes_on_whatever_comes_before_it_in_the_set",
        ],
    ),
    (
        45,
        "replay from the archive",
        &[
            "semantic_44_and_45_a_changed_rule_starts_anew_until_it_is_replayed_and_the_others_go_on",
            "semantic_45_a_replay_from_a_quiet_gap_is_that_of_the_whole_archive_and_no_tag_is_begun_in_its_middle",
        ],
    ),
    (
        46,
        "a change of a list changes the fingerprint",
        &[
            "fingerprints_follow_what_decides_and_nothing_else",
            "x15_a_new_term_counts_from_its_night_on_and_a_replay_finds_it_before",
        ],
    ),
    (47, "explanation", &["a_customers_tag_is_explained_by_every_step_that_led_to_it"]),
    (
        48,
        "a removed rule",
        &[
            "semantic_48_tags_go_by_their_ids_and_a_removed_rule_takes_its_state_along",
            "semantic_48_a_tag_that_retires_goes_with_its_last_rule",
        ],
    ),
];

/// Cases that the plain model does not know: number, what happens, the test that pins it.
const FURTHER: &[Semantic] = &[
    (
        1,
        "a restart between any two events",
        &[
            "x1_a_restart_between_any_two_events_and_deadlines_changes_nothing",
            "batch_stream_resumed_sharded_and_nightly_runs_agree_row_for_row",
        ],
    ),
    (2, "two processes, one directory", &["a_second_process_is_refused_and_told_who_is_at_work"]),
    (3, "a source that lags", &["x3_a_source_that_is_not_complete_holds_the_night_back"]),
    (
        4,
        "a message from the future",
        &[
            "bad_and_special_records_say_what_they_are",
            "a_message_from_the_future_is_laid_aside_and_moves_no_time",
        ],
    ),
    (5, "seconds for milliseconds", &["times_are_read_in_every_unit_and_spelling"]),
    (
        6,
        "one id in two companies",
        &["one_id_in_two_companies_is_two_messages", "x6_one_id_in_two_companies_is_two_messages"],
    ),
    (7, "numbers that contradict times", &["case_39_the_time_of_messages_orders_them_and_not_their_numbers"]),
    (8, "a recall of a recalled message", &["recalls_take_back_hits_and_keys_do_not_meet"]),
    (
        9,
        "a recall read before its message",
        &["a_recalled_complaint_does_not_count_in_whatever_file_the_recall_stands"],
    ),
    (10, "an id that changes", &["x10_a_new_id_stands_for_the_first_one_from_its_change_on"]),
    (11, "a tag by hand", &["x11_a_tag_by_hand_is_a_row_of_its_own_source"]),
    (12, "a tag by hand in an exclusive group", &["what_a_person_assigned_only_a_person_takes_away"]),
    (13, "review and expiry at one instant", &["reviewed_tags_stay_while_one_of_their_rules_still_holds"]),
    (14, "consume becomes hold", &["x14_from_consume_to_hold_with_migrate_keep_the_hits_stay"]),
    (
        15,
        "a term that is added today",
        &["x15_a_new_term_counts_from_its_night_on_and_a_replay_finds_it_before"],
    ),
    (16, "fewer keys than bands", &["r1_r2_r3_x16_bands_count_who_lies_strictly_below_and_ties_share_one"]),
    (17, "a refund after the firing", &["refunds_are_negative_amounts"]),
    (18, "a negative sum", &["refunds_are_negative_amounts"]),
    (19, "a part that expires and comes again", &["combinations_follow_their_parts_at_the_same_instant"]),
    (20, "an experimental kick rule beside a live one", &["one_decision_per_message_exemptions_first"]),
    (
        21,
        "an exemption that ends",
        &["exemptions_hold_by_role_and_by_list_until_the_local_midnight_of_their_end"],
    ),
    (22, "odd texts", &["x22_nothing_emoji_alone_and_sixty_four_kib_are_texts_like_any_other"]),
    (23, "a leap second", &["what_cannot_be_used_is_quarantined_with_its_line"]),
    (24, "a score at a cut", &["x24_a_score_at_a_level_cut_is_in_the_upper_level"]),
    (
        25,
        "an older pack",
        &["x25_state_of_a_newer_fingerprint_is_left_unused_and_what_is_saved_is_not_touched"],
    ),
];

/// The boundary cases by letter, with the highest number of each.
const CASES: &[(char, u32)] = &[
    ('W', 9),
    ('F', 5),
    ('K', 5),
    ('S', 16),
    ('D', 6),
    ('A', 12),
    ('G', 8),
    ('I', 10),
    ('N', 3),
    ('Q', 4),
    ('C', 5),
    ('R', 3),
    ('B', 6),
    ('T', 15),
    ('P', 3),
];

/// Everything in `src` and `tests` but this file.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting = vec![root.join("src"), root.join("tests")];
    let mut text = String::new();
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("semantics.rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

#[test]
fn every_sentence_has_its_tests() {
    let sources = sources();
    for (last, all) in [(48, SEMANTICS), (25, FURTHER)] {
        let numbers: Vec<u32> = all.iter().map(|semantic| semantic.0).collect();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
        for (number, says, tests) in all {
            for test in *tests {
                assert!(sources.contains(&format!("fn {test}(")), "{number} of {last}: no test `{test}`");
            }
            assert!(!tests.is_empty(), "{number}: {says}");
        }
    }
}

/// The numbers behind `word` in the names of tests, in the rows of tables and above tests:
/// `fn semantic_44_and_45_…`, `"semantic 30: …"`, `/// Semantics 3, 5, 20.`
fn named(sources: &str, word: &str, separator: char) -> BTreeSet<u32> {
    let name = Regex::new(&format!("fn {word}s?_((?:\\d+_(?:and_|to_)?)+)")).unwrap();
    let row = Regex::new(&format!("\"{word}{separator}(\\d+)\\b")).unwrap();
    let above = Regex::new(&format!("/// (?i:{word}s?) ([\\d, and]+)")).unwrap();
    let mut numbers = BTreeSet::new();
    for found in name.captures_iter(sources) {
        let list: Vec<u32> = found[1].split('_').filter_map(|one| one.parse().ok()).collect();
        match found[1].contains("_to_") {
            true => numbers.extend(list[0]..=list[1]),
            false => numbers.extend(list),
        }
    }
    let listed = row.captures_iter(sources).chain(above.captures_iter(sources));
    let lists: Vec<String> = listed.map(|found| found[1].to_owned()).collect();
    numbers.extend(
        lists.iter().flat_map(|list| list.split([',', ' '])).filter_map(|one| one.parse::<u32>().ok()),
    );
    numbers
}

#[test]
fn every_sentence_is_named_by_a_test() {
    let named = named(&sources(), "semantic", ' ');
    let missing: Vec<u32> = (1..=48).filter(|number| !named.contains(number)).collect();
    assert_eq!(missing, [0; 0]);
}

/// Whether a row of a table begins with the id of the case, or the name of a test holds it, or a comment above a
/// table or a test says so: `("W5 capped", …`, `fn i2_i3_…`, `// Cases T15 and B5.`
fn has_case(sources: &str, case: &str) -> bool {
    let lower = case.to_lowercase();
    let row = Regex::new(&format!("\\(\\s*\"{case}\\b")).unwrap();
    let name = Regex::new(&format!("fn (?:[a-z]\\d+_(?:to_)?)*{lower}_")).unwrap();
    let above =
        Regex::new(&format!("//(?:/)? (?:Cases? )?(?:[A-Z]\\d+(?:, | and |: ))*{case}[.,: ]")).unwrap();
    [row, name, above].iter().any(|pattern| pattern.is_match(sources))
}

#[test]
fn every_boundary_case_stands_in_a_table_or_in_the_name_of_a_test() {
    let sources = sources();
    let all =
        CASES.iter().flat_map(|(letter, last)| (1..=*last).map(move |number| format!("{letter}{number}")));
    let further = (1..=25).map(|number| format!("X{number}"));
    let missing: Vec<String> = all.chain(further).filter(|case| !has_case(&sources, case)).collect();
    assert_eq!(missing, [""; 0]);
}
