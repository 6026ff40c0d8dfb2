//! A project's page: as an index sends it, and as the cache keeps it.

use std::fmt::Write as _;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use pyfast_index::page::{Listing, Page};
use pyfast_index::simple;
use url::Url;

/// A page of 600 versions with four files each, as large projects have.
fn body() -> String {
    let mut files = String::new();
    for version in 0..600 {
        for kind in [
            "tar.gz",
            "cp311-cp311-manylinux_2_17_x86_64.whl",
            "cp311-cp311-win_amd64.whl",
            "py3-none-any.whl",
        ] {
            let separator = if files.is_empty() { "" } else { "," };
            let name = match kind {
                "tar.gz" => format!("large-{version}.0.tar.gz"),
                kind => format!("large-{version}.0-{kind}"),
            };
            let digest = "0123456789abcdef".repeat(4);
            let _ = write!(
                files,
                "{separator}{{\"filename\":\"{name}\",\"url\":\"../../packages/{name}\",\"hashes\":{{\"sha256\":\"{digest}\"}},\
                 \"requires-python\":\">=3.8\",\"size\":123456,\"upload-time\":\"2024-01-01T00:00:00.000000Z\",\
                 \"yanked\":false,\"core-metadata\":{{\"sha256\":\"{digest}\"}}}}"
            );
        }
    }
    format!("{{\"meta\":{{\"api-version\":\"1.1\"}},\"name\":\"large\",\"files\":[{files}]}}")
}

fn encoded(body: &str, base: &Url) -> Vec<u8> {
    Page::encode("large", simple::json(body.as_bytes(), base).expect("the page is right"))
}

/// From the body of an answer to the form that is kept.
pub(crate) fn json(criterion: &mut Criterion) {
    let (body, base) = (body(), Url::parse("http://index.test/simple/large/").expect("a URL"));
    let mut group = criterion.benchmark_group("page");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("json", |bencher| bencher.iter(|| encoded(black_box(&body), &base)));
    group.finish();
}

/// From the form that is kept to the files of the newest version.
pub(crate) fn cached(criterion: &mut Criterion) {
    let (body, base) = (body(), Url::parse("http://index.test/simple/large/").expect("a URL"));
    let encoded = Bytes::from(encoded(&body, &base));
    criterion.bench_function("page/cached", |bencher| {
        bencher.iter(|| {
            let page =
                Page::decode(black_box(&encoded), Listing::Index(0)).expect("it was just written");
            assert_eq!(page.versions()[0].files().len(), 4);
        });
    });
}
