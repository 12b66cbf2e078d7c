//! The words that stand in text columns for the choices of the decision types.

use crate::mention::{Layer, Polarity};
use crate::message::{KeyKind, TextScope};
use crate::rules::{AlertLevel, KickAction, TagIdx};
use crate::verdict::{Alert, Reason, TagChangeKind};

pub(super) fn key_kind(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Customer => "customer",
        KeyKind::Relation => "relation",
        KeyKind::Room => "room",
        KeyKind::RoomMember => "room_member",
        KeyKind::Staff => "staff",
    }
}

/// Returns the kind of key that a word stands for.
pub(super) fn key_kind_of(word: &str) -> Option<KeyKind> {
    KeyKind::ALL.into_iter().find(|kind| key_kind(*kind) == word)
}

/// What a row is called that says that a message was recalled which an earlier row rested on.
const RECALLED_EVIDENCE: &str = "recalled_evidence";

pub(super) fn alert_kind(alert: &Alert) -> &'static str {
    match alert {
        Alert { recalled_from: Some(_), .. } => RECALLED_EVIDENCE,
        Alert { suppressed_by: Some(_), .. } => "suppressed",
        _ => "alert",
    }
}

pub(super) fn change_kind(kind: TagChangeKind) -> &'static str {
    match kind {
        TagChangeKind::Assign => "assign",
        TagChangeKind::Refresh => "refresh",
        TagChangeKind::Level => "level",
        TagChangeKind::Remove => "remove",
        TagChangeKind::Blocked => "blocked",
        TagChangeKind::Reviewed => "reviewed",
        TagChangeKind::RecalledEvidence => RECALLED_EVIDENCE,
    }
}

/// Returns the word of a reason and the other tag it speaks of.
pub(super) fn reason(reason: Reason) -> (&'static str, Option<TagIdx>) {
    match reason {
        Reason::Expired => ("expired", None),
        Reason::Cleared => ("cleared", None),
        Reason::Rule => ("rule", None),
        Reason::Superseded(tag) => ("superseded", Some(tag)),
        Reason::Outranked(tag) => ("outranked", Some(tag)),
        Reason::Below => ("below", None),
        Reason::Passed => ("passed", None),
        Reason::Part => ("part", None),
        Reason::Review => ("review", None),
        Reason::Retired => ("retired", None),
        Reason::Unranked => ("unranked", None),
        Reason::Manual => ("manual", None),
        Reason::Transferred => ("transferred", None),
        Reason::Inherited => ("inherited", None),
    }
}

pub(super) fn alert_level(level: AlertLevel) -> &'static str {
    match level {
        AlertLevel::Low => "low",
        AlertLevel::Mid => "mid",
        AlertLevel::High => "high",
    }
}

/// Returns the level that a word stands for.
pub(super) fn alert_level_of(word: &str) -> Option<AlertLevel> {
    [AlertLevel::Low, AlertLevel::Mid, AlertLevel::High].into_iter().find(|level| alert_level(*level) == word)
}

/// Returns the word of an action; a decision to do nothing is `none`.
pub(super) fn kick_action(action: Option<KickAction>) -> &'static str {
    match action {
        Some(KickAction::Review) => "review",
        Some(KickAction::Warn) => "warn",
        Some(KickAction::Kick) => "kick",
        Some(KickAction::KickBlock) => "kick_block",
        None => "none",
    }
}

pub(super) fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Exact => "exact",
        Layer::Folded => "folded",
        Layer::Skipped => "skipped",
        Layer::Collapsed => "collapsed",
        Layer::Digits => "digits",
        Layer::Variant => "variant",
    }
}

pub(super) fn polarity(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Asserted => "asserted",
        Polarity::Negated => "negated",
        Polarity::Questioned => "questioned",
        Polarity::Hypothetical => "hypothetical",
        Polarity::Reported => "reported",
    }
}

pub(super) fn scope(scope: TextScope) -> &'static str {
    match scope {
        TextScope::Own => "own",
        TextScope::Shared => "shared",
        TextScope::Machine => "machine",
        TextScope::Quoted => "quoted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_serialised_types() {
        fn same(word: &str, value: impl serde::Serialize) {
            assert_eq!(serde_json::to_value(value).ok(), Some(word.into()));
        }
        same(key_kind(KeyKind::RoomMember), KeyKind::RoomMember);
        same(change_kind(TagChangeKind::Blocked), TagChangeKind::Blocked);
        same(change_kind(TagChangeKind::RecalledEvidence), TagChangeKind::RecalledEvidence);
        same(alert_level(AlertLevel::Mid), AlertLevel::Mid);
        same(kick_action(Some(KickAction::KickBlock)), KickAction::KickBlock);
        same(layer(Layer::Variant), Layer::Variant);
        same(polarity(Polarity::Hypothetical), Polarity::Hypothetical);
        same(scope(TextScope::Machine), TextScope::Machine);
    }
}
