//! `--find-links`: directories and pages of files of many projects.

use std::io;
use std::path::{Path, PathBuf};

use http::header;
use pep508_rs::PackageName;
use tokio::sync::OnceCell;
use url::Url;

use crate::client::{Answer, Client, Request};
use crate::error::Error;
use crate::page::{File, Listing, Page};
use crate::simple::read_files;

/// The files of all locations, read once.
pub struct Flat {
    locations: Vec<String>,
    files: OnceCell<Vec<File<'static>>>,
}

impl Flat {
    /// Directories and pages of files, as the user named them.
    pub fn new(locations: Vec<String>) -> Self {
        Self { locations, files: OnceCell::new() }
    }

    /// The versions of one project; `None` where no location has it.
    ///
    /// # Errors
    /// [`Error::FindLinks`], or what fetching fails with.
    pub async fn page(&self, name: &PackageName, client: &Client) -> Result<Option<Page>, Error> {
        if self.locations.is_empty() {
            return Ok(None);
        }
        let files = self.files.get_or_try_init(|| self.read(client)).await?;
        let page = Page::encode(name.as_ref(), files.clone());
        Ok(Page::decode(&page.into(), Listing::FindLinks)
            .filter(|page| !page.versions().is_empty()))
    }

    async fn read(&self, client: &Client) -> Result<Vec<File<'static>>, Error> {
        let mut files = Vec::new();
        for location in &self.locations {
            files.extend(read_location(location, client).await?);
        }
        Ok(files)
    }
}

async fn read_location(location: &str, client: &Client) -> Result<Vec<File<'static>>, Error> {
    let error = |reason: String| Error::FindLinks {
        location: pyfast_packaging::safe_url::shown(location),
        reason,
    };
    if let Some(path) = local_path(location) {
        return read_path(&path).map_err(|source| error(source.to_string()));
    }
    let url = Url::parse(location).map_err(|source| error(source.to_string()))?;
    let answer = fetch_links(client, &url).await?;
    if answer.status != http::StatusCode::OK {
        return Err(error(format!("the server answered {}", answer.status.as_u16())));
    }
    Ok(read_files(&answer)?.into_iter().map(File::into_owned).collect())
}

/// The files of a directory, or of a page on this machine.
///
/// # Errors
/// What the file system fails with, or a page that is no text.
pub fn read_path(path: &Path) -> io::Result<Vec<File<'static>>> {
    if path.is_dir() {
        return read_directory(path);
    }
    let body = pyfast_root::regular_file::read_text(path)?;
    let no_path = |()| io::Error::new(io::ErrorKind::InvalidInput, "it is no path");
    let url = Url::from_file_path(path.canonicalize()?).map_err(no_path)?;
    let (links, base) = crate::html::links(&body, &url);
    let files = links.iter().filter_map(|link| crate::simple::link_to_file(link, &base));
    Ok(files.map(local_url).collect())
}

/// The distributions of a directory, in the order of their names.
fn read_directory(directory: &Path) -> io::Result<Vec<File<'static>>> {
    let directory = directory.canonicalize()?;
    let mut names = Vec::new();
    for entry in fs_err::read_dir(&directory)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    let files = names.into_iter().map(|name| File {
        url: directory.join(&name).display().to_string().into(),
        filename: name.into(),
        ..File::default()
    });
    Ok(files.collect())
}

/// A `file:` link of a local page as the path it means.
fn local_url(mut file: File<'static>) -> File<'static> {
    if let Some(path) = file.url.starts_with("file:").then(|| local_path(&file.url)).flatten() {
        file.url = path.display().to_string().into();
    }
    file
}

/// A page of links, in whichever form the server has it.
async fn fetch_links(client: &Client, url: &Url) -> Result<Answer, Error> {
    let request = Request::page(url.clone(), 256 << 20);
    client.fetch(&request.header(header::ACCEPT, crate::simple::ACCEPT)).await
}

/// The path of a `file:` URL or of a plain path; `None` of what is on a server.
pub fn local_path(location: &str) -> Option<PathBuf> {
    match location.split_once("://") {
        Some(("file", _)) => Url::parse(location).ok()?.to_file_path().ok(),
        Some(_) => None,
        None => Some(PathBuf::from(location)),
    }
}
