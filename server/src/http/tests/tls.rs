//! HTTPS and WSS, met by real TLS clients.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use super::client::*;
use crate::RunningServer;

/// A server whose certificate is its own authority, and that certificate.
struct Encrypted {
    server: RunningServer,
    certificate: CertificateDer<'static>,
    folder: PathBuf,
}

impl Encrypted {
    fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("express-https-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let server = server_with(|config| {
            config.http.tls_certificate = Some(chain);
            config.http.tls_key = Some(key);
        });
        let certificate = made.cert.der().clone();
        Self {
            server,
            certificate,
            folder,
        }
    }

    /// A client that trusts the server.
    fn client(&self, version: &'static SupportedProtocolVersion) -> ClientConfig {
        let mut authorities = RootCertStore::empty();
        authorities.add(self.certificate.clone()).unwrap();
        client(authorities, version)
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn client(authorities: RootCertStore, version: &'static SupportedProtocolVersion) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(authorities)
        .with_no_client_auth()
}

#[test]
fn https_and_wss_are_served_by_tls_1_2_and_1_3() {
    let encrypted = Encrypted::start("served");
    let (server, address) = (&encrypted.server, encrypted.server.http_addr());
    assert_eq!(server.url(), format!("https://{address}"));
    for version in [&TLS12, &TLS13] {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::new(encrypted.client(version)), name).unwrap();
        let stream = StreamOwned::new(connection, connect(address));
        let host = format!("Host: {address}");
        let json = "Content-Type: application/json";
        let origin = format!("Origin: https://{address}");
        let head = ["POST /v1/dev-token HTTP/1.1", &host, &origin, json];
        let answer = talk(stream, &head, r#"{"user_id":"alice"}"#);
        assert_eq!((answer.status, answer.json()["app_id"].as_u64()), (200, Some(1)));
        actix_web::rt::System::new().block_on(async {
            let mut alice = Client::open_with(server, Some(encrypted.client(version))).await.unwrap();
            assert_eq!(alice.ask(login(server, "alice")).await.unwrap().online_count, 1);
        });
    }
}

#[test]
fn a_client_that_does_not_know_the_authority_refuses_the_certificate() {
    let encrypted = Encrypted::start("refused");
    actix_web::rt::System::new().block_on(async {
        let stranger = client(RootCertStore::empty(), &TLS13);
        let refused = Client::open_with(&encrypted.server, Some(stranger)).await.err().unwrap();
        assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    });
}
