//! One who speaks and one who joins, by the protocol's own types and the engine's own transports.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use express_bench_forwarder::{
    server::{APP_ID, SECRET, Server},
    whip::Bearer,
};
use express_media::{
    rtp::{ReceiveOptions, ReceivePipeline, ReceiveStats, RtpStart, receive_pipeline, send_pipeline},
    transport::{
        MediaTransport, OPUS_PAYLOAD_TYPE, PublishOffer, ReceivePackets, TransportEvent, TransportFactory, WebRtcTransports,
    },
};
use express_messages::{
    audio::{AudioBlock, CaptureSink, PlayoutSource},
    ids::{RoomId, StreamId, UserId},
    publisher::EncoderOptions,
};
use express_signalling::{
    protocol::{Call, ClientFrame, Heartbeat, Login, Play, Publish, SdpOk, ServerFrame, StopPlay, VERSION},
    room::{Connector, Incoming, Link, Outgoing, WebSocketConnector, signal_url},
};
use express_token::Secret;
use futures::{StreamExt, channel::mpsc};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    Fault,
    relay::{Relay, Way},
};

/// When a join counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the pipelines are served; both clocks of the engine tick at this rate or slower.
const BLOCK: Duration = Duration::from_millis(10);
const LOOK: Duration = Duration::from_millis(1);
const STREAM: &str = "speaker";

/// One login.
struct Session {
    link: Link,
    last_id: u64,
}

impl Session {
    async fn login(server: &Server, user: &str) -> Result<Self, Fault> {
        let link = WebSocketConnector::new(Handle::current()).connect(&signal_url(&server.url().replace("http://", "ws://"))?);
        let mut session = Self { link, last_id: 0 };
        let bearer = Bearer::Minted {
            app_id: APP_ID,
            secret: Secret::new(SECRET)?,
        };
        let login = Login {
            versions: vec![VERSION],
            app_id: APP_ID,
            room_id: RoomId::new("bench")?,
            user_id: UserId::new(user)?,
            user_name: String::new(),
            token: bearer.of(user)?,
            user_update: false,
            max_member_count: 0,
            loudest_streams: 0,
            instance: None,
            redirected: false,
            moved_from: None,
        };
        session.call(login).await?;
        Ok(session)
    }

    /// Makes a request and waits for its result.
    async fn call<C: Call>(&mut self, call: C) -> Result<C::Ok, Fault> {
        self.last_id += 1;
        let frame = ClientFrame {
            id: self.last_id,
            request: call.into(),
        };
        self.link.outgoing.send(Outgoing::Text(frame.to_text())).await?;
        loop {
            match self.link.incoming.recv().await {
                Some(Incoming::Text(text)) => match ServerFrame::parse(&text)? {
                    ServerFrame::Ok { id, ok } if id == self.last_id => return Ok(serde_json::from_value(ok)?),
                    ServerFrame::Error { error, .. } => return Err(format!("refused: {} ({})", error.message, error.code).into()),
                    _ => {}
                },
                Some(Incoming::Closed(why)) => return Err(why.into()),
                Some(Incoming::Opened | Incoming::Alive) => {}
                None => return Err("the link ended".into()),
            }
        }
    }
}

/// Speaks one packet every 20 ms, from the beginning to the end.
pub(crate) struct Speaker {
    session: Session,
    _transport: Arc<dyn MediaTransport>,
}

impl Speaker {
    /// Logs in, publishes, and returns when the connection stands.
    pub(crate) async fn start(server: &Server) -> Result<Self, Fault> {
        let mut session = Session::login(server, "speaker").await?;
        let start = RtpStart {
            ssrc: 1,
            payload_type: OPUS_PAYLOAD_TYPE,
            sequence: 0,
            timestamp: 0,
        };
        let (mut sink, packets, control, _) = send_pipeline(&EncoderOptions::default(), start)?;
        let (events, mut happened) = mpsc::unbounded();
        let offer = PublishOffer { ssrc: 1, channels: 1 };
        let transports = WebRtcTransports::new(Handle::current());
        let transport = transports.publish(offer, Arc::new(tokio::sync::Mutex::new(packets)), &[], events);
        let publish = Publish {
            stream_id: StreamId::new(STREAM)?,
            offer: transport.offer().await?,
            extra_info: String::new(),
            muted: false,
        };
        let SdpOk { answer, .. } = session.call(publish).await?;
        transport.apply_answer(answer).await?;
        if timeout(PATIENCE, happened.next()).await != Ok(Some(TransportEvent::Connected)) {
            return Err("the speaker does not connect".into());
        }
        control.set_active(true);
        tokio::spawn(async move {
            let mut block = AudioBlock::silent(1);
            block.samples_mut().fill(0.25);
            let mut ticks = tokio::time::interval(BLOCK);
            loop {
                ticks.tick().await;
                sink.on_block(&block, Instant::now());
            }
        });
        Ok(Self {
            session,
            _transport: transport,
        })
    }

    /// Keeps the session.
    pub(crate) async fn heartbeat(&mut self) -> Result<(), Fault> {
        self.session.call(Heartbeat {}).await.map(|_| ())
    }
}

/// What one join took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    /// From the answer, which the client has, to the connection.
    pub(crate) connect: Duration,
    /// From the beginning, before the offer, to the first packet.
    pub(crate) first_packet: Duration,
    /// From the connection to the first packet.
    pub(crate) waited: Duration,
}

/// Joins again and again.
pub(crate) struct Listener {
    session: Session,
    transports: WebRtcTransports,
}

impl Listener {
    pub(crate) async fn login(server: &Server) -> Result<Self, Fault> {
        Ok(Self {
            session: Session::login(server, "listener").await?,
            transports: WebRtcTransports::new(Handle::current()),
        })
    }

    /// Keeps the session.
    pub(crate) async fn heartbeat(&mut self) -> Result<(), Fault> {
        self.session.call(Heartbeat {}).await.map(|_| ())
    }

    /// Plays the speaker over `way` until its first packet; `None` where none comes in time.
    pub(crate) async fn join(&mut self, way: Option<Way>, seed: u64) -> Result<Option<Joined>, Fault> {
        let stream_id = StreamId::new(STREAM)?;
        let options = ReceiveOptions::default();
        let (mut source, packets, stats) = receive_pipeline(options)?;
        let packets: ReceivePackets = Arc::new(Mutex::new(packets));
        let (events, mut happened) = mpsc::unbounded();

        let began = Instant::now();
        let transport = self.transports.play(packets, &[], events);
        let play = Play {
            stream_id: stream_id.clone(),
            offer: transport.offer().await?,
            loudest: None,
        };
        let SdpOk { answer, .. } = self.session.call(play).await?;
        let (answer, relay) = match way {
            None => (answer, None),
            Some(way) => {
                let relay = Relay::start(server_address(&answer)?, way, seed).await?;
                (by_relay(&answer, relay.address), Some(relay))
            }
        };
        let answered = Instant::now();
        transport.apply_answer(answer).await?;
        let connected = match timeout(PATIENCE, happened.next()).await {
            Ok(Some(TransportEvent::Connected)) => Some(Instant::now()),
            _ => None,
        };
        let heard = timeout(PATIENCE, first_packet(&mut source, &stats)).await.ok();
        transport.close().await;
        drop(relay);
        self.session.call(StopPlay { stream_id }).await?;
        Ok(connected.zip(heard).map(|(connected, heard)| Joined {
            connect: connected - answered,
            first_packet: heard - began,
            waited: heard.saturating_duration_since(connected),
        }))
    }
}

/// When the first packet was seen, to a millisecond.
async fn first_packet(source: &mut ReceivePipeline, stats: &ReceiveStats) -> Instant {
    let mut out = AudioBlock::silent(1);
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        source.next_block(&mut out, Instant::now());
        if stats.snapshot().playout.packets_received > 0 {
            return Instant::now();
        }
    }
}

/// Fields of a candidate attribute (RFC 8839 section 5.1): protocol, address and port are the third, fifth and sixth.
fn udp_candidate(line: &str) -> Option<Vec<&str>> {
    let fields: Vec<&str> = line.trim_end().strip_prefix("a=candidate:")?.split(' ').collect();
    (fields.len() >= 8 && fields[2].eq_ignore_ascii_case("udp")).then_some(fields)
}

fn server_address(answer: &str) -> Result<SocketAddr, Fault> {
    let fields = answer.lines().find_map(udp_candidate).ok_or("the answer has no candidate")?;
    Ok(SocketAddr::new(fields[4].parse()?, fields[5].parse()?))
}

/// The answer with the relay in place of the server.
fn by_relay(answer: &str, relay: SocketAddr) -> String {
    let (ip, port) = (relay.ip().to_string(), relay.port().to_string());
    let replaced = answer.lines().filter_map(|line| match udp_candidate(line) {
        Some(mut fields) => {
            fields[4] = &ip;
            fields[5] = &port;
            Some(format!("a=candidate:{}\r\n", fields.join(" ")))
        }
        None if line.starts_with("a=candidate:") => None,
        None => Some(format!("{line}\r\n")),
    });
    replaced.collect()
}
