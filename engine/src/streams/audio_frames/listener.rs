//! Who calls a frame callback.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::{
    StreamExt,
    channel::mpsc::{self, UnboundedReceiver, UnboundedSender},
    future::{AbortHandle, BoxFuture, abortable},
};

use super::{FrameMaker, ZegoAudioFrameCallback};
use crate::{counters::Counters, events::Lagged, streams::ZegoFrames};

/// The engine's end of a frame callback: where the sound comes from, and how it is stopped.
#[derive(Debug)]
pub(crate) struct FrameListener {
    pub(crate) sounds: UnboundedSender<ZegoFrames>,
    pub(crate) stop: AbortHandle,
}

/// Gives the frames that `maker` makes to `callback`, for as long as the future runs: until it is stopped, or there is no more
/// sound and no listener. A panic in the callback is counted and harms nobody.
pub(crate) fn frame_listener(
    maker: FrameMaker,
    callback: ZegoAudioFrameCallback,
    counters: Arc<Counters>,
) -> (FrameListener, BoxFuture<'static, ()>) {
    let (sounds, given) = mpsc::unbounded();
    let (giving, stop) = abortable(give_frames(given, maker, callback, counters));
    let giving = async {
        // Stopped or at its end: it is over either way.
        let _ = giving.await;
    };
    (FrameListener { sounds, stop }, Box::pin(giving))
}

async fn give_frames(
    mut sounds: UnboundedReceiver<ZegoFrames>,
    mut maker: FrameMaker,
    mut callback: ZegoAudioFrameCallback,
    counters: Arc<Counters>,
) {
    let mut ready = Vec::new();
    while let Some(mut blocks) = sounds.next().await {
        while let Some(block) = blocks.next().await {
            match block {
                Ok(block) => maker.take(&block, &mut ready),
                Err(Lagged(missing)) => maker.lose(missing),
            }
            for frame in ready.drain(..) {
                if catch_unwind(AssertUnwindSafe(|| callback(frame))).is_err() {
                    counters.callback_panicked();
                    tracing::error!("a frame callback panicked; the engine goes on");
                }
                // Callbacks of events take turns with it, and it is stopped here.
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use express_messages::audio::{AudioBlock, CaptureSink};
    use futures::FutureExt;

    use super::{
        super::{ZegoAudioFrame, tests::options},
        *,
    };

    #[test]
    fn a_callback_that_took_too_long_is_told_how_many_frames_it_missed() {
        let (told, seen) = std::sync::mpsc::channel();
        let callback = Box::new(move |frame: ZegoAudioFrame| told.send(frame.lost_frames).unwrap());
        let maker = FrameMaker::new(options(256, 48_000, 1, 32)).unwrap();
        let (listener, mut giving) = frame_listener(maker, callback, Arc::default());
        let (mut tap, sound) = crate::streams::frames(|| {});
        listener.sounds.unbounded_send(sound).unwrap();
        let mut give = |blocks| (0..blocks).for_each(|_| tap.on_block(&AudioBlock::silent(1), Instant::now()));
        // A turn for each frame, and some to spare.
        let mut run = || (0..500).filter(|_| (&mut giving).now_or_never().is_some()).count();
        give(132);
        run();
        give(2);
        run();
        let lost: Vec<u64> = seen.try_iter().collect();
        // A second waits; 32 blocks are 60 frames, and one was begun.
        assert_eq!(
            (lost.len(), lost[..187].iter().max(), lost[187..].to_vec()),
            (190, Some(&0), vec![61; 3])
        );
    }
}
