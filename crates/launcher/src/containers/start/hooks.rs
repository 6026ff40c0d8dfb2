//! What a service has run in its containers when they have been started, and before they are asked to end. Owns which of
//! its commands those are, and what their failures mean; how one is run is `hook`'s.
//!
//! As Compose does since 2.30: in their order, the first failure is the service's, and a container whose end was not
//! prepared goes on.

use super::Start;
use crate::engine::{Container, Services, Status};
use crate::error::Error;
use crate::hook;

/// Commands of a service.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hooks {
    /// After its start.
    PostStart,
    /// Before its end.
    PreStop,
}

impl Hooks {
    fn key(self) -> &'static str {
        match self {
            Self::PostStart => "post_start",
            Self::PreStop => "pre_stop",
        }
    }
}

impl<E: Services> Start<'_, E> {
    /// Runs commands of a service in a container; why that failed, if it did.
    pub(super) async fn hooks(
        &self,
        service: &str,
        container: &Container,
        which: Hooks,
    ) -> Result<Option<String>, Error> {
        let Some(service) = self.project.services.get(service) else { return Ok(None) };
        let hooks = match which {
            Hooks::PostStart => &service.post_start,
            Hooks::PreStop => &service.pre_stop,
        };
        for hook in hooks {
            match hook::run(self.engine, container, hook).await {
                Ok(()) => {}
                Err(Error::HookFailed { reason, .. } | Error::CodeNotPut { reason, .. }) => {
                    // What has ended has no end to prepare, and says itself why it did not start well.
                    let found = self.engine.container(&container.id).await?;
                    if found.is_none_or(|found| found.status != Status::Running) {
                        return Ok(None);
                    }
                    return Ok(Some(format!("its `{}` failed: {reason}", which.key())));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
