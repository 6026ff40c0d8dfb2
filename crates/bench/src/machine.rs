//! Facts about the machine and the day that a reader needs to judge figures. Knows nothing of the tools.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// The machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's model, as the kernel names it.
    pub(crate) processor: String,
    /// Processors this process may use.
    pub(crate) cores: usize,
    /// Bytes of memory.
    pub(crate) memory: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// Processes that wanted to run, on average over the minute before the comparison.
    pub(crate) load: f64,
    /// The kind of file system that caches and environments are on.
    pub(crate) file_system: String,
}

impl Machine {
    /// Whether others worked on it enough to spoil figures.
    pub(crate) fn is_busy(&self) -> bool {
        let cores = u32::try_from(self.cores).unwrap_or(u32::MAX);
        self.load > f64::from(cores) / 2.0
    }

    /// The facts in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let gibibytes = (self.memory + (1 << 29)) >> 30;
        format!(
            "{}, {} cores, {gibibytes} GiB of memory, Linux {}, {}, load average {:.2} at the start.",
            self.processor, self.cores, self.kernel, self.file_system, self.load
        )
    }

    /// Reads the facts; what the kernel does not tell is "unknown" or 0.
    pub(crate) fn observe(directory: &Path) -> Self {
        let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default();
        let memory = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
            .map_or(0, |kibibytes| kibibytes * 1024);
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name")
                .unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory,
            kernel: if kernel.is_empty() { "unknown".to_owned() } else { kernel },
            load: read("/proc/loadavg")
                .split_whitespace()
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
            file_system: file_system(directory),
        }
    }
}

fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        (field.trim() == name).then(|| value.trim().to_owned())
    })
}

fn file_system(directory: &Path) -> String {
    // statfs(2) lists these numbers.
    let known = [
        (0xef53, "ext4"),
        (0x9123_683e, "btrfs"),
        (0x5846_5342, "xfs"),
        (0x0102_1994, "tmpfs"),
        (0x794c_7630, "overlayfs"),
        (0x2fc1_2fc1, "zfs"),
        (0x6969, "nfs"),
    ];
    let Ok(facts) = rustix::fs::statfs(directory) else { return "unknown".to_owned() };
    let name = known.iter().find(|(number, _)| facts.f_type == *number);
    name.map_or_else(|| format!("{:#x}", facts.f_type), |(_, name)| (*name).to_owned())
}

/// A moment as RFC 3339 in UTC, to the second.
pub(crate) fn date(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from 0000-03-01, so that the leap day ends a year, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[track_caller]
    fn check(seconds: u64, expected: &str) {
        assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
    }

    #[test]
    fn dates_of_leap_and_common_years() {
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_709_251_199, "2024-02-29T23:59:59Z");
        check(1_767_225_600, "2026-01-01T00:00:00Z");
        check(4_107_542_399, "2100-02-28T23:59:59Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
    }

    #[test]
    fn this_machine_is_described() {
        let machine = Machine::observe(Path::new("/proc"));
        assert!(machine.cores >= 1);
        assert!(machine.memory > 1 << 20);
        assert_ne!(machine.kernel, "unknown");
        assert_eq!(field("a b\t: c: d\n", "a b").unwrap(), "c: d");
    }
}
