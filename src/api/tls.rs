use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, SanType};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::settings::TlsSettings;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("tls.cert_file and tls.key_file go together; name both, or set tls.self_made for a trial")]
    Half,
    #[error("tls.self_made is for trials; leave it out where there is a certificate")]
    Both,
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(String),
}

/// What connections are accepted with; `None` for plain HTTP.
pub(super) fn acceptor(settings: &TlsSettings, address: IpAddr) -> Result<Option<TlsAcceptor>, TlsError> {
    let (chain, key) = match (&settings.cert_file, &settings.key_file, settings.self_made) {
        (None, None, false) => return Ok(None),
        (None, None, true) => self_made(address)?,
        (Some(cert), Some(key), false) => (chain(cert)?, key_of(key)?),
        (Some(_), Some(_), true) => return Err(TlsError::Both),
        _ => return Err(TlsError::Half),
    };
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let unusable = |error: tokio_rustls::rustls::Error| TlsError::Unusable(error.to_string());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
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

type Made = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A certificate that nobody has reason to trust, for trials.
pub fn self_made(address: IpAddr) -> Result<Made, TlsError> {
    let unusable = |error: rcgen::Error| TlsError::Unusable(error.to_string());
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).map_err(unusable)?;
    params.subject_alt_names.push(SanType::IpAddress(address));
    let key = KeyPair::generate().map_err(unusable)?;
    let cert = params.self_signed(&key).map_err(unusable)?;
    let der = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| TlsError::Unusable(error.to_owned()))?;
    Ok((vec![cert.der().clone()], der))
}
