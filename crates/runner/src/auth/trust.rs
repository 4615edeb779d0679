//! Trusted certificates for HTTPS logins and `wss://`.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The trusted certificates; by default those of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// Accepts every certificate (`-k`). A man in the middle can then read and change the session.
    pub insecure: bool,
    /// Trusts only the certificate authorities in this PEM file.
    pub ca: Option<PathBuf>,
    /// The client certificate for servers that require one (mutual TLS).
    pub client: Option<ClientCertificate>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate chain, a PEM file.
    pub chain: PathBuf,
    /// The private key, a PEM file.
    pub key: PathBuf,
}

/// The reason why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file of authorities cannot be used.
    #[error("certificate authorities in {}: {cause}", path.display())]
    Authorities {
        /// The configured path.
        path: PathBuf,
        /// The error.
        cause: String,
    },
    /// The client's certificate or its key cannot be used.
    #[error("the client's {what} in {}: {cause}", path.display())]
    Client {
        /// The certificate or the key.
        what: &'static str,
        /// The configured path.
        path: PathBuf,
        /// The error.
        cause: String,
    },
    /// The platform's own authorities cannot be used.
    #[error("the platform's certificate authorities: {0}")]
    Platform(String),
    /// The HTTP client cannot be made.
    #[error("HTTP client: {0}")]
    Http(String),
}

impl TrustError {
    /// A hint.
    pub fn hint(&self) -> Option<String> {
        match self {
            TrustError::Authorities { .. } => {
                Some("`ca` must name a PEM file with at least one certificate".to_owned())
            }
            TrustError::Client { .. } => Some(
                "`client_cert` must name a PEM file with a certificate, and `client_key` one with its private key"
                    .to_owned(),
            ),
            TrustError::Platform(_) => Some("set a PEM file with `ca = \"…\"`".to_owned()),
            TrustError::Http(_) => None,
        }
    }
}

impl Trust {
    /// The TLS configuration of a client with this trust.
    ///
    /// Reading the platform's authorities takes milliseconds and a megabyte, so sessions with the same trust share
    /// one.
    ///
    /// # Errors
    /// If the authorities cannot be read.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        static MADE: Mutex<Vec<(Trust, Arc<ClientConfig>)>> = Mutex::new(Vec::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = made.iter().find(|(trust, _)| trust == self) {
            return Ok(config.clone());
        }
        let config = Arc::new(self.make()?);
        made.push((self.clone(), config.clone()));
        Ok(config)
    }

    fn make(&self) -> Result<ClientConfig, TrustError> {
        // Explicit, because a process-wide default could be another one, or none.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let platform = |error: rustls::Error| TrustError::Platform(error.to_string());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(platform)?;
        let builder = if self.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        } else if let Some(path) = &self.ca {
            let wrong = |cause: String| TrustError::Authorities { path: path.clone(), cause };
            let mut roots = RootCertStore::empty();
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?
            {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("there is no certificate in the file".to_owned()));
            }
            builder.with_root_certificates(roots)
        } else {
            builder.with_platform_verifier().map_err(platform)?
        };
        let Some(client) = &self.client else { return Ok(builder.with_no_client_auth()) };
        let (chain, key) = (client.chain()?, client.key()?);
        let fits = builder.with_client_auth_cert(chain, key);
        fits.map_err(|error| client.wrong("certificate", &client.chain, error))
    }
}

impl ClientCertificate {
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TrustError> {
        let wrong = |cause: &dyn std::fmt::Display| self.wrong("certificate", &self.chain, cause);
        let read = CertificateDer::pem_file_iter(&self.chain).map_err(|error| wrong(&error))?;
        let chain: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
        if chain.is_empty() {
            return Err(wrong(&"there is no certificate in the file"));
        }
        Ok(chain)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, TrustError> {
        PrivateKeyDer::from_pem_file(&self.key).map_err(|error| self.wrong("key", &self.key, error))
    }

    fn wrong(&self, what: &'static str, path: &Path, cause: impl std::fmt::Display) -> TrustError {
        TrustError::Client { what, path: path.to_owned(), cause: cause.to_string() }
    }
}

/// Accepts every certificate, but still verifies the signatures of the handshake.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// An HTTP client with this trust. It follows no redirects and uses the environment's proxy only if `proxy` is set.
///
/// # Errors
/// If the authorities cannot be read.
pub fn http_client(trust: &Trust, proxy: bool) -> Result<reqwest::Client, TrustError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(ClientConfig::clone(&*trust.client_config()?))
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(std::time::Duration::from_secs(5));
    let builder = if proxy { builder } else { builder.no_proxy() };
    builder.build().map_err(|error| TrustError::Http(error.to_string()))
}

/// Whether a URL points to this machine, for which a proxy of the environment would be wrong.
pub fn is_loopback(url: &reqwest::Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_told_with_its_name() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let trust = Trust { ca: Some(file.path().to_owned()), ..Trust::default() };
        let error = trust.client_config().expect_err("an empty file holds no authority").to_string();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
    }

    /// A certificate that signed itself, in two files of a folder.
    fn certificate(folder: &Path, name: &str) -> (CertificateDer<'static>, ClientCertificate) {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let files = ClientCertificate {
            chain: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        std::fs::write(&files.chain, own.cert.pem()).expect("a file");
        std::fs::write(&files.key, own.signing_key.serialize_pem()).expect("a file");
        (own.cert.der().clone(), files)
    }

    /// Requests a word from a server that requires this client certificate, over a real socket.
    fn asked(wanted: &CertificateDer<'static>, server: &ClientCertificate, trust: &Trust) -> Option<String> {
        use std::io::{Read, Write};
        let mut roots = RootCertStore::empty();
        roots.add(wanted.clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(server.chain().expect("a chain"), server.key().expect("a key"))
            .expect("a server");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let serve = std::thread::spawn(move || {
            let (socket, _) = listener.accept().expect("a client");
            let connection = rustls::ServerConnection::new(Arc::new(config)).expect("a connection");
            let mut stream = rustls::StreamOwned::new(connection, socket);
            // Refusing a client is an error here.
            let _ = stream.write_all(b"welcome\n").and_then(|()| stream.flush());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
        let config = trust.client_config().expect("a configuration");
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = rustls::ClientConnection::new(config, name).expect("a connection");
        let socket = std::net::TcpStream::connect(address).expect("a server");
        let mut said = String::new();
        let result = rustls::StreamOwned::new(connection, socket).read_to_string(&mut said);
        serve.join().expect("the server ends");
        (result.is_ok() && !said.is_empty()).then_some(said)
    }

    #[test]
    fn a_server_that_asks_for_a_certificate_gets_ours() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_, server) = certificate(folder.path(), "server");
        let (wanted, ours) = certificate(folder.path(), "ours");
        let (_, strange) = certificate(folder.path(), "strange");
        let with = |client| Trust { ca: Some(server.chain.clone()), client, ..Trust::default() };
        assert_eq!(asked(&wanted, &server, &with(Some(ours.clone()))).as_deref(), Some("welcome\n"));
        assert_eq!(asked(&wanted, &server, &with(Some(strange.clone()))), None);
        assert_eq!(asked(&wanted, &server, &with(None)), None);
        // A key of another certificate, and a file without one.
        let other = ClientCertificate { key: strange.key, ..ours.clone() };
        let error = with(Some(other)).client_config().expect_err("two that do not belong together");
        assert!(error.to_string().starts_with("the client's certificate in "), "{error}");
        let none = ClientCertificate { key: folder.path().join("no.key"), ..ours };
        let error = with(Some(none)).client_config().expect_err("no key");
        assert!(error.to_string().starts_with("the client's key in "), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn this_machine_has_many_names() {
        for (url, expected) in [
            ("http://localhost:1/", true),
            ("ws://127.3.2.1/", true),
            ("http://[::1]:8000/x", true),
            ("https://example.test/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&url.parse().expect("a URL")), expected, "{url}");
        }
    }
}
