//! `GET /metrics`: what was counted, as Prometheus reads it. `docs/metrics.md` has every name.
//!
//! Values are read when they are asked for, from the counters that `/healthz` shows, too; no packet waits for that.
//! Formats: text 0.0.4, and OpenMetrics 1.0 for who prefers it.

mod process;
mod snapshot;

use actix_web::http::header::{self, Accept, Header};
use actix_web::{HttpRequest, HttpResponse, web};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

use self::process::Process;
use self::snapshot::Snapshot;
use super::Shared;
use super::origin::{is_forwarded, is_local};
use super::signal::count;
use crate::config::ServerConfig;
use crate::rooms::GetCounters;

/// <https://github.com/prometheus/OpenMetrics>, version 1.0.0.
const OPEN_METRICS: &str = "application/openmetrics-text";
const OPEN_METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const REFUSED: &str = "metrics are for this machine and the networks of metrics.allow, and not through a proxy\n";

/// What is to be written, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Prometheus,
    OpenMetrics,
}

/// Everything, for who may read it.
pub(super) async fn metrics(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    if !may_read(&request, &shared.config) {
        count(&shared.counters.metrics_refused);
        return HttpResponse::Forbidden().body(REFUSED);
    }
    let Ok(rooms) = shared.rooms.send(GetCounters).await else {
        return HttpResponse::InternalServerError().body("the rooms have stopped\n");
    };
    let cluster = shared.cluster_counters().await;
    let format = preferred(&request);
    // Off the HTTP threads, because files of the system are read.
    let written = web::block(move || write(format, Snapshot::read(&shared, rooms, cluster))).await;
    let Ok(Ok((content_type, body))) = written else {
        return HttpResponse::InternalServerError().body("the metrics could not be written\n");
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}

fn may_read(request: &HttpRequest, config: &ServerConfig) -> bool {
    let named = || request.peer_addr().is_some_and(|peer| config.metrics.allows(peer.ip()));
    is_local(request, config.http.listen.ip()) || named() && !is_forwarded(request.headers())
}

fn preferred(request: &HttpRequest) -> Format {
    let ranked = Accept::parse(request).map(|accept| accept.ranked()).unwrap_or_default();
    let known = |range: &str| match range {
        OPEN_METRICS => Some(Format::OpenMetrics),
        "text/plain" | "text/*" | "*/*" => Some(Format::Prometheus),
        _ => None,
    };
    let mut wanted = ranked.iter().filter_map(|range| known(range.essence_str()));
    wanted.next().unwrap_or(Format::Prometheus)
}

fn write(format: Format, snapshot: Snapshot) -> Result<(&'static str, String), std::fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Process::read()));
    registry
        .sub_registry_with_prefix("express")
        .register_collector(Box::new(snapshot));
    let mut body = String::new();
    match format {
        Format::Prometheus => prometheus_text::encode(&mut body, &registry)?,
        Format::OpenMetrics => text::encode(&mut body, &registry)?,
    }
    let content_type = match format {
        Format::Prometheus => prometheus_text::CONTENT_TYPE,
        Format::OpenMetrics => OPEN_METRICS_TYPE,
    };
    Ok((content_type, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::client::request;

    #[test]
    fn hosts_of_allowed_networks_may_read_and_nobody_through_a_proxy() {
        let text = "[http]\nlisten = \"0.0.0.0:8080\"\n[metrics]\nallow = [\"10.0.0.0/8\"]";
        let world = ServerConfig::from_toml(text).unwrap();
        let own = ServerConfig::embedded();
        let table = [
            (&own, "127.0.0.1:9", vec![("host", "127.0.0.1:8080")], true),
            (&own, "127.0.0.1:9", vec![("host", "rebound.example")], false),
            (&own, "10.1.2.3:9", vec![("host", "127.0.0.1")], false),
            (&world, "10.1.2.3:9", vec![("host", "voice.internal:8080")], true),
            (&world, "[::ffff:10.1.2.3]:9", vec![("host", "voice.internal:8080")], true),
            (
                &world,
                "10.1.2.3:9",
                vec![("host", "voice.example"), ("x-forwarded-for", "192.0.2.1")],
                false,
            ),
            (&world, "192.0.2.1:9", vec![("host", "voice.example")], false),
            (&world, "127.0.0.1:9", vec![("host", "127.0.0.1:8080")], false),
        ];
        for (config, from, headers, allowed) in table {
            assert_eq!(may_read(&request(from, &headers), config), allowed, "{from} {headers:?}");
        }
    }

    #[test]
    fn a_scraper_gets_the_format_that_it_prefers() {
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                            text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        let table = [
            (vec![], Format::Prometheus),
            (vec![("accept", "*/*")], Format::Prometheus),
            (vec![("accept", prometheus_3)], Format::OpenMetrics),
            (
                vec![("accept", "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;q=0.5")],
                Format::Prometheus,
            ),
            (vec![("accept", "text/html")], Format::Prometheus),
            (vec![("accept", "nonsense")], Format::Prometheus),
        ];
        for (headers, format) in table {
            assert_eq!(preferred(&request("127.0.0.1:9", &headers)), format, "{headers:?}");
        }
    }
}
