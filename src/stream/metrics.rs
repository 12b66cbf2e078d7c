//! Counts what a stream does and tells whoever asks over HTTP, in the text format of Prometheus.
//!
//! One thread, one answer: the numbers as they are. Labels are codes, never ids or texts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The numbers of a stream.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Records by what became of them: processed, duplicate, control, skipped, quarantined.
    pub records: BTreeMap<&'static str, u64>,
    /// Records that came too late.
    pub late: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Unreadable records by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// Decisions by table and rule.
    pub decisions: BTreeMap<(&'static str, String), u64>,
    /// The watermark, milliseconds since 1970.
    pub watermark: Option<i64>,
    /// Time of the newest record, milliseconds since 1970.
    pub newest: Option<i64>,
    /// Records that wait for the watermark.
    pub waiting: u64,
    /// Records decided before the lateness was over, because too many waited.
    pub hurried: u64,
    /// Histories in memory.
    pub histories: u64,
    /// Message ids in memory.
    pub ids: u64,
    /// Files followed.
    pub files: u64,
    /// Commits made.
    pub commits: u64,
    /// Times the dictionaries were loaded anew, and refused.
    pub reloads: [u64; 2],
}

/// Shared between the stream, which writes, and the listener, which reads.
#[derive(Debug)]
pub struct Metrics {
    numbers: Mutex<Numbers>,
    /// When and how many records when the speed was asked for last.
    asked: Mutex<(Instant, u64)>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics { numbers: Mutex::default(), asked: Mutex::new((Instant::now(), 0)) }
    }
}

impl Metrics {
    /// Lets `change` act on the numbers.
    pub fn update(&self, change: impl FnOnce(&mut Numbers)) {
        change(&mut self.numbers.lock().expect("nobody panics while changing numbers"));
    }

    /// Returns the numbers as they are.
    pub fn numbers(&self) -> Numbers {
        self.numbers.lock().expect("nobody panics while changing numbers").clone()
    }

    /// Answers on `address` from a thread of its own until the process ends. Returns where it listens: port 0
    /// takes a free one.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on.
    pub fn serve(self: &Arc<Metrics>, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address)?;
        let bound = listener.local_addr()?;
        let metrics = Arc::clone(self);
        std::thread::spawn(move || {
            for asker in listener.incoming().flatten() {
                // Whoever goes away before the answer does not matter.
                let _ = metrics.answer(asker);
            }
        });
        Ok(bound)
    }

    fn answer(&self, mut asker: TcpStream) -> io::Result<()> {
        asker.set_read_timeout(Some(PATIENCE))?;
        asker.set_write_timeout(Some(PATIENCE))?;
        let mut request = [0; 1 << 10];
        let read = asker.read(&mut request)?;
        let asks = request[..read].starts_with(b"GET ");
        let (status, body) =
            if asks { ("200 OK", self.text()) } else { ("405 Method Not Allowed", String::new()) };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        asker.write_all(head.as_bytes())?;
        asker.write_all(body.as_bytes())
    }

    fn text(&self) -> String {
        let numbers = self.numbers();
        let mut text = numbers.text();
        let records: u64 = numbers.records.values().sum();
        let mut asked = self.asked.lock().expect("nobody panics while measuring");
        let seconds = asked.0.elapsed().as_secs_f64().max(0.001);
        let speed = records.saturating_sub(asked.1) as f64 / seconds;
        *asked = (Instant::now(), records);
        gauge(
            &mut text,
            "records_per_second",
            "records per second since the last time this was asked",
            speed,
        );
        text
    }
}

impl Numbers {
    /// Returns the numbers in the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let fates = self.records.iter().map(|(fate, n)| (format!("{{fate=\"{fate}\"}}"), *n));
        counter(&mut out, "records_total", "records read, by what became of them", fates);
        counter(&mut out, "late_total", "records that came too late", [(String::new(), self.late)]);
        counter(&mut out, "bytes_total", "bytes read", [(String::new(), self.bytes)]);
        let reasons = self.quarantined.iter().map(|(reason, n)| (format!("{{reason=\"{reason}\"}}"), *n));
        counter(&mut out, "quarantined_total", "unreadable records, by reason", reasons);
        let decisions = self
            .decisions
            .iter()
            .map(|((table, rule), n)| (format!("{{table=\"{table}\",rule=\"{rule}\"}}"), *n));
        counter(&mut out, "decisions_total", "decisions, by table and rule", decisions);
        self.put_times(&mut out);
        gauge(&mut out, "waiting", "records that wait for the watermark", self.waiting as f64);
        counter(
            &mut out,
            "hurried_total",
            "records decided early: too many waited",
            [(String::new(), self.hurried)],
        );
        gauge(&mut out, "histories", "histories in memory", self.histories as f64);
        gauge(&mut out, "remembered_ids", "message ids in memory", self.ids as f64);
        gauge(&mut out, "files", "files followed", self.files as f64);
        counter(&mut out, "commits_total", "commits made", [(String::new(), self.commits)]);
        let [done, refused] = self.reloads;
        let reloads = [("{result=\"done\"}".to_owned(), done), ("{result=\"refused\"}".to_owned(), refused)];
        counter(&mut out, "reloads_total", "dictionaries loaded anew", reloads);
        out
    }

    fn put_times(&self, out: &mut String) {
        let seconds = |millis: Option<i64>| millis.map(|millis| millis as f64 / 1e3);
        if let Some(watermark) = seconds(self.watermark) {
            gauge(out, "watermark_seconds", "all before this instant is decided, Unix time", watermark);
        }
        if let Some(newest) = seconds(self.newest) {
            gauge(out, "newest_record_seconds", "time of the newest record, Unix time", newest);
        }
        if let (Some(newest), Some(watermark)) = (self.newest, self.watermark) {
            let lag = (newest - watermark).max(0) as f64 / 1e3;
            gauge(out, "lag_seconds", "how far decisions are behind the newest record", lag);
        }
    }
}

fn counter(out: &mut String, name: &str, help: &str, values: impl IntoIterator<Item = (String, u64)>) {
    head(out, name, help, "counter");
    for (labels, value) in values {
        let _ = writeln!(out, "chattag_{name}{labels} {value}");
    }
}

fn gauge(out: &mut String, name: &str, help: &str, value: f64) {
    head(out, name, help, "gauge");
    let _ = writeln!(out, "chattag_{name} {value}");
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP chattag_{name} {help}\n# TYPE chattag_{name} {kind}");
}

/// Whoever asks and does not listen is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(2);
