//! `/metrics` as a scraper meets it, read by a parser that is not ours; `/readyz` when media has ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix::Actor;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, http::StatusCode};
use prometheus_parse::{Scrape, Value};

use super::caller::{join, post_as};
use super::client::{Client, get, raw, server, server_with};
use crate::RunningServer;
use crate::callbacks::Callbacks;
use crate::config::{AppConfig, ServerConfig};
use crate::forwarder::{Forwarder, ForwarderConfig, ForwarderLimits};
use crate::http::{Shared, configure};
use crate::rooms::{RoomsActor, RoomsOptions, StateOptions};

const DOC: &str = include_str!("../../../../docs/metrics.md");
/// What shows metrics to people, and what wakes them.
const WATCHERS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/grafana"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus"),
];

fn scrape(server: &RunningServer) -> Scrape {
    let answer = get(server, "/metrics");
    assert_eq!(answer.status, 200, "{}", answer.body);
    parse(&answer.body)
}

fn parse(text: &str) -> Scrape {
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

/// The sample of this name and these labels.
fn sample<'a>(scrape: &'a Scrape, name: &str, labels: &[(&str, &str)]) -> &'a Value {
    let fits = |sample: &&prometheus_parse::Sample| {
        sample.metric == name && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(value))
    };
    let found: Vec<_> = scrape.samples.iter().filter(fits).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
    &found[0].value
}

fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    match sample(scrape, name, labels) {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => *value,
        other => panic!("{name}: {other:?}"),
    }
}

/// The help of each family, by name.
fn families(text: &str) -> BTreeMap<&str, &str> {
    let helps = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    helps.collect()
}

/// The metrics that have a row in the documentation.
fn documented() -> Vec<&'static str> {
    let rows = DOC.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split(['`', '{']).next());
    // Expressions of alerts have spaces, names have none.
    names
        .filter(|name| is_ours(name))
        .filter(|name| !name.contains(' '))
        .collect()
}

fn is_ours(word: &str) -> bool {
    word.starts_with("express_") || word.starts_with("process_")
}

#[test]
fn every_metric_stands_in_the_documentation_and_every_documented_one_is_there() {
    let server = server();
    let body = get(&server, "/metrics").body;
    let shown = families(&body);
    let documented = documented();
    for (name, help) in &shown {
        let count = documented.iter().filter(|documented| *documented == name).count();
        assert_eq!(count, 1, "docs/metrics.md needs this row once: | `{name}` | {help} |");
    }
    for name in documented {
        assert!(shown.contains_key(name), "docs/metrics.md has {name}, which is not shown");
    }
}

#[test]
fn dashboards_alerts_and_the_documentation_name_no_metric_that_is_not_there() {
    let documented = documented();
    let is_there = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"].map(|part| name.strip_suffix(part).unwrap_or(name));
        parts.iter().any(|family| documented.contains(family))
    };
    let files = WATCHERS.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut texts: Vec<(String, String)> = files
        .map(|file| file.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect();
    // What the documentation itself alerts on.
    texts.push(("docs/metrics.md".into(), DOC.into()));
    for (file, text) in &texts {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let named: Vec<&str> = words.filter(|word| is_ours(word)).collect();
        assert!(named.len() > 5, "{file} names {named:?}");
        for name in named {
            assert!(is_there(name), "{file} has {name}, which docs/metrics.md has not");
        }
    }
}

#[test]
fn a_counter_of_bytes_ends_in_its_unit_and_every_family_has_a_type_and_a_help() {
    let server = server();
    let body = get(&server, "/metrics").body;
    let families = families(&body);
    let types: Vec<_> = body
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    assert_eq!(types.len(), families.len());
    for (name, kind) in types {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} {kind}");
        assert!(families[name].ends_with('.'), "{name}");
        assert!(!name.contains("bytes_") || name.ends_with("_bytes_total"), "{name}");
    }
    assert!(families.contains_key("express_media_received_bytes_total"));
}

#[test]
fn the_process_and_its_shards_are_told_as_the_system_sees_them() {
    let server = server_with(|config| config.media.shards = 2);
    let scrape = scrape(&server);
    for shard in ["0", "1"] {
        assert_eq!(value(&scrape, "express_shard_up", &[("shard", shard)]), 1.0);
    }
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(value(&scrape, "express_build_info", &version), 1.0);
    assert!(value(&scrape, "process_resident_memory_bytes", &[]) > 1e6);
    assert!(value(&scrape, "process_open_fds", &[]) > 3.0);
    assert!(value(&scrape, "process_cpu_seconds_total", &[]) >= 0.0);
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let age = unix.as_secs_f64() - value(&scrape, "process_start_time_seconds", &[]);
    assert!((-2.0..100_000.0).contains(&age), "started {age} s ago");
}

/// Raises a flag when it goes.
struct Raise<'a>(&'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn scrapes_while_media_flows_show_it_and_take_nothing_from_it() {
    const LEAST: u16 = 250;
    let server = server_with(|config| {
        config.media.udp = "127.0.0.1:0".parse().unwrap();
        config.media.shards = 1;
        // It sends as fast as it can, and scrapes may be slow.
        config.limits.media_packets_per_publisher_per_s = 0;
        config.limits.media_kbit_per_publisher_per_s = 0;
    });
    let mut publisher = join(&server, "alice", "whip");
    let mut listener = join(&server, "bob", "whep");
    let over = AtomicBool::new(false);
    let scraped = AtomicUsize::new(0);
    let mut sent = 0u16;
    let scrapes = std::thread::scope(|scope| {
        // Also where something here fails: the scope ends when the scraper has.
        let ends = Raise(&over);
        let scraper = scope.spawn(|| {
            let mut forwarded = Vec::new();
            while !over.load(Ordering::Relaxed) {
                forwarded.push(value(&scrape(&server), "express_media_rtp_forwarded_total", &[]));
                scraped.store(forwarded.len(), Ordering::Relaxed);
            }
            forwarded
        });
        while sent < LEAST || (scraped.load(Ordering::Relaxed) < 3 && !scraper.is_finished()) {
            if sent >= LEAST {
                // Slower, so that it is not at an end before a scraper that gets no processor.
                listener.read();
            }
            let n = sent;
            sent = sent.checked_add(1).expect("no scrape came through");
            let payload = [n.to_be_bytes().as_slice(), &[7; 78]].concat();
            let packet = publisher
                .client
                .rtp_packet((9, n, u32::from(n) * 960), &[0x10, 0x85], &payload);
            publisher.send(&packet);
            listener.read_until(|client| client.rtp.len() > usize::from(n));
        }
        drop(ends);
        scraper.join().unwrap()
    });
    assert!(scrapes.is_sorted(), "{scrapes:?}");
    let heard: Vec<u16> = listener
        .client
        .rtp
        .iter()
        .map(|(_, payload)| u16::from_be_bytes([payload[0], payload[1]]))
        .collect();
    assert_eq!(heard, (0..sent).collect::<Vec<_>>());
    let last = scrape(&server);
    for (name, expected) in [
        ("express_media_rtp_received_total", f64::from(sent)),
        ("express_media_rtp_forwarded_total", f64::from(sent)),
        ("express_rooms", 1.0),
        ("express_users", 2.0),
        ("express_streams", 1.0),
        ("express_media_peers", 2.0),
        ("express_hosted_resources", 2.0),
    ] {
        assert_eq!(value(&last, name, &[]), expected, "{name}");
    }
    let joins = [("login", "whip"), ("login", "whep"), ("publish", "whip"), ("play", "whep")];
    for (act, way) in joins {
        assert_eq!(
            value(&last, "express_joins_total", &[("act", act), ("way", way)]),
            1.0,
            "{act} {way}"
        );
    }
    for act in ["login", "publish", "play"] {
        let socket = [("act", act), ("way", "websocket")];
        assert_eq!(value(&last, "express_joins_total", &socket), 0.0, "{act}");
    }
    assert!(value(&last, "express_shard_cpu_seconds_total", &[("shard", "0")]) > 0.0);
    let bytes = value(&last, "express_media_sent_bytes_total", &[]);
    assert!(bytes > f64::from(sent) * 80.0, "{bytes}");
    let Value::Histogram(buckets) = sample(&last, "express_forwarding_latency_seconds", &[]) else {
        panic!("no histogram");
    };
    let bounds: Vec<f64> = buckets.iter().map(|bucket| bucket.less_than).collect();
    assert!(
        bounds.is_sorted() && bounds[0] == 1e-5 && bounds.last() == Some(&f64::INFINITY),
        "{bounds:?}"
    );
}

#[tokio::test]
async fn a_login_by_socket_and_a_refusal_are_counted_by_their_names() {
    let server = server();
    let (_alice, _) = Client::login(&server, "alice").await;
    let refused = post_as(&server, "Authorization: Bearer nonsense", "whip", "v=0");
    assert_eq!((refused.status, refused.json()["code"].as_i64()), (401, Some(1_102_016)));
    let scrape = scrape(&server);
    let reason = [("reason", "TOKEN_ERROR"), ("code", "1102016")];
    assert_eq!(value(&scrape, "express_refusals_total", &reason), 1.0);
    let login = [("act", "login"), ("way", "websocket")];
    assert_eq!(value(&scrape, "express_joins_total", &login), 1.0);
    assert_eq!(value(&scrape, "express_connections", &[]), 1.0);
}

#[test]
fn what_comes_through_a_proxy_is_refused_counted_and_told_why() {
    let server = server();
    let host = format!("Host: {}", server.http_addr());
    let head = ["GET /metrics HTTP/1.1", &host, "X-Forwarded-For: 192.0.2.1"];
    let refused = raw(server.http_addr(), &head, "");
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("metrics.allow"), "{}", refused.body);
    assert_eq!(value(&scrape(&server), "express_http_metrics_refused_total", &[]), 1.0);
}

#[test]
fn who_asks_for_open_metrics_gets_them_with_their_end() {
    let server = server();
    let host = format!("Host: {}", server.http_addr());
    let head = [
        "GET /metrics HTTP/1.1",
        &host,
        "Accept: application/openmetrics-text;version=1.0.0",
    ];
    let answer = raw(server.http_addr(), &head, "");
    assert!(
        answer
            .head
            .contains("content-type: application/openmetrics-text; version=1.0.0")
    );
    assert!(answer.body.ends_with("# EOF\n"));
    let plain = get(&server, "/metrics");
    assert!(plain.head.contains("content-type: text/plain; version=0.0.4"));
    assert!(!plain.body.contains("# EOF"));
}

#[actix_web::test]
async fn a_server_whose_media_thread_ended_is_not_ready_and_says_so() {
    let config = ServerConfig::embedded();
    let forwarder = ForwarderConfig {
        udp: "127.0.0.1:0".parse().unwrap(),
        tcp: None,
        public_addresses: Vec::new(),
        relay_ip: None,
        shards: 1,
        limits: ForwarderLimits::default(),
    };
    let forwarder = Forwarder::start(forwarder, |_| {}).unwrap();
    let (alive, _ended) = tokio::sync::oneshot::channel();
    let options = RoomsOptions {
        state: StateOptions {
            limits: config.limits.clone(),
            timings: config.timings.clone(),
            apps: Vec::<AppConfig>::new(),
            ice: config.ice.clone(),
            ports: Default::default(),
            cloud: None,
            seed: [1; 32],
        },
        media: Box::new(forwarder.clone()),
        business: Box::new(()),
        cloud: Box::new(()),
        alive,
    };
    let shared = Shared::new(
        RoomsActor::new(options).start(),
        forwarder.clone(),
        Callbacks::default(),
        crate::cluster::LateCluster::default(),
        config,
        None,
    );
    let app = init_service(App::new().configure(|app| configure(app, &shared))).await;
    let ready = || TestRequest::get().uri("/readyz").to_request();
    assert_eq!(call_service(&app, ready()).await.status(), StatusCode::OK);
    forwarder.stop();
    let answer = call_service(&app, ready()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = read_body(answer).await;
    assert_eq!(
        body,
        r#"{"problem":"a media thread has ended; see the log and restart the server","ready":false}"#
    );
    let asked = TestRequest::get().uri("/metrics").insert_header(("host", "localhost"));
    let asked = asked.peer_addr("127.0.0.1:9".parse().unwrap()).to_request();
    let text = String::from_utf8(read_body(call_service(&app, asked).await).await.into()).unwrap();
    assert_eq!(value(&parse(&text), "express_shard_up", &[("shard", "0")]), 0.0);
}
