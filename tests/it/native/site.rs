//! A server of a channel's directory on loopback, in threads of the test's own process: whom it lets in, where it sends
//! others, and what it was asked.

use std::io::BufReader;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::support::http::{Request, Response};

/// What a site does with a request before it looks for a file; a path is given anew by `Ok`.
type Rule = dyn Fn(&Request) -> Result<String, Response> + Send + Sync;

/// A server; it ends with the test's process.
pub(crate) struct Site {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Site {
    /// One that lets everybody in.
    pub(crate) fn open(directory: &Path) -> Self {
        Self::start(directory, |request| Ok(request.path.clone()))
    }

    /// One that wants this header of `Authorization`.
    pub(crate) fn closed(directory: &Path, wanted: &'static str) -> Self {
        Self::start(directory, move |request| {
            let_in(request, wanted).map(|()| request.path.clone())
        })
    }

    pub(crate) fn start(
        directory: &Path,
        rule: impl Fn(&Request) -> Result<String, Response> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Request>>>::default();
        let (directory, told): (PathBuf, _) = (directory.to_owned(), Arc::clone(&seen));
        let rule: Arc<Rule> = Arc::new(rule);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (directory, told) = (directory.clone(), Arc::clone(&told));
                let rule = Arc::clone(&rule);
                thread::spawn(move || serve(stream, &directory, &*rule, &told));
            }
        });
        Self { url, seen }
    }

    /// What it was asked.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether a request has this header of `Authorization`.
pub(crate) fn let_in(request: &Request, wanted: &str) -> Result<(), Response> {
    if request.header("authorization") == Some(wanted) {
        return Ok(());
    }
    let refused = Response::new(401, "text/plain", "who are you?");
    Err(refused.header("WWW-Authenticate", "Basic realm=\"a\""))
}

fn serve(mut stream: TcpStream, directory: &Path, rule: &Rule, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be duplicated"));
    while let Some(request) = Request::read(&mut reader) {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let response = match rule(&request) {
            Err(response) => response,
            Ok(path) => match fs_err::read(directory.join(path.trim_start_matches('/'))) {
                Ok(body) => Response::new(200, "application/octet-stream", body),
                Err(_) => Response::new(404, "text/plain", "no such file"),
            },
        };
        if !response.write(&mut stream, request.method != "HEAD") {
            break;
        }
    }
}
