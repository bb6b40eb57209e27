//! What is read, what is refused, and which layer wins.

use express_token::Secret;

use super::*;
use crate::forwarder::ForwarderLimits;
use crate::run::STOP_SLACK;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn the_embedded_default_is_whole_and_its_signalling_listens_on_loopback_only() {
    let config = ServerConfig::embedded();
    assert!(config.http.listen.ip().is_loopback());
    assert!(config.media.udp.ip().is_unspecified(), "Firefox sends nothing to loopback");
    assert!(config.apps.is_empty() && config.http.allowed_origins.is_empty());
    assert_eq!((config.timings.heartbeat_s, config.timings.user_timeout_s), (30, 100));
    assert_eq!(config.media.protection_kbit, ForwarderLimits::default().protection_kbit);
    let limits = config.limits;
    assert_eq!(limits.logins_per_room_per_s, 200);
    assert_eq!((limits.broadcasts_per_room_per_s, limits.broadcasts_per_user_per_s), (10, 2));
    assert_eq!(limits.barrage_per_room_per_s, 20);
    assert_eq!((limits.commands_to_one_per_s, limits.commands_to_several_per_s), (200, 10));
}

#[test]
fn the_sample_of_an_app_shows_the_defaults() {
    let start = SAMPLE.find("# [[apps]]").unwrap();
    let end = SAMPLE.find("[limits]").unwrap();
    let shown: String = SAMPLE[start..end]
        .lines()
        .map(|line| line.trim_start_matches("# ").to_owned() + "\n")
        .collect();
    let shown = shown.replace("32 characters, shared with your business server", SECRET);
    let shown: String = shown
        .lines()
        .filter(|line| line.starts_with('[') || line.contains(" = "))
        .collect::<Vec<_>>()
        .join("\n");
    let app = &ServerConfig::from_toml(&shown).unwrap().apps[0];
    let url = "https://business.example.com/callbacks".to_owned();
    let default = AppConfig {
        // What stands behind a second # is off by default.
        callback_url: Some(CallbackUrl::try_from(url).unwrap()),
        callback_secret: Some(Hidden::new("not shown")),
        ..AppConfig::new(1, Secret::new(SECRET).unwrap())
    };
    assert_eq!(format!("{app:?}"), format!("{default:?}"));
    assert_eq!(app.secret.expose(), SECRET);
}

#[test]
fn a_file_changes_what_it_names_and_the_environment_has_the_last_word() {
    let text = "[http]\nlisten = \"127.0.0.1:1\"\n[limits]\nplays_per_user = 3";
    let config = ServerConfig::from_toml(text).unwrap();
    assert_eq!((config.http.listen.port(), config.limits.plays_per_user), (1, 3));
    assert_eq!(config.media.udp.port(), 7000);
    let variables = [
        ("EXPRESS__HTTP__LISTEN", "127.0.0.1:2"),
        ("EXPRESS__MEDIA__PUBLIC_ADDRESSES", "192.0.2.1,2001:db8::1"),
        ("EXPRESS__LIMITS__STREAMS_PER_USER", "5"),
        ("EXPRESS__LOG__FORMAT", "json"),
    ];
    let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let config = read(Layers {
        toml: Some(text.into()),
        environment: Some(environment),
        file: None,
    });
    let config = config.unwrap();
    assert_eq!(config.http.listen.port(), 2);
    assert_eq!(config.media.public_addresses.len(), 2);
    assert_eq!((config.limits.streams_per_user, config.log.format), (5, LogFormat::Json));
}

#[test]
fn media_over_tcp_is_beside_udp_where_it_is_said_or_nowhere() {
    let tcp = |text: &str| {
        let media = ServerConfig::from_toml(&format!("[media]\nudp = \"127.0.0.1:7100\"\n{text}"))
            .unwrap()
            .media;
        media.tcp.address(media.udp)
    };
    assert_eq!(tcp(""), "127.0.0.1:7100".parse().ok());
    assert_eq!(tcp("tcp = \"[::]:443\""), "[::]:443".parse().ok());
    assert_eq!(tcp("tcp = \"\""), None);
}

#[test]
fn what_is_wrong_is_refused_and_named() {
    let app = format!("[[apps]]\nid = 1\nsecret = \"{SECRET}\"\n");
    let table = [
        ("[http]\nlisten = \"nowhere\"".to_owned(), "listen"),
        ("[http]\nlissen = \"127.0.0.1:1\"".into(), "lissen"),
        ("[htttp]\nlisten = \"127.0.0.1:1\"".into(), "htttp"),
        ("[[apps]]\nid = 1\nsecret = \"short\"".into(), "32 characters"),
        ("[[apps]]\nid = 1".into(), "secret"),
        (format!("[[apps]]\nid = 0\nsecret = \"{SECRET}\""), "never 0"),
        (format!("{app}{app}"), "twice"),
        (format!("{app}ciphers = []"), "apps.ciphers"),
        (format!("{app}ciphers = [\"des\"]"), "des"),
        (format!("{app}on_token_expiry = \"explode\""), "explode"),
        ("[timings]\nheartbeat_s = 0".into(), "timings.heartbeat_s"),
        ("[timings]\nuser_timeout_s = 30".into(), "timings.user_timeout_s"),
        ("[timings]\nuser_timeout_s = 99999999".into(), "timings.user_timeout_s"),
        ("[timings]\ndrain_s = 3601".into(), "timings.drain_s"),
        ("[limits]\noutgoing_queue = 1".into(), "limits.outgoing_queue"),
        ("[limits]\nconnections = -1".into(), "connections"),
        ("[media]\ntcp = \"udp\"".into(), "media.tcp"),
        ("[media]\nshards = 5000".into(), "media.shards"),
        ("[log]\nlevel = \"a=b=c\"".into(), "log.level"),
        ("[log]\nformat = \"xml\"".into(), "xml"),
        ("not toml".into(), "configuration"),
    ];
    for (text, named) in table {
        let error = ServerConfig::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(named), "{text}: {error:?} does not name {named:?}");
        assert!(!error.contains(SECRET), "{error:?} shows the secret");
    }
}

#[test]
fn a_stop_has_longer_where_members_can_move_to_other_nodes_unless_it_is_said() {
    let drain = |text: &str| ServerConfig::from_toml(text).unwrap().drain().as_secs();
    let cluster = "[cluster]\nnats = [\"nats://127.0.0.1:4222\"]\n";
    assert_eq!((drain(""), drain(cluster)), (5, 60));
    for nodes in ["", cluster] {
        assert_eq!(drain(&format!("{nodes}[timings]\ndrain_s = 7")), 7);
    }
    let variables = [("EXPRESS__TIMINGS__DRAIN_S".to_owned(), "20".to_owned())];
    let config = read(Layers {
        toml: Some(cluster.into()),
        environment: Some(variables.into()),
        file: None,
    });
    assert_eq!(config.unwrap().drain().as_secs(), 20);
}

#[test]
fn units_and_containers_give_a_stop_its_time_before_they_kill() {
    let cluster = ServerConfig::from_toml("[cluster]\nnats = [\"nats://127.0.0.1:4222\"]").unwrap();
    let longest = (cluster.drain() + STOP_SLACK).as_secs();
    let table = [
        (include_str!("../../../deploy/express-server.service"), "TimeoutStopSec="),
        (
            include_str!("../../../deploy/cluster/express-server@.service"),
            "TimeoutStopSec=",
        ),
        (include_str!("../../../deploy/cluster/compose.yaml"), "stop_grace_period: "),
    ];
    for (file, key) in table {
        let line = file.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap();
        let seconds: u64 = line.trim_end_matches('s').parse().unwrap();
        assert!(seconds > longest, "{key}{seconds} is not beyond {longest} s");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load(Some(Path::new("/nonexistent/x.toml"))).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/x.toml"), "{error}");
}

#[test]
fn a_callback_has_a_url_and_a_secret_which_is_not_shown() {
    let app = format!("[[apps]]\nid = 1\nsecret = \"{SECRET}\"\n");
    let read = |rest: &str| ServerConfig::from_toml(&format!("{app}{rest}"));
    let config = read("callback_url = \"http://[::1]:9/x\"\ncallback_secret = \"north\"").unwrap();
    let (_, secret) = config.apps[0].callback().unwrap();
    assert_eq!(secret.expose(), "north");
    assert!(!format!("{config:?}").contains("north"));
    assert!(read("").unwrap().apps[0].callback().is_none());
    let table = [
        ("callback_url = \"http://x\"", "together"),
        ("callback_secret = \"north\"", "together"),
        ("callback_url = \"http://x\"\ncallback_secret = \"\"", "printable"),
        ("callback_url = \"file:///x\"\ncallback_secret = \"north\"", "https://"),
        (
            "callback_url = \"http://me:north@x\"\ncallback_secret = \"north\"",
            "password",
        ),
    ];
    for (rest, word) in table {
        let error = read(rest).unwrap_err().to_string();
        assert!(error.contains(word) && !error.contains("north"), "{rest}: {error}");
    }
}

#[test]
fn ice_servers_are_read_and_their_secrets_are_not_shown() {
    let text = r#"[[ice.servers]]
        urls = ["stun:stun.example.com", "stuns:[2001:db8::1]:5349"]
        [[ice.servers]]
        urls = ["turn:192.0.2.1?transport=tcp", "turns:turn.example.com"]
        secret = "north"
        [[ice.servers]]
        urls = ["turn:turn.example.com"]
        username = "everybody"
        credential = "south""#;
    let ice = ServerConfig::from_toml(text).unwrap().ice;
    assert_eq!((ice.servers.len(), ice.credential_ttl_s), (3, 86_400));
    assert_eq!(ice.servers[1].secret.as_ref().unwrap().expose(), "north");
    let shown = format!("{ice:?}");
    assert!(!shown.contains("north") && !shown.contains("south"), "{shown}");
}

#[test]
fn ice_servers_that_no_client_could_use_are_refused_and_named() {
    let turn = "[[ice.servers]]\nurls = [\"turn:a\"]\n";
    let url = |url: &str| format!("[[ice.servers]]\nurls = [\"{url}\"]\nsecret = \"north\"");
    let table = [
        (turn.to_owned(), "needs a secret"),
        (format!("{turn}username = \"u\""), "username and credential together"),
        (
            format!("{turn}username = \"u\"\ncredential = \"c\"\nsecret = \"north\""),
            "either",
        ),
        (format!("{turn}secret = \"\""), "printable"),
        ("[[ice.servers]]\nurls = []".into(), "urls has 0"),
        (
            "[[ice.servers]]\nurls = [\"stun:a\"]\nsecret = \"north\"".into(),
            "no TURN server",
        ),
        (url("http:a"), "http:a"),
        (url("turn"), "turn:HOST:3478"),
        (url("turn:a:99999"), "turn:a:99999"),
        (url("turn:a?transport=sctp"), "sctp"),
        (url("turn:a b"), "turn:a b"),
        (url("turn:a>; rel=x"), "turn:a>"),
        (turn.replace("urls", "url"), "url"),
        ("[ice]\ncredential_ttl_s = 100".into(), "ice.credential_ttl_s"),
        (format!("{turn}secret = \"north\"\n").repeat(9), "at most 8"),
        ("[http]\ntls_key = \"key.pem\"".into(), "http.tls_certificate"),
    ];
    for (text, named) in table {
        let error = ServerConfig::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(named), "{text}: {error:?} does not name {named:?}");
        assert!(!error.contains("north"), "{error:?} shows the secret");
    }
}

#[test]
fn what_the_sample_and_the_page_on_proxies_show_is_a_configuration() {
    let start = SAMPLE.find("# [[ice.servers]]").unwrap();
    let block = SAMPLE[start..].split("\n\n").next().unwrap();
    let lines = block.lines().map(|line| line.trim_start_matches("# "));
    let shown: Vec<&str> = lines.filter(|line| line.starts_with('[') || line.contains(" = [")).collect();
    let shown = format!("{}\nsecret = \"north\"", shown.join("\n"));
    assert_eq!(ServerConfig::from_toml(&shown).unwrap().ice.servers[0].urls.len(), 2);
    let page = include_str!("../../../docs/reverse-proxy.md");
    let blocks: Vec<_> = page
        .split("```toml\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 2);
    let [https, turn] = [blocks[0], blocks[1]].map(|block| ServerConfig::from_toml(block).unwrap());
    assert!(https.http.tls().is_some());
    assert_eq!(turn.ice.servers[0].urls.len(), 3);
}
