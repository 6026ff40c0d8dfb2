//! User names and passwords by origin, and keeping them out of everything that is shown. Knows where
//! they come from; sends nothing.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use netrc::Netrc;
use pyfast_packaging::safe_url::SafeUrl;
use url::Url;

use crate::keyring::Keyring;
pub use crate::keyring::KeyringProgram;
use crate::logins;
use crate::secret::Secret;

/// Where credentials come from besides URLs; nothing is read or run before it is needed.
#[derive(Debug, Clone, Default)]
pub struct CredentialSources {
    /// A netrc file.
    pub netrc: Option<PathBuf>,
    /// A file of logins as `uv auth login` keeps it.
    pub logins: Option<PathBuf>,
    /// A program that knows passwords.
    pub keyring: Option<KeyringProgram>,
}

/// Credentials for index and file hosts. A secret belongs to one origin (scheme, host, port) and is
/// sent nowhere else.
#[derive(Default)]
pub struct Credentials {
    /// With the URL that each was given for.
    known: Vec<(Url, Secret)>,
    /// Indexes: what a keyring may know passwords by.
    services: Vec<Url>,
    sources: CredentialSources,
    netrc: OnceLock<Option<Netrc>>,
    logins: OnceLock<Vec<(Url, Secret)>>,
    keyring: Option<Keyring>,
    /// What the keyring gave.
    found: Mutex<Vec<(Url, Secret)>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Credentials that also come from these places.
    pub fn new(mut sources: CredentialSources) -> Self {
        let keyring = sources.keyring.take().map(Keyring::new);
        Self { sources, keyring, ..Self::default() }
    }

    /// Takes the user name and password out of a URL and remembers them for its origin.
    pub fn absorb(&mut self, mut url: Url) -> Url {
        if let Some(login) = SafeUrl::take(&mut url) {
            self.learn(&login);
        }
        url
    }

    /// Remembers the user name and password that a URL has, for its origin.
    pub fn learn(&mut self, login: &SafeUrl) {
        if let Some((user, password)) = login.login() {
            self.set(&login.bare(), user, password);
        }
    }

    /// Remembers a user name and password for a URL; an earlier one for the same URL is forgotten.
    pub fn set(&mut self, url: &Url, user: String, password: Option<String>) {
        self.known.retain(|(known, _)| known != url);
        self.known.push((url.clone(), Secret { user, password }));
    }

    /// User name and password that are known for exactly this URL.
    pub fn given(&self, url: &Url) -> Option<(&str, Option<&str>)> {
        let (_, secret) = self.known.iter().find(|(known, _)| known == url)?;
        Some((&secret.user, secret.password.as_deref()))
    }

    /// Makes a URL known as that of an index.
    pub fn add_service(&mut self, url: &Url) {
        if !self.services.contains(url) {
            self.services.push(url.clone());
        }
    }

    /// Takes in what URLs of files name; what is already known of the same URL stays.
    pub fn merge(&mut self, logins: &[SafeUrl]) {
        let mut others = Self::default();
        for login in logins {
            others.learn(login);
        }
        self.known.append(&mut others.known);
    }

    /// User name and password for `url`, without asking a keyring anew.
    pub(crate) fn for_url(&self, url: &Url) -> Option<Secret> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let found = nearest(&found, url).cloned();
        let Some(known) = nearest(&self.known, url) else {
            return found.or_else(|| self.stored(url, None));
        };
        if known.password.is_some() {
            return Some(known.clone());
        }
        let found = found.filter(|found| found.user == known.user);
        let complete = found.or_else(|| self.stored(url, Some(&known.user)));
        Some(complete.unwrap_or_else(|| known.clone()))
    }

    /// The same for a request that is yet to be sent: a keyring that is always to be asked is asked
    /// for the password of a user who has none.
    pub(crate) async fn before(&self, url: &Url) -> Option<Secret> {
        let secret = self.for_url(url)?;
        let eager = self.keyring.as_ref().is_some_and(|keyring| keyring.program.eager);
        if secret.password.is_some() || !eager {
            return Some(secret);
        }
        Some(self.ask(url, Some(&secret.user)).await.unwrap_or(secret))
    }

    /// What to try after a request that brought `tried` was refused; `None` where nothing else is known.
    pub(crate) async fn after(&self, url: &Url, tried: Option<&Secret>) -> Option<Secret> {
        let known = self.for_url(url).filter(|known| known.password.is_some());
        if known.is_some() && known.as_ref() != tried {
            return known;
        }
        let user = match nearest(&self.known, url) {
            // The user's own word is not doubted.
            Some(Secret { password: Some(_), .. }) => return None,
            known => known.map(|known| known.user.as_str()),
        };
        self.ask(url, user).await.filter(|secret| Some(secret) != tried)
    }

    /// Asks the keyring for what it knows of the index that a URL belongs to, then of its host.
    async fn ask(&self, url: &Url, user: Option<&str>) -> Option<Secret> {
        let keyring = self.keyring.as_ref()?;
        let index = self.services.iter().filter(|service| service.origin() == url.origin());
        let index = index.max_by_key(|service| common(service, url));
        let host = format!("{}{}", url.host_str()?, port(url));
        let index = index.map(|index| (index.as_str(), index));
        let host = is_safe(url).then_some((host.as_str(), url));
        for (service, place) in index.into_iter().chain(host) {
            let Some(secret) = keyring.ask(service, user).await else { continue };
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            if !found.iter().any(|(known, _)| known == place) {
                found.push((place.clone(), secret.clone()));
            }
            return Some(secret);
        }
        None
    }

    /// What files of logins say of a URL, for this user where one is named.
    fn stored(&self, url: &Url, user: Option<&str>) -> Option<Secret> {
        let fits = |secret: &Secret| user.is_none_or(|user| secret.user == user);
        self.netrc(url, false).filter(&fits).or_else(|| {
            let read = || self.sources.logins.as_deref().map(logins::read).unwrap_or_default();
            let fitting = self.logins.get_or_init(read).iter().filter(|(_, secret)| fits(secret));
            let fitting: Vec<_> = fitting.cloned().collect();
            nearest(&fitting, url).cloned().or_else(|| self.netrc(url, true).filter(fits))
        })
    }

    /// The entry of a netrc file for a host, or the one for all others.
    fn netrc(&self, url: &Url, others: bool) -> Option<Secret> {
        if !is_safe(url) {
            return None;
        }
        let netrc =
            self.netrc.get_or_init(|| Netrc::from_file(self.sources.netrc.as_deref()?).ok());
        let host = if others { "default" } else { url.host_str()? };
        let entry = netrc.as_ref()?.hosts.get(host)?;
        Some(Secret { user: entry.login.clone(), password: Some(entry.password.clone()) })
    }
}

/// What names a host alone is only trusted over TLS or on this machine.
fn is_safe(url: &Url) -> bool {
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "https" || local
}

fn port(url: &Url) -> String {
    url.port().map(|port| format!(":{port}")).unwrap_or_default()
}

/// The secret of the URL's origin that was given for the nearest path: an origin can have several
/// indexes, and their files lie beside them. Among equally near ones the first is taken.
fn nearest<'a>(known: &'a [(Url, Secret)], url: &Url) -> Option<&'a Secret> {
    let same = known.iter().rev().filter(|(known, _)| known.origin() == url.origin());
    same.max_by_key(|(known, _)| common(known, url)).map(|(_, secret)| secret)
}

/// How many segments of their paths two URLs begin with in common.
fn common(a: &Url, b: &Url) -> usize {
    let segments = |url: &Url| {
        let path = url.path().trim_matches('/');
        path.split('/').map(str::to_owned).collect::<Vec<_>>()
    };
    segments(a).iter().zip(segments(b)).take_while(|(a, b)| **a == *b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn secret(user: &str, password: &str) -> Secret {
        Secret { user: user.to_owned(), password: Some(password.to_owned()) }
    }

    #[test]
    fn secrets_stay_with_their_origin() {
        let mut credentials = Credentials::default();
        let clean = credentials.absorb(url("https://u:p%40@private.test/simple/"));
        assert_eq!(clean.as_str(), "https://private.test/simple/");
        assert_eq!(
            credentials.for_url(&url("https://private.test/files/a")),
            Some(secret("u", "p@"))
        );
        for other in
            ["http://private.test/", "https://private.test:444/", "https://a.private.test/"]
        {
            assert_eq!(credentials.for_url(&url(other)), None, "{other}");
        }
        assert!(!format!("{credentials:?}").contains("p@"));
    }

    #[test]
    fn indexes_of_one_origin_have_secrets_of_their_own() {
        let mut credentials = Credentials::default();
        credentials.absorb(url("https://a:1@h.test/projects/1/simple/"));
        credentials.absorb(url("https://b:2@h.test/projects/2/simple/"));
        let of = |path: &str| credentials.for_url(&url(&format!("https://h.test{path}")));
        assert_eq!(of("/projects/1/files/x.whl"), Some(secret("a", "1")));
        assert_eq!(of("/projects/2/simple/x/"), Some(secret("b", "2")));
        assert_eq!(of("/elsewhere"), Some(secret("a", "1")));
    }

    #[test]
    fn files_complete_a_user_without_a_password() {
        let directory = tempfile::tempdir().unwrap();
        let netrc = directory.path().join("netrc");
        fs_err::write(&netrc, "machine h.test login u password n\n").unwrap();
        let logins = directory.path().join("credentials.toml");
        let text = "[[credential]]\nservice = 'https://h.test/'\nusername = 'v'\nscheme = 'basic'\npassword = 'l'\n";
        fs_err::write(&logins, text).unwrap();
        let sources = CredentialSources { netrc: Some(netrc), logins: Some(logins), keyring: None };
        let found = |text: &str| {
            let mut credentials = Credentials::new(sources.clone());
            let url = credentials.absorb(url(text));
            credentials.for_url(&url)
        };
        assert_eq!(found("https://h.test/simple"), Some(secret("u", "n")));
        assert_eq!(found("https://v@h.test/simple"), Some(secret("v", "l")));
        let alone = Secret { user: "w".to_owned(), password: None };
        assert_eq!(found("https://w@h.test/simple"), Some(alone));
        assert_eq!(found("http://h.test/simple"), None);
    }

    fn run<T>(task: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(task)
    }

    #[test]
    fn keyring_knows_the_indexes_of_one_host_apart() {
        let (one, two) = ("https://h.test/one/simple/", "https://h.test/two/simple/");
        let known = [(one, None, secret("a", "1")), (two, None, secret("b", "2"))];
        let mut credentials =
            Credentials { keyring: Some(Keyring::of(&known)), ..Credentials::default() };
        credentials.add_service(&url(one));
        credentials.add_service(&url(two));
        let (page, other) =
            (url("https://h.test/one/simple/x/"), url("https://h.test/two/files/y"));
        run(async {
            assert_eq!(credentials.before(&page).await, None);
            assert_eq!(credentials.after(&page, None).await, Some(secret("a", "1")));
            // What is known of the host is tried first, and its refusal asks for the other index.
            assert_eq!(credentials.before(&other).await, Some(secret("a", "1")));
            let tried = secret("a", "1");
            assert_eq!(credentials.after(&other, Some(&tried)).await, Some(secret("b", "2")));
            assert_eq!(credentials.before(&other).await, Some(secret("b", "2")));
            assert_eq!(credentials.after(&other, Some(&secret("b", "2"))).await, None);
        });
    }

    #[test]
    fn keyring_is_not_asked_where_the_user_gave_a_password() {
        let known = [("https://h.test/simple/", Some("u"), secret("u", "k"))];
        let mut credentials =
            Credentials { keyring: Some(Keyring::of(&known)), ..Credentials::default() };
        let index = credentials.absorb(url("https://u:p@h.test/simple/"));
        credentials.add_service(&index);
        run(async {
            assert_eq!(credentials.before(&index).await, Some(secret("u", "p")));
            assert_eq!(credentials.after(&index, Some(&secret("u", "p"))).await, None);
            let named = credentials.absorb(url("https://u@h.test/simple/"));
            assert_eq!(credentials.before(&named).await, Some(secret("u", "k")));
        });
    }

    #[test]
    fn host_alone_is_asked_for_over_tls_only() {
        let known = [("h.test", None, secret("u", "k")), ("h.test:81", None, secret("u", "k"))];
        let credentials =
            Credentials { keyring: Some(Keyring::of(&known)), ..Credentials::default() };
        run(async {
            assert_eq!(credentials.after(&url("http://h.test/a"), None).await, None);
            assert_eq!(credentials.after(&url("http://h.test:81/a"), None).await, None);
            let found = credentials.after(&url("https://h.test/a"), None).await;
            assert_eq!(found, Some(secret("u", "k")));
        });
    }
}
