//! What the project's containers have printed so far.

use futures_util::StreamExt as _;
use futures_util::stream::select_all;
use pyfast_launcher::containers::of_service;
use pyfast_launcher::engine::{LogLine, LogsWanted, Services as _};

use crate::error::Error;
use crate::stack::Stack;

impl Stack<'_> {
    /// The last `tail` lines of each container of these services, each with its service, by the time at which they were
    /// written.
    ///
    /// # Errors
    /// If the engine does not tell.
    pub fn logs<'s>(
        &self,
        services: &'s [String],
        tail: Option<usize>,
    ) -> Result<Vec<(&'s String, LogLine)>, Error> {
        let containers = self.containers()?;
        let wanted = LogsWanted { tail, follow: false, timestamps: true, since: None };
        let mut streams = Vec::new();
        for service in services {
            for container in of_service(&containers, service) {
                let lines = self.connection.engine.logs(&container.id, wanted.clone());
                streams.push(lines.map(move |line| (service, line)).boxed());
            }
        }
        let mut merged = select_all(streams);
        let mut lines = self.connection.wait(async {
            let mut lines = Vec::new();
            while let Some((service, line)) = merged.next().await {
                lines.push((service, line?));
            }
            Ok(lines)
        })?;
        lines.sort_by(|(_, one), (_, other)| one.time.cmp(&other.time));
        Ok(lines)
    }
}
