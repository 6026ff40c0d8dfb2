//! Which indexes are searched, by the precedence of the design: command line, requirements files,
//! `PYFAST_…`, `UV_…`, `PIP_…`, `pyfast.toml`, uv's configuration, pip's, the default of the interpreter's
//! own pip, the default this binary was built with. Indexes with a name are pyfast.toml's and uv's.

use std::collections::BTreeMap;
use std::path::Path;

use pyfast_index::credentials::Credentials;
use pyfast_packaging::pyproject::uv::{IndexRole, UvIndex};
use pyfast_packaging::requirements_txt::{IndexOptions, PinnedIndex};
use pyfast_packaging::safe_url::{SafeUrl, shown};
use pyfast_packaging::{MarkerTree, PackageName};
use pyfast_resolver::{IndexStrategy, Sources};
use pyfast_root::Fingerprint;
use pyfast_root::is_name;
use url::Url;

use crate::config::nearest;
use crate::error::{Error, IndexFault};
use crate::pip::{self, PipConfig, is_true};
use crate::settings::Settings;
use crate::transport;
use crate::uv;
use crate::variables::Variables;

/// The indexes and locations of one run.
#[derive(Debug)]
pub struct Indexes {
    /// Without credentials, in the order of search.
    pub urls: Vec<Url>,
    /// Indexes that are searched for what is pinned to them only.
    pub reserved: Vec<Url>,
    /// Packages that are looked for in one index alone, by its place among all, each with where that counts.
    pub pins: BTreeMap<PackageName, Vec<(MarkerTree, usize)>>,
    /// All of them as they were given, with what is secret masked, and by which setting.
    pub shown: Vec<(String, &'static str)>,
    /// Taken out of the URLs, and the user's netrc.
    pub credentials: Credentials,
    /// How several are searched.
    pub strategy: IndexStrategy,
    /// Directories of wheels, and pages that link to them.
    pub find_links: Vec<String>,
    /// Whether anything says where packages are looked for, be it that it is nowhere. What is locked already needs no index.
    pub is_known: bool,
}

/// What was said about indexes before any default is looked up; equal texts give equal indexes.
pub fn fingerprint(settings: &Settings) -> String {
    let (named, _) = Named::collect(settings, &IndexOptions::default());
    let Named { default, extra, find_links, none, names, pins } = named;
    let strategy = settings.flags.index.index_strategy.map(strategy_name);
    Fingerprint::new("indexes", 1)
        .fields("default", default)
        .fields("extra", extra)
        .fields("find-links", find_links)
        .field("none", none)
        .fields("names", names.iter().flat_map(|(name, url)| [name, url]))
        .fields(
            "pins",
            pins.iter().flat_map(|(package, of_it)| {
                of_it.iter().flat_map(|(_, name)| [package.to_string(), name.clone()])
            }),
        )
        .fields("uv", settings.uv.iter().map(uv::fingerprint))
        .fields("strategy", strategy)
        .finish()
}

#[derive(Default)]
struct Named {
    default: Option<String>,
    extra: Vec<String>,
    find_links: Vec<String>,
    none: bool,
    /// URLs by name, and what is pinned to them.
    names: BTreeMap<String, String>,
    pins: BTreeMap<PackageName, Vec<(MarkerTree, String)>>,
}

impl Named {
    /// What is named, and by which setting the default one is.
    fn collect(settings: &Settings, file: &IndexOptions) -> (Self, &'static str) {
        let args = &settings.flags.index;
        let variables = &settings.variables;
        let configured = &settings.project.config.index;
        let pip = PipConfig::read(variables);
        let stated = Stated::of(settings, file);
        // clap has already put PYFAST_INDEX_URL behind the flag; a requirements file stands between
        // the two, which only matters to who sets all three.
        let variable = |name: &str| variables.get(name).map(str::to_owned);
        let candidates = [
            ("--index-url or PYFAST_INDEX_URL", args.index_url.clone()),
            ("a requirements file", file.index_url.clone()),
            ("UV_DEFAULT_INDEX", variable("UV_DEFAULT_INDEX")),
            ("UV_INDEX_URL", variable("UV_INDEX_URL")),
            ("PIP_INDEX_URL", variable("PIP_INDEX_URL")),
            ("pyfast.toml", configured.url.clone()),
            ("[tool.uv] or uv.toml", stated.default),
            ("pip's configuration", pip.index_url),
        ];
        let mut candidates = candidates.into_iter();
        let default = candidates.find_map(|(origin, url)| Some((origin, url?)));
        let (origin, default) = default.unzip();
        let words = |name: &str| words(variables.get(name)).map(str::to_owned);
        let mut extra = args.extra_index_url.clone();
        extra.extend(file.extra_index_urls.iter().cloned());
        extra.extend(words("UV_INDEX"));
        extra.extend(words("UV_EXTRA_INDEX_URL"));
        extra.extend(words("PIP_EXTRA_INDEX_URL"));
        extra.extend(configured.extra.iter().cloned());
        extra.extend(stated.further);
        extra.extend(pip.extra_index_urls);
        let mut find_links = find_links(settings);
        find_links.extend(file.find_links.iter().cloned());
        find_links.extend(stated.links);
        find_links.extend(pip.find_links);
        let named = ["UV_NO_INDEX", "PIP_NO_INDEX"].map(|name| variables.get(name));
        let none = args.no_index || file.no_index || pip.no_index || named.into_iter().any(is_true);
        let mut names = configured.named.clone();
        for (name, url) in stated.names {
            names.entry(name).or_insert(url);
        }
        let configured = configured.packages.iter();
        let configured = configured
            .map(|(package, name)| (package.clone(), vec![(MarkerTree::TRUE, name.clone())]));
        let pins = file.pins.iter().map(|(package, pins)| {
            // User and password of the URL are with the name.
            let text = |pin: &PinnedIndex| {
                if names.contains_key(&pin.name) {
                    pin.name.clone()
                } else {
                    format!("{}={}", pin.name, pin.url)
                }
            };
            let pins = pins.iter().map(|pin| (pin.marker.clone(), text(pin)));
            (package.clone(), pins.collect())
        });
        // The project's own word on a package counts.
        let pins = pins.chain(configured).collect();
        let named = Self { default, extra, find_links, none, names, pins };
        (named, origin.unwrap_or_default())
    }
}

/// Indexes that project files and the user name for uv.
#[derive(Default)]
struct Stated {
    default: Option<String>,
    further: Vec<String>,
    links: Vec<String>,
    names: Vec<(String, String)>,
}

impl Stated {
    fn of(settings: &Settings, file: &IndexOptions) -> Self {
        let mut stated = Self::default();
        let own = settings.uv.iter().flat_map(|table| &table.indexes);
        for UvIndex { name, url, role } in file.stated.iter().chain(own) {
            match role {
                IndexRole::Default if stated.default.is_none() => {
                    stated.default = Some(url.clone());
                }
                IndexRole::Further => stated.further.push(url.clone()),
                IndexRole::Links => stated.links.push(url.clone()),
                IndexRole::Default | IndexRole::Explicit => {}
            }
            stated.names.extend(name.clone().map(|name| (name, url.clone())));
        }
        stated
    }
}

/// Locations of files that the command line and the environment name.
pub fn find_links(settings: &Settings) -> Vec<String> {
    let mut places = settings.flags.index.find_links.clone();
    // uv's list has commas, pip's has spaces.
    let uv = settings.variables.get("UV_FIND_LINKS").unwrap_or_default().split(',');
    let pip = words(settings.variables.get("PIP_FIND_LINKS"));
    let others = uv.map(str::trim).filter(|place| !place.is_empty()).chain(pip);
    places.extend(others.map(str::to_owned));
    places
}

fn words(value: Option<&str>) -> impl Iterator<Item = &str> {
    value.unwrap_or_default().split_whitespace()
}

/// Indexes as they are decided on, one after the other.
struct Collected<'a> {
    variables: &'a Variables,
    names: &'a BTreeMap<String, String>,
    urls: Vec<Url>,
    shown: Vec<(String, &'static str)>,
    credentials: Credentials,
}

impl Collected<'_> {
    /// Takes an index in, as a URL, `NAME=URL` or the name of one; gives its place.
    fn add(&mut self, text: &str, origin: &'static str) -> Result<usize, Error> {
        let (name, text) = match (self.names.get_key_value(text), text.split_once('=')) {
            (Some((name, url)), _) => (Some(name.as_str()), url.as_str()),
            (None, Some((name, url))) if is_name(name) => (Some(name), url),
            _ => (None, text),
        };
        let url = self.credentials.absorb(parse(text, self.names)?);
        self.credentials.add_service(&url);
        if let Some(name) = name {
            self.log_in(name, &url);
        }
        if let Some(place) = self.urls.iter().position(|known| *known == url) {
            return Ok(place);
        }
        self.urls.push(url);
        self.shown.push((shown(text), origin));
        Ok(self.urls.len() - 1)
    }

    /// A location of files as it is looked at: without user and password, and not relative.
    fn place(&mut self, place: String, directory: &Path) -> String {
        match SafeUrl::parse(&place) {
            Ok(url) if url.login().is_some() => {
                self.credentials.learn(&url);
                url.bare().to_string()
            }
            _ if place.contains("://") => place,
            _ => directory.join(place).display().to_string(),
        }
    }

    /// User name and password that the environment has for the name of an index.
    fn log_in(&mut self, name: &str, url: &Url) {
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        let variable = |what: &str| {
            let own = self.variables.get(&format!("PYFAST_INDEX_{name}_{what}"));
            let value = own.or_else(|| self.variables.get(&format!("UV_INDEX_{name}_{what}")));
            value.map(str::to_owned)
        };
        let (user, password) = (variable("USERNAME"), variable("PASSWORD"));
        if user.is_some() || password.is_some() {
            // What the environment does not say may be in the URL.
            let (own, secret) = self.credentials.given(url).unwrap_or_default();
            let user = user.unwrap_or_else(|| own.to_owned());
            let password = password.or_else(|| secret.map(str::to_owned));
            self.credentials.set(url, user, password);
        }
    }
}

impl Indexes {
    /// Decides on the indexes; `interpreter` is the one whose pip's default counts last.
    ///
    /// # Errors
    /// If one cannot be used.
    pub fn new(
        settings: &Settings,
        file: &IndexOptions,
        interpreter: Option<&Path>,
    ) -> Result<Self, Error> {
        let (named, mut origin) = Named::collect(settings, file);
        let mut all = Collected {
            variables: &settings.variables,
            names: &named.names,
            urls: Vec::new(),
            shown: Vec::new(),
            credentials: Credentials::new(transport::credential_sources(settings)?),
        };
        let (mut searched, mut pins, mut is_known) = (0, BTreeMap::new(), true);
        if !named.none {
            let default = named.default.or_else(|| {
                origin = "the default";
                interpreter
                    .and_then(pip::default_index)
                    .or_else(|| option_env!("PYFAST_DEFAULT_INDEX").map(str::to_owned))
            });
            let files = !named.find_links.is_empty() || !named.pins.is_empty();
            is_known = default.is_some() || !named.extra.is_empty() || files;
            for text in &named.extra {
                all.add(text, "a further index")?;
            }
            if let Some(text) = default {
                all.add(&text, origin)?;
            }
            searched = all.urls.len();
            for (package, of_it) in named.pins {
                let places = of_it.into_iter().map(|(marker, name)| {
                    Ok((marker, all.add(&name, "for what is pinned to it")?))
                });
                pins.insert(package, places.collect::<Result<_, Error>>()?);
            }
        }
        let directory = &settings.project.working_directory;
        let find_links = named.find_links.into_iter().map(|place| all.place(place, directory));
        let (strategy, find_links) = (strategy(settings)?, find_links.collect());
        let Collected { mut urls, shown, credentials, .. } = all;
        let reserved = urls.split_off(searched);
        Ok(Self { urls, reserved, pins, shown, credentials, strategy, find_links, is_known })
    }

    /// Where packages are looked for.
    pub fn sources(&self) -> Sources {
        Sources {
            indexes: self.urls.iter().chain(&self.reserved).cloned().collect(),
            reserved: self.reserved.len(),
            pins: self.pins.clone(),
            strategy: self.strategy,
            find_links: self.find_links.clone(),
        }
    }
}

fn strategy(settings: &Settings) -> Result<IndexStrategy, Error> {
    let strategy = settings.flags.index.index_strategy;
    let configured = settings.project.config.index.strategy.as_deref();
    let stated = || settings.uv.iter().find_map(|table| table.index_strategy.as_deref());
    let configured = configured.or_else(stated).map(strategy_named);
    match (strategy, configured) {
        (Some(strategy), _) => Ok(strategy),
        (None, Some(configured)) => configured,
        (None, None) => Ok(IndexStrategy::FirstIndex),
    }
}

fn parse(text: &str, names: &BTreeMap<String, String>) -> Result<Url, Error> {
    let refused = |fault| Error::Index { index: shown(text), fault };
    let url = Url::parse(text).map_err(|source| {
        let known: Vec<&str> = names.keys().map(String::as_str).collect();
        let near = nearest(text, &known);
        let near = (is_name(text) && !near.is_empty()).then(|| near.to_owned());
        refused(IndexFault::Url { source, near })
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        "file" if url.to_file_path().is_ok_and(|path| path.is_dir()) => Ok(url),
        "file" => Err(refused(IndexFault::NoDirectory)),
        _ => Err(refused(IndexFault::Scheme)),
    }
}

fn strategy_named(name: &str) -> Result<IndexStrategy, Error> {
    match name {
        "first-index" => Ok(IndexStrategy::FirstIndex),
        "unsafe-first-match" => Ok(IndexStrategy::UnsafeFirstMatch),
        "unsafe-best-match" => Ok(IndexStrategy::UnsafeBestMatch),
        other => Err(Error::Strategy { word: other.to_owned() }),
    }
}

/// A way of searching as it is written.
fn strategy_name(strategy: IndexStrategy) -> &'static str {
    match strategy {
        IndexStrategy::FirstIndex => "first-index",
        IndexStrategy::UnsafeFirstMatch => "unsafe-first-match",
        IndexStrategy::UnsafeBestMatch => "unsafe-best-match",
    }
}
