//! Lets a small process of its own start and time the tools. A child's peak memory as the kernel tells it begins with the size of the
//! process that started it, and the one that holds mirror, pages and reports is not small. Knows nothing of scenarios.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::chain::chain;
use crate::error::Error;
use crate::interruption::{Group, Interruption, WORD};
use crate::measure::{self, Job, Usage};

/// Whoever starts and times processes.
pub(crate) enum Meter {
    /// This process itself. Its own size shows in small peaks of memory.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests have no executable with a worker in it")
    )]
    Direct,
    /// A small process that is told what to run and answers with what it took, a line of JSON each.
    Worker(Box<Worker>),
}

/// The other end of a worker process.
pub(crate) struct Worker {
    process: Child,
    jobs: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    interruption: Interruption,
}

impl Meter {
    /// Starts `executable bench --measure-jobs`.
    ///
    /// # Errors
    /// When the executable cannot be started.
    pub(crate) fn start(executable: &Path) -> Result<Self, Error> {
        let mut process = Command::new(executable)
            .args(["bench", "--measure-jobs"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Start { program: executable.to_path_buf(), source })?;
        let answers =
            BufReader::new(process.stdout.take().expect("standard output was asked for as a pipe"));
        let jobs = process.stdin.take();
        let worker = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
        // The worker ends what it measures. It lives as long as anybody listens here.
        let interruption = Interruption::listen(move || {
            let _ = worker.map(|worker| kill_process(worker, Signal::TERM));
        })?;
        Ok(Self::Worker(Box::new(Worker { process, jobs, answers, interruption })))
    }

    /// Runs one process to its end.
    ///
    /// # Errors
    /// As [`measure::run`], and when the worker is gone.
    pub(crate) fn run(&mut self, job: &Job) -> Result<Usage, Error> {
        match self {
            Self::Direct => measure::run(job, &Group::default()),
            Self::Worker(worker) => worker.run(job),
        }
    }
}

impl Worker {
    fn run(&mut self, job: &Job) -> Result<Usage, Error> {
        self.interruption.check()?;
        let gone = |error: io::Error| Error::Worker { message: error.to_string() };
        let mut line = serde_json::to_vec(job).map_err(Error::Json)?;
        line.push(b'\n');
        let jobs = self
            .jobs
            .as_mut()
            .ok_or_else(|| Error::Worker { message: "it has ended".to_owned() })?;
        jobs.write_all(&line).and_then(|()| jobs.flush()).map_err(gone)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(gone)?;
        match serde_json::from_str(&answer) {
            Ok(Ok(usage)) => Ok(usage),
            // It may hear of it before this process does.
            Ok(Err(message)) if message == WORD => Err(Error::Interrupted),
            Ok(Err(message)) => Err(Error::Worker { message }),
            Err(_) => Err(Error::Worker { message: format!("it said {answer:?}") }),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its input ends the worker.
        drop(self.jobs.take());
        let _ = self.process.wait();
    }
}

/// The worker's side: runs the jobs that `input` names, a line each, and answers each with a line on `output`.
///
/// # Errors
/// When input or output fail, or a line is no job.
pub fn serve(input: impl BufRead, mut output: impl Write) -> Result<(), Error> {
    let group = Group::default();
    let measured = group.clone();
    let interruption = Interruption::listen(move || {
        let _ = measured.end();
    })?;
    for line in input.lines() {
        let job: Job = serde_json::from_str(&line.map_err(Error::Output)?).map_err(Error::Json)?;
        let ran = interruption.check().and_then(|()| measure::run(&job, &group));
        let ran = ran.and_then(|usage| interruption.check().map(|()| usage));
        let answer: Result<Usage, String> = ran.map_err(|error| match error {
            Error::Interrupted => WORD.to_owned(),
            error => chain(&error),
        });
        let text = serde_json::to_string(&answer).map_err(Error::Json)?;
        writeln!(output, "{text}").and_then(|()| output.flush()).map_err(Error::Output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_answers_each_job_in_turn() {
        let work = tempfile::tempdir().unwrap();
        let job = |program: &str, script: &str| Job {
            program: program.into(),
            args: vec!["-c".into(), script.into()],
            environment: Vec::new(),
            directory: work.path().into(),
            stdout: work.path().join("out"),
            stderr: work.path().join("err"),
            limit: 30,
        };
        let jobs = [job("/bin/sh", "exit 4"), job("/nonexistent/tool", ""), job("/bin/sh", "true")];
        let input: String =
            jobs.iter().map(|job| serde_json::to_string(job).unwrap() + "\n").collect();
        let mut output = Vec::new();
        serve(input.as_bytes(), &mut output).unwrap();
        let answers: Vec<Result<Usage, String>> = output
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(answers[0].as_ref().unwrap().status().code(), Some(4));
        assert!(
            answers[1]
                .as_ref()
                .unwrap_err()
                .contains("cannot start /nonexistent/tool: No such file")
        );
        assert!(answers[2].as_ref().unwrap().status().success());
    }
}
