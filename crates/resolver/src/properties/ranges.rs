//! Ranges against the specifiers they are made from, asked version by version.

use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use version_ranges::Ranges;

use pyfast_packaging::version_range::{describe, of};

prop_compose! {
    fn version()(
        epoch in select(&["", "", "", "1!"][..]),
        release in select(&["0.9", "1", "1.0", "1.0.1", "1.1", "2.0", "10.0"][..]),
        pre in select(&["", "", "a1", "b2", "rc1"][..]),
        post in select(&["", "", ".post0", ".post1", ".post2"][..]),
        dev in select(&["", "", ".dev0", ".dev3"][..]),
        local in option::weighted(0.2, select(&["+cpu", "+1", "+cpu.2"][..])),
    ) -> String {
        format!("{epoch}{release}{pre}{post}{dev}{}", local.unwrap_or_default())
    }
}

fn specifier() -> impl Strategy<Value = VersionSpecifier> {
    const OPERATORS: [&str; 9] = ["==", "!=", "<", "<=", ">", ">=", "~=", "==*", "!=*"];
    (select(&OPERATORS[..]), version()).prop_filter_map("it is no specifier", |(operator, text)| {
        let text = match operator.strip_suffix('*') {
            Some(operator) => {
                let release = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '!'));
                format!(
                    "{operator}{}.*",
                    &text[..release.unwrap_or(text.len())].trim_end_matches('.')
                )
            }
            None => format!("{operator}{text}"),
        };
        VersionSpecifier::from_str(&text).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_range_has_what_its_specifier_allows(specifier in specifier(), version in version()) {
        let version = Version::from_str(&version).expect("a version");
        let range = of(&VersionSpecifiers::from(specifier.clone()));
        prop_assert_eq!(range.contains(&version), allows(&specifier, &version), "{}", range);
    }

    #[test]
    fn a_range_is_described_whatever_it_is(a in specifier(), b in specifier()) {
        let [a, b] = [a, b].map(|one| of(&VersionSpecifiers::from(one)));
        for range in [a.union(&b), a.intersection(&b), a.complement(), Ranges::full()] {
            prop_assert_eq!(describe(&range).is_empty(), range == Ranges::full());
        }
    }
}

/// What a specifier allows, by the words of the specification.
fn allows(specifier: &VersionSpecifier, version: &Version) -> bool {
    use pep440_rs::Operator::{
        Equal, EqualStar, ExactEqual, GreaterThan, GreaterThanEqual, LessThan, LessThanEqual,
        NotEqual, NotEqualStar, TildeEqual,
    };
    let wanted = specifier.version();
    let public = version.clone().without_local();
    let base = |version: &Version| {
        version.clone().without_local().with_post(None).with_dev(None).with_pre(None)
    };
    let equal = || if wanted.is_local() { version == wanted } else { public == *wanted };
    let prefix = |wanted: &[u64]| {
        let release = version.release().iter().copied().chain(std::iter::repeat(0));
        version.epoch() == specifier.version().epoch()
            && release.zip(wanted).all(|(found, wanted)| found == *wanted)
    };
    match specifier.operator() {
        Equal => equal(),
        NotEqual => !equal(),
        ExactEqual => version == wanted,
        EqualStar => prefix(wanted.release()),
        NotEqualStar => !prefix(wanted.release()),
        TildeEqual => {
            let release = wanted.release();
            public >= *wanted && prefix(&release[..release.len() - 1])
        }
        GreaterThanEqual => public >= *wanted,
        LessThanEqual => public <= *wanted,
        LessThan if wanted.any_prerelease() => version < wanted,
        LessThan if wanted.is_post() => version < wanted && public.with_dev(None) != *wanted,
        LessThan => {
            version < wanted && !(version.any_prerelease() && base(version) == base(wanted))
        }
        GreaterThan => {
            let of = public.clone().with_post(None).with_dev(None);
            public > *wanted && !(version.is_post() && of == *wanted)
        }
    }
}
