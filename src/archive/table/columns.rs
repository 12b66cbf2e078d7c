//! Says which field each column of a table holds: by its name, or as the user says.
//!
//! A [`Schema`] lists the fields of one kind of table and the names their columns go
//! by. The map of the user is text, given on the command line or in a file:
//! `name=field` pairs, separated by commas or line feeds; `#` begins a comment line,
//! a name that holds `=`, `,` or `#` stands in double quotes.

use std::path::Path;

use crate::encoding;
use crate::error::Error;

/// A field that a table may hold.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its one name in this program.
    pub name: &'static str,
    /// Names that columns with it go by; letter case, spaces, `_` and `-` do not matter.
    pub aliases: &'static [&'static str],
}

/// The fields of one kind of table.
pub type Schema = &'static [Field];

/// Knows columns by their names. Cheap to clone; shared by all tables of a run.
#[derive(Clone, Debug)]
pub struct Columns {
    schema: Schema,
    /// What the user says: column name and field.
    said: Vec<(String, &'static str)>,
}

impl Columns {
    /// Knows the columns of `schema` by the names listed there.
    pub fn automatic(schema: Schema) -> Columns {
        Columns { schema, said: Vec::new() }
    }

    /// Reads what the user typed: pairs, or the path of a file with pairs.
    ///
    /// # Errors
    ///
    /// Text that is neither a file nor pairs, or a field that is not in `schema`.
    pub fn from_argument(argument: &str, schema: Schema) -> Result<Columns, Error> {
        let path = Path::new(argument);
        if !path.is_file() {
            return Columns::parse(argument, schema);
        }
        let bytes = std::fs::read(path).map_err(|error| Error::read(path, error))?;
        Columns::parse(&encoding::decode(&bytes).0, schema)
    }

    /// Parses pairs `name=field`.
    ///
    /// # Errors
    ///
    /// A piece without `=`, an empty name, a field that is not in `schema`.
    pub fn parse(text: &str, schema: Schema) -> Result<Columns, Error> {
        let mut columns = Columns::automatic(schema);
        for pair in pairs(text) {
            let (name, field) = split_pair(&pair).ok_or_else(|| {
                Error::argument(
                    "column map",
                    &pair,
                    "`name=field` pairs separated by commas, or a file with one pair a line",
                )
            })?;
            if schema.iter().any(|field| field.name == name)
                && !schema.iter().any(|known| known.name == field)
            {
                return Err(Error::argument(
                    "pair of a column map",
                    &pair,
                    "the column first and the field behind the sign: `column=field`",
                ));
            }
            let field = known_field(&field, schema)?;
            if columns.said.iter().any(|(said, other)| *said == name && *other != field) {
                return Err(Error::argument("column map", text.trim(), "each column to hold one field"));
            }
            columns.said.push((name, field));
        }
        Ok(columns)
    }

    /// Returns whether the user said anything.
    pub fn is_explicit(&self) -> bool {
        !self.said.is_empty()
    }

    /// Returns the field of each column of `header`; a field goes to one column at most.
    pub fn fields_of(&self, header: &[impl AsRef<str>]) -> Vec<Option<&'static str>> {
        let mut fields = vec![None; header.len()];
        for (name, field) in &self.said {
            let at = header.iter().position(|cell| cell.as_ref().trim() == name);
            let at = at.or_else(|| header.iter().position(|cell| folded(cell.as_ref()) == folded(name)));
            // One map may serve several exports; of two columns for one field in a table the first said is it.
            if let Some(at) = at.filter(|_| !fields.contains(&Some(*field))) {
                fields[at] = Some(*field);
            }
        }
        for field in self.schema.iter().filter(|field| !self.said.iter().any(|(_, said)| *said == field.name))
        {
            if let Some(at) = column_of(field, header).filter(|at| fields[*at].is_none()) {
                fields[at] = Some(field.name);
            }
        }
        fields
    }

    /// Returns how many columns of `header` hold a known field.
    pub fn n_known(&self, header: &[impl AsRef<str>]) -> usize {
        self.fields_of(header).iter().flatten().count()
    }

    /// Returns whether a row is the header of a table of this schema: two known columns, or one that the user named.
    pub fn is_header(&self, row: &[impl AsRef<str>]) -> bool {
        let said = |cell: &str| self.said.iter().any(|(name, _)| folded(cell) == folded(name));
        self.n_known(row) >= 2 || row.iter().any(|cell| said(cell.as_ref()))
    }
}

/// The name as written comes first, then the aliases in their order, then any of them written otherwise.
fn column_of(field: &Field, header: &[impl AsRef<str>]) -> Option<usize> {
    let names = || std::iter::once(field.name).chain(field.aliases.iter().copied());
    let exact = |name: &str| header.iter().position(|cell| cell.as_ref().trim() == name);
    let alike = |name: &str| header.iter().position(|cell| folded(cell.as_ref()) == folded(name));
    names().find_map(exact).or_else(|| names().find_map(alike))
}

fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '\u{feff}'));
    letters.flat_map(char::to_lowercase).collect()
}

fn known_field(name: &str, schema: Schema) -> Result<&'static str, Error> {
    let known = schema.iter().find(|field| field.name == name).map(|field| field.name);
    known.ok_or_else(|| {
        let all: Vec<&str> = schema.iter().map(|field| field.name).collect();
        Error::argument_one_of("field", name, &all)
    })
}

/// Cuts the text at commas and line feeds outside quotes; leaves out blank pieces and comments.
fn pairs(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let (mut quoted, mut comment) = (false, false);
    for c in text.chars() {
        match c {
            '\n' => {
                (quoted, comment) = (false, false);
                found.push(String::new());
            }
            _ if comment => {}
            ',' | '，' | ';' | '；' if !quoted => found.push(String::new()),
            '#' if !quoted && found.last().is_some_and(|piece| piece.trim().is_empty()) => comment = true,
            c => {
                quoted ^= c == '"';
                found.last_mut().expect("there is always a last piece").push(c);
            }
        }
    }
    found.retain(|piece| !piece.trim().is_empty());
    found
}

fn split_pair(pair: &str) -> Option<(String, String)> {
    let pair = pair.trim();
    let (name, field) = match pair.strip_prefix('"') {
        Some(rest) => {
            let (name, rest) = rest.split_once('"')?;
            (name, rest.trim_start().strip_prefix(['=', '＝'])?)
        }
        None => pair.split_once(['=', '＝'])?,
    };
    let (name, field) = (name.trim(), field.trim());
    (!name.is_empty() && !field.is_empty()).then(|| (name.to_owned(), field.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = &[
        Field { name: "roomid", aliases: &["room_id", "群ID"] },
        Field { name: "from", aliases: &["sender", "发件人"] },
        Field { name: "content", aliases: &["内容"] },
    ];

    fn named(columns: &Columns, header: &[&str]) -> String {
        let fields = columns.fields_of(header);
        fields.iter().map(|field| field.unwrap_or("-")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn columns_are_known_by_name_alias_and_in_other_spelling() {
        let columns = Columns::automatic(SCHEMA);
        for (header, fields) in [
            (&["from", "内容", "x"][..], "from content -"),
            (&["发件人", "from"], "- from"), // the official name wins
            (&["room_id", "roomid"], "- roomid"),
            (&[" Room ID ", "SENDER"], "roomid from"),
            (&["群id"], "roomid"),
            (&["x", ""], "- -"),
        ] {
            assert_eq!(named(&columns, header), fields, "{header:?}");
        }
    }

    #[test]
    fn what_the_user_says_wins() {
        let text = "# who\n谁=from，\"说, 了=什么\" = content\n\n";
        let columns = Columns::parse(text, SCHEMA).expect("a map");
        assert_eq!(named(&columns, &["from", "谁", "说, 了=什么", "内容"]), "- from content -");
        assert!(columns.is_header(&["谁"]));
        assert!(!columns.is_header(&["from"]));
        let columns =
            Columns::parse("谁＝from；发言者=from;说=content", SCHEMA).expect("a map for two exports");
        assert_eq!(named(&columns, &["谁", "说"]), "from content");
        assert_eq!(named(&columns, &["发言者", "谁", "说"]), "- from content");
    }

    #[test]
    fn a_map_that_says_nothing_usable_is_refused_with_the_fields_there_are() {
        for text in ["谁", "谁=", "=from", "\"谁=from"] {
            assert!(Columns::parse(text, SCHEMA).is_err(), "{text}");
        }
        let error = Columns::parse("from=谁", SCHEMA).expect_err("turned round").to_string();
        assert!(error.contains("`column=field`"), "{error}");
        assert!(Columns::parse("谁=from,谁=roomid", SCHEMA).is_err(), "one column for two fields");
        let error = Columns::parse("谁=speaker", SCHEMA).expect_err("no such field").to_string();
        assert!(error.contains("roomid, from, content"), "{error}");
    }
}
