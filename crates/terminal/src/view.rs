//! How far the wheels of an environment are, in words and a gauge that fit one line of a terminal. Owns what is
//! counted and what is left out where there is no room; must not know how it is drawn, nor ask for the time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Narrower terminals get words alone.
const GAUGE_FROM: usize = 72;
/// What the words need before a gauge may grow.
const WORDS: usize = 62;
const LARGEST_GAUGE: usize = 30;
/// Fewer characters than that say nothing of what goes on.
const LEAST_NAME: usize = 8;
/// The speed is that of this time.
const RECENT: Duration = Duration::from_secs(3);

/// What is known of the work so far.
#[derive(Debug, Default)]
pub struct View {
    /// What goes on besides wheels.
    phase: &'static str,
    wanted: Option<Wanted>,
    /// Wheels that are in the store.
    done: usize,
    /// Bytes of fetches that have ended.
    came: u64,
    fetches: Vec<Fetch>,
    works: Vec<String>,
    speed: Speed,
}

#[derive(Debug)]
struct Wanted {
    wheels: usize,
    /// Bytes to fetch, as far as they are known.
    bytes: u64,
}

#[derive(Debug)]
struct Fetch {
    wheel: String,
    size: Option<u64>,
    received: Arc<AtomicU64>,
}

impl Fetch {
    fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    fn left(&self) -> u64 {
        self.size.unwrap_or(u64::MAX).saturating_sub(self.received())
    }
}

impl View {
    /// Something begins whose length is not known.
    pub fn begin(&mut self, phase: &'static str) {
        (self.phase, self.wanted) = (phase, None);
    }

    /// So many wheels are to be in the store; `bytes` are those of them whose size is known.
    pub fn expect(&mut self, wheels: usize, bytes: u64) {
        // What came while versions were chosen is among them, and reported again as present.
        (self.done, self.came) = (0, 0);
        self.wanted = Some(Wanted { wheels, bytes });
    }

    /// A wheel is being fetched; `received` tells how much of it has come.
    pub fn fetching(&mut self, wheel: String, size: Option<u64>, received: Arc<AtomicU64>) {
        // One that is begun anew is one.
        self.fetches.retain(|fetch| fetch.wheel != wheel);
        self.fetches.push(Fetch { wheel, size, received });
    }

    /// A wheel came into the store.
    pub fn admitted(&mut self, wheel: &str) {
        self.done += 1;
        self.end(wheel);
    }

    /// A wheel needed nothing to be in the store.
    pub fn present(&mut self, wheel: &str, size: Option<u64>) {
        self.done += 1;
        self.end(wheel);
        if let Some(wanted) = &mut self.wanted {
            wanted.bytes = wanted.bytes.saturating_sub(size.unwrap_or(0));
        }
    }

    fn end(&mut self, wheel: &str) {
        let ended = self.fetches.iter().position(|fetch| fetch.wheel == wheel);
        if let Some(index) = ended {
            self.came += self.fetches.swap_remove(index).received();
        }
    }

    /// Something takes its time besides, in words.
    pub fn begins(&mut self, work: String) {
        self.works.push(work);
    }

    /// It does not any more.
    pub fn ends(&mut self, work: &str) {
        let ended = self.works.iter().position(|one| one == work);
        if let Some(index) = ended {
            self.works.swap_remove(index);
        }
    }

    /// How much of the wheels is there, `width` being that of the terminal; empty where nobody can say or there is
    /// no room.
    pub fn gauge(&self, width: usize) -> String {
        let Some(wanted) = self.wanted.as_ref().filter(|_| width >= GAUGE_FROM) else {
            return String::new();
        };
        let cells = gauge_width(width);
        let full = (cells * self.done.min(wanted.wheels)).checked_div(wanted.wheels).unwrap_or(0);
        format!("{}{} ", "━".repeat(full), "─".repeat(cells - full))
    }

    /// What goes on, in as many characters as a terminal of `width` has beside the gauge and the spinner.
    pub fn words(&mut self, width: usize, now: Instant, took: Duration) -> String {
        let gauge = if self.wanted.is_some() { self.gauge(width).chars().count() } else { 0 };
        // The spinner, a blank, and the last column, in which some terminals wrap.
        let room = width.saturating_sub(gauge + 3);
        let mut words = String::new();
        for fact in self.facts(now, took) {
            let longer = if words.is_empty() { fact } else { format!("{words}  {fact}") };
            if columns(&longer) > room {
                break;
            }
            words = longer;
        }
        let left = room.saturating_sub(columns(&words) + 2);
        if left >= LEAST_NAME
            && let Some(doing) = self.doing(left)
        {
            words.push_str("  ");
            words.push_str(&doing);
        }
        words
    }

    /// The most important first.
    fn facts(&mut self, now: Instant, took: Duration) -> Vec<String> {
        let came = self.came + self.fetches.iter().map(Fetch::received).sum::<u64>();
        let speed = self.speed.of(now, came);
        let speed =
            speed.filter(|_| !self.fetches.is_empty()).map(|speed| format!("{}/s", size(speed)));
        let (first, bytes) = match &self.wanted {
            Some(Wanted { wheels, bytes }) => {
                (format!("{}/{wheels} wheels", self.done.min(*wheels)), of_size(came, *bytes))
            }
            None => (
                format!("{} {:.0} s", self.phase, took.as_secs_f64().floor()),
                (came > 0).then(|| size(came)),
            ),
        };
        std::iter::once(first).chain(bytes).chain(speed).collect()
    }

    /// What is worked on, what takes longest first; the others are counted.
    fn doing(&self, room: usize) -> Option<String> {
        let mut fetches: Vec<_> = self.fetches.iter().collect();
        fetches.sort_by_key(|fetch| std::cmp::Reverse(fetch.left()));
        let fetches = fetches.into_iter().map(|fetch| match fetch.left() {
            0 => format!("unpacking {}", short_name(&fetch.wheel)),
            _ => short_name(&fetch.wheel),
        });
        let names: Vec<String> = self.works.iter().cloned().chain(fetches).collect();
        let first = names.first()?;
        let told = |shown: usize| match names.len() - shown {
            0 => names[..shown].join(", "),
            more => format!("{}, +{more}", names[..shown].join(", ")),
        };
        let most = (1..=names.len()).rev().find(|shown| columns(&told(*shown)) <= room);
        Some(most.map_or_else(|| shortened(first, room), told))
    }
}

/// How quickly bytes came in the last seconds.
#[derive(Debug, Default)]
struct Speed {
    samples: VecDeque<(Instant, u64)>,
}

impl Speed {
    /// Bytes a second, once enough was seen to say so.
    fn of(&mut self, now: Instant, came: u64) -> Option<u64> {
        // What came before anything was drawn came in a moment.
        let sample = if self.samples.is_empty() { (now, 0) } else { (now, came) };
        self.samples.push_back(sample);
        while self.samples.len() > 2 && now.duration_since(self.samples[0].0) > RECENT {
            self.samples.pop_front();
        }
        let (since, before) = self.samples[0];
        let millis = now.duration_since(since).as_millis();
        let bytes = u128::from(came.saturating_sub(before)) * 1000;
        let speed = (millis >= 500).then(|| bytes / millis)?;
        u64::try_from(speed).ok().filter(|speed| *speed > 0)
    }
}

fn gauge_width(width: usize) -> usize {
    width.saturating_sub(WORDS + 4).clamp(6, LARGEST_GAUGE)
}

/// `name version` of a wheel's file name.
fn short_name(wheel: &str) -> String {
    let mut parts = wheel.splitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(version), Some(_tags)) => format!("{name} {version}"),
        _ => wheel.to_owned(),
    }
}

/// Columns of a text; characters that may be wide are taken to be.
fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

fn char_columns(c: char) -> usize {
    if c.is_ascii() || c == '…' { 1 } else { 2 }
}

/// The beginning of a text, so that it fits.
fn shortened(text: &str, room: usize) -> String {
    let mut short = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += char_columns(c);
        if used > room {
            break;
        }
        short.push(c);
    }
    short + "…"
}

const UNITS: [(u64, &str); 4] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"), (1, "B")];

fn unit(bytes: u64) -> (u64, &'static str) {
    UNITS.into_iter().find(|(unit, _)| bytes >= *unit).unwrap_or(UNITS[3])
}

/// `34.5 MB`.
fn size(bytes: u64) -> String {
    let (unit, name) = unit(bytes);
    format!("{} {name}", number(bytes, unit))
}

/// `34.5/812 MB`; nothing where nothing is to be fetched.
fn of_size(came: u64, all: u64) -> Option<String> {
    let all = all.max(came);
    let (unit, name) = unit(all);
    (all > 0).then(|| format!("{}/{} {name}", number(came, unit), number(all, unit)))
}

/// At most one decimal, and none where three digits say enough.
fn number(bytes: u64, unit: u64) -> String {
    let tenths = bytes.saturating_mul(10) / unit;
    if unit == 1 || tenths >= 1000 || tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests;
