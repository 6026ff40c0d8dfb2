//! Who gives tokens for a registry: a server on loopback that asks for a password and signs with a key of its own, in the way
//! that registries in use believe. Knows nothing of what is pushed.
//!
//! <https://distribution.github.io/distribution/spec/auth/jwt/>

use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{Certificate, CertificateParams, KeyPair, SigningKey as _};
use serde_json::{Value, json};

use super::pushing::PASSWORD;
use crate::support::http::{Request, Response};

/// Who signs, and for whom.
pub(super) const ISSUER: &str = "test tokens";
pub(super) const SERVICE: &str = "test registry";

/// A key, and who has it.
struct Signer {
    key: KeyPair,
    certificate: Certificate,
}

impl Signer {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["tokens.test".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        Self { key, certificate }
    }

    /// A token that lets do this, for a few minutes.
    fn token(&self, access: &[Value]) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let certificate = STANDARD.encode(self.certificate.der());
        let head = json!({ "typ": "JWT", "alg": "ES256", "x5c": [certificate] });
        let claims = json!({
            "iss": ISSUER, "sub": "user", "aud": SERVICE, "jti": now.to_string(),
            "nbf": now - 60, "iat": now, "exp": now + 300, "access": access,
        });
        let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{head}.{claims}");
        let signature = self.key.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(plain(&signature)))
    }
}

/// The two numbers of a signature, one behind the other: certificates have them as DER (RFC 7518, 3.4).
fn plain(der: &[u8]) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut both = Vec::new();
    for _ in 0..2 {
        let (number, after) = rest[2..].split_at(rest[1].into());
        let number = &number[number.len().saturating_sub(32)..];
        both.extend(std::iter::repeat_n(0, 32 - number.len()).chain(number.iter().copied()));
        rest = after;
    }
    both
}

/// What is wrong with the tokens that are given.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Wrong {
    Nothing,
    /// They are signed with a key that the registry does not know.
    Key,
    /// The next one lets do nothing.
    Next,
}

struct State {
    signer: Signer,
    wrong: Wrong,
    seen: Vec<String>,
    stopped: bool,
}

/// The server; stopped when dropped.
pub(super) struct Tokens {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Tokens {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (signer, seen) = (Signer::new(), Vec::new());
        let state = State { signer, wrong: Wrong::Nothing, seen, stopped: false };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if locked(&shared).stopped {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, state }
    }

    /// Where they are given.
    pub(super) fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// The certificate by which the registry knows who signs, in PEM.
    pub(super) fn certificate(&self) -> String {
        locked(&self.state).signer.certificate.pem()
    }

    pub(super) fn are(&self, wrong: Wrong) {
        locked(&self.state).wrong = wrong;
    }

    /// What was asked for since the last time, by whom a password is known.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.state).seen)
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        locked(&self.state).stopped = true;
        let _ = TcpStream::connect(self.address);
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = Request::read(&mut reader) {
        if !answer(&request, &mut locked(state)).write(&mut stream, true) {
            return;
        }
    }
}

fn answer(request: &Request, state: &mut State) -> Response {
    let say = |status, body: Value| Response::new(status, "application/json", body.to_string());
    if request.header("authorization") != Some(&format!("Basic {PASSWORD}")) {
        return say(401, json!({ "details": "who are you?" }));
    }
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let plain = query.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
    let scopes: Vec<&str> =
        plain.split('&').filter_map(|pair| pair.strip_prefix("scope=")).collect();
    state.seen.push(scopes.join(" "));
    let access = scopes.iter().filter_map(|scope| {
        let (kind, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let actions: Vec<&str> = actions.split(',').collect();
        Some(json!({ "type": kind, "name": name, "actions": actions }))
    });
    let access: Vec<Value> = access.filter(|_| state.wrong != Wrong::Next).collect();
    let token = match state.wrong {
        Wrong::Key => Signer::new().token(&access),
        _ => state.signer.token(&access),
    };
    if state.wrong == Wrong::Next {
        state.wrong = Wrong::Nothing;
    }
    say(200, json!({ "token": token, "expires_in": 300 }))
}
