//! Writes findings in the forms that people, editors and build servers read.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::diagnostic::{CODES, Code, Diagnostic, Language, Severity};

/// A form of a list of findings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// One or two lines a finding, for people.
    Text,
    /// One JSON object a line.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, which code hosts and editors read.
    Sarif,
    /// JUnit XML, which most build servers read.
    Junit,
}

/// Returns the findings in `form`; each finding or line ends with a line feed.
pub fn write(findings: &[Diagnostic], form: Form, language: Language) -> String {
    match form {
        Form::Text => lines(findings, |finding| finding.render(language)),
        Form::Json => lines(findings, |finding| json!(finding).to_string()),
        Form::Github => lines(findings, |finding| github(finding, language)),
        Form::Sarif => format!("{:#}\n", sarif(findings, language)),
        Form::Junit => junit(findings, language),
    }
}

fn lines(findings: &[Diagnostic], line: impl Fn(&Diagnostic) -> String) -> String {
    findings.iter().map(|finding| line(finding) + "\n").collect()
}

/// `::error file=F,line=1,col=2,title=E003::message`
fn github(finding: &Diagnostic, language: Language) -> String {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let place = &finding.place;
    let mut properties = format!("file={}", github_property(&place.file));
    if place.line > 0 {
        properties.push_str(&format!(",line={}", place.line));
    }
    if place.column > 0 {
        properties.push_str(&format!(",col={}", place.column));
    }
    format!("::{level} {properties},title={}::{}", finding.code, github_text(&message(finding, language)))
}

fn github_text(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn github_property(text: &str) -> String {
    github_text(text).replace(':', "%3A").replace(',', "%2C")
}

/// What is wrong, and what to type, in one line.
fn message(finding: &Diagnostic, language: Language) -> String {
    match finding.said(language) {
        (said, "") => said.to_owned(),
        (said, help) if language == Language::Chinese => format!("{said}。{help}"),
        (said, help) => format!("{said}: {help}"),
    }
}

fn sarif(findings: &[Diagnostic], language: Language) -> Value {
    let rules: Vec<Value> = CODES.iter().map(|code| sarif_rule(code, language)).collect();
    let results: Vec<Value> = findings.iter().map(|finding| sarif_result(finding, language)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "chattag",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "results": results,
        }],
    })
}

fn sarif_rule(code: &Code, language: Language) -> Value {
    let said = if language == Language::Chinese { code.zh } else { code.en };
    json!({ "id": code.code, "shortDescription": { "text": said } })
}

fn sarif_result(finding: &Diagnostic, language: Language) -> Value {
    let place = &finding.place;
    let mut physical = json!({ "artifactLocation": { "uri": place.file } });
    if place.line > 0 {
        physical["region"] = json!({ "startLine": place.line });
    }
    if place.line > 0 && place.column > 0 {
        physical["region"]["startColumn"] = json!(place.column);
    }
    json!({
        "ruleId": finding.code,
        "level": finding.severity,
        "message": { "text": message(finding, language) },
        "locations": [{ "physicalLocation": physical }],
    })
}

/// One test case a finding, so that a build server counts and shows each; a clean pack is one that passed.
fn junit(findings: &[Diagnostic], language: Language) -> String {
    let failures = findings.iter().filter(|finding| finding.severity != Severity::Note).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let tests = findings.len().max(1);
    writeln!(xml, "<testsuite name=\"chattag check\" tests=\"{tests}\" failures=\"{failures}\">")
        .expect("writing to a string does not fail");
    if findings.is_empty() {
        xml.push_str("  <testcase classname=\"check\" name=\"dictionaries\"/>\n");
    }
    findings.iter().for_each(|finding| xml.push_str(&junit_case(finding, language)));
    xml.push_str("</testsuite>\n");
    xml
}

fn junit_case(finding: &Diagnostic, language: Language) -> String {
    let name = xml_text(&format!("{} {}", finding.code, finding.place));
    let class = xml_text(&finding.place.file);
    let said = xml_text(&message(finding, language));
    let verdict = match finding.severity {
        Severity::Error => format!("<failure type=\"error\" message=\"{said}\"/>"),
        Severity::Warning => format!("<failure type=\"warning\" message=\"{said}\"/>"),
        Severity::Note => format!("<system-out>{said}</system-out>"),
    };
    format!("  <testcase classname=\"{class}\" name=\"{name}\">{verdict}</testcase>\n")
}

fn xml_text(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        c if c.is_control() => format!("\\u{{{:x}}}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;

    fn findings() -> Vec<Diagnostic> {
        vec![
            Diagnostic::new(
                "E003",
                Place::new("rules/a,b.toml", 14, 10),
                "信号 “甲” 不存在",
                "no signal `a`",
            )
            .with_help("先定义", "define it"),
            Diagnostic::new("W108", Place::new("l.csv", 0, 0), "像 <日期> & 100%", "like a <date> & 100%"),
            Diagnostic::new("N201", Place::new("l.csv", 3, 2), "从未命中", "no hit"),
        ]
    }

    #[test]
    fn each_form_says_the_same_in_its_own_way() {
        // (form, what must be in it)
        let cases: &[(Form, &[&str])] = &[
            (Form::Text, &["错误 E003 rules/a,b.toml:14:10  信号 “甲” 不存在\n  建议: 先定义\n"]),
            (Form::Json, &["\"code\":\"W108\"", "\"line\":14"]),
            (
                Form::Github,
                &[
                    "::error file=rules/a%2Cb.toml,line=14,col=10,title=E003::信号 “甲” 不存在。先定义\n",
                    "::warning file=l.csv,title=W108::像 <日期> & 100%25\n",
                ],
            ),
            (
                Form::Junit,
                &["tests=\"3\" failures=\"2\"", "message=\"像 &lt;日期&gt; &amp; 100%\"", "<system-out>"],
            ),
        ];
        for (form, wanted) in cases {
            let text = write(&findings(), *form, Language::Chinese);
            for part in *wanted {
                assert!(text.contains(part), "{form:?}: {text}");
            }
        }
    }

    #[test]
    fn sarif_names_rule_level_and_region() {
        let text = write(&findings(), Form::Sarif, Language::English);
        let sarif: Value = serde_json::from_str(&text).unwrap();
        let results = &sarif["runs"][0]["results"];
        assert_eq!(results[0]["level"], "error");
        assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startColumn"], 10);
        assert_eq!(results[1]["locations"][0]["physicalLocation"].get("region"), None);
        let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        assert!(rules.iter().any(|rule| rule["id"] == results[2]["ruleId"]));
    }

    #[test]
    fn a_clean_pack_is_a_test_that_passed() {
        let text = write(&[], Form::Junit, Language::English);
        assert!(text.contains("tests=\"1\" failures=\"0\"") && text.contains("<testcase"));
    }
}
