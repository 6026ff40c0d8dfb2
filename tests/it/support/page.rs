//! Project pages of the Simple API: JSON and HTML from the same list of files.
//! Knows nothing of sockets.

use std::fmt::Write;

use serde_json::{Value, json};

use super::wheel::{Built, sha256};

/// A file as an index lists it.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) wheel: Built,
    /// The reason for yanking; may be empty.
    pub(crate) yanked: Option<String>,
    pub(crate) upload_time: Option<String>,
    /// The digest that the page states, with its kind.
    pub(crate) listed: (&'static str, String),
    /// The metadata file's text.
    pub(crate) metadata: String,
    /// Where the page says that the file is, when it is not this index.
    pub(crate) url: Option<String>,
}

impl File {
    pub(crate) fn new(wheel: Built) -> Self {
        Self {
            yanked: None,
            upload_time: Some("2024-01-01T00:00:00Z".to_owned()),
            listed: ("sha256", wheel.sha256.clone()),
            metadata: wheel.metadata.clone(),
            url: None,
            wheel,
        }
    }

    pub(crate) fn yanked(self, reason: &str) -> Self {
        Self { yanked: Some(reason.to_owned()), ..self }
    }

    pub(crate) fn uploaded(self, time: &str) -> Self {
        Self { upload_time: Some(time.to_owned()), ..self }
    }

    pub(crate) fn listed(self, kind: &'static str, digest: &str) -> Self {
        Self { listed: (kind, digest.to_owned()), ..self }
    }

    pub(crate) fn metadata(self, text: &str) -> Self {
        Self { metadata: text.to_owned(), ..self }
    }

    pub(crate) fn at(self, url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..self }
    }
}

/// The page in the form of PEP 691 and 700; file URLs are relative to the page.
pub(crate) fn json_page(project: &str, files: &[File], with_metadata: bool) -> String {
    let list: Vec<Value> = files.iter().map(|file| json_file(file, with_metadata)).collect();
    let versions: Vec<&str> =
        files.iter().filter_map(|file| file.wheel.filename.split('-').nth(1)).collect();
    json!({
        "meta": {"api-version": "1.1"},
        "name": project,
        "versions": versions,
        "files": list,
    })
    .to_string()
}

fn json_file(file: &File, with_metadata: bool) -> Value {
    let wheel = &file.wheel;
    let url = file.url.clone().unwrap_or_else(|| format!("../../files/{}", wheel.filename));
    let mut value = json!({
        "filename": wheel.filename,
        "url": url,
        "hashes": {file.listed.0: file.listed.1},
        "size": wheel.bytes.len(),
    });
    let mut set = |key: &str, entry: Value| value[key] = entry;
    if let Some(specifiers) = &wheel.requires_python {
        set("requires-python", json!(specifiers));
    }
    if let Some(time) = &file.upload_time {
        set("upload-time", json!(time));
    }
    if let Some(reason) = &file.yanked {
        set("yanked", if reason.is_empty() { json!(true) } else { json!(reason) });
    }
    if with_metadata {
        let digest = json!({"sha256": sha256(file.metadata.as_bytes())});
        set("core-metadata", digest.clone());
        set("dist-info-metadata", digest);
    }
    value
}

/// The page in the form of PEP 503, with a `<base>` that the links are relative to.
pub(crate) fn html_page(project: &str, files: &[File], with_metadata: bool, base: &str) -> String {
    let mut text = format!(
        "<!DOCTYPE html>\n<html><head><base href=\"{base}\"><title>Links for {project}</title>\
         <meta name=\"pypi:repository-version\" content=\"1.0\"></head>\n<body>\n\
         <!-- <a href=\"{project}-99.0-py3-none-any.whl\">{project}-99.0-py3-none-any.whl</a> -->\n"
    );
    for file in files {
        let wheel = &file.wheel;
        let url = file.url.as_deref().unwrap_or(&wheel.filename);
        let (kind, digest) = &file.listed;
        write!(text, "<a href=\"{url}#{kind}={digest}\"").unwrap();
        if let Some(specifiers) = &wheel.requires_python {
            write!(text, " data-requires-python=\"{}\"", escape(specifiers)).unwrap();
        }
        match file.yanked.as_deref() {
            Some("") => text.push_str(" data-yanked"),
            Some(reason) => write!(text, " data-yanked=\"{}\"", escape(reason)).unwrap(),
            None => {}
        }
        if with_metadata {
            let digest = sha256(file.metadata.as_bytes());
            write!(text, " data-core-metadata=\"sha256={digest}\"").unwrap();
            write!(text, " data-dist-info-metadata=\"sha256={digest}\"").unwrap();
        }
        writeln!(text, ">{}</a><br>", wheel.filename).unwrap();
    }
    text + "</body></html>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
