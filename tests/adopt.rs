//! States saved with an older rule set, taken into use with a newer one.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "model/kit.rs"]
mod kit;

use chattag::message::KeyKind;
use chattag::rules::*;
use chattag::verdict::{Adopted, Engine, KeyState, Manifest};
use kit::*;

/// Gives the rule's state a fingerprint of its own.
fn printed(rule: Rule, print: u8) -> Rule {
    rule.edit(|rule| rule.state_fingerprint = Fingerprint([print; 16]))
}

fn three(id: &str, print: u8) -> Rule {
    printed(rule(id, count("x", 3, elapsed(DAY))).tag("T").alert(Some(DAY)), print)
}

/// Two of three hits, a tag and an alert in its cooldown.
const BEFORE: &[&str] = &["03-04 10:00 x3", "03-04 11:00 x2"];

fn saved(set: &RuleSet) -> (Manifest, KeyState) {
    let engine = Engine::new(set, KeyKind::Customer);
    let (mut state, mut out) = (KeyState::default(), Vec::new());
    for (line, number) in BEFORE.iter().zip(1..) {
        engine.push(&mut state, &key("k"), &read_event(line, number).1, &mut out);
    }
    let manifest: Manifest =
        serde_json::from_str(&serde_json::to_string(&Manifest::of(&engine)).unwrap()).unwrap();
    (manifest, state)
}

/// What one more hit leads to, and the rules to be replayed.
fn after(old: &RuleSet, new: &RuleSet) -> (Vec<String>, Vec<String>) {
    let (manifest, state) = saved(old);
    let engine = Engine::new(new, KeyKind::Customer);
    let Adopted { mut state, replay } = engine.adopt(&manifest, &state);
    let mut out = Vec::new();
    engine.push(&mut state, &key("k"), &read_event("03-04 12:00 x", 9).1, &mut out);
    let replay = replay.iter().map(|rule| new.rules[usize::from(rule.0)].id.clone()).collect();
    (out.iter().map(|row| text(new, row)).collect(), replay)
}

const GOES_ON: &[&str] = &["03-04 12:00:00 refresh T", "03-04 12:00:00 suppressed by 03-04 10:00:00"];

#[test]
fn semantic_44_an_unchanged_rule_goes_on_whatever_comes_before_it_in_the_set() {
    let old = set(vec![three("b", 1)]);
    let new = set(vec![printed(rule("a", matching("z")).alert(None), 7), three("b", 1), three("c", 9)]);
    let (rows, replay) = after(&old, &new);
    assert_eq!(
        (&rows[..2], replay),
        (GOES_ON.map_strings().as_slice(), vec!["a".to_owned(), "c".to_owned()])
    );
}

#[test]
fn semantic_44_a_changed_rule_is_replayed_reset_or_kept_as_it_says() {
    let old = set(vec![three("b", 1)]);
    for (migrate, rows, replayed) in
        [(Migrate::Replay, &[][..], true), (Migrate::Reset, &[], false), (Migrate::Keep, GOES_ON, false)]
    {
        let new = set(vec![three("b", 2).edit(|rule| rule.migrate = migrate)]);
        let (found, replay) = after(&old, &new);
        assert_eq!(found, rows, "{migrate:?}");
        assert_eq!(!replay.is_empty(), replayed, "{migrate:?}");
    }
}

#[test]
fn x14_from_consume_to_hold_with_migrate_keep_the_hits_stay() {
    let old = set(vec![three("b", 1)]);
    let new = set(vec![three("b", 2).hold().edit(|rule| rule.migrate = Migrate::Keep)]);
    assert_eq!(after(&old, &new).0, GOES_ON);
}

#[test]
fn kept_state_of_another_shape_is_not_used() {
    let old = set(vec![three("b", 1)]);
    let new = set(vec![
        printed(rule("b", streak("x", 2)), 2).alert(None).edit(|rule| rule.migrate = Migrate::Keep),
    ]);
    assert_eq!(after(&old, &new).0, Vec::<String>::new());
}

#[test]
fn x25_state_of_a_newer_fingerprint_is_left_unused_and_what_is_saved_is_not_touched() {
    let newer = set(vec![three("b", 2)]);
    let older = set(vec![three("b", 1)]);
    let (manifest, state) = saved(&newer);
    let before = serde_json::to_string(&state).unwrap();
    let engine = Engine::new(&older, KeyKind::Customer);
    let adopted = engine.adopt(&manifest, &state);
    assert_eq!(adopted.replay.len(), 1);
    assert_eq!(serde_json::to_string(&state).unwrap(), before, "kept for the day the newer rules come back");
    assert_eq!(engine.standing_tags(&adopted.state).count(), 1, "semantic 48: tags stay");
}

#[test]
fn semantic_48_tags_go_by_their_ids_and_a_removed_rule_takes_its_state_along() {
    let old = set(vec![three("b", 1)]);
    let mut new = set(vec![printed(rule("z", matching("z")).tag("T"), 3)]);
    new.tags.swap(0, 8);
    let (manifest, state) = saved(&old);
    let engine = Engine::new(&new, KeyKind::Customer);
    let adopted = engine.adopt(&manifest, &state);
    let standing: Vec<&str> = engine
        .standing_tags(&adopted.state)
        .map(|one| new.tags[usize::from(one.tag.0)].id.as_str())
        .collect();
    assert_eq!(standing, ["T"]);
    assert_eq!(engine.next_timer(&adopted.state), None);
}

#[test]
fn semantic_48_a_tag_that_retires_goes_with_its_last_rule() {
    let old = set(vec![three("b", 1)]);
    let (manifest, state) = saved(&old);
    let at = instant("03-05 00:00");
    let other = || vec![printed(rule("z", matching("z")).tag("U"), 3)];
    let giver = || vec![printed(rule("z", matching("z")).tag("T"), 3)];
    for (new, rows) in [
        (set(other()), &[][..]),
        (set(other()).retires("T"), &["03-05 00:00:00 remove T retired"]),
        (set(giver()).retires("T"), &[]),
    ] {
        let engine = Engine::new(&new, KeyKind::Customer);
        let (mut state, mut out) = (engine.adopt(&manifest, &state).state, Vec::new());
        engine.retire(&mut state, at);
        engine.advance_to(&mut state, &key("k"), instant("03-06 00:00"), &mut out);
        assert_eq!(out.iter().map(|row| text(&new, row)).collect::<Vec<_>>(), rows);
    }
}

/// Owned lines of a table.
trait MapStrings {
    fn map_strings(&self) -> Vec<String>;
}

impl MapStrings for [&str] {
    fn map_strings(&self) -> Vec<String> {
        self.iter().map(|line| (*line).to_owned()).collect()
    }
}
