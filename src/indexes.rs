//! Which indexes are searched, by the precedence of the design: command line, requirements files,
//! `PYFAST_…`, `UV_…`, `PIP_…`, `pyfast.toml`, pip's configuration, the default of the interpreter's
//! own pip, the default this binary was built with.

use std::path::{Path, PathBuf};

use pyfast_resolver::{Credentials, IndexOptions, IndexStrategy, redact};
use url::Url;

use crate::failure::Failure;
use crate::pip::{self, PipConfig};
use crate::settings::{Environment, Settings};

/// The indexes and locations of one run.
#[derive(Debug)]
pub(crate) struct Indexes {
    /// Without credentials, in the order of search.
    pub(crate) urls: Vec<Url>,
    /// The same as they were given, with what is secret masked, and by which setting.
    pub(crate) shown: Vec<(String, &'static str)>,
    /// Taken out of the URLs, and the user's netrc.
    pub(crate) credentials: Credentials,
    pub(crate) strategy: IndexStrategy,
    pub(crate) find_links: Vec<String>,
}

/// What was said about indexes before any default is looked up; equal texts give equal indexes.
pub(crate) fn fingerprint(settings: &Settings) -> String {
    let (named, _) = Named::collect(settings, &IndexOptions::default());
    format!("{named:?} {:?}", settings.common.index.index_strategy)
}

#[derive(Debug, Default)]
struct Named {
    default: Option<String>,
    extra: Vec<String>,
    find_links: Vec<String>,
    none: bool,
}

impl Named {
    /// What is named, and by which setting the default one is.
    fn collect(settings: &Settings, file: &IndexOptions) -> (Self, &'static str) {
        let args = &settings.common.index;
        let environment = &settings.environment;
        let configured = &settings.project.config.index;
        let pip = PipConfig::read(environment);
        // clap has already put PYFAST_INDEX_URL behind the flag; a requirements file stands between
        // the two, which only matters to who sets all three.
        let variable = |name: &str| environment.get(name).map(str::to_owned);
        let candidates = [
            ("--index-url or PYFAST_INDEX_URL", args.index_url.clone()),
            ("a requirements file", file.index_url.clone()),
            ("UV_DEFAULT_INDEX", environment.get("UV_DEFAULT_INDEX").map(last_word)),
            ("UV_INDEX_URL", variable("UV_INDEX_URL")),
            ("PIP_INDEX_URL", variable("PIP_INDEX_URL")),
            ("pyfast.toml", configured.url.clone()),
            ("pip's configuration", pip.index_url),
        ];
        let mut candidates = candidates.into_iter();
        let default = candidates.find_map(|(origin, url)| Some((origin, url?)));
        let (origin, default) = default.unzip();
        let words = |name: &str| {
            let value = environment.get(name).unwrap_or_default();
            value.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let mut extra = args.extra_index_url.clone();
        extra.extend(file.extra_index_urls.iter().cloned());
        extra.extend(words("UV_EXTRA_INDEX_URL"));
        extra.extend(words("PIP_EXTRA_INDEX_URL"));
        extra.extend(configured.extra.iter().cloned());
        extra.extend(pip.extra_index_urls);
        let mut find_links = args.find_links.clone();
        find_links.extend(file.find_links.iter().cloned());
        let named = Self { default, extra, find_links, none: args.no_index || file.no_index };
        (named, origin.unwrap_or_default())
    }
}

/// `name=URL` of `UV_DEFAULT_INDEX` without the name.
fn last_word(value: &str) -> String {
    match value.split_once('=') {
        Some((name, url)) if !name.contains(['/', ':']) => url.to_owned(),
        _ => value.to_owned(),
    }
}

impl Indexes {
    /// Decides on the indexes; `interpreter` is the one whose pip's default counts last.
    pub(crate) fn new(
        settings: &Settings,
        file: &IndexOptions,
        interpreter: Option<&Path>,
    ) -> Result<Self, Failure> {
        let (named, mut origin) = Named::collect(settings, file);
        let environment = &settings.environment;
        let mut credentials = Credentials::new(netrc(environment));
        let (mut urls, mut shown): (Vec<Url>, Vec<_>) = (Vec::new(), Vec::new());
        if !named.none {
            let default = named.default.or_else(|| {
                origin = "the default";
                interpreter
                    .and_then(pip::default_index)
                    .or_else(|| option_env!("PYFAST_DEFAULT_INDEX").map(str::to_owned))
            });
            if default.is_none() && named.extra.is_empty() && named.find_links.is_empty() {
                return Err(no_index());
            }
            let extra = named.extra.iter().map(|url| (url, "a further index"));
            for (text, origin) in extra.chain(default.iter().map(|url| (url, origin))) {
                let url = credentials.absorb(parse(text)?);
                if !urls.contains(&url) {
                    urls.push(url);
                    shown.push((redact(text), origin));
                }
            }
        }
        let strategy = settings.common.index.index_strategy.map(Into::into);
        let configured = settings.project.config.index.strategy.as_deref().map(strategy_named);
        let strategy = match (strategy, configured) {
            (Some(strategy), _) => strategy,
            (None, Some(configured)) => configured?,
            (None, None) => IndexStrategy::FirstIndex,
        };
        let directory = &settings.project.working_directory;
        let find_links = named.find_links.into_iter().map(|place| absolute(place, directory));
        Ok(Self { urls, shown, credentials, strategy, find_links: find_links.collect() })
    }
}

/// The netrc file that is meant.
pub(crate) fn netrc(environment: &Environment) -> Option<PathBuf> {
    let named = environment.get("NETRC").map(Into::into);
    named.or_else(|| environment.home().map(|home| home.join(".netrc")))
}

fn absolute(place: String, directory: &Path) -> String {
    if place.contains("://") { place } else { directory.join(place).display().to_string() }
}

fn parse(text: &str) -> Result<Url, Failure> {
    let shown = redact(text);
    let url = Url::parse(text).map_err(|error| {
        Failure::usage(format!("cannot use the index `{shown}`: {error}"))
            .hint("an index is the URL of a Simple API, such as https://host/simple")
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let message =
            format!("cannot use the index `{shown}`: its scheme is neither http nor https");
        return Err(
            Failure::usage(message).hint("a directory of wheels is given with --find-links")
        );
    }
    Ok(url)
}

fn strategy_named(name: &str) -> Result<IndexStrategy, Failure> {
    match name {
        "first-index" => Ok(IndexStrategy::FirstIndex),
        "unsafe-first-match" => Ok(IndexStrategy::UnsafeFirstMatch),
        "unsafe-best-match" => Ok(IndexStrategy::UnsafeBestMatch),
        other => Err(Failure::usage(format!("pyfast.toml: `{other}` is not an index strategy"))
            .hint("it is first-index, unsafe-first-match or unsafe-best-match")),
    }
}

fn no_index() -> Failure {
    Failure::usage("no package index is known: neither flags, environment, configuration nor the interpreter's pip name one".to_owned())
        .hint("give --index-url URL, set PIP_INDEX_URL, or `url` under [index] in pyfast.toml")
}
