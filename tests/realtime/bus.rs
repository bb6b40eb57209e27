//! The cluster's bus over a real nats-server, killed, frozen and started again: the conformance suite, and what NATS alone has.

use std::{path::PathBuf, sync::Arc};

use express_server::{
    cluster::bus::{Bucket, Bus, BusStatus, Leases, nats::NatsBus},
    config::{ClusterConfig, ServerConfig},
};
use express_tests::{
    bus::{SHORT_LEASE, World, bytes, key, name, nodes, until},
    nats::NatsServer,
    processes::work_folder,
};

struct Nats(NatsServer);

#[async_trait::async_trait(?Send)]
impl World for Nats {
    async fn new(test: &str) -> Self {
        Self(NatsServer::start(&work_folder(&format!("bus-{test}"))))
    }

    async fn node(&self, text: &str) -> Arc<dyn Bus> {
        Arc::new(node(text, &config(&self.0.url(), "")).await)
    }

    async fn stop(&mut self) {
        self.0.kill();
    }

    async fn start(&mut self) {
        self.0.start_again();
    }

    async fn start_empty(&mut self) {
        self.0.lose_store();
        self.0.start_again();
    }

    async fn freeze(&mut self) {
        self.0.freeze();
    }

    async fn thaw(&mut self) {
        self.0.thaw();
    }
}

express_tests::whole_conformance!(Nats, [tokio::test]);

fn config(url: &str, more: &str) -> ClusterConfig {
    let text = format!("[cluster]\nnats = [\"{url}\"]\n{more}");
    ServerConfig::from_toml(&text).unwrap().cluster
}

async fn node(text: &str, config: &ClusterConfig) -> NatsBus {
    let leases = Leases {
        nodes: SHORT_LEASE,
        ..Leases::default()
    };
    NatsBus::connect(name(text), config, leases).await.unwrap()
}

#[tokio::test]
async fn two_clusters_share_one_nats_by_their_prefixes() {
    let world = Nats::new("two_clusters").await;
    let [a] = nodes(&world, ["a"]).await;
    let other: Arc<dyn Bus> = Arc::new(node("a", &config(&world.0.url(), "prefix = \"other\"")).await);
    until(&other, BusStatus::Connected).await;
    a.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    assert_eq!(other.get(Bucket::Claims, &key("k")).await, Ok(None));
    let mut at_other = other.receive();
    a.broadcast(bytes("ours")).await.unwrap();
    a.publish(&name("a"), bytes("ours")).await.unwrap();
    express_tests::bus::nothing(&mut at_other).await;
}

#[tokio::test]
async fn the_connection_is_encrypted_and_logged_in_where_that_is_configured() {
    let folder = work_folder("bus-tls");
    let (certificate, key_file) = certificate(&folder);
    let arguments = [
        "--tls".to_owned(),
        format!("--tlscert={}", certificate.display()),
        format!("--tlskey={}", key_file.display()),
        "--user=express".into(),
        "--pass=north".into(),
    ];
    let server = NatsServer::start_with(&folder, &arguments);
    let login = "user = \"express\"\npassword = \"north\"\n";
    let url = format!("tls://localhost:{}", server.address().rsplit(':').next().unwrap());
    let trusted = format!("{login}ca_file = \"{}\"", certificate.display());
    let good: Arc<dyn Bus> = Arc::new(node("a", &config(&url, &trusted)).await);
    until(&good, BusStatus::Connected).await;
    good.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    let strangers = [
        config(&url, login),
        config(&url, &trusted.replace("north", "south")),
        config(&url, &trusted.replace(login, "")),
    ];
    for stranger in strangers {
        let bus = node("b", &stranger).await;
        let mut status = bus.status();
        let connected = status.wait_for(|status| *status == BusStatus::Connected);
        let connected = tokio::time::timeout(std::time::Duration::from_millis(500), connected).await;
        assert!(connected.is_err(), "{stranger:?}");
    }
}

/// A certificate of `localhost` that vouches for itself, and its key.
fn certificate(folder: &std::path::Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [certificate, key] = ["cert.pem", "key.pem"].map(|file| folder.join(file));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}
