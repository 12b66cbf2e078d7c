//! Trains a scorer: logistic regression by stochastic gradient steps, then one byte per weight.
//!
//! Texts are visited in an order drawn from a fixed seed, steps shrink per weight (AdaGrad),
//! and everything is computed in one order by one thread, so the same examples give the
//! same file on every machine.

use super::card::ModelCard;
use super::features::{self, Buffers, Reading};
use super::measure::Random;
use super::scorer::{MAX_BITS, MAX_LONGEST, MIN_BITS, Scorer, logistic};

/// A text with its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The text.
    pub text: String,
    /// How surely it has the label: 0 or 1 for a person's word, between for a teacher's.
    pub target: f64,
    /// How much it counts.
    pub weight: f64,
}

/// How a model is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// 2^bits weights; 10 to 20.
    pub bits: u32,
    /// Longest n-gram, in characters; 1 to 5.
    pub longest: u32,
    /// How often each text is visited.
    pub epochs: u32,
    /// Size of the first steps.
    pub rate: f64,
    /// How strongly weights are held near 0.
    pub decay: f64,
}

impl Default for Training {
    fn default() -> Training {
        Training { bits: 18, longest: 3, epochs: 12, rate: 0.5, decay: 1e-4 }
    }
}

/// Trains a model for `card.label` on `examples`; the rest of the card is kept.
pub fn train(examples: &[Example], training: Training, card: ModelCard) -> Scorer {
    let mut learner = Learner::new(training);
    let texts: Vec<Vec<(u32, f32)>> = examples.iter().map(|example| learner.read(&example.text)).collect();
    let mut random = Random(0x1234_5678);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    for _ in 0..training.epochs {
        shuffle(&mut order, &mut random);
        for at in &order {
            learner.step(&texts[*at], examples[*at].target, examples[*at].weight);
        }
    }
    learner.finish(card)
}

/// Splits the numbers below `n` into `parts` that a text's number alone decides, for cross-validation.
pub fn folds(n: usize, parts: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(&mut order, &mut Random(0xf01d));
    (0..parts).map(|part| order.iter().copied().skip(part).step_by(parts).collect()).collect()
}

fn shuffle(order: &mut [usize], random: &mut Random) {
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last + 1));
    }
}

struct Learner {
    training: Training,
    weights: Vec<f64>,
    /// Sum of the squares of each weight's gradients.
    squares: Vec<f64>,
    bias: f64,
    bias_squares: f64,
    buffers: Buffers,
}

impl Learner {
    fn new(training: Training) -> Learner {
        let bits = training.bits.clamp(MIN_BITS, MAX_BITS);
        let training = Training { bits, longest: training.longest.clamp(1, MAX_LONGEST), ..training };
        Learner {
            training,
            weights: vec![0.0; 1 << bits],
            squares: vec![1e-4; 1 << bits],
            bias: 0.0,
            bias_squares: 1.0,
            buffers: Buffers::default(),
        }
    }

    /// Returns the features of a text with their shares.
    fn read(&mut self, text: &str) -> Vec<(u32, f32)> {
        let shift = 32 - self.training.bits;
        let mut numbers = Vec::new();
        let reading = (Reading::default(), self.training.longest as usize);
        let n = features::for_each(text, reading, &mut self.buffers, |hash| numbers.push(hash >> shift));
        numbers.sort_unstable();
        let unit = 1.0 / f64::from(n).sqrt();
        let share = |same: &[u32]| (same[0], (same.len() as f64 * unit) as f32);
        numbers.chunk_by(|a, b| a == b).map(share).collect()
    }

    fn step(&mut self, text: &[(u32, f32)], target: f64, weight: f64) {
        let margin: f64 = text.iter().map(|(at, share)| self.weights[*at as usize] * f64::from(*share)).sum();
        let error = (logistic(margin + self.bias) - target) * weight;
        for (at, share) in text {
            let at = *at as usize;
            let gradient = error * f64::from(*share) + self.training.decay * self.weights[at];
            self.squares[at] += gradient * gradient;
            self.weights[at] -= self.training.rate * gradient / self.squares[at].sqrt();
        }
        self.bias_squares += error * error;
        self.bias -= self.training.rate * error / self.bias_squares.sqrt();
    }

    /// Rounds the weights to bytes; the few largest are cut to the size of the last of the others.
    fn finish(self, card: ModelCard) -> Scorer {
        let mut sizes: Vec<f64> =
            self.weights.iter().map(|weight| weight.abs()).filter(|size| *size > 0.0).collect();
        sizes.sort_by(f64::total_cmp);
        let cut = sizes.len().saturating_sub(1 + sizes.len() / LARGEST_CUT);
        let largest = sizes.get(cut).copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
        let scale = largest / 127.0;
        let round = |weight: &f64| libm::round(weight / scale).clamp(-127.0, 127.0) as i8;
        let weights = self.weights.iter().map(round).collect();
        let slope = if card.slope == 0.0 { 1.0 } else { card.slope };
        let threshold = if card.threshold == 0.0 { 0.5 } else { card.threshold };
        let card =
            ModelCard { scale, bias: self.bias, slope, threshold, longest: self.training.longest, ..card };
        Scorer::new(card, weights)
    }
}

/// One weight in so many is cut to the size of the next.
const LARGEST_CUT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Example> {
        let good = ["谢谢，收到了", "好的，明天见", "很好用", "今天发货吗", "在吗", "想买一箱"];
        let bad =
            ["太差了，要退款", "等了三天还没到", "什么破东西，退款", "没人管，投诉你们", "又坏了，太差"];
        let example = |text: &&str, target| Example { text: (*text).to_owned(), target, weight: 1.0 };
        let bad = bad.iter().map(|text| example(text, 1.0));
        good.iter().map(|text| example(text, 0.0)).chain(bad).collect()
    }

    #[test]
    fn a_model_learns_what_it_is_shown_and_generalises_to_its_stretches() {
        let model = train(&examples(), Training::default(), ModelCard::default());
        // (text, has the label)
        const CASES: &[(&str, bool)] =
            &[("太差了，要退款", true), ("退款！太差", true), ("好的谢谢", false), ("想买一箱", false)];
        for (text, there) in CASES {
            assert_eq!(model.score(text) > 0.5, *there, "{text}: {}", model.score(text));
        }
    }

    #[test]
    fn training_and_files_are_the_same_every_time() {
        let first = train(&examples(), Training::default(), ModelCard::default());
        let again = train(&examples(), Training::default(), ModelCard::default());
        assert_eq!(first.write(), again.write());
        let read = Scorer::read(&first.write()).unwrap();
        assert_eq!(read.score("还没到，退款"), first.score("还没到，退款"));
        assert_eq!(read.card(), first.card());
    }

    #[test]
    fn files_of_version_1_are_read_and_score_as_they_did() {
        let example = |text: &str, target| Example { text: text.to_owned(), target, weight: 1.0 };
        let examples = [example("看 3071 9925", 1.0), example("好的", 0.0)];
        let newer = train(&examples, Training::default(), ModelCard::default());
        let mut bytes = newer.write();
        bytes[8] = 1;
        let older = Scorer::read(&bytes).unwrap();
        assert_eq!(older.write(), bytes);
        assert_eq!(older.score("好的"), newer.score("好的"));
        assert!(older.score("3071 9925") < newer.score("3071 9925"), "groups were no long number");
    }

    #[test]
    fn damaged_files_are_refused_with_the_reason() {
        let bytes =
            train(&examples(), Training { bits: 10, ..Training::default() }, ModelCard::default()).write();
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let mut newer = bytes.clone();
        newer[8] = 9;
        let cases: [(&[u8], &str); 5] = [
            (b"PK", "not a model"),
            (&bytes[..20], "not a model"),
            (&newer, "model format 9"),
            (&flipped, "the weights are not those of the card"),
            (&bytes[..bytes.len() - 1], "the weights are not those of the card"),
        ];
        for (bytes, reason) in cases {
            let fault = Scorer::read(bytes).unwrap_err().to_string();
            assert!(fault.starts_with(reason), "{fault}");
        }
    }

    #[test]
    fn folds_cover_every_text_once() {
        let mut all = folds(11, 3).concat();
        all.sort_unstable();
        assert_eq!(all, (0..11).collect::<Vec<_>>());
    }
}
