//! The Simple API: one project's page in JSON or HTML, read into files.
//!
//! <https://packaging.python.org/en/latest/specifications/simple-repository-api/>

use std::borrow::Cow;

use http::header;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::client::Answer;
use crate::error::Error;
use crate::html::{self, Link};
use crate::page::File;
use pyfast_packaging::hash::{Digest, OtherDigest, OtherKind, Sha256};

/// What is asked for, best first.
pub const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
     application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

#[derive(Deserialize)]
struct JsonMeta<'a> {
    /// A text; some servers write a number.
    #[serde(rename = "api-version", borrow)]
    api_version: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct JsonPage<'a, F> {
    #[serde(borrow)]
    meta: Option<JsonMeta<'a>>,
    files: Vec<F>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JsonFile<'a> {
    #[serde(borrow)]
    filename: Cow<'a, str>,
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow, default)]
    hashes: JsonHashes<'a>,
    size: Option<u64>,
    #[serde(borrow)]
    requires_python: Option<Cow<'a, str>>,
    #[serde(borrow)]
    yanked: Option<BoolOr<'a>>,
    #[serde(borrow)]
    upload_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    core_metadata: Option<BoolOrHashes<'a>>,
    #[serde(borrow)]
    dist_info_metadata: Option<BoolOrHashes<'a>>,
}

#[derive(Default, Deserialize)]
struct JsonHashes<'a> {
    #[serde(borrow)]
    sha256: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sha512: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sha384: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sha1: Option<Cow<'a, str>>,
    #[serde(borrow)]
    md5: Option<Cow<'a, str>>,
}

impl JsonHashes<'_> {
    /// The SHA-256, else the best that there is.
    fn best(&self) -> (Option<Sha256>, Option<OtherDigest>) {
        if let Some(sha256) = self.sha256.as_ref().and_then(|digest| digest.parse().ok()) {
            return (Some(sha256), None);
        }
        let given = |kind| match kind {
            OtherKind::Sha512 => self.sha512.as_deref(),
            OtherKind::Sha384 => self.sha384.as_deref(),
            OtherKind::Sha1 => self.sha1.as_deref(),
            OtherKind::Md5 => self.md5.as_deref(),
        };
        let mut kinds = OtherKind::ALL.into_iter();
        (None, kinds.find_map(|kind| OtherDigest::new(kind, given(kind)?)))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum BoolOr<'a> {
    Bool(bool),
    Text(#[serde(borrow)] Cow<'a, str>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum BoolOrHashes<'a> {
    Bool(bool),
    #[expect(dead_code, reason = "that hashes stand there is what counts")]
    Hashes(#[serde(borrow)] JsonHashes<'a>),
}

impl BoolOrHashes<'_> {
    fn is_there(&self) -> bool {
        !matches!(self, Self::Bool(false))
    }
}

/// Reads a JSON page. A broken file is skipped, a broken page is an error.
///
/// # Errors
/// What is wrong with the page, in words.
pub fn json<'a>(body: &'a [u8], base: &Url) -> Result<Vec<File<'a>>, String> {
    // A whole page of well-typed files is the rule, so files are looked at one by one only after
    // that failed.
    let (meta, files) = if let Ok(page) = serde_json::from_slice::<JsonPage<'a, JsonFile<'a>>>(body)
    {
        (page.meta, page.files)
    } else {
        let page: JsonPage<'a, &'a RawValue> = serde_json::from_slice(body)
            .map_err(|error| format!("it is not a JSON page: {error}"))?;
        let files = page.files.iter().filter_map(|file| serde_json::from_str(file.get()).ok());
        (page.meta, files.collect())
    };
    let version = meta.and_then(|meta| meta.api_version).map(RawValue::get);
    let version = version.map(|version| version.trim_matches('"')).filter(|text| *text != "null");
    if let Some(version) = version
        && version.split('.').next() != Some("1")
    {
        return Err(format!("it is of API version {version}, and only 1 is understood"));
    }
    Ok(files.into_iter().filter_map(|file| json_file(file, base)).collect())
}

fn json_file<'a>(file: JsonFile<'a>, base: &Url) -> Option<File<'a>> {
    let core_metadata = [&file.core_metadata, &file.dist_info_metadata];
    let core_metadata = core_metadata.into_iter().flatten().any(BoolOrHashes::is_there);
    let (sha256, other) = file.hashes.best();
    Some(File {
        url: absolute(file.url, base)?,
        filename: file.filename,
        sha256,
        other,
        size: file.size,
        requires_python: file.requires_python.filter(|text| !text.trim().is_empty()),
        yanked: match file.yanked {
            None | Some(BoolOr::Bool(false)) => None,
            Some(BoolOr::Bool(true)) => Some("".into()),
            Some(BoolOr::Text(reason)) => Some(reason),
        },
        upload_time: file.upload_time,
        core_metadata,
    })
}

/// Resolves a URL of a page. A page that came over the network never names a local file, and one
/// that came over TLS never leads away from it.
pub fn absolute<'a>(url: Cow<'a, str>, base: &Url) -> Option<Cow<'a, str>> {
    if base.scheme() == "https" && url.starts_with("https://") && !url.contains(['#', '@', '\\']) {
        return Some(url);
    }
    let mut joined = base.join(&url).ok()?;
    let allowed = match base.scheme() {
        "https" => joined.scheme() == "https",
        "http" => matches!(joined.scheme(), "http" | "https"),
        scheme => joined.scheme() == scheme || matches!(joined.scheme(), "http" | "https"),
    };
    if !allowed {
        return None;
    }
    joined.set_fragment(None);
    // Credentials travel by origin, never inside a URL that is written somewhere.
    joined.set_username("").ok();
    joined.set_password(None).ok();
    Some(joined.to_string().into())
}

/// Turns the links of an HTML page into files; links that lead to no distribution are dropped.
pub fn link_to_file(link: &Link, base: &Url) -> Option<File<'static>> {
    let data =
        |name: &str| link.data.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let href = link.href.trim();
    let fragment = href.split_once('#').map_or("", |(_, fragment)| fragment);
    // One that cannot be read is none.
    let digest = Digest::of_fragment(fragment).ok().flatten();
    let url = absolute(Cow::Owned(href.to_owned()), base)?;
    let last = url.split('?').next()?.rsplit('/').next()?;
    let filename = pyfast_packaging::safe_url::percent_decode(last);
    let core_metadata = ["core-metadata", "dist-info-metadata"]
        .into_iter()
        .filter_map(data)
        .any(|value| !value.eq_ignore_ascii_case("false"));
    Some(File {
        filename: filename.into(),
        sha256: digest.as_ref().and_then(Digest::sha256),
        other: digest.as_ref().and_then(Digest::other).cloned(),
        requires_python: data("requires-python")
            .filter(|text| !text.trim().is_empty())
            .map(Cow::Owned),
        yanked: data("yanked").map(Cow::Owned),
        core_metadata,
        url: url.into_owned().into(),
        ..File::default()
    })
}

/// The files of a page in JSON or HTML, by its content type.
///
/// # Errors
/// [`Error::Page`].
pub fn read_files(answer: &Answer) -> Result<Vec<File<'_>>, Error> {
    let error = |reason: String| Error::Page { url: answer.url.clone(), reason };
    let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or("text/html").split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    if kind.ends_with("json") {
        return json(&answer.body, &answer.url).map_err(error);
    }
    if !kind.ends_with("html") {
        return Err(error(format!("it is `{kind}`, neither JSON nor HTML")));
    }
    let text = String::from_utf8_lossy(&answer.body);
    let (links, base) = html::links(&text, &answer.url);
    Ok(links.iter().filter_map(|link| link_to_file(link, &base)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://index.test/simple/a/").expect("a URL")
    }

    #[test]
    fn rule_32_json_pages_are_read_and_broken_files_skipped() {
        let digest = "ab".repeat(32);
        let body = format!(
            r#"{{"meta":{{"api-version":"1.9"}},"name":"a","unknown":[{{}}],"files":[
            {{"filename":"a-1-py3-none-any.whl","url":"../../f/a-1-py3-none-any.whl","hashes":{{"sha256":"{digest}"}},
              "yanked":"bad\nnews","core-metadata":{{"sha256":"{digest}"}},"requires-python":">=3"}},
            {{"filename":7}},
            {{"filename":"a-2-py3-none-any.whl","url":"file:///etc/passwd"}},
            {{"filename":"a-2-py3-none-any.whl","url":"http://plain.test/a-2-py3-none-any.whl"}},
            {{"filename":"a-3-py3-none-any.whl","url":"https://u:p@h.test/a-3.whl#x","yanked":false,"hashes":{{}}}}]}}"#
        );
        let files = json(body.as_bytes(), &base()).expect("a page");
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].url, "https://index.test/f/a-1-py3-none-any.whl");
        assert_eq!(files[0].yanked.as_deref(), Some("bad\nnews"));
        assert!(files[0].core_metadata && files[0].sha256.is_some());
        assert_eq!(files[1].url, "https://h.test/a-3.whl");
        assert!(files[1].yanked.is_none());
    }

    #[test]
    fn other_api_versions_and_other_bodies_are_refused() {
        for body in [
            r#"{"meta":{"api-version":"2.0"},"files":[]}"#,
            r#"{"meta":{"api-version":2.0},"files":[]}"#,
            "<html>",
            "[]",
            &format!("{}1", "[".repeat(100_000)),
        ] {
            assert!(json(body.as_bytes(), &base()).is_err());
        }
    }

    #[test]
    fn the_api_version_may_be_a_number_or_missing() {
        for meta in [r#""api-version": 1.0"#, r#""api-version": 1"#, r#""api-version": null"#, ""] {
            let body = format!(r#"{{"meta":{{{meta}}},"files":[]}}"#);
            assert_eq!(json(body.as_bytes(), &base()), Ok(Vec::new()), "{meta}");
        }
    }

    #[test]
    fn what_only_looks_like_a_link_is_none() {
        let link = r#"<a href="no-1.tar.gz">no</a>"#;
        for (before, after) in [
            ("<script>var x = '", "';</script>"),
            ("<SCRIPT><!-- ", " --></SCRIPT >"),
            ("<style>", "</style>"),
            ("<title>", "</title>"),
            ("<textarea>", "</textarea>"),
            ("<!-- ", " -->"),
            ("<noframes>", "</noframes>"),
        ] {
            let page = format!(r#"{before}{link}{after}<a href="yes-1.tar.gz">yes</a>"#);
            let (links, _) = html::links(&page, &base());
            let found: Vec<&str> = links.iter().map(|link| link.href.as_str()).collect();
            assert_eq!(found, ["yes-1.tar.gz"], "{page}");
        }
    }

    #[test]
    fn media_types_are_compared_without_case() {
        let read = |kind: &str, body: &'static str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().expect("a header"));
            let body = bytes::Bytes::from_static(body.as_bytes());
            let answer = Answer { url: base(), status: http::StatusCode::OK, headers, body };
            read_files(&answer).map(|files| files.len()).ok()
        };
        let html = r#"<a href="a-1.tar.gz">a</a>"#;
        assert_eq!(read("Text/HTML; charset=UTF-8", html), Some(1));
        assert_eq!(read("APPLICATION/vnd.PyPI.simple.v1+JSON", r#"{"files":[]}"#), Some(0));
        assert_eq!(read("text/plain", html), None);
    }

    #[test]
    fn rule_32_html_links_are_read_as_a_browser_reads_them() {
        let page = r#"<!DOCTYPE html><base href="/files/"><!-- <a href="no-1.tar.gz">no</a> -->
            <A HREF='a-1-py3-none-any.whl#sha256=zz' data-requires-python="&gt;=3.8" data-yanked>a</A>
            <a href=a-2-py3-none-any.whl data-core-metadata="false" data-dist-info-metadata=sha256=00>b
            <a name="x">c</a><a href="ftp://h/a-3.zip">d</a>"#;
        let url = Url::parse("https://index.test/simple/a/").expect("a URL");
        let (links, base) = html::links(page, &url);
        let files: Vec<_> = links.iter().filter_map(|link| link_to_file(link, &base)).collect();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].url, "https://index.test/files/a-1-py3-none-any.whl");
        assert_eq!(files[0].requires_python.as_deref(), Some(">=3.8"));
        assert_eq!(files[0].yanked.as_deref(), Some(""));
        assert!(files[1].core_metadata);
        assert_eq!(links[0].text, "a");
    }
}
