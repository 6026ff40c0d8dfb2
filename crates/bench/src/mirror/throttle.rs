//! A bandwidth shared by all connections. Knows nothing of HTTP.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What may be sent at once after a pause; also what smooths over the timer's millisecond.
const BURST: Duration = Duration::from_millis(4);

/// Lets bytes through at a steady rate.
#[derive(Debug)]
pub(crate) struct Throttle {
    bytes_per_second: Option<f64>,
    /// When everything let through so far will have been sent.
    free: Mutex<Option<Instant>>,
}

impl Throttle {
    /// A throttle for so many bytes each second; `None` lets everything through.
    pub(crate) fn new(bytes_per_second: Option<f64>) -> Self {
        Self {
            bytes_per_second: bytes_per_second.filter(|rate| *rate > 0.0),
            free: Mutex::new(None),
        }
    }

    /// Whether there is no limit.
    pub(crate) fn is_open(&self) -> bool {
        self.bytes_per_second.is_none()
    }

    /// Waits until `bytes` more have been sent.
    pub(crate) async fn take(&self, bytes: usize) {
        if let Some(moment) = self.reserve(bytes) {
            tokio::time::sleep_until(moment).await;
        }
    }

    fn reserve(&self, bytes: usize) -> Option<Instant> {
        let rate = self.bytes_per_second?;
        let time =
            Duration::from_secs_f64(f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / rate);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let begin = free.map_or(earliest, |free| free.max(earliest));
        *free = Some(begin + time);
        Some(begin + time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(rate: Option<f64>) -> Duration {
        // A clock that leaps to what is waited for, and else stands.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let throttle = Throttle::new(rate);
            let start = Instant::now();
            // Two connections share it.
            tokio::join!(
                async {
                    for _ in 0..10 {
                        throttle.take(10_000).await;
                    }
                },
                async {
                    for _ in 0..10 {
                        throttle.take(10_000).await;
                    }
                }
            );
            start.elapsed()
        })
    }

    #[test]
    fn connections_share_the_bandwidth() {
        let taken = take_all(Some(2_000_000.0));
        // Two hundred thousand bytes, without what may come at once.
        assert!(taken >= Duration::from_millis(90), "{taken:?}");
        assert!(taken <= Duration::from_millis(110), "{taken:?}");
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        assert_eq!(take_all(None), Duration::ZERO);
    }
}
