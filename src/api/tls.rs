use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::settings::TlsSettings;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("tls.cert_file and tls.key_file go together; name both, or set tls.self_made")]
    Half,
    #[error("tls.self_made makes a certificate; leave it out where there is one")]
    Both,
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(String),
}

/// A certificate, with what it was signed by, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// What is shown to callers.
#[derive(Debug, PartialEq, Eq)]
pub enum TlsWanted {
    Nothing,
    SelfMade,
    Files(CertificateFiles),
}

impl TlsSettings {
    pub fn wanted(&self) -> Result<TlsWanted, TlsError> {
        match (self.cert_file.clone(), self.key_file.clone(), self.self_made) {
            (None, None, false) => Ok(TlsWanted::Nothing),
            (None, None, true) => Ok(TlsWanted::SelfMade),
            (Some(cert), Some(key), false) => Ok(TlsWanted::Files(CertificateFiles { cert, key })),
            (Some(_), Some(_), true) => Err(TlsError::Both),
            _ => Err(TlsError::Half),
        }
    }
}

/// What connections are accepted with.
pub(super) fn acceptor(files: &CertificateFiles) -> Result<TlsAcceptor, TlsError> {
    let (chain, key) = (chain(&files.cert)?, key_of(&files.key)?);
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let unusable = |error: tokio_rustls::rustls::Error| TlsError::Unusable(error.to_string());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |reason: String| TlsError::Unreadable { path: path.to_owned(), reason };
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?.collect();
    match found {
        Ok(chain) if chain.is_empty() => Err(unreadable("no certificate is in it".into())),
        other => other.map_err(|error| unreadable(error.to_string())),
    }
}

fn key_of(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| TlsError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}
