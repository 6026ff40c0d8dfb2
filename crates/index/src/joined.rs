//! What a task that was waited for gave. Knows nothing of what tasks do.

use tokio::task::JoinError;

/// The result of a task; its panic goes on here.
///
/// A task that the end of its runtime cancelled has no result, and nobody is left to wait for one: the
/// future then never ends, and goes with the runtime.
pub async fn joined<T>(task: impl Future<Output = Result<T, JoinError>>) -> T {
    match task.await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_cancelled) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_cancelled_task_is_no_panic() {
        assert_eq!(joined(tokio::spawn(async { 1 })).await, 1);
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        let waited = tokio::time::timeout(Duration::from_millis(50), joined(task)).await;
        assert!(waited.is_err(), "there is nothing to give");
    }
}
