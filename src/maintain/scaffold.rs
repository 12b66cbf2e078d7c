//! Makes new rules, lists, tags and packs from commented templates, each with tests that pass.

use std::borrow::Cow;

use crate::diagnostic::Language;
use crate::rules::{self, SourceFile};

/// What is to be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A rule with list, signal, tag and three tests; with the shape's template.
    Rule(&'static str),
    /// A term list.
    Lexicon,
    /// A tag, added to the registry.
    Tag,
    /// A signal, added to a file of its own.
    Signal,
    /// An overlay.
    Pack,
    /// A policy file for roles.
    Roles,
    /// Dictionaries of one's own from nothing: `pack.toml`, and a rule with all it needs.
    Dictionary,
}

/// The shapes of rules and their templates.
pub const SHAPES: &[(&str, &str)] = &[
    ("match", include_str!("templates/rule_match.toml")),
    ("count", include_str!("templates/rule_count.toml")),
    ("sequence", include_str!("templates/rule_sequence.toml")),
    ("absence", include_str!("templates/rule_absence.toml")),
    ("streak", include_str!("templates/rule_streak.toml")),
    ("ratio", include_str!("templates/rule_ratio.toml")),
    ("cycle", include_str!("templates/rule_cycle.toml")),
    ("rank", include_str!("templates/rule_rank.toml")),
    ("combine", include_str!("templates/rule_combine.toml")),
    ("kick", include_str!("templates/rule_kick.toml")),
];

/// What goes into the templates.
#[derive(Clone, Debug)]
pub struct Names<'n> {
    /// The id.
    pub id: &'n str,
    /// What people read; empty: the id.
    pub title: &'n str,
    /// Name of the pack, for overlays.
    pub base: &'n str,
    /// What the comments are written in.
    pub language: Language,
}

/// Why something cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScaffoldError {
    /// The id is no id.
    #[error(
        "`{0}` is no id: begin with a lower-case letter; lower-case letters, digits, underscores; 3 to 40 characters"
    )]
    Id(String),
    /// Something of that name is there.
    #[error("`{0}` is there already: take another id")]
    Exists(String),
}

/// Returns the files to write: new ones, and the registry with the new tag at its end.
///
/// # Errors
///
/// The id cannot be used, or a file of that name is there.
pub fn make(files: &[SourceFile], kind: Kind, names: &Names<'_>) -> Result<Vec<SourceFile>, ScaffoldError> {
    if !rules::is_plain(names.id) || names.id.len() < 3 {
        return Err(ScaffoldError::Id(names.id.to_owned()));
    }
    let new = |path: String, template: &str| {
        let taken = files.iter().any(|file| file.path == path);
        let bytes = fill(template, names).into_bytes();
        if taken { Err(ScaffoldError::Exists(path)) } else { Ok(SourceFile { path, bytes }) }
    };
    let id = names.id;
    let lexicon = || new(format!("lexicons/{id}.csv"), include_str!("templates/lexicon.csv"));
    let signal = || new(format!("signals/{id}.toml"), SIGNAL);
    match kind {
        Kind::Lexicon => Ok(vec![lexicon()?]),
        Kind::Signal => Ok(vec![lexicon()?, signal()?]),
        Kind::Tag => Ok(vec![with_tags(files, TAG, names)?]),
        Kind::Pack => Ok(vec![new(format!("packs/{id}.toml"), include_str!("templates/pack.toml"))?]),
        Kind::Dictionary => {
            let mut made = vec![new("pack.toml".to_owned(), include_str!("templates/dictionary.toml"))?];
            made.extend(make(files, Kind::Rule("count"), names)?);
            Ok(made)
        }
        Kind::Roles => Ok(vec![new("roles.toml".to_owned(), include_str!("templates/roles.toml"))?]),
        Kind::Rule(shape) => {
            let body = SHAPES.iter().find(|(name, _)| *name == shape).map_or("", |(_, body)| body);
            let rule = format!("{}{body}", include_str!("templates/rule_head.toml"));
            let mut made = vec![lexicon()?];
            if shape != "kick" {
                made.push(new(format!("signals/{id}.toml"), &signals_of(shape))?);
                made.push(with_tags(files, &tags_of(shape), names)?);
            }
            made.push(new(format!("rules/{id}.toml"), &rule)?);
            Ok(made)
        }
    }
}

/// The signals that a rule of this shape looks at.
fn signals_of(shape: &str) -> String {
    let more = if shape == "ratio" { include_str!("templates/signal_ratio.toml") } else { "" };
    format!("{SIGNAL}{more}")
}

/// The tags that a rule of this shape gives.
fn tags_of(shape: &str) -> String {
    match shape {
        "rank" => include_str!("templates/tag_rank.toml").to_owned(),
        "combine" => format!("{TAG}{}", include_str!("templates/tag_combine.toml")),
        _ => TAG.to_owned(),
    }
}

/// The registry with the tags of `template` more.
fn with_tags(files: &[SourceFile], template: &str, names: &Names<'_>) -> Result<SourceFile, ScaffoldError> {
    let path = "tags.toml";
    let registry = files.iter().find(|file| file.path == path);
    let mut text =
        registry.map_or_else(String::new, |file| String::from_utf8_lossy(&file.bytes).into_owned());
    if text.contains(&format!("id = \"{}\"", names.id)) {
        return Err(ScaffoldError::Exists(names.id.to_owned()));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&fill(template, names));
    Ok(SourceFile { path: path.to_owned(), bytes: text.into_bytes() })
}

fn fill(template: &str, names: &Names<'_>) -> String {
    let title = if names.title.is_empty() { names.id } else { names.title };
    let path = if title.contains('/') { title.to_owned() } else { format!("新标签/{title}") };
    let short = title.rsplit('/').next().unwrap_or(title);
    let (path, short) = (in_quotes(&path), in_quotes(short));
    let prefix: String = names.id.split('_').filter_map(|word| word.chars().next()).collect();
    in_language(template, names.language)
        .replace("{id}", names.id)
        .replace("{title}", &short)
        .replace("{path}", &path)
        .replace("{prefix}", &prefix)
        .replace("{base}", names.base)
}

/// Returns a template with its comments in `language`.
fn in_language(template: &str, language: Language) -> Cow<'_, str> {
    match language {
        Language::Chinese => template.into(),
        Language::English => template.lines().map(|line| in_english(line) + "\n").collect::<String>().into(),
    }
}

/// Returns a line with its comment, which ends it, in English.
fn in_english(line: &str) -> String {
    for (at, _) in line.rmatch_indices("# ") {
        let (before, comment) = line.split_at(at + 2);
        let known = ENGLISH.lines().filter_map(|line| line.split_once('\t'));
        if let Some((_, english)) = known.into_iter().find(|(chinese, _)| *chinese == comment.trim()) {
            return format!("{before}{english}");
        }
    }
    line.to_owned()
}

/// Comments of the templates: Chinese, a tab, English.
const ENGLISH: &str = include_str!("templates/english.tsv");

/// Text as it stands between the quotes of a TOML string.
fn in_quotes(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('\\', "\\\\").replace('"', "\\\"")
}

const SIGNAL: &str = include_str!("templates/signal.toml");
const TAG: &str = include_str!("templates/tag.toml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Bundle, Options, embedded_files};

    fn written(kind: Kind, title: &str) -> Vec<SourceFile> {
        let mut files = embedded_files();
        let names = Names { id: "brand_new", title, base: "base-zh", language: Language::Chinese };
        for file in make(&files, kind, &names).unwrap() {
            files.retain(|known| known.path != file.path);
            files.push(file);
        }
        files
    }

    #[test]
    fn a_new_rule_of_each_shape_checks_and_its_three_tests_pass() {
        for (shape, _) in SHAPES {
            let files = written(Kind::Rule(shape), "新规则");
            let (bundle, findings) = Bundle::from_files(&files, &Options::default());
            let about_it = |text: &String| text.contains("brand_new");
            let said: Vec<String> =
                findings.iter().map(|finding| finding.render(Language::English)).filter(about_it).collect();
            assert!(said.is_empty(), "{shape}: {said:?}");
            let bundle = bundle.unwrap();
            let own = bundle
                .scenarios
                .iter()
                .filter(|scenario| scenario.rules.iter().any(|rule| rule == "brand_new"));
            let outcomes: Vec<_> =
                own.map(|scenario| scenario.run(&bundle.rules, &bundle.catalog, &bundle.annotator)).collect();
            assert_eq!(outcomes.len(), 3, "{shape}");
            assert!(outcomes.iter().all(|outcome| !outcome.is_failure()), "{shape}: {outcomes:#?}");
        }
    }

    #[test]
    fn lists_signals_tags_and_packs_have_no_errors() {
        for kind in [Kind::Lexicon, Kind::Tag, Kind::Signal, Kind::Pack] {
            let files = written(kind, "偏好/新的");
            let (bundle, findings) = Bundle::from_files(&files, &Options::default());
            assert!(bundle.is_some(), "{kind:?}: {findings:?}");
        }
        let files = written(Kind::Pack, "新行业");
        let options = Options { packs: vec!["brand_new".into()], today: None };
        assert!(Bundle::from_files(&files, &options).0.is_some());
        let policy = super::super::roles::read_policy("roles.toml", include_bytes!("templates/roles.toml"));
        assert!(policy.is_ok_and(|policy| policy.role.contains_key("sales")));
    }

    #[test]
    fn dictionaries_from_nothing_check_without_a_finding_and_their_tests_pass() {
        let names =
            Names { id: "gift_shop", title: "多次问赠品", base: "", language: Language::Chinese };
        let files = make(&[], Kind::Dictionary, &names).unwrap();
        let (bundle, findings) = Bundle::from_files(&files, &Options::default());
        assert!(findings.is_empty(), "{findings:?}");
        let bundle = bundle.unwrap();
        assert_eq!((bundle.rules.pack.name.as_str(), bundle.scenarios.len()), ("gift_shop", 3));
        let passes = |scenario: &crate::scenario::Scenario| {
            !scenario.run(&bundle.rules, &bundle.catalog, &bundle.annotator).is_failure()
        };
        assert!(bundle.scenarios.iter().all(passes));
        let again = make(&files, Kind::Dictionary, &names);
        assert_eq!(again.err(), Some(ScaffoldError::Exists("pack.toml".into())));
    }

    #[test]
    fn every_comment_of_a_template_is_there_in_english() {
        let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        let kinds = SHAPES.iter().map(|(shape, _)| Kind::Rule(shape));
        let rest = [Kind::Tag, Kind::Signal, Kind::Pack, Kind::Roles, Kind::Dictionary];
        for kind in kinds.chain(rest) {
            let names = Names { id: "brand_new", title: "new", base: "base-zh", language: Language::English };
            for file in make(&[], kind, &names).unwrap() {
                let text = String::from_utf8_lossy(&file.bytes);
                for line in text.lines().filter(|line| line.contains("# ")) {
                    let comment = line.rsplit_once("# ").map_or("", |(_, comment)| comment);
                    let is_prose = !comment.contains(" = ") && !comment.starts_with("Negation");
                    let comment = comment.replace("(排除语境)", "");
                    assert!(!is_prose || !comment.contains(is_chinese), "{kind:?}: {line}");
                }
            }
        }
    }

    #[test]
    fn a_title_may_hold_quotes_and_backslashes() {
        let files = written(Kind::Rule("count"), "他说“好” \"yes\" \\ 100%\n第二行");
        let (bundle, findings) = Bundle::from_files(&files, &Options::default());
        assert!(bundle.is_some(), "{findings:?}");
    }

    #[test]
    fn nothing_is_made_over_what_is_there() {
        let files = written(Kind::Rule("count"), "");
        let names = Names { id: "brand_new", title: "", base: "", language: Language::Chinese };
        for kind in [Kind::Rule("count"), Kind::Lexicon, Kind::Tag] {
            assert!(matches!(make(&files, kind, &names), Err(ScaffoldError::Exists(_))), "{kind:?}");
        }
        let odd = Names { id: "新", title: "", base: "", language: Language::Chinese };
        assert_eq!(make(&[], Kind::Lexicon, &odd).err(), Some(ScaffoldError::Id("新".into())));
    }
}
