//! `direct_url.json` (PEP 610): where a package came from that is not an index'.
//!
//! <https://packaging.python.org/en/latest/specifications/direct-url-data-structure/>

use pyfast_packaging::dist_file::Location;
use pyfast_packaging::safe_url::redact;
use pyfast_packaging::source_dist::SourceTree;
use pyfast_resolver::LockedPackage;
use serde_json::{Value, json};

/// PEP 610's object for a package that was named by URL, path or repository.
pub fn direct_url(package: &LockedPackage) -> Option<Value> {
    if !package.direct {
        return None;
    }
    let url = match &package.location {
        // The user of an ssh URL is part of the address.
        Location::Url(url) if url.scheme() == "ssh" && url.password().is_none() => url.to_string(),
        Location::Url(url) => redact(url.as_str()),
        Location::Path(path) => url::Url::from_file_path(path).ok()?.to_string(),
    };
    let mut object = json!({ "url": url });
    match package.tree.as_ref().map(|tree| (&tree.tree, tree.editable)) {
        Some((SourceTree::Directory(_), true)) => object["dir_info"] = json!({ "editable": true }),
        Some((SourceTree::Directory(_), false)) => object["dir_info"] = json!({}),
        Some((SourceTree::Repository { commit, requested, .. }, _)) => {
            object["vcs_info"] = json!({ "vcs": "git", "commit_id": commit });
            if let Some(requested) = requested {
                object["vcs_info"]["requested_revision"] = json!(requested);
            }
        }
        Some((SourceTree::Archive { .. }, _)) | None => {
            let digest = package.sha256?.to_string();
            object["archive_info"] =
                json!({ "hash": format!("sha256={digest}"), "hashes": { "sha256": digest } });
        }
    }
    if let Some(below) = package.tree.as_ref().and_then(|tree| tree.subdirectory.as_ref()) {
        object["subdirectory"] = json!(below);
    }
    Some(object)
}
