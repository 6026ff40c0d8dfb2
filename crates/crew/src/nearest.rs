//! Which of the known names was probably meant. Owns how near is near enough; must not know what the names are of.

/// The known name nearest to one that is not known; `None` where all are other words.
pub(crate) fn nearest<T: AsRef<str>>(name: &str, known: impl IntoIterator<Item = T>) -> Option<T> {
    // One letter in three may be another: more is another word.
    let most = (name.len() / 3).clamp(1, 3);
    let known = known.into_iter().map(|known| {
        let distance = strsim::damerau_levenshtein(name, known.as_ref());
        (distance, known)
    });
    let near =
        known.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance);
    near.map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_to_one_that_differs_in_few_of_its_letters() {
        let known = ["flask", "django", "b", "project/default"];
        let check = |name: &str, expected: Option<&str>| assert_eq!(nearest(name, known), expected);
        check("flakks", Some("flask"));
        check("dkango", Some("django"));
        check("a", Some("b"));
        check("klaus", None);
        check("project/deflaut", Some("project/default"));
        check("another/default", None);
    }
}
