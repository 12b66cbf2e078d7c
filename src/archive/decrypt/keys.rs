//! The company's private keys, by version: the documented half of decryption.
//!
//! `encrypt_random_key` is opened with RSA, PKCS#1 v1.5; what comes out is a short
//! text, the key that the SDK wants for `encrypt_chat_msg`. Nothing here is ever
//! shown: `Debug` names versions only.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Encrypt, PrivateKey};

use crate::archive::record::RecordFault;
use crate::error::Error;

/// Private keys by the version that envelopes name.
#[derive(Clone, Default)]
pub struct PrivateKeys {
    by_version: BTreeMap<u32, PrivateKey>,
    /// For versions that were not given.
    any: Option<PrivateKey>,
}

impl PrivateKeys {
    /// Reads what the user typed: `VERSION=FILE`, or `FILE` for all versions not named.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or holds no RSA private key in PKCS#1, PKCS#8 or bare base64.
    pub fn from_arguments(arguments: &[String]) -> Result<PrivateKeys, Error> {
        let mut keys = PrivateKeys::default();
        for argument in arguments {
            let versioned =
                argument.split_once('=').and_then(|(version, path)| Some((version.parse().ok()?, path)));
            let path = Path::new(versioned.map_or(argument.as_str(), |(_, path)| path));
            let bytes = std::fs::read(path).map_err(|error| Error::read(path, error))?;
            let key = parse(&bytes).map_err(|expected| {
                Error::argument("private key file", &path.display().to_string(), expected)
            })?;
            match versioned {
                Some((version, _)) => drop(keys.by_version.insert(version, key)),
                None => keys.any = Some(key),
            }
        }
        Ok(keys)
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.by_version.is_empty() && self.any.is_none()
    }

    /// Opens the random key of an envelope that was made with key `version`.
    ///
    /// # Errors
    ///
    /// `decrypt.no_key`: no key of that version was given; `decrypt.wrong_key`: it does not open this.
    pub(super) fn open(&self, version: Option<u32>, random_key: &str) -> Result<String, RecordFault> {
        let key = version.and_then(|version| self.by_version.get(&version)).or(self.any.as_ref());
        let named = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        let key = key.ok_or_else(|| {
            RecordFault::new(
                "decrypt.no_key",
                format!("publickey_ver {named}: give its key with --private-key"),
            )
        })?;
        let opened = STANDARD
            .decode(random_key.trim())
            .ok()
            .and_then(|sealed| key.decrypt(Pkcs1v15Encrypt, &sealed).ok());
        opened.and_then(as_key).ok_or_else(|| {
            RecordFault::new(
                "decrypt.wrong_key",
                format!("publickey_ver {named}: the private key given does not open it"),
            )
        })
    }
}

/// A wrong key does not fail, it gives noise: the real thing is short printable text.
fn as_key(opened: Vec<u8>) -> Option<String> {
    let printable = opened.len() >= SHORTEST_KEY && opened.iter().all(|byte| matches!(byte, 0x20..=0x7E));
    String::from_utf8(opened).ok().filter(|_| printable)
}

/// Reads a key whatever its wrapping: PEM with or without lines around it or line feeds in it, bare base64, DER.
///
/// # Errors
///
/// What was expected, in view of what is there.
fn parse(bytes: &[u8]) -> Result<PrivateKey, &'static str> {
    let of_der =
        |der: &[u8]| PrivateKey::from_pkcs1_der(der).ok().or_else(|| PrivateKey::from_pkcs8_der(der).ok());
    if let Some(key) = of_der(bytes) {
        return Ok(key);
    }
    // Configuration files keep a key on one line, with the two characters `\n` for line feeds.
    let text = String::from_utf8_lossy(bytes).replace("\\r", "").replace("\\n", "\n");
    let inside = PEM.iter().find_map(|kind| between(&text, kind));
    let base64: String =
        inside.unwrap_or(&text).chars().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect();
    let der = STANDARD.decode(base64).ok();
    der.and_then(|der| of_der(&der)).ok_or_else(|| expected_instead(&text))
}

/// Returns what stands between the two lines of dashes that name `kind`.
fn between<'t>(text: &'t str, kind: &str) -> Option<&'t str> {
    let rest = text.split_once(&format!("-----BEGIN {kind}-----"))?.1;
    Some(rest.split_once("-----END")?.0)
}

fn expected_instead(text: &str) -> &'static str {
    match () {
        () if text.contains("ENCRYPTED") => {
            "one without a password: `openssl pkey -in FILE -out PLAIN.pem` takes it off"
        }
        () if text.contains("PUBLIC KEY") => {
            "the private key, not the public one that was uploaded to the vendor"
        }
        () if text.contains("BEGIN CERTIFICATE") => "the private key, not a certificate",
        () if text.contains("BEGIN EC") || text.contains("BEGIN OPENSSH") => {
            "RSA in PKCS#1 or PKCS#8, not a key of another kind"
        }
        () => "RSA in PKCS#1 or PKCS#8, as PEM or bare base64",
    }
}

impl fmt::Debug for PrivateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKeys").field("versions", &self.by_version.keys()).finish_non_exhaustive()
    }
}

/// What PEM calls the two forms.
const PEM: [&str; 2] = ["RSA PRIVATE KEY", "PRIVATE KEY"];

/// Noise of this length is hardly ever printable.
const SHORTEST_KEY: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> String {
        format!("{}/tests/fixtures/keys/{name}", env!("CARGO_MANIFEST_DIR"))
    }

    fn sealed(name: &str) -> String {
        std::fs::read_to_string(path(name)).expect("a fixture")
    }

    #[test]
    fn case_77_keys_are_read_in_every_wrapping() {
        for name in ["one.pkcs1.pem", "one.pkcs8.pem", "one.bare.txt"] {
            let keys = PrivateKeys::from_arguments(&[format!("1={}", path(name))]).expect(name);
            let opened = keys.open(Some(1), &sealed("one.random_key.txt"));
            assert_eq!(opened.as_deref(), Ok("invented-random-key-number-one-32"), "{name}");
        }
        let text = std::fs::read_to_string(path("one.pkcs8.pem")).expect("a fixture");
        let base64 = text.lines().filter(|line| !line.starts_with("---")).collect::<String>();
        for wrapping in [
            text.replace('\n', ""),
            text.replace('\n', "\\n"),
            text.replace('\n', "\r\n"),
            format!("\u{feff}Bag Attributes\n  friendlyName: a\n{text}"),
            format!("{text}{}", std::fs::read_to_string(path("two.pkcs8.pem")).expect("a fixture")),
        ] {
            assert!(parse(wrapping.as_bytes()).is_ok(), "{}", &wrapping[..30]);
        }
        assert!(parse(&STANDARD.decode(base64).expect("base64")).is_ok(), "DER");
    }

    #[test]
    fn what_is_no_key_is_told_with_what_to_do() {
        for (text, expected) in [
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
                "openssl pkey",
            ),
            ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END", "openssl pkey"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "not the public one"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "not a certificate"),
            ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----", "another kind"),
            ("hello", "PKCS#1 or PKCS#8"),
            ("", "PKCS#1 or PKCS#8"),
        ] {
            assert!(parse(text.as_bytes()).expect_err("no key").contains(expected), "{text}");
        }
    }

    #[test]
    fn case_76_a_wrong_version_is_told_from_a_missing_one() {
        let arguments = [format!("1={}", path("one.pkcs8.pem")), format!("2={}", path("two.pkcs8.pem"))];
        let keys = PrivateKeys::from_arguments(&arguments).expect("keys");
        let code = |version, name: &str| keys.open(version, &sealed(name)).map_err(|fault| fault.code);
        assert_eq!(code(Some(2), "two.random_key.txt").as_deref(), Ok("invented-random-key-number-two-32"));
        assert_eq!(code(Some(2), "one.random_key.txt"), Err("decrypt.wrong_key"));
        assert_eq!(code(Some(3), "one.random_key.txt"), Err("decrypt.no_key"));
        assert_eq!(code(None, "one.random_key.txt"), Err("decrypt.no_key"));
        assert_eq!(keys.open(Some(1), "no base64!").map_err(|fault| fault.code), Err("decrypt.wrong_key"));
    }

    #[test]
    fn case_78_a_key_is_never_shown() {
        let keys = PrivateKeys::from_arguments(&[format!("7={}", path("one.pkcs8.pem"))]).expect("a key");
        assert_eq!(format!("{keys:?}"), "PrivateKeys { versions: [7], .. }");
        let error = PrivateKeys::from_arguments(&[path("README.md")]).expect_err("no key").to_string();
        assert!(error.contains("README.md") && error.contains("PKCS#8"), "{error}");
    }
}
