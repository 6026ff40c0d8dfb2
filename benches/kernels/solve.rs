//! Solving the requirements of a real application out of the cache, with what an index had when `benches/record.py` asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use criterion::Criterion;
use http_cache_semantics::CachePolicy;
use pyfast_index::cache::{Cache, PageHeader};
use pyfast_index::client::{Client, ClientOptions};
use pyfast_index::credentials::Credentials;
use pyfast_index::page::{File, Page};
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::platform::named_target;
use pyfast_packaging::requirements_txt::{ReadContext, RequirementSet, read_requirements};
use pyfast_resolver::{LockRequest, LockTools, Policy, Sources, Targets, lock};
use serde::Deserialize;
use sha2::Digest as _;
use url::Url;

/// What was recorded of a project.
#[derive(Deserialize)]
struct Recorded {
    /// Name, `Requires-Python`, whether it is yanked.
    files: Vec<(String, Option<String>, bool)>,
    metadata: BTreeMap<String, String>,
}

fn recorded() -> BTreeMap<String, Recorded> {
    let packed: &[u8] = include_bytes!("../../tests/data/seed-index.json.gz");
    serde_json::from_reader(flate2::read::GzDecoder::new(packed)).expect("the record is right")
}

/// Digests were not recorded; that they are different is enough.
fn digest(filename: &str) -> Sha256 {
    Sha256(sha2::Sha256::digest(filename).into())
}

/// A cache that holds what was recorded.
fn cache(directory: &Path, index: &Url) -> Cache {
    let cache = Cache::new(Some(directory.to_owned()));
    for (project, Recorded { files, metadata }) in recorded() {
        let page = index.join(&format!("{project}/")).expect("a URL");
        let place = |filename: &str| page.join(filename).expect("a URL").to_string();
        let entries = files.iter().map(|(filename, requires_python, yanked)| File {
            filename: filename.into(),
            url: place(filename).into(),
            sha256: Some(digest(filename)),
            requires_python: requires_python.as_deref().map(Into::into),
            yanked: yanked.then(|| "".into()),
            core_metadata: true,
            ..File::default()
        });
        let encoded = Page::encode(&project, entries.collect());
        let (request, answer) = (http::Request::new(()), http::Response::new(()));
        let policy = CachePolicy::new(&request, &answer);
        let header = PageHeader { url: page.clone(), body: Sha256([0; 32]), policy };
        cache.store_page(index, &project, &header, &encoded);
        for (filename, text) in &metadata {
            let key = Cache::metadata_key(Some(&digest(filename)), &place(filename));
            cache.store_metadata(&key, text);
        }
    }
    cache
}

fn requirements() -> RequirementSet {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/seed-requirements.txt");
    read_requirements(&[file], &[], &[], &ReadContext::default()).expect("the file is right")
}

/// A new run each time: pages are opened, read as far as they are needed, and solved from.
pub(crate) fn seed(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let index = Url::parse("http://index.test/simple/").expect("a URL");
    let cache = cache(directory.path(), &index);
    let set = requirements();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = named_target(Some("3.11"), Some("linux/amd64"), None).expect("a target");
    let options = ClientOptions { offline: true, ..ClientOptions::default() };
    let request = LockRequest {
        set: &set,
        targets: Targets::One(target),
        policy: Policy::default(),
        kept: Vec::new(),
        limits: Vec::new(),
        no_deps: false,
    };
    let tools = LockTools {
        client: Arc::new(Client::new(options, Credentials::default())),
        cache,
        sources: Sources { indexes: vec![index], ..Sources::default() },
        runtime: runtime.handle().clone(),
        build: None,
        whole_up_to: 0,
    };
    criterion.bench_function("solve/seed", |bencher| {
        bencher.iter(|| {
            let locked = lock(&request, &tools, &|_| ()).expect("there is a solution");
            assert!(locked.lock.packages.len() > 80, "{}", locked.lock.packages.len());
        });
    });
}
