//! Sends each annotated message to the histories it belongs to.

use twox_hash::{XxHash3_64, XxHash3_128};

use super::codec::{Address, Class, EntryKind};
use crate::message::{ChatKind, Consent, Key, KeyKind, Message, Role};
use crate::rules::{RuleSet, Shape, SignalIdx};

/// Which signals each class of histories can use.
pub struct Routes {
    used: [Vec<bool>; 3],
    keeps_sessions: [bool; 3],
}

impl Routes {
    /// Reads off `rules` which class needs what.
    pub fn new(rules: &RuleSet) -> Routes {
        let mut routes = Routes {
            used: std::array::from_fn(|_| vec![false; rules.signals.len()]),
            keeps_sessions: [false; 3],
        };
        for rule in &rules.rules {
            let class = class_of(rule.key) as usize;
            for signal in rule.signals() {
                routes.used[class][usize::from(signal.0)] = true;
            }
            routes.keeps_sessions[class] |= is_session(&rule.shape);
        }
        routes
    }

    /// Returns whether histories of `class` can use `signal`.
    pub fn uses(&self, class: Class, signal: SignalIdx) -> bool {
        self.used[class as usize][usize::from(signal.0)]
    }

    /// Returns whether an event without any signal still matters to `class`: it keeps sessions open.
    pub fn keeps_sessions(&self, class: Class) -> bool {
        self.keeps_sessions[class as usize]
    }

    /// Returns whether any rule looks at histories of `class`.
    pub fn serves(&self, class: Class) -> bool {
        self.keeps_sessions(class) || self.used[class as usize].contains(&true)
    }
}

fn is_session(shape: &Shape) -> bool {
    matches!(shape, Shape::Count { window: crate::rules::Window::Session { .. }, .. })
}

/// Returns the class of histories that serves keys of `kind`.
pub fn class_of(kind: KeyKind) -> Class {
    match kind {
        KeyKind::Customer | KeyKind::Relation => Class::Customer,
        KeyKind::Room | KeyKind::RoomMember => Class::Room,
        KeyKind::Staff => Class::Staff,
    }
}

/// Returns the address of `message` in `class`; `None` when it has no place there.
///
/// A one-to-one message belongs to its customer, whoever speaks; a group
/// message to its speaker when that is a customer, and to the group.
pub fn address<'m>(message: &'m Message<'_>, class: Class) -> Option<Address<'m>> {
    let corp = message.corp.as_ref();
    let room = message.room.as_deref().unwrap_or("");
    let staff = message.staff.as_deref().unwrap_or("");
    match class {
        Class::Customer => {
            let primary = message.customer.as_deref()?;
            let second = if message.chat == ChatKind::OneToOne { staff } else { "" };
            Some(Address { class, corp, primary, second, room })
        }
        Class::Room => {
            let primary = message.room.as_deref().filter(|_| message.chat == ChatKind::Group)?;
            Some(Address { class, corp, primary, second: &message.speaker, room: "" })
        }
        Class::Staff => {
            let primary = message.staff.as_deref()?;
            Some(Address { class, corp, primary, second: "", room: "" })
        }
    }
}

/// Returns the address of a consent record in `class`; staff histories take none.
pub fn consent_address<'c>(consent: &'c Consent<'_>, class: Class) -> Option<Address<'c>> {
    let corp = consent.corp.as_ref();
    let room = consent.room.as_deref().unwrap_or("");
    let staff = consent.staff.as_deref().unwrap_or("");
    match class {
        Class::Customer => Some(Address { class, corp, primary: &consent.customer, second: staff, room }),
        Class::Room => consent.room.as_deref().map(|primary| Address {
            class,
            corp,
            primary,
            second: &consent.customer,
            room: "",
        }),
        Class::Staff => None,
    }
}

/// Returns what kind of entry `message` makes.
pub fn entry_kind(message: &Message<'_>) -> EntryKind {
    if message.role == Role::Customer { EntryKind::CustomerMessage } else { EntryKind::OtherMessage }
}

/// Returns the hash that brings all entries of one history together; 128 bits, so that no two share one.
pub fn history_hash(class: Class, corp: &[u8], primary: &[u8]) -> u128 {
    let seed = XxHash3_64::oneshot_with_seed(class as u64, corp);
    XxHash3_128::oneshot_with_seed(seed, primary)
}

/// Returns the shard of a history among `n`, a power of two: its top bits, as in the state.
pub fn shard_of(hash: u128, n: usize) -> usize {
    hash.checked_shr(128 - n.ilog2()).unwrap_or(0) as usize
}

/// Makes the key of `kind` for entries at `address`; `None` when the address lacks a part of it.
pub fn key(address: &Address<'_>, kind: KeyKind) -> Option<Key> {
    let mut key = Key {
        corp: address.corp.into(),
        kind,
        customer: Box::default(),
        staff: Box::default(),
        room: Box::default(),
    };
    match kind {
        KeyKind::Customer => key.customer = address.primary.into(),
        KeyKind::Relation => {
            key.customer = address.primary.into();
            key.staff = (!address.second.is_empty()).then(|| address.second.into())?;
        }
        KeyKind::Room => key.room = address.primary.into(),
        KeyKind::RoomMember => {
            key.room = address.primary.into();
            key.customer = (!address.second.is_empty()).then(|| address.second.into())?;
        }
        KeyKind::Staff => key.staff = address.primary.into(),
    }
    Some(key)
}
