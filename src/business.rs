//! What happens outside of conversations: orders, clicks, joins, transfers.
//!
//! The archive stage makes these from tables with a column map, the signal stage
//! turns them into the same events as messages. Money is in whole fen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// One event of a business system.
#[derive(Clone, Debug, PartialEq)]
pub struct BusinessEvent {
    /// The company; empty when the table does not say.
    pub corp: Box<str>,
    /// Unique id, the key for duplicates.
    pub id: Box<str>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: BusinessKind,
    /// The customer it is about; may be empty.
    pub customer: Box<str>,
    /// The employee it belongs to; may be empty.
    pub staff: Box<str>,
    /// The group it happened in; may be empty.
    pub room: Box<str>,
    /// The rest, by name.
    pub fields: Vec<(Box<str>, FieldValue)>,
}

/// What a field says.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// A whole number: fen, seconds, a count.
    Number(i64),
    /// Anything else.
    Text(Box<str>),
}

impl BusinessEvent {
    /// Returns the field `name`, when it is there.
    pub fn field(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// Returns the text of the field `name`; none for a number.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.field(name)? {
            FieldValue::Text(text) => Some(text),
            FieldValue::Number(_) => None,
        }
    }

    /// Returns the number of the field `name`; none for a text.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.field(name)? {
            FieldValue::Number(number) => Some(*number),
            FieldValue::Text(_) => None,
        }
    }
}

/// What can happen.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusinessKind {
    /// An order.
    Order,
    /// Money given back.
    Refund,
    /// A click on a link or a material.
    Click,
    /// A visit of a page.
    Visit,
    /// A customer becomes a contact of an employee.
    Add,
    /// A member joins a group.
    Join,
    /// A member leaves a group.
    Leave,
    /// What is known of a customer.
    Profile,
    /// A person assigns a tag or takes it away.
    Tag,
    /// A customer goes from one employee to another.
    Transfer,
    /// A customer has a new id.
    Alias,
}

/// What is documented about one kind.
#[derive(Clone, Copy, Debug)]
pub struct KindDoc {
    /// The kind.
    pub kind: BusinessKind,
    /// Its word in tables and rule files.
    pub word: &'static str,
    /// Its word in timelines.
    pub zh: &'static str,
    /// Its fields beside the common ones: name, whether a number, whether needed, meaning.
    pub fields: &'static [(&'static str, bool, bool, &'static str)],
}

impl BusinessKind {
    /// Returns what is documented about it.
    pub fn doc(self) -> &'static KindDoc {
        &KINDS[self as usize]
    }

    /// Finds the kind of a word, as tables and rule files write it.
    pub fn named(word: &str) -> Option<BusinessKind> {
        KINDS.iter().find(|doc| doc.word == word || doc.zh == word).map(|doc| doc.kind)
    }
}

/// All kinds, in the order of their discriminants.
pub const KINDS: [KindDoc; 11] = [
    KindDoc {
        kind: BusinessKind::Order,
        word: "order",
        zh: "订单",
        fields: &[
            ("status", false, true, "created | paid | shipped | done | cancelled"),
            ("amount_fen", true, true, "amount in whole fen"),
            ("coupon_id", false, false, "coupon or promotion used"),
            ("product", false, false, "product id or name"),
            ("category", false, false, "product category"),
        ],
    },
    KindDoc {
        kind: BusinessKind::Refund,
        word: "refund",
        zh: "退款",
        fields: &[
            (
                "amount_fen",
                true,
                true,
                "amount given back in whole fen, positive; counts as negative in sums",
            ),
            ("status", false, false, "as the system says"),
            ("order_id", false, false, "the order"),
        ],
    },
    KindDoc {
        kind: BusinessKind::Click,
        word: "click",
        zh: "点击",
        fields: &[
            ("page", false, false, "page or link"),
            ("material", false, false, "material id or name"),
            ("material_type", false, false, "such as product, article, poster"),
        ],
    },
    KindDoc {
        kind: BusinessKind::Visit,
        word: "visit",
        zh: "访问",
        fields: &[
            ("page", false, true, "page or section, such as course"),
            ("seconds", true, false, "length of the visit in seconds"),
        ],
    },
    KindDoc {
        kind: BusinessKind::Add,
        word: "add",
        zh: "添加",
        fields: &[("channel", false, false, "where the customer came from")],
    },
    KindDoc {
        kind: BusinessKind::Join,
        word: "join",
        zh: "入群",
        fields: &[("channel", false, false, "how the member came in")],
    },
    KindDoc {
        kind: BusinessKind::Leave,
        word: "leave",
        zh: "退群",
        fields: &[("reason", false, false, "left | removed")],
    },
    KindDoc {
        kind: BusinessKind::Profile,
        word: "profile",
        zh: "资料",
        fields: &[
            ("region", false, false, "province or region"),
            ("channel", false, false, "where the customer came from"),
            ("gender", false, false, "as the system says"),
            ("birthday", false, false, "YYYY-MM-DD"),
        ],
    },
    KindDoc {
        kind: BusinessKind::Tag,
        word: "tag",
        zh: "打标",
        fields: &[
            ("tag", false, true, "id or path of a registered tag"),
            ("action", false, false, "add (the default) | remove"),
            ("by", false, false, "who"),
        ],
    },
    KindDoc {
        kind: BusinessKind::Transfer,
        word: "transfer",
        zh: "转接",
        fields: &[
            ("from", false, true, "employee who gives the customer away"),
            ("to", false, true, "employee who takes over"),
        ],
    },
    KindDoc {
        kind: BusinessKind::Alias,
        word: "alias",
        zh: "别名",
        fields: &[("old", false, true, "the id the customer had before; `customer` is the new one")],
    },
];

/// Returns whether tables and rules may speak of field `name` of `kind`: documented, or one's own, `x_…`.
pub fn is_field(kind: BusinessKind, name: &str) -> bool {
    let own = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    name.strip_prefix("x_").is_some_and(own) || kind.doc().fields.iter().any(|(known, ..)| *known == name)
}

/// Ids that mean the same customer, from when on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Aliases {
    /// By company and new id.
    older: BTreeMap<(Box<str>, Box<str>), Older>,
}

/// Since when an id stands for which older one, in time order.
type Older = Vec<(Timestamp, Box<str>)>;

impl Aliases {
    /// Notes that from `at` on the customer `old` has the id `new`.
    pub fn add(&mut self, corp: &str, new: &str, old: &str, at: Timestamp) {
        if new != old {
            let known = self.older.entry((corp.into(), new.into())).or_default();
            known.push((at, old.into()));
            known.sort();
            known.dedup();
        }
    }

    /// Adds those of `others`.
    pub fn extend<'a>(&mut self, others: impl Iterator<Item = &'a Aliases>) {
        for ((corp, new), older) in others.flat_map(|other| &other.older) {
            older.iter().for_each(|(at, old)| self.add(corp, new, old, *at));
        }
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.older.is_empty()
    }

    /// Returns the first id of the customer that has the id `id` at `at`.
    ///
    /// An event before the change keeps the id it has: nobody knew yet.
    pub fn resolve<'a>(&'a self, corp: &str, id: &'a str, at: Timestamp) -> &'a str {
        let mut current = id;
        for _ in 0..MOST_CHANGES {
            let known = self.older.get(&(Box::from(corp), Box::from(current)));
            let latest = known.and_then(|all| all.iter().rev().find(|(since, _)| *since <= at));
            match latest {
                Some((_, old)) if **old != *id => current = old,
                _ => return current,
            }
        }
        current
    }
}

/// Most changes of id that are followed back; ids that lead in a circle end there.
const MOST_CHANGES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_in_the_order_of_their_numbers() {
        for (number, doc) in KINDS.iter().enumerate() {
            assert_eq!(doc.kind as usize, number, "{}", doc.word);
            assert_eq!(BusinessKind::named(doc.word), Some(doc.kind));
        }
    }

    #[test]
    fn x10_a_new_id_stands_for_the_first_one_from_its_change_on() {
        let mut aliases = Aliases::default();
        aliases.add("c", "b", "a", Timestamp(10));
        aliases.add("c", "d", "b", Timestamp(20));
        let cases = [("b", 9, "b"), ("b", 10, "a"), ("d", 19, "d"), ("d", 20, "a"), ("a", 99, "a")];
        for (id, at, first) in cases {
            assert_eq!(aliases.resolve("c", id, Timestamp(at)), first, "{id} at {at}");
        }
        assert_eq!(aliases.resolve("other", "b", Timestamp(99)), "b");
    }

    #[test]
    fn ids_in_a_circle_come_to_an_end() {
        let mut aliases = Aliases::default();
        aliases.add("", "a", "b", Timestamp(0));
        aliases.add("", "b", "a", Timestamp(0));
        assert_eq!(aliases.resolve("", "a", Timestamp(5)), "b");
        aliases.add("", "c", "a", Timestamp(0));
        assert!(["a", "b"].contains(&aliases.resolve("", "c", Timestamp(5))));
    }

    #[test]
    fn own_fields_begin_with_x() {
        assert!(is_field(BusinessKind::Order, "amount_fen") && is_field(BusinessKind::Click, "x_store"));
        assert!(!is_field(BusinessKind::Order, "x_") && !is_field(BusinessKind::Order, "amount"));
    }
}
