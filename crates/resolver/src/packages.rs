//! The world as the solver sees it: pages and metadata, by name. `registry` is the real one.

use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::PackageName;
use version_ranges::Ranges;

use crate::candidate::Candidate;
use crate::error::Error;
use pyfast_index::page::Page;
use pyfast_packaging::metadata::Metadata;

/// Where packages come from. Calls block; the prefetching ones return at once.
pub(crate) trait Packages {
    /// The versions of a project on the indexes; `None` where none has it.
    ///
    /// # Errors
    /// An index that could not be asked, or that answered with something else than a page.
    fn page(&self, name: &PackageName) -> Result<Option<Arc<Page>>, Arc<Error>>;

    /// The metadata of a candidate.
    ///
    /// # Errors
    /// Metadata that could not be fetched. `Ok(Err(reason))` is metadata that cannot be used.
    fn metadata(&self, candidate: &Candidate) -> Result<Result<Arc<Metadata>, String>, Arc<Error>>;

    /// Says that a project will be asked for, and within which range a version will be wanted.
    fn prefetch(&self, name: &PackageName, range: Option<&Ranges<Version>>);

    /// Says that after this version, `count` more in the range will probably be looked at.
    fn prefetch_more(&self, candidate: &Candidate, range: &Ranges<Version>, count: usize);

    /// Says that the solver decided on a candidate for now; most of these decisions are final.
    fn decided(&self, candidate: &Candidate);
}

#[cfg(test)]
pub(crate) mod offline {
    //! Packages held in memory, for tests.

    use std::collections::BTreeMap;

    use super::{Arc, Candidate, Error, Metadata, PackageName, Packages, Page, Ranges, Version};
    use pyfast_index::page::{File, Listing};
    use pyfast_packaging::metadata;

    /// Packages with their versions and METADATA bodies.
    #[derive(Default)]
    pub(crate) struct Offline {
        packages: BTreeMap<PackageName, BTreeMap<Version, String>>,
    }

    impl Offline {
        /// Adds a version whose dependencies are `requires`, one `Requires-Dist` each.
        pub(crate) fn add(&mut self, name: &str, version: &str, requires: &[&str]) {
            let mut text = format!("Name: {name}\nVersion: {version}\n");
            text.extend(
                requires.iter().map(|requirement| format!("Requires-Dist: {requirement}\n")),
            );
            let name = name.parse().expect("a name");
            let versions = self.packages.entry(name).or_default();
            versions.insert(version.parse().expect("a version"), text);
        }
    }

    impl Packages for Offline {
        fn page(&self, name: &PackageName) -> Result<Option<Arc<Page>>, Arc<Error>> {
            let Some(versions) = self.packages.get(name) else { return Ok(None) };
            let stem = name.as_dist_info_name();
            let names = versions.keys().map(|version| format!("{stem}-{version}-py3-none-any.whl"));
            let names: Vec<String> = names.collect();
            let files = names
                .iter()
                .map(|name| File {
                    filename: name.into(),
                    url: format!("https://index.test/{name}").into(),
                    ..File::default()
                })
                .collect();
            Ok(Page::decode(&Page::encode(name.as_ref(), files).into(), Listing::Index(0))
                .map(Arc::new))
        }

        fn metadata(
            &self,
            candidate: &Candidate,
        ) -> Result<Result<Arc<Metadata>, String>, Arc<Error>> {
            let text = &self.packages[&candidate.name][&candidate.version];
            Ok(metadata::parse(text).map(Arc::new))
        }

        fn prefetch(&self, _name: &PackageName, _range: Option<&Ranges<Version>>) {}

        fn prefetch_more(&self, _candidate: &Candidate, _range: &Ranges<Version>, _count: usize) {}

        fn decided(&self, _candidate: &Candidate) {}
    }
}
