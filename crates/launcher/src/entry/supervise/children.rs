//! The processes whose parent is this one, orphans that were left to it included. Reads `/proc`; must not know why
//! somebody asks.

use rustix::process::{Pid, getpid};

/// All processes whose parent is this one; none where `/proc` is not to be read. Ended ones that nobody has reaped do
/// not count.
pub(super) fn own() -> Vec<Pid> {
    let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|&pid| is_own(pid)).filter_map(Pid::from_raw).collect()
}

fn is_own(pid: i32) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    parent(&stat) == Some(getpid().as_raw_nonzero().get())
}

/// The parent out of `PID (NAME) STATE PARENT …`, where the name may hold anything.
fn parent(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.next()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_brackets_and_spaces_do_not_confuse() {
        assert_eq!(parent("12 (a) b) 7 (c) S 34 12 12"), Some(34));
        assert_eq!(parent("12 (sh) Z 34 12 12"), None);
        assert_eq!(parent("12"), None);
    }

    #[test]
    fn a_child_is_found_and_its_child_is_not() {
        let mut command = std::process::Command::new("sh");
        let command = command.args(["-c", "sleep 30 & echo $!; wait"]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut { output }, &mut line).unwrap();
        let grandchild = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        let found = own();
        assert!(found.contains(&Pid::from_child(&child)));
        assert!(!found.contains(&grandchild));
        rustix::process::kill_process(grandchild, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
    }
}
