//! Other places of channels: a mirror, or a copy in a directory, which one machine asks in the place of a channel that the
//! project names. Owns that nothing that is kept names one.

/// What stands in for what, as the beginnings of URLs: of the channel that is named, and of the place that is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors(pub Vec<(String, String)>);

impl Mirrors {
    /// Where something of a channel is asked for here.
    pub fn asked(&self, url: &str) -> String {
        let mut pairs = self.0.iter();
        let asked =
            pairs.find_map(|(named, asked)| Some([asked, url.strip_prefix(&**named)?].concat()));
        asked.unwrap_or_else(|| url.to_owned())
    }

    /// Where the channel has what was found here.
    pub(crate) fn named(&self, url: &str) -> String {
        let mut pairs = self.0.iter();
        let named =
            pairs.find_map(|(named, asked)| Some([named, url.strip_prefix(&**asked)?].concat()));
        named.unwrap_or_else(|| url.to_owned())
    }
}
