//! The progress bar of a run: share of bytes, files, messages per second, time left.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chattag::batch::Progress;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Draws the progress of a run until it is dropped.
pub struct Watch {
    bar: ProgressBar,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts drawing on standard error.
    pub fn start(progress: &Arc<Progress>) -> Watch {
        let bar = ProgressBar::new(0).with_style(style());
        let (watched, drawn) = (Arc::clone(progress), bar.clone());
        let thread = std::thread::spawn(move || draw(&watched, &drawn));
        Watch { bar, thread: Some(thread) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn draw(progress: &Progress, bar: &ProgressBar) {
    let started = Instant::now();
    while !bar.is_finished() {
        let records = progress.records.load(Ordering::Relaxed);
        let per_second = records as f64 / started.elapsed().as_secs_f64().max(0.001);
        bar.set_length(progress.total_bytes.load(Ordering::Relaxed));
        bar.set_position(progress.bytes.load(Ordering::Relaxed));
        bar.set_message(format!(
            "{} 文件 files · {} 条 messages · {}/s",
            HumanCount(progress.files.load(Ordering::Relaxed)),
            HumanCount(records),
            HumanCount(per_second as u64),
        ));
        std::thread::sleep(REDRAW);
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:24} {percent:>3}% {bytes}/{total_bytes} · {msg} · 剩余 left {eta}")
        .expect("the template is constant and valid")
}

/// Time between two pictures: smooth to the eye, nothing to the run.
const REDRAW: Duration = Duration::from_millis(100);
