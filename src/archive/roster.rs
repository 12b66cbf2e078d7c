//! The roster: who is staff, bot, group owner or administrator.
//!
//! A CSV file that people keep in a spreadsheet. Parsing never fails; what
//! cannot be used is left out and reported.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place};
use crate::encoding::decode;
use crate::error::Error;
use crate::message::{Role, RoomRole};

/// Who is who. Empty unless configured.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    members: HashMap<Box<str>, RosterEntry>,
    /// Lower-case id to the id as written: administrators ignore letter case.
    folded: HashMap<Box<str>, Box<str>>,
    rooms: HashMap<Box<str>, HashMap<Box<str>, RoomRole>>,
}

/// What the roster says about one member.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RosterEntry {
    /// Staff, bot or customer; `None` when only a rank in a group is known.
    pub role: Option<Role>,
    /// The member's company.
    pub company: Option<Arc<str>>,
}

impl Roster {
    /// Reads the roster at `path`: CSV with a header line, UTF-8 (with or without BOM) or GB18030.
    ///
    /// Rows that cannot be used are left out; [`Roster::parse`] reports them.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read.
    pub fn read(path: &Path) -> Result<Roster, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::read(path, source))?;
        Ok(Roster::parse(&path.display().to_string(), &bytes).0)
    }

    /// Parses the roster `bytes`; `name` is the file's name in findings.
    ///
    /// Columns, in any order: 成员/userid, 角色/role, 群/room, 企业/company.
    pub fn parse(name: &str, bytes: &[u8]) -> (Roster, Vec<Diagnostic>) {
        let text = decode(bytes).0;
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
        let mut roster = Roster::default();
        let mut findings = Vec::new();
        let Some(columns) = reader.headers().ok().and_then(Columns::find) else {
            return (roster, vec![no_member_column(name)]);
        };
        for row in reader.records() {
            match row {
                Ok(row) if is_torn(&row) => findings.push(unreadable(name, line_of(row.position()))),
                Ok(row) => roster.add(name, &columns, &row, &mut findings),
                Err(error) => findings.push(unreadable(name, line_of(error.position()))),
            }
        }
        (roster, findings)
    }

    /// Returns what is known about `id`: as written, else in any letter case.
    pub fn member(&self, id: &str) -> Option<&RosterEntry> {
        if self.members.is_empty() {
            return None;
        }
        self.members.get(id).or_else(|| self.members.get(self.folded.get(id.to_lowercase().as_str())?))
    }

    /// Returns the rank of `member` in `room`.
    pub fn room_role(&self, room: &str, member: &str) -> RoomRole {
        if self.rooms.is_empty() {
            return RoomRole::Member;
        }
        let Some(ranks) = self.rooms.get(room) else { return RoomRole::Member };
        let folded = || ranks.get(self.folded.get(member.to_lowercase().as_str())?);
        ranks.get(member).or_else(folded).copied().unwrap_or_default()
    }

    /// Returns the number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn add(
        &mut self,
        name: &str,
        columns: &Columns,
        row: &csv::StringRecord,
        findings: &mut Vec<Diagnostic>,
    ) {
        let cell = |column: Option<usize>| column.and_then(|column| row.get(column)).unwrap_or("").trim();
        let (id, line) = (cell(Some(columns.member)), line_of(row.position()));
        if id.is_empty() {
            if row.iter().any(|cell| !cell.trim().is_empty()) {
                findings.push(no_member(name, line));
            }
            return;
        }
        let company = Some(cell(columns.company)).filter(|company| !company.is_empty()).map(Arc::from);
        let room = cell(columns.room);
        match rank_of(cell(columns.role)) {
            Rank::Role(role) => self.insert(id, role, company),
            Rank::Room(_) if room.is_empty() => findings.push(rank_without_room(name, line)),
            Rank::Room(rank) => {
                self.insert(id, None, company);
                self.rooms.entry(room.into()).or_default().insert(id.into(), rank);
            }
            Rank::Unknown => findings.push(unknown_role(name, line, cell(columns.role))),
        }
    }

    /// A member may stand in many rows; what an earlier row said stays where a later one is silent.
    fn insert(&mut self, id: &str, role: Option<Role>, company: Option<Arc<str>>) {
        self.folded.insert(id.to_lowercase().into(), id.into());
        let entry = self.members.entry(id.into()).or_default();
        entry.role = role.or(entry.role);
        entry.company = company.or_else(|| entry.company.take());
    }
}

/// Where the columns stand.
struct Columns {
    member: usize,
    role: Option<usize>,
    room: Option<usize>,
    company: Option<usize>,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Option<Columns> {
        let at = |names: &[&str]| {
            header.iter().position(|cell| names.iter().any(|name| cell.trim().eq_ignore_ascii_case(name)))
        };
        Some(Columns {
            member: at(&["成员", "userid", "member", "id"])?,
            role: at(&["角色", "role"]),
            room: at(&["群", "room", "roomid"]),
            company: at(&["企业", "company"]),
        })
    }
}

/// What a cell of the role column means.
enum Rank {
    /// A role; an empty cell is `None`.
    Role(Option<Role>),
    Room(RoomRole),
    Unknown,
}

fn rank_of(cell: &str) -> Rank {
    match cell.to_ascii_lowercase().as_str() {
        "" => Rank::Role(Some(Role::Staff)),
        "员工" | "staff" => Rank::Role(Some(Role::Staff)),
        "机器人" | "bot" => Rank::Role(Some(Role::Bot)),
        "客户" | "customer" => Rank::Role(Some(Role::Customer)),
        "群主" | "owner" => Rank::Room(RoomRole::Owner),
        "管理员" | "admin" => Rank::Room(RoomRole::Admin),
        _ => Rank::Unknown,
    }
}

/// Returns whether a quote without its partner took in the lines that follow: names and ids have no line breaks.
fn is_torn(row: &csv::StringRecord) -> bool {
    row.iter().any(|cell| cell.contains(['\n', '\r']))
}

fn line_of(position: Option<&csv::Position>) -> u32 {
    position.map_or(0, |position| u32::try_from(position.line()).unwrap_or(u32::MAX))
}

fn no_member_column(name: &str) -> Diagnostic {
    Diagnostic::new("E401", Place::new(name, 1, 0), "没有“成员”列", "there is no column `userid`")
        .with_help("第一行写 成员,角色,群,企业", "write `userid,role,room,company` in the first line")
}

fn unreadable(name: &str, line: u32) -> Diagnostic {
    let (zh, en) = (
        "这一行读不出来：引号没有配对，后面的行都被并了进来",
        "this row cannot be read: a quote without its partner took in the lines that follow",
    );
    Diagnostic::new("W401", Place::new(name, line, 0), zh, en)
        .with_help("删去多余的引号 \"", "delete the spare quote \"")
}

fn no_member(name: &str, line: u32) -> Diagnostic {
    Diagnostic::new("W402", Place::new(name, line, 0), "这一行没有成员", "this row names no member")
}

fn unknown_role(name: &str, line: u32, role: &str) -> Diagnostic {
    let (zh, en) = (format!("不认识的角色“{role}”"), format!("unknown role `{role}`"));
    Diagnostic::new("W403", Place::new(name, line, 0), zh, en).with_help(
        "写 员工、机器人、客户、群主 或 管理员",
        "write `staff`, `bot`, `customer`, `owner` or `admin`",
    )
}

fn rank_without_room(name: &str, line: u32) -> Diagnostic {
    let (zh, en) = ("群主、管理员要写明是哪个群", "an owner or admin needs the room");
    Diagnostic::new("W404", Place::new(name, line, 0), zh, en)
        .with_help("填写“群”列", "fill in the column `room`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHINESE: &str =
        "成员,角色,群,企业\nZhangSan,员工,,甲公司\nwangwu,群主,wr1,\nwangwu,员工,,乙公司\n小助手,机器人,,\n";

    #[test]
    fn rosters_are_read_in_every_encoding_that_spreadsheets_save() {
        let gb = encoding_rs::GB18030.encode(CHINESE).0.into_owned();
        let bom = [b"\xEF\xBB\xBF", CHINESE.as_bytes()].concat();
        for bytes in [CHINESE.as_bytes().to_vec(), gb, bom] {
            let (roster, findings) = Roster::parse("roster.csv", &bytes);
            assert_eq!(findings, []);
            assert_eq!(roster.member("小助手").and_then(|member| member.role), Some(Role::Bot));
            assert_eq!(roster.member("wangwu").and_then(|member| member.role), Some(Role::Staff));
            assert_eq!(roster.member("wangwu").and_then(|m| m.company.clone()).as_deref(), Some("乙公司"));
            assert_eq!(roster.room_role("wr1", "wangwu"), RoomRole::Owner);
            assert_eq!(roster.room_role("wr2", "wangwu"), RoomRole::Member);
        }
    }

    #[test]
    fn letter_case_is_ignored_after_the_exact_id() {
        // case 33
        let (roster, _) = Roster::parse("r", "userid,role\nLiHua,staff\nlihua,bot\n".as_bytes());
        assert_eq!(roster.member("LiHua").and_then(|member| member.role), Some(Role::Staff));
        assert_eq!(roster.member("lihua").and_then(|member| member.role), Some(Role::Bot));
        assert_eq!(roster.member("LIHUA").and_then(|member| member.role), Some(Role::Bot));
        assert_eq!(roster.member("lihu"), None);
    }

    #[test]
    fn rows_that_cannot_be_used_are_reported_with_their_line() {
        let text = "userid,role,room\na,boss,\n,staff,\nb,owner,\nc,staff,\n,,\n";
        let (roster, findings) = Roster::parse("r", text.as_bytes());
        let seen: Vec<_> = findings.iter().map(|finding| (finding.code, finding.place.line)).collect();
        assert_eq!(seen, [("W403", 2), ("W402", 3), ("W404", 4)]);
        assert_eq!(roster.len(), 1);
        assert_eq!(Roster::parse("r", b"name\nx\n").1[0].code, "E401");
    }
}
