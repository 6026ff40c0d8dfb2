//! TLS in front of a plain server on loopback, with certificates made for one test.
//! Knows nothing of what is behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// Someone who signs.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for this name, and its key, in PEM.
    fn sign(&self, name: &str) -> (String, String) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// Writes this authority's certificate.
    pub(crate) fn write(&self, path: &Path) -> String {
        fs_err::create_dir_all(path.parent().expect("a file has a parent")).unwrap();
        fs_err::write(path, self.0.pem()).unwrap();
        path.display().to_string()
    }

    /// Writes a client's certificate and key into one file.
    pub(crate) fn write_client(&self, path: &Path) -> String {
        let (certificate, key) = self.sign("client");
        fs_err::write(path, certificate + &key).unwrap();
        path.display().to_string()
    }

    /// A server's side of TLS; `clients` must show a certificate of that authority.
    fn server(&self, name: &str, clients: Option<&Self>) -> ServerConfig {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let (chain, key) = self.sign(name);
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate(&clients.0.pem())).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.unwrap())
            }
        };
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        builder.with_single_cert(vec![certificate(&chain)], key).unwrap()
    }

    /// Starts TLS with a certificate for `name` in front of a plain HTTP server on loopback; gives its port.
    pub(crate) fn serve(&self, name: &str, behind: u16, clients: Option<&Self>) -> u16 {
        let config = Arc::new(self.server(name, clients));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                thread::spawn(move || answer(StreamOwned::new(connection, stream), behind));
            }
        });
        port
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn answer(stream: StreamOwned<ServerConnection, TcpStream>, behind: u16) {
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader) {
        let answer = forward(&head, behind);
        if reader.get_mut().write_all(&answer).and_then(|()| reader.get_mut().flush()).is_err() {
            break;
        }
    }
}

/// The head of a request, as it was sent.
pub(crate) fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
    }
    Some(head)
}

/// What a plain server on loopback answers to one request.
pub(crate) fn forward(head: &str, port: u16) -> Vec<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut answer = Vec::new();
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
    sent.and_then(|()| stream.read_to_end(&mut answer)).unwrap();
    answer
}
