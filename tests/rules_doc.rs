//! The examples of `docs/rules.md`, laid over the shipped term lists, checked and played.

use std::path::Path;

use chattag::bundle::{self, Bundle, Options};
use chattag::diagnostic::{self, Language};
use chattag::rules::{Shape, SourceFile};

/// The blocks of the page that begin with ```` ```toml KIND ````, one after another.
fn blocks(page: &str, kind: &str) -> String {
    let opening = format!("```toml {kind}\n");
    let mut rest = page;
    let mut all = String::new();
    while let Some(start) = rest.find(&opening) {
        let block = &rest[start + opening.len()..];
        let end = block.find("\n```").expect("a block ends");
        all.push_str(&block[..=end]);
        all.push('\n');
        rest = &block[end..];
    }
    all
}

fn files() -> Vec<SourceFile> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let mut files = bundle::embedded_files();
    files.retain(|file| file.path == "pack.toml" || file.path.starts_with("lexicons/"));
    for (path, kind) in
        [("tags.toml", "tags"), ("signals/page.toml", "signals"), ("rules/page.toml", "rules")]
    {
        files.push(SourceFile { path: path.to_owned(), bytes: blocks(&page, kind).into_bytes() });
    }
    files
}

fn page() -> Bundle {
    let (bundle, findings) = Bundle::from_files(&files(), &Options::default());
    let lines: Vec<String> = findings.iter().map(|finding| finding.render(Language::Chinese)).collect();
    assert!(!diagnostic::has_errors(&findings), "{}", lines.join("\n"));
    bundle.expect("no errors")
}

#[test]
fn every_example_of_the_page_does_what_it_says() {
    let page = page();
    assert!(page.scenarios.len() >= 13, "{} examples", page.scenarios.len());
    for scenario in &page.scenarios {
        let outcome = scenario.run(&page.rules, &page.catalog, &page.annotator);
        assert!(!outcome.is_failure(), "{}\n{:#?}\n{:#?}", outcome.name, outcome.expected, outcome.actual);
    }
}

#[test]
fn every_shape_has_an_example_on_the_page() {
    let page = page();
    let shapes = page.rules.rules.iter().map(|rule| match &rule.shape {
        Shape::Match { .. } if rule.kick.is_some() => "kick",
        Shape::Match { .. } => "match",
        Shape::Count { .. } => "count",
        Shape::Sequence { .. } => "sequence",
        Shape::Absence { .. } => "absence",
        Shape::Streak { .. } => "streak",
        Shape::Ratio { .. } => "ratio",
        Shape::Cycle { .. } => "cycle",
        Shape::Rank(_) => "rank",
        Shape::Combine { .. } => "combine",
    });
    let shapes: std::collections::BTreeSet<&str> = shapes.collect();
    assert_eq!(shapes.len(), 10, "{shapes:?}");
    let played = |id: &str| page.scenarios.iter().any(|test| test.rules.iter().any(|rule| rule == id));
    let idle: Vec<&str> =
        page.rules.rules.iter().map(|rule| rule.id.as_str()).filter(|id| !played(id)).collect();
    assert!(idle.is_empty(), "rules without an example: {idle:?}");
}
