//! Says what speakers are, and whose conversation a message belongs to.
//!
//! An explicit role in the record wins, then the roster, then the official
//! prefix of the id; whoever is left is an employee.

use std::borrow::Cow;

use crate::archive::record::{Head, RecordFault};
use crate::archive::roster::Roster;
use crate::message::{ChatKind, Flags, MessageKind, Role};

/// Someone who speaks or listens.
pub(crate) struct Party<'a> {
    pub id: &'a str,
    /// The role the record itself names.
    pub explicit: Option<Role>,
}

impl Party<'_> {
    fn known(&self, roster: &Roster) -> Option<Role> {
        self.explicit.or_else(|| roster.member(self.id)?.role)
    }

    fn role(&self, roster: &Roster) -> Role {
        self.known(roster).unwrap_or_else(|| of_id(self.id))
    }
}

/// Returns the role that an id's own shape tells: prefix, length and alphabet of official ids.
pub(crate) fn of_id(id: &str) -> Role {
    let bytes = id.as_bytes();
    if bytes.len() != OFFICIAL_ID_BYTES || bytes[0] != b'w' {
        return Role::Staff;
    }
    let role = match bytes[1] {
        b'm' | b'o' => Role::Customer,
        b'b' => Role::Bot,
        _ => return Role::Staff,
    };
    // All of them rather than up to the first stranger: this compares 16 at a time.
    let known = |byte: &u8| byte.is_ascii_alphanumeric() | (*byte == b'-') | (*byte == b'_');
    let official = bytes.iter().fold(true, |official, byte| official & known(byte));
    if official { role } else { Role::Staff }
}

/// Returns the role of the sender of a message of `kind`: Markdown and news that no customer sent come from robots.
pub(crate) fn speaker(party: &Party<'_>, kind: MessageKind, roster: &Roster) -> Role {
    if let Some(role) = party.known(roster) {
        return role;
    }
    let role = of_id(party.id);
    let robotic = matches!(kind, MessageKind::Markdown | MessageKind::News);
    if robotic && role == Role::Staff { Role::Bot } else { role }
}

/// Whose conversation a message belongs to.
pub(crate) struct Seat<'a> {
    pub chat: ChatKind,
    pub staff: Option<Cow<'a, str>>,
    pub customer: Option<Cow<'a, str>>,
    pub flags: Flags,
}

/// Attributes a message with a speaker of `role` to its customer and employee.
///
/// # Errors
///
/// A one-to-one message between two outsiders is malformed.
pub(crate) fn seat<'a>(head: &Head<'a>, role: Role, roster: &Roster) -> Result<Seat<'a>, RecordFault> {
    let own_seat = |chat, flags| {
        let staff = (role == Role::Staff).then(|| head.from.clone());
        let customer = (role == Role::Customer).then(|| head.from.clone());
        Seat { chat, staff, customer, flags }
    };
    if head.room.is_some() {
        return Ok(own_seat(ChatKind::Group, Flags::default()));
    }
    let Some(receiver) = &head.receiver else {
        return Ok(own_seat(ChatKind::OneToOne, Flags::NO_RECEIVER));
    };
    let other = Party { id: receiver, explicit: head.receiver_role };
    pair(head, role, receiver, receiver_role(&other, head, role, roster))
}

/// A record that names its sender a customer leaves only an employee to listen,
/// although service providers see staff under outsiders' prefixes too.
fn receiver_role(other: &Party<'_>, head: &Head<'_>, role: Role, roster: &Roster) -> Role {
    match other.known(roster) {
        None if head.from_role == Some(Role::Customer) && role == Role::Customer => Role::Staff,
        _ => other.role(roster),
    }
}

fn pair<'a>(
    head: &Head<'a>,
    speaker: Role,
    receiver: &Cow<'a, str>,
    other: Role,
) -> Result<Seat<'a>, RecordFault> {
    let (from, to) = (Some(head.from.clone()), Some(receiver.clone()));
    let (chat, staff, customer) = match (speaker, other) {
        (Role::Customer, Role::Customer) => {
            return Err(RecordFault::new("role.both_external", "sender and receiver are both outsiders"));
        }
        (Role::Customer, Role::Staff) => (ChatKind::OneToOne, to, from),
        (Role::Customer, Role::Bot) => (ChatKind::OneToOne, None, from),
        (Role::Staff, Role::Customer) => (ChatKind::OneToOne, from, to),
        (Role::Bot, Role::Customer) => (ChatKind::OneToOne, None, to),
        (Role::Staff, _) => (ChatKind::Internal, from, None),
        (Role::Bot, Role::Staff) => (ChatKind::Internal, to, None),
        (Role::Bot, Role::Bot) => (ChatKind::Internal, None, None),
    };
    Ok(Seat { chat, staff, customer, flags: Flags::default() })
}

/// Length of `wm…`, `wo…`, `wb…` ids in all samples seen (2026-11).
pub(crate) const OFFICIAL_ID_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_alone_makes_no_outsider() {
        for (id, role) in [
            ("wolf", Role::Staff), // case 26
            ("wmLee", Role::Staff),
            ("13800000000", Role::Staff),
            ("wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01", Role::Customer),
            ("woEXAMPLEAAAAAAAAAAAAAAAAAAAAA01", Role::Customer),
            ("wbEXAMPLEAAAAAAAAAAAAAAAAAAAAA01", Role::Bot), // case 29
            ("wmEXAMPLEAAAAAAAAAAAAAAAAAAA.@01", Role::Staff),
            ("wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA01", Role::Staff),
            ("", Role::Staff),
        ] {
            assert_eq!(of_id(id), role, "{id}");
        }
    }
}
