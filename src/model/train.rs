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
    /// How much a stretch counts by how much commoner it is with the label than without, or the other way round: 0,
    /// all alike; 1, by that alone.
    pub contrast: f64,
    /// The weights are the mean of those at the ends of the later half of the visits.
    pub averaged: bool,
}

impl Default for Training {
    fn default() -> Training {
        Training { bits: 18, longest: 3, epochs: 12, rate: 0.5, decay: 1e-4, contrast: 0.0, averaged: false }
    }
}

impl Training {
    /// Returns how to train on messages that people labelled: how often a stretch stands in them says something,
    /// which it does not in exercises, where it says how often a line was written out. On 11,973 takeaway reviews
    /// (parts of a fifth, chosen anew each time) accuracy is a hundredth higher than with the default.
    pub fn on_labelled() -> Training {
        Training { epochs: 4, rate: 0.2, decay: 1e-5, contrast: 0.6, averaged: true, ..Training::default() }
    }
}

/// Trains a model for `card.label` on `examples`; the rest of the card is kept.
pub fn train(examples: &[Example], training: Training, card: ModelCard) -> Scorer {
    let mut learner = Learner::new(training);
    let texts: Vec<Vec<(u32, f32)>> = examples.iter().map(|example| learner.read(&example.text)).collect();
    if training.contrast > 0.0 {
        learner.contrast(&texts, examples);
    }
    let mut random = Random(0x1234_5678);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    for epoch in 0..training.epochs {
        shuffle(&mut order, &mut random);
        for at in &order {
            learner.step(&texts[*at], examples[*at].target, examples[*at].weight);
        }
        if training.averaged && epoch >= training.epochs / 2 {
            learner.note();
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
    /// How much each feature counts.
    factors: Vec<f64>,
    /// Sums of the weights and of the bias over the visits that were noted.
    sums: Vec<f64>,
    bias_sum: f64,
    noted: u32,
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
            factors: vec![1.0; 1 << bits],
            sums: Vec::new(),
            bias_sum: 0.0,
            noted: 0,
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

    /// Sets how much each feature counts: the logarithm of how much commoner it is on one side, mixed with 1.
    fn contrast(&mut self, texts: &[Vec<(u32, f32)>], examples: &[Example]) {
        let (mut with, mut without) = (vec![1.0; self.factors.len()], vec![1.0; self.factors.len()]);
        for (text, example) in texts.iter().zip(examples) {
            for (at, _) in text {
                with[*at as usize] += example.target * example.weight;
                without[*at as usize] += (1.0 - example.target) * example.weight;
            }
        }
        let all = without.iter().sum::<f64>() / with.iter().sum::<f64>();
        for (factor, (with, without)) in self.factors.iter_mut().zip(with.iter().zip(&without)) {
            let ratio = libm::log(with / without * all).abs();
            *factor = 1.0 + self.training.contrast * (ratio - 1.0);
        }
    }

    /// Adds the weights to what the mean is taken of.
    fn note(&mut self) {
        self.sums.resize(self.weights.len(), 0.0);
        self.sums.iter_mut().zip(&self.weights).for_each(|(sum, weight)| *sum += weight);
        self.bias_sum += self.bias;
        self.noted += 1;
    }

    fn step(&mut self, text: &[(u32, f32)], target: f64, weight: f64) {
        let shares = text.iter().map(|(at, share)| (*at as usize, f64::from(*share)));
        let margin: f64 = shares.clone().map(|(at, share)| self.weights[at] * self.factors[at] * share).sum();
        let error = (logistic(margin + self.bias) - target) * weight;
        for (at, share) in shares {
            let gradient = error * share * self.factors[at] + self.training.decay * self.weights[at];
            self.squares[at] += gradient * gradient;
            self.weights[at] -= self.training.rate * gradient / self.squares[at].sqrt();
        }
        self.bias_squares += error * error;
        self.bias -= self.training.rate * error / self.bias_squares.sqrt();
    }

    /// Rounds the weights to bytes; the few largest are cut to the size of the last of the others.
    fn finish(mut self, card: ModelCard) -> Scorer {
        if self.noted > 0 {
            let times = f64::from(self.noted);
            self.weights = self.sums.iter().map(|sum| sum / times).collect();
            self.bias = self.bias_sum / times;
        }
        self.weights.iter_mut().zip(&self.factors).for_each(|(weight, factor)| *weight *= factor);
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
    fn what_stands_on_one_side_only_counts_more_where_the_sides_are_told_apart() {
        // Each text has one telling word among words that stand on both sides alike.
        let text = |n: usize| {
            let word = if n % 2 == 1 {
                ["退款", "投诉", "太差"][n / 2 % 3]
            } else {
                ["谢谢", "收到", "好用"][n / 2 % 3]
            };
            let common = ["今天", "这个", "你们", "我的", "昨天"][n % 5];
            let text = format!("{common}{word}{common}");
            Example { text, target: (n % 2) as f64, weight: 1.0 }
        };
        let examples: Vec<Example> = (0..60).map(text).collect();
        let once = Training { epochs: 1, averaged: false, ..Training::on_labelled() };
        let margin_of = |training| {
            let model = train(&examples, training, ModelCard::default());
            model.margin("退款") - model.margin("谢谢")
        };
        assert!(margin_of(once) > 1.2 * margin_of(Training { contrast: 0.0, ..once }));
    }

    #[test]
    fn the_mean_of_one_visit_is_that_visit_and_of_two_lies_between() {
        let of = |epochs, averaged| {
            let training = Training { epochs, averaged, ..Training::on_labelled() };
            train(&examples(), training, ModelCard::default()).margin("太差了，要退款")
        };
        assert_eq!(of(1, true), of(1, false));
        let (second, third, mean) = (of(2, false), of(3, false), of(3, true));
        assert!(second < third && (second..third).contains(&mean), "{second} {mean} {third}");
    }

    #[test]
    fn training_and_files_are_the_same_every_time() {
        for training in [Training::default(), Training::on_labelled()] {
            let first = train(&examples(), training, ModelCard::default());
            assert_eq!(first.write(), train(&examples(), training, ModelCard::default()).write());
        }
        let first = train(&examples(), Training::default(), ModelCard::default());
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
