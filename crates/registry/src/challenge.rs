//! What a registry wants of who asks: the header by which it says so. Owns its grammar; sends nothing.
//!
//! <https://distribution.github.io/distribution/spec/auth/token/>

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A user and a password with every request.
    Basic,
    /// A token that somebody gives.
    Bearer {
        /// Who.
        realm: String,
        /// For whom, in their words.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads the headers of an answer; of several the safest.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let said = headers.get_all(WWW_AUTHENTICATE).iter();
        let all: Vec<Self> =
            said.filter_map(|one| one.to_str().ok()).filter_map(Self::read).collect();
        let bearer = all.iter().find(|one| matches!(one, Self::Bearer { .. }));
        bearer.or_else(|| all.first()).cloned()
    }

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        let mut said = parameters(rest);
        let realm = said.remove("realm").filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
        Some(Self::Bearer { realm, service: said.remove("service") })
    }
}

/// `name="value"`, and commas between them, which may be in values too.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let mut value = String::new();
        let mut letters = after.chars();
        if after.starts_with('"') {
            letters.next();
            while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                let escaped = if letter == '\\' { letters.next() } else { Some(letter) };
                value.extend(escaped);
            }
        } else {
            value.extend(letters.by_ref().take_while(|letter| *letter != ','));
        }
        found.insert(name, value.trim().to_owned());
        rest = letters.as_str();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[&str], expected: Option<&Challenge>) {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        assert_eq!(Challenge::of(&map).as_ref(), expected, "{headers:?}");
    }

    #[test]
    fn a_registry_says_where_tokens_are_given() {
        let bearer = |service: Option<&str>| {
            let realm = "https://auth.example/token?a=b,c".to_owned();
            Challenge::Bearer { realm, service: service.map(str::to_owned) }
        };
        let all = r#"Bearer realm="https://auth.example/token?a=b,c",service="reg \"1\"",scope="repository:a:pull,push""#;
        check(&[all], Some(&bearer(Some("reg \"1\""))));
        check(
            &[r#"bearer service=x , realm="https://auth.example/token?a=b,c""#],
            Some(&bearer(Some("x"))),
        );
        check(
            &["Basic realm=\"x\"", r#"Bearer realm="https://auth.example/token?a=b,c""#],
            Some(&bearer(None)),
        );
        check(&["Basic"], Some(&Challenge::Basic));
        for nothing in ["Bearer", "Bearer realm", "Negotiate", "", "Bearer service=\"x\"", "="] {
            check(&[nothing], None);
        }
        check(
            &["Bearer realm=\"open"],
            Some(&Challenge::Bearer { realm: "open".to_owned(), service: None }),
        );
    }
}
