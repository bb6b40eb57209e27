//! The certificate of HTTPS and WSS, and how a renewed one is taken without a restart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is not there, or may not be read.
    #[error("{key} = {path:?} cannot be read ({source}): does it exist, and may the server's user read it?")]
    Read {
        /// The key of the configuration.
        key: &'static str,
        /// What it names.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{key} = {path:?} is no PEM file with {wanted} ({problem})")]
    Content {
        /// The key of the configuration.
        key: &'static str,
        /// What it names.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Both can be read, and not used together.
    #[error("http.tls_key {key:?} does not fit to the first certificate of http.tls_certificate {certificate:?}: {source}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
}

/// The certificate that is shown to clients: that of the files as they were when last looked at and good.
#[derive(Debug)]
pub(crate) struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    shown: RwLock<Shown>,
}

#[derive(Debug)]
struct Shown {
    certified: Arc<CertifiedKey>,
    /// When the files were changed that were read last, good or not.
    changed: [SystemTime; 2],
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub(crate) fn read(chain: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let changed = changes(chain, key)?;
        let certified = Arc::new(certified(chain, key)?);
        Ok(Arc::new(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            shown: RwLock::new(Shown { certified, changed }),
        }))
    }

    /// TLS 1.2 and 1.3 with this certificate.
    pub(crate) fn config(self: &Arc<Self>) -> ServerConfig {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has the cipher suites of TLS 1.2 and 1.3");
        let shown: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        config.with_no_client_auth().with_cert_resolver(shown)
    }

    /// Takes what the files hold now, if they were changed since they were read last; `true`: it is shown from now on.
    ///
    /// # Errors
    /// [`TlsError`]: the certificate that was good stays.
    fn look(&self) -> Result<bool, TlsError> {
        let changed = changes(&self.chain, &self.key)?;
        if self.shown.read().unwrap_or_else(PoisonError::into_inner).changed == changed {
            return Ok(false);
        }
        let fresh = certified(&self.chain, &self.key);
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        // Also where it is not good: one change is complained of once.
        shown.changed = changed;
        shown.certified = Arc::new(fresh?);
        Ok(true)
    }

    /// Looks at the files for as long as the server runs.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            match self.look() {
                Ok(false) => {}
                Ok(true) => tracing::info!(path = %self.chain.display(), "the renewed certificate is in use"),
                Err(error) => tracing::error!(%error, "the certificate stays as it was"),
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown.certified))
    }
}

const CHAIN: &str = "http.tls_certificate";
const KEY: &str = "http.tls_key";

fn changes(chain: &Path, key: &Path) -> Result<[SystemTime; 2], TlsError> {
    let changed = |name, path: &Path| {
        let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
        changed.map_err(|source| unreadable(name, path, source))
    };
    Ok([changed(CHAIN, chain)?, changed(KEY, key)?])
}

fn certified(chain: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let certificates = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.and_then(|all| {
        if all.is_empty() {
            Err(PemError::NoItemsFound)
        } else {
            Ok(all)
        }
    });
    let certificates = certificates.map_err(|error| wrong(CHAIN, chain, "certificates", error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(KEY, key, "a private key", error))?;
    CertifiedKey::from_der(certificates, private, &aws_lc_rs::default_provider()).map_err(|source| TlsError::Pair {
        certificate: chain.to_owned(),
        key: key.to_owned(),
        source,
    })
}

fn unreadable(key: &'static str, path: &Path, source: io::Error) -> TlsError {
    TlsError::Read {
        key,
        path: path.to_owned(),
        source,
    }
}

fn wrong(key: &'static str, path: &Path, wanted: &'static str, error: PemError) -> TlsError {
    match error {
        PemError::Io(source) => unreadable(key, path, source),
        other => TlsError::Content {
            key,
            path: path.to_owned(),
            wanted,
            problem: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a self-signed certificate and its key, changed `age_s` seconds ago.
    fn write(folder: &Path, age_s: u64) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        put(&folder.join("chain.pem"), &made.cert.pem(), age_s);
        put(&folder.join("key.pem"), &made.signing_key.serialize_pem(), age_s);
        made.cert.der().clone()
    }

    fn put(path: &Path, text: &str, age_s: u64) {
        fs::write(path, text).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 - age_s);
        file.set_modified(changed).unwrap();
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("express-tls-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn shown(certificate: &Certificate) -> CertificateDer<'static> {
        certificate.shown.read().unwrap().certified.cert[0].clone()
    }

    #[test]
    fn a_renewed_certificate_is_taken_and_a_bad_one_leaves_the_good_one_in_use() {
        let folder = folder("renewed");
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        let first = write(&folder, 9);
        let certificate = Certificate::read(&chain, &key).unwrap();
        assert!(!certificate.look().unwrap());
        let second = write(&folder, 8);
        assert!(certificate.look().unwrap());
        assert_eq!(shown(&certificate), second);
        assert_ne!(first, second);
        // The new chain is there, and its key not yet.
        put(&chain, &rcgen::generate_simple_self_signed([]).unwrap().cert.pem(), 7);
        assert!(matches!(certificate.look(), Err(TlsError::Pair { .. })));
        assert_eq!(shown(&certificate), second);
        assert!(!certificate.look().unwrap(), "one change is told once");
        let third = write(&folder, 6);
        assert!(certificate.look().unwrap());
        assert_eq!(shown(&certificate), third);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_does_not_do_is_named_with_its_key() {
        let folder = folder("wrong");
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        write(&folder, 9);
        let text = folder.join("text.pem");
        fs::write(&text, "no PEM").unwrap();
        let gone = folder.join("gone.pem");
        for (chain, key, named, file) in [
            (&gone, &key, CHAIN, "gone.pem"),
            (&chain, &gone, KEY, "gone.pem"),
            (&text, &key, CHAIN, "text.pem"),
            (&chain, &text, KEY, "text.pem"),
            (&key, &chain, CHAIN, "key.pem"),
        ] {
            let error = Certificate::read(chain, key).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains(file), "{error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
