//! The workers of a compiler: started when the first job comes, and ended with it. Owns their threads; must not know what
//! they compile.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use super::worker::{Job, Manner, Worker};

/// Workers of one Python.
#[derive(Debug)]
pub(super) struct Pool {
    python: PathBuf,
    manner: Manner,
    count: usize,
    started: Mutex<Option<Started>>,
}

/// Workers that wait for jobs.
#[derive(Debug)]
struct Started {
    jobs: mpsc::Sender<Job>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn new(python: PathBuf, manner: Manner, count: usize) -> Self {
        Self { python, manner, count, started: Mutex::default() }
    }

    /// Where jobs go. Whoever gets everything from elsewhere starts nobody.
    pub(super) fn jobs(&self) -> Result<mpsc::Sender<Job>, String> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let started = match &mut *started {
            Some(started) => started,
            none => none.insert(self.start()?),
        };
        Ok(started.jobs.clone())
    }

    fn start(&self) -> Result<Started, String> {
        let (jobs, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut workers = Vec::new();
        for _ in 0..self.count {
            let mut worker = Worker::start(&self.python, self.manner)
                .map_err(|error| format!("it cannot be started: {error}"))?;
            let receiver = Arc::clone(&receiver);
            workers.push(std::thread::spawn(move || worker.serve(&receiver)));
        }
        Ok(Started { jobs, workers })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let started = self.started.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(Started { jobs, workers }) = started.take() else { return };
        drop(jobs);
        for worker in workers {
            // A panic of a worker's thread was told as a failed compilation.
            let _ = worker.join();
        }
    }
}
