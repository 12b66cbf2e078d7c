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
            let text = std::fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
            let key = parse(&text).ok_or_else(|| {
                Error::argument(
                    "private key file",
                    &path.display().to_string(),
                    "RSA in PKCS#1 or PKCS#8, as PEM or bare base64",
                )
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

/// Reads a key whatever its wrapping: lines of dashes are left out, the rest is base64.
fn parse(text: &str) -> Option<PrivateKey> {
    let lines = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.starts_with("-----"));
    let der = STANDARD
        .decode(lines.flat_map(|line| line.chars()).filter(|c| !c.is_whitespace()).collect::<String>())
        .ok()?;
    PrivateKey::from_pkcs1_der(&der).ok().or_else(|| PrivateKey::from_pkcs8_der(&der).ok())
}

impl fmt::Debug for PrivateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKeys").field("versions", &self.by_version.keys()).finish_non_exhaustive()
    }
}

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
