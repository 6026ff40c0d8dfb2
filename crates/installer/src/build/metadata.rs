//! The metadata of a source: asked of its backend, or of the wheel that it builds. How hooks run is the
//! builder's.

use pyfast_packaging::build::{BuildFailure, BuildStage};
use pyfast_packaging::metadata::parse as parse_metadata;
use pyfast_packaging::source_dist::SourceDist;
use pyfast_resolver::{BuildSource, Error as ResolveError};
use serde_json::json;

use super::hook::{Answer, Call};
use super::{Builder, Ready};
use crate::error::Error;

impl Builder {
    pub(super) fn prepare(
        &self,
        source: &SourceDist,
        ready: &Ready,
    ) -> Result<Option<String>, Error> {
        let stage = BuildStage::Metadata;
        let workshop = self.complete(source, ready, stage)?;
        let place = ready.work.join("metadata");
        fs_err::create_dir_all(&place).map_err(Error::io("create", &place))?;
        let hook = if source.editable {
            "prepare_metadata_for_build_editable"
        } else {
            "prepare_metadata_for_build_wheel"
        };
        let arguments = json!([place, self.settings(source)]);
        let answer = self.run_hook(source, ready, &workshop, &Call { stage, hook, arguments })?;
        let Answer::Value(value) = answer else { return Ok(None) };
        let failed = |reason: String| self.failure(source, stage, &reason);
        let name = value.as_str().filter(|name| !name.contains('/'));
        let name =
            name.ok_or_else(|| failed(format!("its backend answered {hook} with no name")))?;
        let text = fs_err::read(place.join(name).join("METADATA"))
            .map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        parse_metadata(&text).map_err(failed)?;
        Ok(Some(text))
    }

    /// The metadata of a source: remembered, asked for, or of the wheel built from it.
    fn metadata_text(&self, source: &SourceDist) -> Result<String, Error> {
        let memory = self.memory(source)?;
        if let Some(text) = memory.metadata() {
            return Ok(text);
        }
        let turn = self.turn(source, &memory.key)?;
        let alone = memory.alone(&*self.run.tools.sink)?;
        if let Some(text) = memory.metadata() {
            return Ok(text);
        }
        let within = self.within(&turn);
        if let Some(text) = within.with_ready(source, |ready| within.prepare(source, ready))? {
            memory.remember_metadata(&text)?;
            return Ok(text);
        }
        drop((alone, turn));
        Ok(self.wheel(source)?.metadata)
    }
}

impl BuildSource for Builder {
    fn metadata(&self, source: &SourceDist) -> Result<String, ResolveError> {
        self.metadata_text(source).map_err(|error| match error {
            Error::Build(failure) => ResolveError::Build(failure),
            Error::Fetch(error) => error.into(),
            Error::Resolve(error) => error,
            error => {
                let mut reason = error.root().to_string();
                if let Some(cause) = std::error::Error::source(error.root()) {
                    reason = format!("{reason}: {cause}");
                }
                ResolveError::Build(Box::new(BuildFailure::new(
                    source,
                    BuildStage::Metadata,
                    reason,
                )))
            }
        })
    }
}
