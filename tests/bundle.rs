//! The fixture pack compiles, its tests run, and overlays change what they say they change.

use std::path::Path;

use chattag::bundle::{self, Bundle, Options};
use chattag::diagnostic::Language;
use chattag::rules::SourceFile;
use chattag::scenario::{Outcome, Scenario, Status};

fn files() -> Vec<SourceFile> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/base");
    bundle::files_in(&dir).expect("the fixture is there")
}

fn bundle_of(files: &[SourceFile], packs: &[&str]) -> Bundle {
    let options = Options { packs: packs.iter().map(|pack| (*pack).to_owned()).collect(), today: None };
    let (bundle, findings) = Bundle::from_files(files, &options);
    let text: Vec<String> = findings.iter().map(|finding| finding.render(Language::English)).collect();
    assert!(text.is_empty(), "{}", text.join("\n"));
    bundle.expect("no findings")
}

fn edited(path: &str, from: &str, to: &str) -> Vec<SourceFile> {
    let mut files = files();
    let file = files.iter_mut().find(|file| file.path == path).expect("a file of the fixture");
    let text = String::from_utf8(file.bytes.clone()).expect("UTF-8");
    assert!(text.contains(from), "{from}");
    file.bytes = text.replace(from, to).into_bytes();
    files
}

fn results(bundle: &Bundle) -> Vec<Outcome> {
    let run = |scenario: &Scenario| scenario.run(&bundle.rules, &bundle.catalog, &bundle.annotator);
    bundle.scenarios.iter().map(run).collect()
}

#[test]
fn all_tests_of_the_fixture_pass_and_its_known_gap_is_one() {
    for packs in [&[][..], &["shop"]] {
        let bundle = bundle_of(&files(), packs);
        for result in results(&bundle) {
            let wanted =
                if result.name.starts_with("已知缺口") { Status::KnownGap } else { Status::Passed };
            assert_eq!(result.status, wanted, "{result:#?}");
        }
    }
}

#[test]
fn a_failing_test_shows_what_was_expected_and_what_came() {
    let files = edited("rules/course.toml", "[\"2024-03-05 11:00 tag price_sensitive\"]", "[]");
    let bundle = bundle_of(&edit_negative(files), &[]);
    let failed: Vec<Outcome> = results(&bundle).into_iter().filter(Outcome::is_failure).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].expected, Vec::<String>::new());
    assert_eq!(failed[0].actual, ["2024-03-05 11:00 tag price_sensitive"]);
}

/// Keeps the rule's tests complete: without a positive one it could not be stable.
fn edit_negative(mut files: Vec<SourceFile>) -> Vec<SourceFile> {
    let file = files.iter_mut().find(|file| file.path == "rules/course.toml").expect("a file of the fixture");
    let extra = "\n[[test]]\nname = \"正例\"\nrule = \"price_then_value\"\ntimeline = [\n  \
                 \"2024-03-04 10:00 客户: 课程多少钱\",\n  \"2024-03-04 11:00 客户: 性价比\",\n]\n\
                 expect = [\"2024-03-04 11:00 tag price_sensitive\"]\n";
    file.bytes.extend_from_slice(extra.as_bytes());
    files
}

#[test]
fn a_known_gap_that_passes_is_noted() {
    let files = edited("rules/course.toml", "客户: [图片]", "客户: 课程多少钱");
    let found: Vec<&str> = results(&bundle_of(&files, &[]))
        .iter()
        .filter_map(Outcome::finding)
        .map(|finding| finding.code)
        .collect();
    assert_eq!(found, ["N204"]);
}

#[test]
fn an_overlay_disables_replaces_and_brings_its_own() {
    let (base, shop) = (bundle_of(&files(), &[]), bundle_of(&files(), &["shop"]));
    let ids =
        |bundle: &Bundle| -> Vec<String> { bundle.rules.rules.iter().map(|rule| rule.id.clone()).collect() };
    assert!(ids(&base).contains(&"kick_links".to_owned()) && !ids(&base).contains(&"parcel_care".to_owned()));
    assert!(!ids(&shop).contains(&"kick_links".to_owned()) && ids(&shop).contains(&"parcel_care".to_owned()));
    assert_ne!(base.fingerprint, shop.fingerprint);
}

// (file, from, to, whether the rule `discount_count` and the pack decide otherwise)
const EDITS: &[(&str, &str, &str, bool, bool)] = &[
    ("rules/course.toml", "30 天内提到优惠类词 5 次", "别的标题", false, false),
    ("signals/talk.toml", "title = \"提到优惠类词\"", "note = \"说明\"", false, false),
    ("lexicons/discount.csv", "d001,优惠,优惠券|特惠", "d001,优惠,优惠券", true, true),
    ("lexicons/value_words.csv", "v001,性价比", "v001,划算", false, true),
    ("rules/course.toml", "per_message_cap = 2", "per_message_cap = 3", true, true),
    ("rules/course.toml", "after_fire = \"hold\"\n", "", false, false),
    ("rules/care.toml", "cooldown = \"24h\"", "cooldown = \"23h\"", false, true),
    ("tags.toml", "ttl = \"30d\"", "ttl = \"31d\"", false, true),
    ("allow/web_hosts.csv", "example.com", "example.cn", false, true),
];

/// Semantics 44, 46: what decides is in the fingerprint of a rule, its lists among it; titles and notes are not.
#[test]
fn fingerprints_follow_what_decides_and_nothing_else() {
    let prints = |files: &[SourceFile]| {
        let bundle = bundle_of(files, &[]);
        let rule = bundle.rules.rules.iter().find(|rule| rule.id == "discount_count").expect("a rule");
        (rule.fingerprint, bundle.fingerprint)
    };
    let before = prints(&files());
    for (path, from, to, rule, pack) in EDITS {
        let after = prints(&edited(path, from, to));
        assert_eq!((after.0 != before.0, after.1 != before.1), (*rule, *pack), "{path}: {to}");
    }
}
