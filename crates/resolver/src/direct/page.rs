//! What is named by URL or path: a page with one version and one file.

use std::path::Path;
use std::sync::Arc;

use pep508_rs::PackageName;

use super::trees::DirectTree;
use pyfast_index::page::{File, Listing, Page};
use pyfast_index::{Body, Error as IndexError};
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Digest;
use pyfast_packaging::metadata::Metadata;
use pyfast_packaging::requirement::DirectWheel;

/// The page of a directly named wheel.
pub(crate) fn page(wheel: &DirectWheel) -> Page {
    let name: &PackageName = &wheel.filename.name;
    let url = match &wheel.location {
        Location::Url(url) => url.to_string(),
        Location::Path(path) => path.display().to_string(),
    };
    page_of(name, wheel.filename.as_str(), &url, wheel.digest.as_ref())
}

/// The page of a directly named source.
pub(crate) fn tree_page(tree: &DirectTree) -> Page {
    let Metadata { name, version, .. } = &*tree.metadata;
    let location = tree.source.tree.location();
    // A tree has no file name: the page only has to say project, version and that it is source.
    let filename = format!("{}-{version}.tar.gz", name.as_dist_info_name());
    page_of(name, &filename, &location.to_string(), tree.sha256.map(Digest::Sha256).as_ref())
}

fn page_of(name: &PackageName, filename: &str, url: &str, digest: Option<&Digest>) -> Page {
    let file = File {
        filename: filename.into(),
        url: url.into(),
        sha256: digest.and_then(Digest::sha256),
        other: digest.and_then(Digest::other).cloned(),
        ..File::default()
    };
    Page::decode(&Page::encode(name.as_ref(), vec![file]).into(), Listing::Direct)
        .unwrap_or_else(Page::empty)
}

/// The bytes of a file of this machine.
///
/// # Errors
/// [`ReadWheel`](IndexError::ReadWheel).
pub(crate) fn body(path: &Path) -> Result<Body, IndexError> {
    let fail = |source| IndexError::ReadWheel { path: path.to_owned(), source };
    Ok(Body::File(Arc::new(pyfast_root::regular_file::open(path).map_err(fail)?)))
}
