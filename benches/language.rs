//! Measures folding, annotation and segmentation on invented chat.
//!
//! The answer of each is checked before it is timed. Throughput is in bytes of UTF-8.

use std::borrow::Cow;

use chattag::language::{FoldedText, Segmenter, fold_into};
use chattag::lexicon::{Catalog, LayerSet, Lexicon, parse};
use chattag::mention::{Annotator, Scratch};
use chattag::message::{ChatKind, Flags, Message, MessageKind, Part, Role, RoomRole, TextScope};
use chattag::model::{Example, ModelCard, ScoreBuffers, Training, train};
use chattag::time::{Timestamp, Zone};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

/// Sentences people might write, with places for numbers and words.
const SENTENCES: &[&str] = &[
    "老师您好，我想问一下{}班的上课时间，周末有没有",
    "收到，谢谢您，我先看看资料，晚点回复您",
    "孩子今年{}岁，之前没有学过，能跟得上吗？",
    "这个课程多少钱，现在报名有优惠吗",
    "好的好的，明天下午{}点可以的[微笑]",
    "我们上次约的是周三，麻烦改到周五可以吗，实在不好意思",
    "快递单号SF{}，到现在还没收到，你们帮我查查",
    "ok 那我先付定金，剩下的到店再付哈哈",
    "这边的老师都挺负责的，孩子回来一直说喜欢",
    "我再考虑考虑吧，家里人还要商量一下，价格有点贵",
    "链接打不开，https://example.com/a/{} 你再发我一次",
    "嗯嗯，辛苦啦！下次活动记得通知我们群里的家长",
];

/// Ten thousand messages.
fn messages() -> Vec<String> {
    let fill = |n: usize| SENTENCES[n * 7 % SENTENCES.len()].replace("{}", &format!("{}", n * 37 % 1000));
    (0..10_000).map(fill).collect()
}

/// A lexicon of `n` entries: some that occur, the others combined from common characters.
fn annotator(n: usize, layers: LayerSet) -> Annotator {
    let known = ["优惠", "多少钱", "有点贵", "还没收到", "定金", "打不开", "退款", "投诉", "加微信", "打折"];
    let (a, b): (Vec<char>, Vec<char>) = (
        "价格优惠折扣投退款赔差评骗假货慢坏烂刷单兼职代办".chars().collect(),
        "师课程钱费卡券群友单返佣贷款炒股票".chars().collect(),
    );
    let made = (0..n).map(|i| {
        let (x, y, z) = (a[i % a.len()], b[i / a.len() % b.len()], a[(i * 7 + i / 391) % a.len()]);
        format!("{x}{y}{z}")
    });
    let texts =
        known.iter().map(|text| (*text).to_owned()).chain(made).take(n).map(|text| (text, Vec::new()));
    let mut lexicon = Lexicon::from_terms("terms", texts);
    lexicon.set_layers(layers);
    let scope = parse("negation.csv", include_bytes!("../dictionaries/lexicons/negation.csv")).0;
    Annotator::new(&Catalog::new(vec![lexicon, scope]), &Zone::shanghai())
}

fn message(text: &str) -> Message<'_> {
    Message {
        corp: Cow::Borrowed(""),
        seq: 1,
        id: Cow::Borrowed("m"),
        at: Timestamp(1_709_517_600_000),
        kind: MessageKind::Text,
        chat: ChatKind::OneToOne,
        room: None,
        staff: None,
        customer: None,
        speaker: Cow::Borrowed("wm"),
        role: Role::Customer,
        room_role: RoomRole::Member,
        company: None,
        parts: [Part { scope: TextScope::Own, text: Cow::Borrowed(text), base_chars: 0 }]
            .into_iter()
            .collect(),
        links: Default::default(),
        mini_program: None,
        numbers: Default::default(),
        recipients: 1,
        flags: Flags::default(),
    }
}

fn size(texts: &[String]) -> BytesCount {
    BytesCount::new(texts.iter().map(String::len).sum::<usize>())
}

#[divan::bench]
fn fold(bencher: Bencher<'_, '_>) {
    let texts = messages();
    let mut folded = FoldedText::default();
    let run = |folded: &mut FoldedText| {
        let mut bytes = 0;
        for text in &texts {
            fold_into(text, folded);
            bytes += folded.text().len();
        }
        bytes
    };
    assert!(run(&mut folded) > 400_000);
    bencher.counter(size(&texts)).bench_local(|| run(&mut folded));
}

fn annotate(bencher: Bencher<'_, '_>, n: usize, layers: LayerSet) {
    let (texts, annotator) = (messages(), annotator(n, layers));
    let messages: Vec<Message<'_>> = texts.iter().map(|text| message(text)).collect();
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    let mut run = || {
        let mut hits = 0;
        for message in &messages {
            annotator.annotate(message, &mut scratch, &mut out);
            hits += out.len();
        }
        hits
    };
    let hits = run();
    assert!((5_000..12_000).contains(&hits), "{hits}");
    bencher.counter(size(&texts)).bench_local(run);
}

#[divan::bench(args = [200, 5_000, 30_000])]
fn annotate_plain(bencher: Bencher<'_, '_>, n: usize) {
    annotate(bencher, n, LayerSet::default());
}

#[divan::bench(args = [200, 5_000])]
fn annotate_skipping(bencher: Bencher<'_, '_>, n: usize) {
    annotate(bencher, n, LayerSet::SKIP);
}

#[divan::bench]
fn segment(bencher: Bencher<'_, '_>) {
    let texts = &messages()[..2_000];
    let (segmenter, mut ends) = (Segmenter::new(vec!["上课时间".to_owned()]), Vec::new());
    segmenter.word_ends("上课时间改了", &mut ends);
    assert_eq!(ends, [12, 15, 18]);
    bencher.counter(size(texts)).bench_local(|| {
        for text in texts {
            segmenter.word_ends(text, &mut ends);
        }
    });
}

/// A kick lexicon in a group: disguises are looked for.
#[divan::bench(args = [200, 2_000])]
fn annotate_disguised(bencher: Bencher<'_, '_>, n: usize) {
    let texts = messages();
    let annotator = annotator(n, LayerSet::ALL);
    let messages: Vec<Message<'_>> = texts
        .iter()
        .map(|text| Message { chat: ChatKind::Group, room: Some(Cow::Borrowed("wr")), ..message(text) })
        .collect();
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    let mut run = || {
        let mut hits = 0;
        for message in &messages {
            annotator.annotate(message, &mut scratch, &mut out);
            hits += out.len();
        }
        hits
    };
    assert!(run() > 4_000);
    bencher.counter(size(&texts)).bench_local(run);
}

/// Messages scored by a model of the shipped size.
#[divan::bench]
fn score(bencher: Bencher<'_, '_>) {
    let texts = messages();
    let example = |(n, text): (usize, &String)| Example {
        text: text.clone(),
        target: if n % 12 == 9 { 1.0 } else { 0.0 },
        weight: 1.0,
    };
    let examples: Vec<Example> = texts.iter().take(1_200).enumerate().map(example).collect();
    let model =
        train(&examples, Training { longest: 4, epochs: 2, ..Training::default() }, ModelCard::default());
    let mut buffers = ScoreBuffers::default();
    let mut run = || texts.iter().filter(|text| model.score_with(text, &mut buffers) > 0.5).count();
    assert!(run() < texts.len());
    bencher.counter(divan::counter::ItemsCount::new(texts.len())).bench_local(run);
}

/// A catalog per line, as `annotate --terms-field` makes it.
#[divan::bench]
fn build_tiny(bencher: Bencher<'_, '_>) {
    let zone = Zone::shanghai();
    let build = || {
        let texts = ["加微信", "刷单"].map(|text| (text.to_owned(), vec![format!("防{text}")]));
        Annotator::new(&Catalog::new(vec![Lexicon::from_terms("line", texts.into_iter())]), &zone)
    };
    assert!((1..64 << 10).contains(&build().automaton_memory()));
    bencher.bench_local(build);
}
