//! What is sent to a server to be let in. Shown nowhere; knows nothing of where it comes from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;

/// A user name, and its password where one is known.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) user: String,
    pub(crate) password: Option<String>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(****)")
    }
}

impl Secret {
    /// The header that lets in (<https://www.rfc-editor.org/rfc/rfc7617>). It is shown nowhere either.
    pub(crate) fn authorization(&self) -> HeaderValue {
        let Self { user, password } = self;
        let both = format!("{user}:{}", password.as_deref().unwrap_or_default());
        let value = format!("Basic {}", BASE64.encode(both));
        let mut value = HeaderValue::try_from(value).expect("Base64 has no other characters");
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_let_in_with_a_password_or_without() {
        let check = |user: &str, password: Option<&str>, expected: &str| {
            let secret = Secret { user: user.to_owned(), password: password.map(str::to_owned) };
            assert_eq!(secret.authorization(), expected);
            assert_eq!(format!("{:?}", secret.authorization()), "Sensitive");
        };
        check("Aladdin", Some("open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        check("token", None, "Basic dG9rZW46");
        check("é\n", Some("ü"), "Basic w6kKOsO8");
    }
}
