//! A project's page in the forms in which the mirror gives it, made from the upstream's page. Knows nothing of the network or the disk.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

/// A page in one media type.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) plain: Bytes,
    pub(crate) gzip: Bytes,
    /// The entity tag, with its quotes.
    pub(crate) etag: String,
}

/// What the upstream says of one file.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) url: Url,
    /// Lower-case hexadecimal, if the page has it.
    pub(crate) sha256: Option<String>,
    /// The sha256 of the metadata file, if the upstream has such a file and says its hash.
    pub(crate) metadata_sha256: Option<String>,
    /// Whether the upstream has a metadata file.
    pub(crate) has_metadata: bool,
}

/// A project's page and where its files come from.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) json: Form,
    pub(crate) html: Form,
    /// Filename → origin.
    pub(crate) files: HashMap<String, Origin>,
}

impl Page {
    /// Makes the page of `project` from the upstream's. `known` gives the sha256 of the metadata of wheels that are here already.
    pub(crate) fn new(
        project: &str,
        upstream: &Value,
        known: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut files = HashMap::new();
        let mut listed = Vec::new();
        for file in upstream["files"].as_array().into_iter().flatten() {
            let Some((filename, origin)) = origin(file) else { continue };
            listed.push(entry(project, file, filename, &origin, &known));
            files.insert(filename.to_owned(), origin);
        }
        let mut page = Map::new();
        page.insert("meta".to_owned(), upstream["meta"].clone());
        page.insert("name".to_owned(), upstream["name"].as_str().unwrap_or(project).into());
        if let Some(versions) = upstream.get("versions") {
            page.insert("versions".to_owned(), versions.clone());
        }
        let html = html(project, &listed);
        page.insert("files".to_owned(), Value::Array(listed));
        Self { json: form(Value::Object(page).to_string()), html: form(html), files }
    }
}

fn origin(file: &Value) -> Option<(&str, Origin)> {
    let filename = file["filename"].as_str()?;
    // The name becomes a path, a URL and part of a header: nothing but what distributions are really called will do.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+!~".contains(&byte);
    if filename.is_empty() || filename.starts_with('.') || !filename.bytes().all(plain) {
        return None;
    }
    let advertised = file
        .get("core-metadata")
        .or_else(|| file.get("data-dist-info-metadata"))
        .unwrap_or(&Value::Null);
    let origin = Origin {
        url: Url::parse(file["url"].as_str()?).ok()?,
        sha256: file["hashes"]["sha256"].as_str().map(str::to_ascii_lowercase),
        metadata_sha256: advertised["sha256"].as_str().map(str::to_ascii_lowercase),
        has_metadata: advertised.is_object() || *advertised == Value::Bool(true),
    };
    Some((filename, origin))
}

/// A file's entry: the upstream's, with its address here and the metadata file that is here.
fn entry(
    project: &str,
    file: &Value,
    filename: &str,
    origin: &Origin,
    known: &impl Fn(&str) -> Option<String>,
) -> Value {
    let mut entry = Map::new();
    for key in ["filename", "hashes", "requires-python", "size", "upload-time", "yanked"] {
        if let Some(value) = file.get(key) {
            entry.insert(key.to_owned(), value.clone());
        }
    }
    entry.insert("url".to_owned(), format!("../../files/{project}/{filename}").into());
    if is_wheel(filename) {
        let sha256 = origin.metadata_sha256.clone().or_else(|| known(filename));
        let metadata = sha256.map(|sha256| serde_json::json!({ "sha256": sha256 }));
        entry.insert("core-metadata".to_owned(), metadata.clone().unwrap_or(Value::Bool(true)));
        // What the first key was called before PEP 714. pip reads only this one until 23.2, and until 23.1 it ends with
        // an exception at `true`, which the specification allows.
        if let Some(metadata) = metadata {
            entry.insert("dist-info-metadata".to_owned(), metadata);
        }
    }
    Value::Object(entry)
}

/// Whether a file is a wheel, by the one extension that the specification gives wheels.
pub(crate) fn is_wheel(filename: &str) -> bool {
    std::path::Path::new(filename).extension().is_some_and(|extension| extension == "whl")
}

fn html(project: &str, files: &[Value]) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.1\"><title>{project}</title></head><body>\n"
    );
    for file in files {
        let mut url = file["url"].as_str().unwrap_or_default().to_owned();
        if let Some(sha256) = file["hashes"]["sha256"].as_str() {
            let _ = write!(url, "#sha256={sha256}");
        }
        let _ = write!(out, "<a href=\"{}\"", escape(&url));
        if let Some(python) = file["requires-python"].as_str() {
            let _ = write!(out, " data-requires-python=\"{}\"", escape(python));
        }
        match &file["yanked"] {
            Value::Bool(true) => out.push_str(" data-yanked=\"\""),
            Value::String(reason) => {
                let _ = write!(out, " data-yanked=\"{}\"", escape(reason));
            }
            _ => {}
        }
        if let Some(metadata) = file.get("core-metadata") {
            let value = match metadata["sha256"].as_str() {
                Some(sha256) => format!("sha256={sha256}"),
                None => "true".to_owned(),
            };
            let _ = write!(out, " data-core-metadata=\"{value}\"");
            if file.get("dist-info-metadata").is_some() {
                let _ = write!(out, " data-dist-info-metadata=\"{value}\"");
            }
        }
        let _ = writeln!(out, ">{}</a><br>", escape(file["filename"].as_str().unwrap_or_default()));
    }
    out.push_str("</body></html>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn form(text: String) -> Form {
    let etag = format!("\"{}\"", &hex(&Sha256::digest(text.as_bytes()))[..32]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    let gzip = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    Form { gzip: gzip.expect("writing to memory does not fail").into(), plain: text.into(), etag }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let upstream = serde_json::json!({
            "meta": {"api-version": "1.1"}, "name": "Some.Thing", "versions": ["1.0"],
            "files": [
                {"filename": "a-1-py3-none-any.whl", "url": "http://up/x/a-1-py3-none-any.whl", "hashes": {"sha256": "AB"},
                 "requires-python": ">=3.8", "yanked": "broken <b>", "core-metadata": {"sha256": "cd"}, "provenance": "http://up/p"},
                {"filename": "b-1-py3-none-any.whl", "url": "http://up/b.whl", "hashes": {}, "yanked": false},
                {"filename": "c-1-py3-none-any.whl", "url": "http://up/c.whl", "hashes": {}},
                {"filename": "a-1.tar.gz", "url": "http://up/a-1.tar.gz", "hashes": {"sha256": "ef"}, "size": 3},
                {"filename": "../evil", "url": "http://up/evil", "hashes": {}},
                {"filename": "nowhere.whl", "url": null, "hashes": {}},
            ],
        });
        Page::new("some-thing", &upstream, |name| name.starts_with('b').then(|| "99".to_owned()))
    }

    #[test]
    fn the_json_points_to_the_mirror_and_advertises_metadata() {
        let page = page();
        let json: Value = serde_json::from_slice(&page.json.plain).unwrap();
        let files = json["files"].as_array().unwrap();
        assert_eq!(files.len(), 4);
        assert_eq!(files[0]["url"], "../../files/some-thing/a-1-py3-none-any.whl");
        assert_eq!(files[0]["core-metadata"]["sha256"], "cd");
        assert_eq!(files[0]["yanked"], "broken <b>");
        assert_eq!(files[0].get("provenance"), None);
        assert_eq!(files[1]["dist-info-metadata"]["sha256"], "99");
        assert_eq!(files[2]["core-metadata"], true);
        // Early readers of the old key take nothing but a digest.
        assert_eq!(files[2].get("dist-info-metadata"), None);
        assert_eq!(files[3].get("core-metadata"), None);
        assert_eq!(files[3]["size"], 3);
        let origin = &page.files["a-1-py3-none-any.whl"];
        assert_eq!(origin.sha256.as_deref(), Some("ab"));
        assert!(origin.has_metadata && !page.files["b-1-py3-none-any.whl"].has_metadata);
        assert!(!page.files.contains_key("../evil"));
    }

    #[test]
    fn the_html_says_the_same() {
        let page = page();
        let html = String::from_utf8(page.html.plain.to_vec()).unwrap();
        assert!(html.contains(
            "<a href=\"../../files/some-thing/a-1-py3-none-any.whl#sha256=AB\" data-requires-python=\"&gt;=3.8\" \
             data-yanked=\"broken &lt;b&gt;\" data-core-metadata=\"sha256=cd\" data-dist-info-metadata=\"sha256=cd\">"
        ));
        assert_eq!(html.matches("<a ").count(), 4);
        assert_ne!(page.html.etag, page.json.etag);
    }

    #[test]
    fn the_compressed_form_is_the_same_text() {
        let page = page();
        let mut text = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(&page.json.gzip[..]),
            &mut text,
        )
        .unwrap();
        assert_eq!(text, page.json.plain);
    }
}
