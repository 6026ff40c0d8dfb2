//! What can be locked in a root, by name. Knows nothing of how a lock is had.

use crate::name::ProjectEnv;

/// What is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockName(String);

impl LockName {
    /// The file of the lock's tickets.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The store: shared by all who use it, alone for who collects.
    pub fn store() -> Self {
        Self("store".to_owned())
    }

    /// A project's environment, from reading its state to activation.
    pub fn project(name: &ProjectEnv) -> Self {
        Self(format!("project-{}--{}", name.project(), name.env()))
    }

    /// The project itself, while its owner is written down.
    pub(crate) fn owner(project: &str) -> Self {
        Self(format!("owner-{project}"))
    }

    /// A generation that is composed.
    pub fn generation(id: &str) -> Self {
        Self(format!("env-{id}"))
    }

    /// A Python that is made with its native libraries.
    pub fn prefix(id: &str) -> Self {
        Self(format!("python-{id}"))
    }

    /// A wheel that is fetched.
    pub fn wheel(digest: &str) -> Self {
        Self(format!("wheel-{digest}"))
    }

    /// A wheel that is compiled.
    pub fn bytecode(digest: &str) -> Self {
        Self(format!("bytecode-{digest}"))
    }

    /// Everything that is compiled for a cache tag when nobody waits for it.
    pub fn backlog(tag: &str) -> Self {
        Self(format!("backlog-{tag}"))
    }

    /// A source that is built.
    pub fn build(key: &str) -> Self {
        Self(format!("build-{key}"))
    }

    /// A process's working directory.
    pub(crate) fn workspace(name: &str) -> Self {
        Self(name.to_owned())
    }
}
