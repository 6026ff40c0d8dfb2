//! What is sent to a server to be let in. Shown nowhere; knows nothing of where it comes from.

/// A user name, and its password where one is known.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) user: String,
    pub(crate) password: Option<String>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(****)")
    }
}
