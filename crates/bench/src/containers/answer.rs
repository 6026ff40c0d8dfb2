//! Waits until a service on the loopback answers with what it is to have. Knows nothing of how it was started.
//!
//! A published port must not be asked while its container starts: the engine forwards the question to an address that
//! nobody has yet, and the kernel then keeps every further one back until it looks for that neighbour again, a second
//! later. So the service leaves a file when it listens, and is asked only then.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::calls::Calls;
use crate::error::Error;
use crate::stage::work;

/// How long a service may take until it answers as wanted.
const PATIENCE: Duration = Duration::from_mins(5);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(2);

/// Where a service can be asked.
pub(crate) struct Door {
    /// Its port on the loopback.
    pub(crate) port: u16,
    /// The file that it writes its version into when it listens.
    pub(crate) ready: PathBuf,
}

impl Door {
    /// Waits until the service's page is `wanted`, as long as `goes_on` has no reason to give up.
    ///
    /// # Errors
    /// When it is not within five minutes, or the user interrupts.
    pub(crate) fn wait(
        &self,
        calls: &Calls,
        wanted: u32,
        mut goes_on: impl FnMut() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        let wanted = wanted.to_string();
        let listens = || fs_err::read_to_string(&self.ready).is_ok_and(|text| text == wanted);
        while !listens() || page(self.port).as_deref() != Some(wanted.as_str()) {
            calls.check()?;
            goes_on()?;
            if begun.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                return Err(Error::NoAnswer { port: self.port, wanted, seconds });
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Brings a project up by pyfast: seconds until the page is `wanted`, and until the command has ended.
    ///
    /// # Errors
    /// As [`Self::wait`], and when pyfast fails.
    pub(crate) fn answered(
        &self,
        calls: &Calls,
        directory: &Path,
        words: &[&str],
        wanted: u32,
    ) -> Result<(f64, f64), Error> {
        let begun = Instant::now();
        let mut child = calls.start_pyfast(directory, words)?;
        let failed = || {
            let message = format!("it failed in {}", directory.display());
            Error::Step { step: "pyfast up".to_owned(), message }
        };
        let answered = self.wait(calls, wanted, || match child.try_wait() {
            Ok(Some(status)) if !status.success() => Err(failed()),
            _ => Ok(()),
        });
        let answered = answered.map(|()| begun.elapsed().as_secs_f64());
        let status = work("wait for pyfast", child.wait())?;
        let ended = begun.elapsed().as_secs_f64();
        calls.check()?;
        if status.success() { Ok((answered?, ended)) } else { Err(failed()) }
    }

    /// Forgets that the service has listened.
    pub(crate) fn forget(&self) -> Result<(), Error> {
        work("forget an answer", crate::files::remove(&self.ready))
    }
}

/// The body of the service's page; `None` while it gives none.
fn page(port: u16) -> Option<String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200")?;
    Some(body.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers once.
    fn serve(answer: &'static str) -> u16 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        port
    }

    #[test]
    fn only_a_good_page_has_a_body() {
        let good = serve("HTTP/1.0 200 OK\r\nServer: x\r\n\r\n1.0\n");
        assert_eq!(page(good).as_deref(), Some("1.0"));
        assert_eq!(page(serve("HTTP/1.0 503 Busy\r\n\r\n1.0")), None);
        assert_eq!(page(serve("nonsense")), None);
    }
}
