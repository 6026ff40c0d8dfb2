//! Archives that are there and checked get their places in an empty directory: unpacked, hard-linked, and where a path is
//! written in them, written anew. Nothing of them runs.

use std::path::PathBuf;

use rattler::install::{ExternalSymlinkPolicy, Installer, LinkOptions};
use rattler::package_cache::PackageCache;
use rattler_conda_types::{PrefixRecord, RepoDataRecord};
use rayon::ThreadPoolBuilder;
use url::Url;

use super::platform;
use crate::error::{Error, whole};
use crate::machine::Machine;
use crate::tools::{Tools, threads};

/// Files that are open at once.
const OPEN: usize = 64;

/// Where what is.
pub(crate) struct Places {
    /// The archives, by their file names.
    pub(crate) archives: PathBuf,
    /// An empty directory on the same file system, for what is unpacked.
    pub(crate) unpacked: PathBuf,
    /// An empty directory, the prefix.
    pub(crate) prefix: PathBuf,
    /// Where programs will see it.
    pub(crate) seen: PathBuf,
}

/// Links what was chosen.
pub(crate) fn link(
    records: &[RepoDataRecord],
    places: &Places,
    machine: &Machine,
    tools: &Tools,
) -> Result<(), Error> {
    let records = records.iter().map(|record| at_hand(record, places));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    let links = LinkOptions {
        allow_symbolic_links: Some(true),
        allow_hard_links: Some(true),
        allow_ref_links: Some(false),
    };
    let installer = Installer::new()
        .with_package_cache(PackageCache::new(&places.unpacked))
        // Nothing is asked of it, and it would be made from the variables of the process.
        .with_download_client(tools.client.transport()?)
        .with_target_platform(platform(machine)?)
        .with_alternative_target_prefix(&places.seen)
        .with_link_options(links)
        .with_execute_link_scripts(false)
        .with_external_symlink_policy(ExternalSymlinkPolicy::Deny)
        .with_io_concurrency_limit(OPEN)
        .with_installed_packages(Vec::<PrefixRecord>::new());
    let linked = alone(installer.install(&places.prefix, records))?;
    let linked = linked.map_err(|error| Error::Link { reason: whole(&error) })?;
    let mut clashes: Vec<_> = linked.clobbered_paths.into_iter().collect();
    clashes.sort_by(|one, other| one.0.cmp(&other.0));
    match clashes.into_iter().next() {
        None => Ok(()),
        Some((path, of)) => {
            let packages = [of.package].into_iter().chain(of.other_packages);
            let packages = packages.map(|name| name.as_normalized().to_owned()).collect();
            Err(Error::Clash { packages, path })
        }
    }
}

/// Does that on threads of its own, which have ended when this returns.
///
/// Where one package is refused the others are still being unpacked, on threads of the runtime, and linked, on those of
/// the pool that what waits for them is in. Nobody may write any longer into directories that are removed then.
fn alone<T: Send>(installing: impl Future<Output = T> + Send) -> Result<T, Error> {
    let runtime = threads()?;
    // One of the pool's only waits.
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get() + 1);
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_scoped(rayon::ThreadBuilder::run, |pool| {
            pool.install(|| runtime.block_on(installing))
        })
        .map_err(|error| Error::Threads(std::io::Error::other(error)))
}

/// A package whose archive is in a file of ours.
fn at_hand(record: &RepoDataRecord, places: &Places) -> Result<RepoDataRecord, Error> {
    let path = places.archives.join(record.identifier.to_string());
    let url = Url::from_file_path(&path).map_err(|()| Error::Link {
        reason: format!("`{}` is no absolute path", path.display()),
    })?;
    Ok(RepoDataRecord { url, ..record.clone() })
}
