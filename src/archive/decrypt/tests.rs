//! Commands that answer, fail, hang, end and babble.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::archive::tests::{CUSTOMER, tell};
use crate::archive::{ReadOptions, decode};

fn limits(timeout: Duration) -> HookLimits {
    HookLimits { timeout, answer_bytes: 10_000 }
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// What is told of an archive that `command` decrypts.
fn told(archive: &Value, keys: PrivateKeys, command: Option<&str>, timeout: Duration) -> Vec<String> {
    let decryptor = Decryptor::new(keys, command.map(str::to_owned), limits(timeout));
    let options = ReadOptions { decryptor: Some(std::sync::Arc::new(decryptor)), ..ReadOptions::default() };
    let mut told = Vec::new();
    decode(archive.to_string().as_bytes(), &options, &mut |read| {
        told.push(match &read.record {
            Ok(record) => tell(record),
            Err(fault) => format!("! {}: {}", fault.code, fault.detail),
        });
    });
    told
}

const PATIENT: Duration = Duration::from_secs(20);

/// An envelope whose "ciphertext" is the plaintext itself, for commands made of standard tools.
fn envelope(seq: u64, plaintext: &str) -> Value {
    json!({"seq": seq, "msgid": format!("m{seq}"), "publickey_ver": 1, "encrypt_random_key": "eA==", "encrypt_chat_msg": plaintext})
}

fn message(seq: u64) -> String {
    json!({"msgid": format!("m{seq}"), "action": "send", "from": CUSTOMER, "tolist": ["lihua"], "roomid": "",
        "msgtime": 1_900_000_000_123_i64, "msgtype": "text", "text": {"content": format!("第{seq}条")}})
    .to_string()
}

/// A command in which the ciphertext is the plaintext, but for a few words that make it misbehave.
fn command(mode: &str) -> String {
    format!("python3 {}/tests/python/fake_decryptor.py {mode}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn pages_and_lines_of_envelopes_are_decrypted_in_order() {
    let page = json!({"errcode": 0, "chatdata": (1..=300).map(|seq| envelope(seq, &message(seq))).collect::<Vec<_>>()});
    let expected: Vec<String> = (1..=300).map(|seq| format!("Text o:第{seq}条")).collect();
    assert_eq!(told(&page, PrivateKeys::default(), Some(&command("echo")), PATIENT), expected);
    assert_eq!(
        told(&envelope(7, &message(7)), PrivateKeys::default(), Some(&command("echo")), PATIENT),
        ["Text o:第7条"]
    );
}

const NOT_JSON: &str = "! decrypt.not_json: the answer is no JSON object: standard output is for answers only, one line for each envelope";

#[test]
fn case_75_an_error_for_one_record_lays_that_one_aside() {
    let page = json!({"chatdata": [envelope(1, &message(1)), envelope(2, "{\"error\": 10006, \"message\": \"机密\"}"),
        envelope(3, "机密"), envelope(4, "{\"error\": \"机密\"}"), envelope(5, &message(5)), envelope(6, "")]});
    assert_eq!(
        told(&page, PrivateKeys::default(), Some(&command("echo")), PATIENT),
        [
            "Text o:第1条",
            "! decrypt.failed: error 10006: decryption failed",
            NOT_JSON,
            "! decrypt.failed: the decryptor reports an error without a code",
            "Text o:第5条",
            NOT_JSON,
        ]
    );
}

#[test]
fn passing_trouble_is_asked_about_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let mark = dir.path().join("asked");
    let command = command(&format!("first-fails {}", mark.display()));
    assert_eq!(
        told(&envelope(1, &message(1)), PrivateKeys::default(), Some(&command), PATIENT),
        ["Text o:第1条"]
    );
}

#[test]
fn a_command_that_hangs_is_stopped_and_started_again() {
    let page = json!({"chatdata": [envelope(1, &message(1)), envelope(2, "hang"), envelope(3, &message(3))]});
    assert_eq!(
        told(&page, PrivateKeys::default(), Some(&command("echo")), Duration::from_secs(3)),
        ["Text o:第1条", "! decrypt.timeout: no answer within 3s", "Text o:第3条"]
    );
}

#[test]
fn a_command_that_ends_is_started_again_and_given_up_when_that_does_not_help() {
    let page = json!({"chatdata": [envelope(1, &message(1)), envelope(2, "end"), envelope(3, &message(3))]});
    let gone = "! decrypt.gone: the decryptor does not work: it ended without an answer (exit status: 1)";
    assert_eq!(
        told(&page, PrivateKeys::default(), Some(&command("echo")), PATIENT),
        ["Text o:第1条", gone, "Text o:第3条"]
    );
    let page = json!({"chatdata": (1..=20).map(|seq| envelope(seq, "x")).collect::<Vec<_>>()});
    let seen = told(&page, PrivateKeys::default(), Some("/no/such/command"), PATIENT);
    assert_eq!(seen.len(), 20);
    assert!(seen.iter().all(|line| line.starts_with("! decrypt.gone")), "{seen:?}");
    assert!(seen.iter().all(|line| line.contains("exit status 127: there is no such command")), "{seen:?}");
}

#[test]
fn a_command_that_says_more_than_it_is_asked_gives_nobody_the_words_of_another() {
    let page = json!({"chatdata": (1..=8).map(|seq| envelope(seq, &message(seq))).collect::<Vec<_>>()});
    let lines: Vec<String> = (1..=8).map(|seq| envelope(seq, &message(seq)).to_string()).collect();
    let right: Vec<String> = (1..=8).map(|seq| format!("Text o:第{seq}条")).collect();
    for (mode, all_read) in [("twice", true), ("greeting", false), ("logging", false)] {
        let of_page = told(&page, PrivateKeys::default(), Some(&command(mode)), PATIENT);
        let decryptor = Decryptor::new(PrivateKeys::default(), Some(command(mode)), limits(PATIENT));
        let options =
            ReadOptions { decryptor: Some(std::sync::Arc::new(decryptor)), ..ReadOptions::default() };
        let mut of_lines = Vec::new();
        decode(lines.join("\n").as_bytes(), &options, &mut |read| {
            of_lines.push(read.record.as_ref().map_or_else(|fault| format!("! {}", fault.code), tell));
        });
        for seen in [of_page, of_lines] {
            assert_eq!(seen.len(), 8, "{mode}");
            assert!(
                seen.iter().zip(&right).all(|(seen, right)| seen == right || seen.starts_with('!')),
                "{mode}: {seen:?}"
            );
            assert!(!all_read || seen == right, "{mode}: {seen:?}");
        }
    }
}

#[test]
fn a_command_may_be_anything_that_a_shell_reads() {
    let (echo, place) = (command("echo"), env!("CARGO_MANIFEST_DIR"));
    for command in
        [format!("LD_LIBRARY_PATH=. {echo}"), format!("cd {place} && {echo}"), format!("cat | {echo}")]
    {
        let seen = told(&envelope(1, &message(1)), PrivateKeys::default(), Some(&command), PATIENT);
        assert_eq!(seen, ["Text o:第1条"], "{command}");
    }
}

#[test]
fn what_a_command_has_started_ends_with_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("a pipe").success());
    let begun = std::time::Instant::now();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).expect("read until all that write to it have ended")
    });
    let command = format!("sleep 100 > {} & wait", pipe.display());
    let seen = told(&envelope(1, "x"), PrivateKeys::default(), Some(&command), Duration::from_secs(1));
    assert!(seen[0].starts_with("! decrypt.timeout"), "{seen:?}");
    reader.join().expect("read");
    assert!(begun.elapsed() < Duration::from_secs(90), "it went on without its parent");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let seen = told(&envelope(1, "x"), PrivateKeys::default(), Some(&command("babble")), PATIENT);
    assert_eq!(seen, ["! decrypt.too_long: an answer of more than 10000 bytes"]);
}

#[test]
fn the_command_gets_the_opened_key_and_a_wrong_version_is_laid_aside() {
    // cases 76 and 77
    let keys = PrivateKeys::from_arguments(&[format!("1={}", fixture("one.pkcs1.pem"))]).expect("a key");
    let sealed = std::fs::read_to_string(fixture("one.random_key.txt")).expect("a fixture");
    let with_key = |version: u32| {
        let mut envelope = envelope(1, "x");
        (envelope["encrypt_random_key"], envelope["publickey_ver"]) = (json!(sealed), json!(version));
        envelope
    };
    let command = command("key");
    let page = json!({"chatdata": [with_key(1), with_key(2)]});
    assert_eq!(
        told(&page, keys.clone(), Some(&command), PATIENT),
        [
            "Text o:invented-random-key-number-one-32",
            "! decrypt.no_key: publickey_ver 2: give its key with --private-key"
        ]
    );
    let tried = told(&page, keys, None, PATIENT);
    assert_eq!(tried[0], "encrypted Some(1) 1", "{tried:?}");
    assert!(tried[1].starts_with("! decrypt.no_key"), "{tried:?}");
}
