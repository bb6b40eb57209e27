//! Whose certificates `wss` trusts.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Certificate authorities that may vouch for a server: the public ones, and those that are added.
#[derive(Debug, Clone)]
pub struct Authorities(RootCertStore);

/// Why a certificate authority was not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// Not PEM.
    #[error("this is no PEM text (RFC 7468): {0}")]
    Pem(String),
    /// PEM without a certificate in it, for example a key alone.
    #[error("there is no certificate in it; give what stands from BEGIN CERTIFICATE to END CERTIFICATE")]
    Empty,
    /// A certificate that cannot be read.
    #[error("it holds a certificate that cannot be used: {0}")]
    Certificate(String),
}

impl Default for Authorities {
    /// The public ones, as Mozilla lists them.
    fn default() -> Self {
        Self(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
    }
}

impl Authorities {
    /// Trusts the certificates in `pem` too: one or more, as RFC 7468 writes them.
    ///
    /// # Errors
    /// [`AuthorityError`], and then nothing is added.
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<(), AuthorityError> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| AuthorityError::Pem(error.to_string()))?;
        if certificates.is_empty() {
            return Err(AuthorityError::Empty);
        }
        let mut more = self.0.clone();
        for certificate in certificates {
            let added = more.add(certificate);
            added.map_err(|error| AuthorityError::Certificate(error.to_string()))?;
        }
        self.0 = more;
        Ok(())
    }
}

impl From<Authorities> for RootCertStore {
    fn from(authorities: Authorities) -> Self {
        authorities.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused_by_name_and_nothing_is_added() {
        let mut authorities = Authorities::default();
        let public = authorities.0.len();
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let unended = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert_eq!(authorities.add_pem(b"hello"), Err(AuthorityError::Empty));
        assert!(matches!(
            authorities.add_pem(empty.as_bytes()),
            Err(AuthorityError::Certificate(_))
        ));
        assert!(matches!(authorities.add_pem(unended.as_bytes()), Err(AuthorityError::Pem(_))));
        assert_eq!(authorities.0.len(), public);
    }
}
