//! A whole voice call in one file: the documented flow, step by step.
//!
//! Start a server (`cargo run --release --bin express-server`), make a token for each user with the secret that it prints
//! (`express-server token --app-id 1 --user alice --secret S`), then in two terminals:
//!
//!     cargo run --release --example call -- ws://127.0.0.1:8080 1 alice TOKEN lobby
//!     cargo run --release --example call -- ws://127.0.0.1:8080 1 bob TOKEN lobby
//!
//! Each hears the other through the default microphone and speaker until Ctrl-C. Without a microphone a tone is sent.

use express_engine::{
    PlayQualityUpdate, PlayerStateUpdate, PublisherStateUpdate, RoomStateChanged, RoomStreamUpdate, RoomUserUpdate,
    TokenWillExpire, ZegoError, ZegoExpressEngine, ZegoRoomConfig, ZegoStreamOptions, ZegoUpdateType,
};

#[tokio::main]
async fn main() -> Result<(), ZegoError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, app_id, user, token, room] = arguments.as_slice() else {
        eprintln!("usage: call SERVER APP_ID USER TOKEN ROOM");
        std::process::exit(2);
    };
    let app_id = app_id.parse().unwrap_or(0); // 0 is refused by the next line, with a text that says so

    // 1. The engine. It does nothing yet.
    let zg = ZegoExpressEngine::new(app_id, server)?;

    // 2. Callbacks, before the login: what happens to the room, to what we publish, to what we play.
    zg.on(|e: &RoomStateChanged| println!("room: {} {}", e.reason, e.error_code));
    zg.on(|e: &RoomUserUpdate| println!("users {}: {}", e.update_type, e.user_list.len()));
    zg.on(|e: &PublisherStateUpdate| println!("publishing {}: {} {}", e.stream_id, e.state, e.error_code));
    zg.on(|e: &PlayerStateUpdate| println!("playing {}: {} {}", e.stream_id, e.state, e.error_code));
    zg.on(|e: &PlayQualityUpdate| println!("{}: loss {:.1} %", e.stream_id, 100.0 * e.stats.audio.audio_packets_lost_rate));
    zg.on(|_: &TokenWillExpire| println!("the token ends soon: get a new one from your server and call renew_token"));

    // 3. The others' streams: play each as it comes. An async callback may await calls of the engine.
    let player = zg.clone();
    zg.on_async(move |e: RoomStreamUpdate| {
        let zg = player.clone();
        async move {
            for stream in e.stream_list {
                if e.update_type == ZegoUpdateType::Delete {
                    let _ = zg.stop_playing_stream(&stream.stream_id);
                } else if let Ok(remote) = zg.start_playing_stream(&stream.stream_id, Default::default()).await {
                    remote.play_audio();
                }
            }
        }
    });

    // 4. What this machine can do.
    let report = zg.check_system_requirements().await?;
    println!("system: {report:?}");

    // 5. The room.
    let config = ZegoRoomConfig {
        user_update: true,
        ..Default::default()
    };
    zg.login_room(room, token, user, config).await?;

    // 6. Our sound: the microphone, or a tone where there is none.
    let local = match zg.create_zego_stream(ZegoStreamOptions::microphone()).await {
        Ok(local) => local,
        Err(error) => {
            println!("no microphone ({error}); a tone is sent instead");
            zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await?
        }
    };
    let stream = format!("{user}-voice");
    zg.start_publishing_stream(&stream, &local, Default::default())?;

    // 7. Talk until Ctrl-C, then leave in the documented order.
    let _ = tokio::signal::ctrl_c().await;
    zg.stop_publishing_stream(&stream)?;
    zg.destroy_stream(local)?;
    zg.logout_room(room)?;
    zg.destroy_engine();
    Ok(())
}
