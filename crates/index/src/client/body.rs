//! Bodies on their way: read whole or given away piece by piece, never more of them than is allowed, and where one
//! broke off the rest of it by a range. Knows neither passwords nor when to try again.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::sync::mpsc;

use super::failure::{Failure, is_passing};
use super::{Piece, Request};
use crate::fetch_cause::FetchCause;

/// The most that is reserved for a body on the server's word.
const RESERVE: usize = 32 << 20;
/// A body that brings less than this in [`DRIP_WINDOW`] is given up.
const DRIP_FLOOR: usize = 30 << 10;
const DRIP_WINDOW: Duration = Duration::from_secs(30);
/// Fewer bytes are not worth a question of their own.
const LEAST: u64 = 1 << 20;
/// Times that a rest is asked for in vain before the body is asked for whole.
const VAIN: u8 = 2;

/// One body over all attempts at it.
pub(super) struct Course<'a> {
    pieces: Option<&'a mpsc::Sender<Piece>>,
    /// Whether a rest may be asked for; who takes the pieces checks all of them in the end.
    resumes: bool,
    /// Bytes that whoever takes the pieces has.
    have: u64,
    /// The most they had when that was last looked at.
    furthest: u64,
    /// What says that the file is still the one that `have` bytes are of; unknown of those of another run.
    validator: Option<HeaderValue>,
    /// Answers in a row that were to be a rest and brought nothing.
    vain: u8,
    /// Whether the last answer was a part of the rest alone: some servers give no more than so much at once.
    unfinished: bool,
}

/// What an answer is to who has a part.
enum Turn {
    /// All of it, or what is no body of the file.
    Whole,
    /// What is missing of so many bytes.
    Rest { of: u64 },
    /// There is no more.
    Nothing,
}

impl<'a> Course<'a> {
    pub(super) fn new(request: &Request, pieces: Option<&'a mpsc::Sender<Piece>>) -> Self {
        let have = request.have.filter(|_| pieces.is_some());
        let (resumes, have) = (have.is_some(), have.unwrap_or_default());
        Self { pieces, resumes, have, furthest: have, validator: None, vain: 0, unfinished: false }
    }

    fn wants_rest(&self) -> bool {
        self.resumes && self.have >= LEAST && self.vain < VAIN
    }

    /// The request as it is sent now.
    pub(super) fn asks<'r>(&self, request: &'r Request) -> Cow<'r, Request> {
        if !self.wants_rest() {
            return Cow::Borrowed(request);
        }
        let range = format!("bytes={}-", self.have);
        let mut asked = request.clone().header(header::RANGE, &range);
        if let Some(validator) = &self.validator {
            asked.headers.insert(header::IF_RANGE, validator.clone());
        }
        Cow::Owned(asked)
    }

    /// Whether a rest was asked for and the answer says that there is none to be had; then all is wanted again.
    pub(super) fn is_refused(&mut self, status: StatusCode, headers: &HeaderMap) -> bool {
        if !self.wants_rest() || is_passing(status) || self.turn(status, headers).is_some() {
            return false;
        }
        self.vain = VAIN;
        true
    }

    /// What an answer is; `None` for a part that was not asked for.
    fn turn(&self, status: StatusCode, headers: &HeaderMap) -> Option<Turn> {
        if !self.wants_rest() {
            return Some(Turn::Whole);
        }
        match status {
            StatusCode::PARTIAL_CONTENT => {
                let (start, of) = content_range(headers)?;
                (start == self.have).then_some(Turn::Rest { of })
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                (size_of_refused(headers)? == self.have).then_some(Turn::Nothing)
            }
            StatusCode::OK => Some(Turn::Whole),
            _ => None,
        }
    }

    /// Whether the answer to the question for a rest is that all is there.
    pub(super) fn is_complete(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        matches!(self.turn(status, headers), Some(Turn::Nothing))
    }

    /// After an attempt that failed: whether it brought enough to have patience anew.
    pub(super) fn came_further(&mut self) -> bool {
        let further = self.resumes && self.have >= self.furthest.saturating_add(LEAST);
        if further {
            (self.furthest, self.vain) = (self.have, 0);
        }
        further
    }

    /// Reads a body up to the request's limit; into memory, or to who takes the pieces.
    pub(super) async fn read(
        &mut self,
        response: reqwest::Response,
        request: &Request,
    ) -> Result<Bytes, Failure> {
        self.unfinished = false;
        let turn = self.turn(response.status(), response.headers()).unwrap_or(Turn::Whole);
        let is_body = response.status().is_success() || matches!(turn, Turn::Nothing);
        let Some(pieces) = self.pieces.filter(|_| is_body) else {
            let mut body = BytesMut::new();
            // The declared length is the server's word: untouched memory costs nothing, but has its limit.
            let declared = response.content_length().unwrap_or(16 << 10);
            let declared = usize::try_from(declared).unwrap_or(RESERVE);
            body.reserve(declared.min(RESERVE).min(request.limit));
            let mut flow = Flow::new(response, request, 0)?;
            while let Some(chunk) = flow.next().await? {
                body.extend_from_slice(&chunk);
            }
            return Ok(body.freeze());
        };
        if matches!(turn, Turn::Whole) {
            self.have = 0;
            self.validator = strong_validator(response.headers());
            give(pieces, Piece::Begin).await?;
        } else {
            give(pieces, Piece::GoesOn).await?;
        }
        let begun = self.have;
        if !matches!(turn, Turn::Nothing) {
            let flowed = self.flow(response, request, pieces).await;
            // Not so where there was no answer: an outage says nothing of ranges.
            if matches!(turn, Turn::Rest { .. }) {
                self.vain = if self.have > begun { 0 } else { self.vain + 1 };
            }
            flowed?;
        }
        let of = if let Turn::Rest { of } = turn { of } else { self.have };
        self.unfinished = self.have < of;
        if self.unfinished && self.have < begun + LEAST {
            let cause = format!("the answer ended after {} of {of} bytes", self.have);
            return Err(Failure::Transport(FetchCause::Connection(cause)));
        }
        Ok(Bytes::new())
    }

    async fn flow(
        &mut self,
        response: reqwest::Response,
        request: &Request,
        pieces: &mpsc::Sender<Piece>,
    ) -> Result<(), Failure> {
        let mut flow = Flow::new(response, request, self.have)?;
        while let Some(chunk) = flow.next().await? {
            give(pieces, Piece::Data(chunk)).await?;
            self.have = flow.came;
        }
        Ok(())
    }

    /// Whether there is more to ask for, though an answer has come well.
    pub(super) fn is_unfinished(&self) -> bool {
        self.unfinished
    }
}

/// The bytes of an answer as they come: no more than are allowed, and given up where they only drip.
struct Flow<'a> {
    response: reqwest::Response,
    request: &'a Request,
    /// Bytes of the body until now, with those of other answers.
    came: u64,
    window: Instant,
    in_window: usize,
}

impl<'a> Flow<'a> {
    fn new(response: reqwest::Response, request: &'a Request, came: u64) -> Result<Self, Failure> {
        let flow = Self { response, request, came, window: Instant::now(), in_window: 0 };
        flow.check(flow.response.content_length().unwrap_or_default().saturating_add(came))?;
        Ok(flow)
    }

    fn check(&self, length: u64) -> Result<(), Failure> {
        let limit = self.request.limit;
        if length > limit as u64 {
            return Err(Failure::Final(FetchCause::TooLarge { limit }));
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.window.elapsed() > DRIP_WINDOW {
            if self.in_window < DRIP_FLOOR {
                let (bytes, within) = (self.in_window, DRIP_WINDOW);
                return Err(Failure::Transport(FetchCause::Dripping { bytes, within }));
            }
            (self.window, self.in_window) = (Instant::now(), 0);
        }
        let chunk = self.response.chunk().await.map_err(|error| Failure::transport(&error))?;
        let Some(chunk) = chunk else { return Ok(None) };
        self.came += chunk.len() as u64;
        if let Some(received) = &self.request.received {
            received.store(self.came, Ordering::Relaxed);
        }
        self.in_window += chunk.len();
        self.check(self.came)?;
        Ok(Some(chunk))
    }
}

async fn give(pieces: &mpsc::Sender<Piece>, piece: Piece) -> Result<(), Failure> {
    let given = pieces.send(piece).await;
    let gone = || FetchCause::Connection("nobody takes the answer any more".to_owned());
    given.map_err(|_gone| Failure::Final(gone()))
}

/// An entity tag that changes with each byte of a file; a weak one does not.
fn strong_validator(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(header::ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")).cloned()
}

/// Start and total of `bytes 10-19/100`.
pub(crate) fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    let (start, total) = (start.trim().parse().ok()?, total.trim().parse().ok()?);
    (start < total && total < 1 << 40).then_some((start, total))
}

/// The size that a refusal of a range tells: `bytes */100`.
fn size_of_refused(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    value.strip_prefix("bytes */")?.trim().parse().ok()
}
