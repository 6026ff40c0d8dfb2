//! TLS towards servers: which certificates count, which one is shown, and whose are not looked at.
//! Sends nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use url::Url;

use crate::error::Error;

/// Whom to trust, and what to show.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Files of PEM certificates to trust, and directories of such; none: the system's.
    pub authorities: Vec<PathBuf>,
    /// A PEM file with the certificate and the key that are shown to servers which ask for one.
    pub client_certificate: Option<PathBuf>,
    /// Hosts whose certificates are not checked.
    pub insecure_hosts: Vec<InsecureHost>,
}

/// A host whose certificate is not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsecureHost {
    host: String,
    /// `None`: any port.
    port: Option<u16>,
}

impl InsecureHost {
    /// Reads `HOST`, `HOST:PORT` or a URL of it; `None` where it is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        // A scheme without a port of its own keeps the one that is written.
        let url = Url::parse(&format!("any://{rest}")).ok()?;
        let bare = url.username().is_empty() && url.password().is_none();
        let bare = bare && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| bare && !host.is_empty() && *host != "*")?;
        Some(Self { host: host.to_ascii_lowercase(), port: url.port() })
    }

    /// Whether a URL is of this host.
    pub(crate) fn is_of(&self, url: &Url) -> bool {
        let port = self.port.is_none_or(|port| url.port_or_known_default() == Some(port));
        port && url.host_str() == Some(self.host.as_str())
    }
}

/// The client's side of TLS; `insecure` does not check the certificates of the hosts that are named as
/// such.
///
/// # Errors
/// [`Error::Setting`] where a file that is named cannot be used.
pub(crate) fn client_config(options: &Options, insecure: bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Setting(format!("cannot set up TLS: {error}")))?;
    let roots = roots(&options.authorities)?;
    let builder = if insecure {
        let hosts = options.insecure_hosts.iter().map(|host| host.host.clone()).collect();
        // Without any authority only the named hosts are reached.
        let strict = (!roots.is_empty())
            .then(|| {
                WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                    .build()
            })
            .transpose()
            .map_err(|error| Error::Setting(format!("cannot set up TLS: {error}")))?;
        let lax = LaxVerifier { hosts, strict, provider };
        builder.dangerous().with_custom_certificate_verifier(Arc::new(lax))
    } else {
        builder.with_root_certificates(roots)
    };
    let Some(path) = &options.client_certificate else { return Ok(builder.with_no_client_auth()) };
    let (chain, key) = identity(path)?;
    builder.with_client_auth_cert(chain, key).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, reason: &str) -> Error {
    Error::Setting(format!("cannot use the client certificate `{}`: {reason}", path.display()))
}

/// The certificates and the key of a PEM file that has both.
fn identity(path: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
    let pem = fs_err::read(path)
        .map_err(|error| Error::Setting(format!("cannot use the client certificate: {error}")))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(path, &error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(path, "it holds no certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_none| unusable(path, "it holds no private key that is not encrypted"))?;
    Ok((chain, key))
}

/// The certificates of these files and directories; of the system where none is named.
fn roots(authorities: &[PathBuf]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    if authorities.is_empty() {
        // Single unreadable certificates do not matter; having none shows when a server is asked.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    }
    for path in authorities {
        let (file, directory) = if path.is_dir() { (None, Some(path)) } else { (Some(path), None) };
        let found = rustls_native_certs::load_certs_from_paths(
            file.map(PathBuf::as_path),
            directory.map(PathBuf::as_path),
        );
        if found.certs.is_empty() {
            let reason = found.errors.first().map(ToString::to_string);
            return Err(Error::Setting(format!(
                "cannot read certificates from `{}`: {}",
                path.display(),
                reason.unwrap_or_else(|| "there are none in it".to_owned())
            )));
        }
        roots.add_parsable_certificates(found.certs);
    }
    Ok(roots)
}

/// Takes any certificate from the hosts that the user named, and checks all others. Signatures are
/// checked all the same.
#[derive(Debug)]
struct LaxVerifier {
    hosts: Vec<String>,
    strict: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for LaxVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let name = server_name.to_str();
        let named = |host: &String| host.trim_matches(['[', ']']).eq_ignore_ascii_case(&name);
        if self.hosts.iter().any(named) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.strict {
            Some(strict) => strict.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            None => Err(TlsError::InvalidCertificate(rustls::CertificateError::UnknownIssuer)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insecure_hosts_are_those_named() {
        let of = |host: &str, url: &str| {
            let host = InsecureHost::parse(host).expect("a host");
            host.is_of(&Url::parse(url).expect("a URL"))
        };
        assert!(of("h.test", "https://h.test:8443/x"));
        assert!(of("H.test:443", "https://h.test/x"));
        assert!(of("https://h.test:8443/simple", "https://h.test:8443/x"));
        assert!(of("[::1]:8443", "https://[::1]:8443/x"));
        assert!(!of("h.test:8443", "https://h.test/x"));
        assert!(!of("h.test", "https://a.h.test/x"));
        for wrong in ["", "*", "h.test:x", "u@h.test", "h .test"] {
            assert_eq!(InsecureHost::parse(wrong), None, "{wrong}");
        }
    }
}
