//! What changes while a stream is published: its mute, its text, what gets lost of it.

use express_messages::{
    ids::StreamId,
    publisher::{NoteListeners, NotePublisherMuted, PublisherLinkRestored, SetPublisherExtraInfo},
    room::{MuteStream, SessionFate},
    stats::ListenerReport,
};

use super::{MS, options, say, start};
use crate::transport::{OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, TransportEvent};

#[actix::test]
async fn a_mute_is_told_to_the_others_at_once_and_with_the_next_offer() {
    tokio::time::pause();
    let stage = start(options(), []);
    stage.settle().await;
    assert!(!stage.publish.take()[0].muted);
    stage.link.note_muted.do_send(NotePublisherMuted(true));
    stage.link.link_restored.do_send(PublisherLinkRestored {
        session: SessionFate::Lost,
    });
    stage.settle().await;
    let stream_id = StreamId::new("s1").unwrap();
    assert_eq!(stage.mute.take(), [MuteStream { stream_id, muted: true }]);
    assert!(stage.publish.take()[0].muted);
}

#[actix::test]
async fn the_newest_text_that_the_server_took_comes_with_the_next_offer() {
    tokio::time::pause();
    let stage = start(options(), []);
    stage.settle().await;
    stage.publish.take();
    for (text, taken) in [("second", true), ("third", false)] {
        let answer = stage.link.extra_info.send(SetPublisherExtraInfo(text.into())).await.unwrap();
        assert_eq!(answer.is_ok(), taken);
        assert_eq!(stage.extra_info.take()[0].extra_info, text);
    }
    stage.link.link_restored.do_send(PublisherLinkRestored {
        session: SessionFate::Lost,
    });
    stage.settle().await;
    assert_eq!(stage.publish.take()[0].extra_info, "second");
}

#[actix::test]
async fn losses_on_the_way_to_the_server_are_answered_with_copies_within_2_s_and_a_new_connection_begins_without() {
    tokio::time::pause();
    let stage = start(options(), []);
    stage.settle().await;
    stage.transports.latest().tell(TransportEvent::Connected);
    stage.settle().await;
    let sink = &mut stage.attach.take()[0].sink;
    let packets = stage.transports.latest().send.clone().unwrap();
    let report = ListenerReport {
        listeners: 1,
        loss_worst: Some(0.0),
        loss_median: Some(0.0),
        burst_worst: None,
        burst_median: None,
        rtt_median_ms: None,
        uplink_loss: Some(0.2),
        uplink_burst: Some(1.2),
        copying: 0,
    };
    for _ in 0..3 {
        stage.link.note_listeners.do_send(NoteListeners(report));
        tokio::time::sleep(500 * MS).await;
    }
    say(sink, 20);
    assert_eq!(last_type(&packets).await, Some(RED_PAYLOAD_TYPE));

    stage.transports.latest().tell(TransportEvent::Failed);
    tokio::time::sleep(400 * MS).await;
    stage.transports.latest().tell(TransportEvent::Connected);
    stage.settle().await;
    say(sink, 20);
    assert_eq!(last_type(&packets).await, Some(OPUS_PAYLOAD_TYPE));
}

async fn last_type(packets: &crate::transport::SendPackets) -> Option<u8> {
    let mut packets = packets.lock().await;
    let types = std::iter::from_fn(|| Some(packets.try_recv()?.header.payload_type));
    types.last()
}
