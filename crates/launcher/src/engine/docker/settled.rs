//! Answers about containers that are between two states. Owns how long one waits for them; must not know what is asked.

use std::time::Duration;

use bollard::errors::Error as ApiError;
use tokio::time::{Instant, sleep};

/// How long a container may be between two states: on a busy machine that takes a while.
const PATIENCE: Duration = Duration::from_secs(10);
/// Until it is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks again while an answer has a word that Docker's API does not know: Podman calls a container `stopped` that has
/// ended and is not tidied up yet.
pub(super) async fn settled<T, F>(ask: impl Fn() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let begun = Instant::now();
    loop {
        match ask().await {
            Err(ApiError::JsonDataError { message, .. })
                if message.starts_with("unknown variant `stopped`")
                    && begun.elapsed() < PATIENCE =>
            {
                sleep(PAUSE).await;
            }
            told => return told,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What comes of an answer that is unreadable so often, and how often it was asked for.
    async fn after(unreadable: u32, message: &str) -> (Option<u32>, u32) {
        let asked = Cell::new(0);
        let told = settled(|| {
            asked.set(asked.get() + 1);
            let told = (asked.get() > unreadable).then_some(7);
            let error = || ApiError::JsonDataError { message: message.into(), column: 1 };
            std::future::ready(told.ok_or_else(error))
        });
        (told.await.ok(), asked.get())
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_state_is_waited_for_and_not_for_ever() {
        let stopped = "unknown variant `stopped`, expected one of `created`, `running`";
        assert_eq!(after(3, stopped).await, (Some(7), 4));
        assert_eq!(after(u32::MAX, stopped).await.0, None);
        // Words of engines to come are none that pass.
        assert_eq!(after(3, "unknown variant `frozen`, expected").await, (None, 1));
        assert_eq!(after(3, "EOF while parsing a value").await, (None, 1));
    }
}
