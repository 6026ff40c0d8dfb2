//! Other places of channels: a mirror, or a copy in a directory, which one machine asks in the place of a channel that the
//! project names. Owns that nothing that is kept names one.

/// What stands in for what, as the beginnings of URLs: of the channel that is named, and of the place that is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// Places that are channels themselves: read in the place of those that the project names.
    pub stand_ins: Vec<(String, String)>,
    /// Places of servers, as the user has them for all programs: several of one channel are tried in their order.
    pub places: Vec<(String, String)>,
}

impl Mirrors {
    /// Where something of a channel is asked for here.
    pub fn asked(&self, url: &str) -> String {
        moved(&self.stand_ins, url).unwrap_or_else(|| url.to_owned())
    }

    /// Where what is asked for is looked for, each place after the one before has failed; whoever has several mirrors of
    /// parts of one place means the nearest.
    pub fn places(&self, asked: &str) -> Vec<String> {
        let fitting = self.places.iter().filter(|(named, _)| asked.starts_with(&**named));
        let Some(nearest) = fitting.clone().map(|(named, _)| named.len()).max() else {
            return vec![asked.to_owned()];
        };
        let nearest = fitting.filter(|(named, _)| named.len() == nearest);
        nearest.map(|(named, place)| [place, &asked[named.len()..]].concat()).collect()
    }

    /// Where the channel has what was found here: a place may say of itself where its packages are.
    pub(crate) fn named(&self, url: &str) -> String {
        let back = |pairs: &[(String, String)], url: &str| {
            let back = |(named, asked): &(String, String)| (asked.clone(), named.clone());
            moved(&pairs.iter().map(back).collect::<Vec<_>>(), url)
        };
        let asked = back(&self.places, url).unwrap_or_else(|| url.to_owned());
        back(&self.stand_ins, &asked).unwrap_or(asked)
    }
}

/// A URL that begins as the first of a pair, beginning as the second.
fn moved(pairs: &[(String, String)], url: &str) -> Option<String> {
    pairs.iter().find_map(|(from, to)| Some([to, url.strip_prefix(&**from)?].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(one: &str, other: &str) -> (String, String) {
        (one.to_owned(), other.to_owned())
    }

    #[test]
    fn the_nearest_mirrors_are_tried_in_their_order_and_named_by_nobody() {
        let mirrors = Mirrors {
            stand_ins: vec![pair("https://h.test/a/", "https://copy.test/a/")],
            places: vec![
                pair("https://h.test/", "https://all.test/"),
                pair("https://copy.test/a/", "https://one.test/x/"),
                pair("https://copy.test/a/", "https://two.test/"),
            ],
        };
        let asked = mirrors.asked("https://h.test/a/linux-64/p.conda");
        assert_eq!(asked, "https://copy.test/a/linux-64/p.conda");
        let places = ["https://one.test/x/linux-64/p.conda", "https://two.test/linux-64/p.conda"];
        assert_eq!(mirrors.places(&asked), places);
        for place in places {
            assert_eq!(mirrors.named(place), "https://h.test/a/linux-64/p.conda");
        }
        assert_eq!(mirrors.places("https://h.test/b/p.conda"), ["https://all.test/b/p.conda"]);
        assert_eq!(mirrors.places("https://other.test/p"), ["https://other.test/p"]);
    }
}
