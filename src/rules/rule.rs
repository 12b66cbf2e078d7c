//! What rules are once they are read and checked: numbers in place of names,
//! defaults filled in, nothing left that could be wrong.

use serde::{Deserialize, Serialize};

use crate::diagnostic::Place;
use crate::message::{KeyKind, NumberField};
use crate::time::{Day, Millis, Zone};

/// Number of a rule: its place among all rules in id order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct RuleIdx(pub u16);

/// Number of a signal: its place among all signals in id order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct SignalIdx(pub u16);

/// Number of a tag: its place among all tags in id order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct TagIdx(pub u16);

/// Number of an exclusive group: its place among all groups in id order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct GroupIdx(pub u16);

/// Number of an alert: its place among all alert ids in order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct AlertIdx(pub u16);

/// Hash of a rule with everything it depends on; equal prints, equal decisions.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Returns 32 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
    }
}

/// All rules of a pack with what they refer to.
#[derive(Clone, Debug)]
pub struct RuleSet {
    /// Name, version, time zone of the pack.
    pub pack: Pack,
    /// In id order; [`RuleIdx`] indexes it.
    pub rules: Vec<Rule>,
    /// In id order; [`SignalIdx`] indexes it. Kick rules add one hidden signal each, named `rule:<id>`.
    pub signals: Vec<super::SignalDef>,
    /// In id order; [`TagIdx`] indexes it.
    pub tags: Vec<Tag>,
    /// In id order; [`GroupIdx`] indexes it.
    pub groups: Vec<Group>,
    /// Who is never kicked, in id order.
    pub exemptions: Vec<Exemption>,
    /// Ids of alerts, sorted; [`AlertIdx`] indexes it.
    pub alerts: Vec<String>,
}

/// What `pack.toml` says.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Name, such as `base-zh`.
    pub name: String,
    /// Version, `MAJOR.MINOR.PATCH`.
    pub version: String,
    /// The zone of natural days and calendar months.
    pub zone: Zone,
    /// How late a message may come in a stream.
    pub lateness: Millis,
    /// How long after a message its recall may come. Bounds the hits that `count` keeps.
    pub recall_horizon: Millis,
    /// How long after it was sent a message still takes its place among those decided already. Bounds the
    /// journals of the state.
    pub reconcile: Millis,
    /// How long the ids of messages are remembered: what repeats within is a duplicate.
    pub remember_ids: Millis,
    /// Hash over all files of the pack.
    pub fingerprint: Fingerprint,
}

/// How far a rule has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Computed and written with `shadow = true`; never alerts or kicks.
    Experimental,
    /// In use, being watched.
    Test,
    /// In use.
    Stable,
    /// In use, to be removed.
    Deprecated,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable id.
    pub id: String,
    /// Raised with each change.
    pub version: u32,
    /// What people read.
    pub title: String,
    /// How far it has come.
    pub status: Status,
    /// Whose history it looks at.
    pub key: KeyKind,
    /// What it looks for.
    pub shape: Shape,
    /// What a recall does to hits it has counted.
    pub recall: RecallPolicy,
    /// What becomes of saved state when the rule changes its meaning.
    pub migrate: Migrate,
    /// The rule file says so itself: `check --base` asks for it when the meaning changed.
    pub migrate_is_written: bool,
    /// The tag it assigns.
    pub emit: Option<Emit>,
    /// Tags it takes away when it fires.
    pub untag: Vec<TagIdx>,
    /// The alert it raises.
    pub alert: Option<AlertSpec>,
    /// The decision about a group member it asks for.
    pub kick: Option<KickAction>,
    /// Canonical form, with the fingerprints of its signals and lexicons.
    pub fingerprint: Fingerprint,
    /// The same without what follows from a firing: equal prints, equal state.
    pub state_fingerprint: Fingerprint,
    /// Hash over the lexicons it uses.
    pub lexicon_fingerprint: Fingerprint,
    /// Where it is written.
    pub place: Place,
}

impl Rule {
    /// Returns every signal the rule looks at.
    pub fn signals(&self) -> Vec<SignalIdx> {
        let mut signals = self.shape.signals();
        signals.extend(self.emit.as_ref().and_then(|emit| emit.clear_on));
        signals
    }

    /// Returns every tag the rule can assign.
    pub fn tags(&self) -> Vec<TagIdx> {
        let mut tags: Vec<TagIdx> = self.emit.iter().map(|emit| emit.tag).collect();
        if let Shape::Rank(ranking) = &self.shape {
            tags.extend(ranking.metrics.iter().flat_map(|metric| &metric.tags));
        }
        tags
    }
}

impl Shape {
    /// Returns every signal the shape looks at.
    pub fn signals(&self) -> Vec<SignalIdx> {
        match self {
            Shape::Match { signal }
            | Shape::Count { signal, .. }
            | Shape::Streak { signal, .. }
            | Shape::Cycle { signal, .. } => vec![*signal],
            Shape::Sequence { steps, without, .. } => steps.iter().chain(without).copied().collect(),
            Shape::Absence { since, cancel, .. } => [*since].into_iter().chain(*cancel).collect(),
            Shape::Ratio { numerator, denominator, .. } => vec![*numerator, *denominator],
            Shape::Rank(ranking) => {
                let asked = ranking.metrics.iter().filter_map(|metric| metric.of.signal());
                [ranking.population].into_iter().chain(asked).collect()
            }
            Shape::Combine { .. } => Vec::new(),
        }
    }
}

/// What becomes of saved state when a rule changes its meaning.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Migrate {
    /// It is computed anew from the archive.
    #[default]
    Replay,
    /// It is dropped; the rule begins with the next event.
    Reset,
    /// It is used as it is.
    Keep,
}

/// What a recall does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecallPolicy {
    /// The hit leaves windows from the recall on. Rows already written stay.
    Retract,
    /// No effect.
    Ignore,
}

/// What a rule looks for: the ten shapes. A `kick` is a match with a signal of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// One event.
    Match {
        /// The signal.
        signal: SignalIdx,
    },
    /// Enough in a window that ends at the event.
    Count {
        /// The signal.
        signal: SignalIdx,
        /// What is counted.
        measure: Measure,
        /// Fires at this measure or more.
        at_least: i64,
        /// How far back.
        window: Window,
        /// What happens after firing.
        after_fire: AfterFire,
        /// One message adds no more than this.
        per_message_cap: Option<u32>,
    },
    /// Signals in this order, whatever lies between.
    Sequence {
        /// At least two.
        steps: Vec<SignalIdx>,
        /// From the first to the last step, less than this.
        within: Millis,
        /// An event with this signal starts over.
        without: Option<SignalIdx>,
        /// Whether one message may serve several steps, in the order of its hits.
        same_message: bool,
    },
    /// Nothing for a while.
    Absence {
        /// What starts the clock.
        since: SignalIdx,
        /// Which one starts it.
        anchor: Anchor,
        /// What stops it.
        cancel: Option<SignalIdx>,
        /// How long.
        after: Span,
    },
    /// Something on this many local days running.
    Streak {
        /// The signal.
        signal: SignalIdx,
        /// At least two.
        days: u32,
    },
    /// A share of the events in a window that ends at the newest of them.
    Ratio {
        /// Those that count.
        numerator: SignalIdx,
        /// All of them.
        denominator: SignalIdx,
        /// Holds at this share or more.
        at_least: Fraction,
        /// Says nothing about fewer events than this.
        min_denominator: u32,
        /// How far back.
        window: Window,
    },
    /// The customer's own rhythm is overdue.
    Cycle {
        /// What repeats.
        signal: SignalIdx,
        /// So many of the newest intervals are looked at.
        last: u32,
        /// Says nothing about fewer intervals than this.
        min_intervals: u32,
        /// Overdue from the last day and this many cycles on.
        open: Fraction,
        /// Given up from the last day and this many cycles on.
        close: Fraction,
    },
    /// Where the customer stands among all.
    Rank(Box<Ranking>),
    /// Tags together.
    Combine {
        /// All of these stand.
        all: Vec<TagIdx>,
        /// One of these stands; empty: no condition.
        any: Vec<TagIdx>,
        /// None of these stands.
        none: Vec<TagIdx>,
        /// What happens when that ends.
        hold: Hold,
    },
}

/// A fraction, written as a decimal: `0.3` is 3 of 10. Compared with whole numbers only.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Fraction {
    /// The numerator.
    pub part: u32,
    /// The denominator, a power of ten.
    pub of: u32,
}

impl Fraction {
    /// Returns whether `part` of `of` is this fraction or more.
    pub fn is_reached(self, part: u64, of: u64) -> bool {
        u128::from(part) * u128::from(self.of) >= u128::from(self.part) * u128::from(of)
    }

    /// Returns this many times `n`, rounded up.
    pub fn of_up(self, n: u32) -> u64 {
        (u64::from(n) * u64::from(self.part)).div_ceil(u64::from(self.of))
    }
}

/// What a `combine` rule does when its condition no longer holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The tag goes.
    While,
    /// The tag stays.
    Latched,
}

/// A `rank` rule: at the start of natural months, the population in bands by each metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// At the start of every so many months, counted from January of year 0.
    pub months: u32,
    /// Who has an event with this signal in the window belongs to the population.
    pub population: SignalIdx,
    /// How far back from the instant.
    pub window: Window,
    /// A smaller population is not ranked.
    pub min_population: u32,
    /// How many bands; the best is the highest.
    pub bands: u32,
    /// At least one.
    pub metrics: Vec<Metric>,
}

/// One number by which a population is ranked.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name, such as `R`.
    pub id: String,
    /// What it is.
    pub of: MetricOf,
    /// Whether less is better.
    pub low_is_better: bool,
    /// The tag of each band, the lowest first.
    pub tags: Vec<TagIdx>,
}

/// What a metric measures within the window.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum MetricOf {
    /// Local days since the newest event.
    DaysSince(SignalIdx),
    /// Events.
    Count(SignalIdx),
    /// The sum of a number over the population's events.
    Sum(NumberField),
}

impl MetricOf {
    /// Returns the signal it asks for; none for a sum.
    pub fn signal(self) -> Option<SignalIdx> {
        match self {
            MetricOf::DaysSince(signal) | MetricOf::Count(signal) => Some(signal),
            MetricOf::Sum(_) => None,
        }
    }
}

/// What `count` counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Measure {
    /// Hits; a signal without a lexicon gives one per event.
    Hits,
    /// Events.
    Messages,
    /// Different terms.
    DistinctTerms,
    /// Different local days.
    DistinctDays,
    /// The sum of a number the events carry.
    Sum(NumberField),
}

/// How far back a window reaches from the event at its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Window {
    /// Events less than this much older.
    Elapsed(Millis),
    /// Today and the `n − 1` days before, from local midnight.
    NaturalDays(u32),
    /// This week and the `n − 1` weeks before, from Monday.
    NaturalWeeks(u32),
    /// This month and the `n − 1` months before, from the 1st.
    NaturalMonths(u32),
    /// Until the key is silent for `gap` or longer.
    Session {
        /// The silence that ends a session.
        gap: Millis,
    },
}

/// A span until a deadline.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Span {
    /// Elapsed time.
    Elapsed(Millis),
    /// Calendar months, at the same wall time, clamped to the month's last day.
    Months(u32),
}

/// What `count` does after it has fired.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterFire {
    /// Fires on crossing upwards; again only after an evaluation below.
    Hold,
    /// Forgets what it counted.
    Consume,
    /// Fires at each event at or above.
    Every,
}

/// Which event starts the clock of an absence.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The newest; each one starts it anew.
    Last,
    /// The first; later ones change nothing while it runs.
    First,
}

/// A tag that a rule assigns.
#[derive(Clone, Debug, PartialEq)]
pub struct Emit {
    /// The tag.
    pub tag: TagIdx,
    /// How sure.
    pub score: Score,
    /// A signal that takes the tag away again, with reason `cleared`.
    pub clear_on: Option<SignalIdx>,
}

/// How the evidence score of a tag is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// Always this.
    Fixed(f64),
    /// `1 − 2^(−mass / half_point)`, the mass halving every `half_life` (never, when `None`).
    Mass {
        /// The mass at which the score is one half.
        half_point: f64,
        /// How fast evidence fades.
        half_life: Option<Millis>,
    },
    /// What the shape itself computes: the share of a `ratio`, the weakest part of a `combine`.
    Given,
}

/// An alert that a rule raises.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AlertSpec {
    /// Which; rules that share it share its cooldown. The rule's own id unless it says otherwise.
    pub alert: AlertIdx,
    /// What people read.
    pub name: String,
    /// How urgent.
    pub level: AlertLevel,
    /// No second alert of the same id for the key within this.
    pub cooldown: Option<Millis>,
    /// A higher level than that of the alert in its cooldown is not held back.
    pub breaks_through: bool,
    /// Held back while one of these is in its cooldown, sorted.
    pub inhibited_by: Vec<AlertIdx>,
}

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    /// For a report.
    Low,
    /// For today.
    Mid,
    /// For now.
    High,
}

/// What a kick rule asks for, the strongest last.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KickAction {
    /// A person looks at it.
    Review,
    /// The member is warned.
    Warn,
    /// The member is removed.
    Kick,
    /// The member is removed and barred.
    KickBlock,
}

/// A tag of the registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    /// Stable id.
    pub id: String,
    /// One to three levels, the last is the tag's own name.
    pub path: Vec<String>,
    /// The exclusive group it belongs to.
    pub group: Option<GroupIdx>,
    /// How long it holds after the last evidence.
    pub ttl: Option<Span>,
    /// Looked at again at the start of each month.
    pub reviewed: bool,
    /// Names of score levels with their lower cut, increasing.
    pub levels: Vec<(String, f64)>,
    /// A level is left downwards only when the score lies more than this below its cut.
    pub hysteresis: f64,
    /// Rules may take the tag away although a person assigned it.
    pub rules_may_remove: bool,
    /// It goes when no rule gives it any more; else it stays until its time runs out.
    pub retires: bool,
}

/// A group of tags of which a key has at most one.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Stable id.
    pub id: String,
    /// What people read.
    pub title: String,
    /// Which tag wins.
    pub exclusive: Exclusive,
    /// The tags in order: the ladder of `forward`, the precedence (first wins) of `priority`.
    pub order: Vec<TagIdx>,
}

/// Which tag of a group wins.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusive {
    /// Tags of the group may stand together.
    None,
    /// The newest.
    Latest,
    /// The first in the group's order.
    Priority,
    /// The one with the higher score.
    Score,
    /// The later one in the group's order, never back.
    Forward,
}

/// Someone whom kick rules leave alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemption {
    /// Stable id.
    pub id: String,
    /// Why; written into the decision.
    pub reason: String,
    /// Exempt by role: any of `owner`, `admin`, `staff`, `bot`.
    pub roles: Vec<ExemptRole>,
    /// Exempt by id, sorted; empty when by role.
    pub members: Vec<String>,
    /// Only for these rules; empty means for all.
    pub rules: Vec<RuleIdx>,
    /// The first local day on which it no longer holds.
    pub until: Option<Day>,
}

/// A role that exempts from kicks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExemptRole {
    /// 群主
    Owner,
    /// 管理员
    Admin,
    /// 员工
    Staff,
    /// 机器人
    Bot,
}
