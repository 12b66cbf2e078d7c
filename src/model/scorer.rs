//! A trained model: reads and writes its file, scores texts.
//!
//! ```text
//! "CHATTAGM"  version u32 LE  length of the card u32 LE  the card, JSON  weights, one byte each
//! ```
//!
//! The card names the number of weights, the length of n-grams and the checksum of the weights. The version
//! says how texts are read: 1 as they stand, 2 with an eye for disguises.

use super::card::ModelCard;
use super::features::{self, Buffers, Reading};

/// Scores texts for one label. Shared by all threads.
#[derive(Clone, Debug)]
pub struct Scorer {
    card: ModelCard,
    weights: Box<[i8]>,
    /// How far a hash is shifted to be the number of a weight.
    shift: u32,
    reading: Reading,
}

/// The buffers one thread reuses from text to text.
#[derive(Clone, Debug, Default)]
pub struct ScoreBuffers(Buffers);

/// Why bytes are no model.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ModelFault {
    /// The bytes do not begin as a model does.
    #[error("not a model file: expected it to begin with `CHATTAGM`")]
    NotAModel,
    /// A later build wrote it.
    #[error("model format {0}, this build reads {VERSION}: train it again, or use a newer chattag")]
    Version(u32),
    /// The card cannot be read.
    #[error("the model's card cannot be read: {0}")]
    Card(String),
    /// The weights are not those the card speaks of.
    #[error("the weights are not those of the card: expected {expected}, found {found}; copy the file again")]
    Weights {
        /// What the card says.
        expected: String,
        /// What there is.
        found: String,
    },
}

impl Scorer {
    /// Puts a model together. The number of weights is a power of two; the card's counts and checksum
    /// are set to fit.
    pub(super) fn new(mut card: ModelCard, weights: Vec<i8>) -> Scorer {
        card.bits = weights.len().trailing_zeros();
        card.checksum = checksum(&weights);
        card.round();
        Scorer { shift: 32 - card.bits, card, weights: weights.into(), reading: Reading::default() }
    }

    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes.
    pub fn read(bytes: &[u8]) -> Result<Scorer, ModelFault> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(ModelFault::NotAModel)?;
        let (version, rest) = split_u32(rest).ok_or(ModelFault::NotAModel)?;
        let Some(reading) = reading_of(version) else {
            return Err(ModelFault::Version(version));
        };
        let (len, rest) = split_u32(rest).ok_or(ModelFault::NotAModel)?;
        let (card, weights) = rest.split_at_checked(len as usize).ok_or(ModelFault::NotAModel)?;
        let card: ModelCard =
            serde_json::from_slice(card).map_err(|error| ModelFault::Card(error.to_string()))?;
        check_counts(&card, weights)?;
        let weights: Vec<i8> = weights.iter().map(|byte| byte.cast_signed()).collect();
        let (expected, found) = (card.checksum.clone(), checksum(&weights));
        if expected != found {
            return Err(ModelFault::Weights { expected, found });
        }
        Ok(Scorer { reading, ..Scorer::new(card, weights) })
    }

    /// Returns the bytes of the model's file.
    pub fn write(&self) -> Vec<u8> {
        let card = serde_json::to_vec(&self.card).unwrap_or_default();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(version_of(self.reading).to_le_bytes());
        bytes.extend((card.len() as u32).to_le_bytes());
        bytes.extend(card);
        bytes.extend(self.weights.iter().map(|weight| weight.cast_unsigned()));
        bytes
    }

    /// Returns what is known about the model.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Returns the model with another card's threshold, calibration and words; weights stay.
    pub fn with_card(&self, card: ModelCard) -> Scorer {
        let mut card = ModelCard { bits: self.card.bits, checksum: self.card.checksum.clone(), ..card };
        card.round();
        Scorer { card, ..self.clone() }
    }

    /// Returns how likely the text has the label, from 0 to 1.
    pub fn score(&self, text: &str) -> f64 {
        self.score_with(text, &mut ScoreBuffers::default())
    }

    /// Returns how likely the text has the label, from 0 to 1; `buffers` are reused from text to text.
    pub fn score_with(&self, text: &str, buffers: &mut ScoreBuffers) -> f64 {
        logistic(self.card.slope * self.margin_with(text, buffers) + self.card.offset)
    }

    /// Returns the sum of the weights of the text's n-grams over the root of their number.
    pub fn margin(&self, text: &str) -> f64 {
        self.margin_with(text, &mut ScoreBuffers::default())
    }

    fn margin_with(&self, text: &str, buffers: &mut ScoreBuffers) -> f64 {
        let mut sum = 0i64;
        let reading = (self.reading, self.card.longest as usize);
        let n = features::for_each(text, reading, &mut buffers.0, |hash| {
            sum += i64::from(self.weights[(hash >> self.shift) as usize]);
        });
        sum as f64 * self.card.scale / f64::from(n).sqrt() + self.card.bias
    }
}

/// The logistic function, the same on every machine.
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

fn reading_of(version: u32) -> Option<Reading> {
    match version {
        1 => Some(Reading::Plain),
        VERSION => Some(Reading::Disguises),
        _ => None,
    }
}

fn version_of(reading: Reading) -> u32 {
    match reading {
        Reading::Plain => 1,
        Reading::Disguises => VERSION,
    }
}

fn check_counts(card: &ModelCard, weights: &[u8]) -> Result<(), ModelFault> {
    let sound = (MIN_BITS..=MAX_BITS).contains(&card.bits) && (1..=MAX_LONGEST).contains(&card.longest);
    if !sound || weights.len() != 1 << card.bits {
        let expected = format!("2^{} weights", card.bits);
        return Err(ModelFault::Weights { expected, found: format!("{} bytes", weights.len()) });
    }
    Ok(())
}

fn checksum(weights: &[i8]) -> String {
    let bytes: Vec<u8> = weights.iter().map(|weight| weight.cast_unsigned()).collect();
    blake3::hash(&bytes).to_hex().to_string()
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

const MAGIC: &[u8] = b"CHATTAGM";
const VERSION: u32 = 2;
/// Fewest and most weights: 2^10 to 2^20, one byte each.
pub(super) const MIN_BITS: u32 = 10;
pub(super) const MAX_BITS: u32 = 20;
/// Longest n-gram, in characters.
pub(super) const MAX_LONGEST: u32 = 5;
