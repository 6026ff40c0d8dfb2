//! Which process a container was made by, and whether that one still lives. Owns the text in the container's label; must not
//! know what becomes of containers.
//!
//! `BOOT:NAMESPACE:PROCESS:START`. A process number alone means nothing on another machine, after a boot or in another
//! container, and is given again in time; with all four nobody else is meant.

use std::path::Path;

/// A process, as its containers name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The machine since it was started.
    boot: String,
    /// The namespace in which the process has its number.
    namespace: String,
    process: u32,
    /// When it began, in ticks since the boot.
    start: u64,
}

impl Owner {
    /// This process, where the system says enough of it.
    pub(super) fn of_process() -> Option<Self> {
        let process = std::process::id();
        Some(Self {
            boot: text(Path::new("/proc/sys/kernel/random/boot_id"))?,
            // `pid:[4026531836]`: the colon is the label's own.
            namespace: fs_err::read_link("/proc/self/ns/pid").ok()?.to_str()?.replace(':', ""),
            process,
            start: start_of(process)?,
        })
    }

    pub(super) fn to_label(&self) -> String {
        let Self { boot, namespace, process, start } = self;
        format!("{boot}:{namespace}:{process}:{start}")
    }

    /// Whether the process that a label names has ended, as far as this one can tell.
    pub(super) fn has_ended(&self, label: &str) -> bool {
        Self::parse(label).is_some_and(|named| {
            (&named.boot, &named.namespace) == (&self.boot, &self.namespace)
                && start_of(named.process) != Some(named.start)
        })
    }

    fn parse(label: &str) -> Option<Self> {
        let mut parts = label.split(':');
        let (boot, namespace) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let (process, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { boot, namespace, process, start })
    }
}

/// When a process began; `None` when there is none of this number.
fn start_of(process: u32) -> Option<u64> {
    let stat = text(Path::new(&format!("/proc/{process}/stat")))?;
    // The name, in parentheses, may hold anything; the start is the 22nd field, the 20th after it.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

fn text(path: &Path) -> Option<String> {
    Some(fs_err::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_place_that_is_gone_has_ended() {
        let own = Owner::of_process().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let other =
            Owner { process: child.id(), start: start_of(child.id()).unwrap(), ..own.clone() };
        assert!(!own.has_ended(&own.to_label()));
        assert!(!own.has_ended(&other.to_label()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(own.has_ended(&other.to_label()));
        // Its number was given to another one.
        assert!(own.has_ended(&Owner { start: own.start + 1, ..own.clone() }.to_label()));
        assert!(!own.has_ended(&Owner { boot: "another".into(), ..other.clone() }.to_label()));
        assert!(!own.has_ended(&Owner { namespace: "pid[1]".into(), ..other }.to_label()));
        for unknown in ["", "1", "a:b", "a:b:c", "a:b:c:d", "::::"] {
            assert!(!own.has_ended(unknown), "{unknown}");
        }
    }
}
