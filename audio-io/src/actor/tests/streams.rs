//! Local and played streams, taps and recordings.

use super::*;

#[actix::test]
async fn a_sink_of_a_local_stream_gets_one_block_each_10_ms_until_the_stream_closes() {
    let (link, _) = start(&ScriptedDevices::new());
    link.open.send(open(tone())).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    pass(1_000).await;
    let blocks = heard.samples().len() / 480;
    assert!((99..=101).contains(&blocks), "{blocks}");
    link.close.send(CloseLocalStream(LOCAL)).await.unwrap();
    pass(1_000).await;
    assert!(heard.samples().len() / 480 <= blocks + 1);
    assert_eq!(attach(&link, &heard).await.unwrap_err().code, 1000018);
}

#[actix::test]
async fn pushed_pcm_arrives_block_by_block_in_order_and_without_loss() {
    let (link, _) = start(&ScriptedDevices::new());
    let source = CaptureSource::Pushed(Box::new(Counting(0)));
    link.open.send(open(source)).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    pass(2_000).await;
    let firsts: Vec<u16> = heard
        .samples()
        .chunks_exact(480)
        .map(|b| (b[0] * 1_000.0).round() as u16)
        .collect();
    assert!(firsts.len() >= 195);
    assert!(firsts.windows(2).all(|w| w[1] == w[0] + 1), "{firsts:?}");
}

#[actix::test]
async fn a_wav_file_is_recorded_again_sample_by_sample_up_to_its_volume() {
    let dir = ScratchDir::new();
    let (input, output) = (dir.file("in.wav"), dir.file("out.wav"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&input, spec).unwrap();
    let said: Vec<i16> = (0..48_000).map(|i| ((f64::from(i) * 0.05).sin() * 20_000.0) as i16).collect();
    said.iter().for_each(|s| writer.write_sample(*s).unwrap());
    writer.finalize().unwrap();

    let (link, events) = start(&ScriptedDevices::new());
    let source = CaptureSource::Wav {
        path: input,
        repeat: false,
    };
    // The local stream becomes a played stream by a ring, as a network would do it.
    let wire = Wire::default();
    let record = RecordPlayout {
        stream_id: stream("s"),
        path: output.clone(),
        channels: 1,
    };
    link.record_playout.send(record).await.unwrap().unwrap();
    link.open.send(open(source)).await.unwrap().unwrap();
    let volume = SetCaptureVolume { id: LOCAL, percent: 50 };
    link.capture_volume.send(volume).await.unwrap();
    let sink = AttachSink {
        local_stream: LOCAL,
        sink: Box::new(wire.clone()),
    };
    link.attach_sink.send(sink).await.unwrap().unwrap();
    let source = AttachSource {
        stream_id: stream("s"),
        source: Box::new(wire),
    };
    link.attach_source.send(source).await.unwrap();
    pass(2_000).await;
    assert_eq!(events.take(), [AudioDeviceEvent::SourceEnded(LOCAL)]);
    link.forget_playout.send(ForgetPlayout(stream("s"))).await.unwrap();

    let heard = read_wav(&output);
    // The volume is reached over the first block; behind that everything is exactly half.
    let wanted: Vec<i16> = said[480..].iter().map(|s| (f32::from(*s) * 0.5).round() as i16).collect();
    let at = heard
        .windows(64)
        .position(|w| w == &wanted[..64])
        .expect("what was said is heard");
    assert_eq!(heard[at..at + wanted.len()], wanted[..]);
}

/// A sink whose blocks come out as a source.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<std::collections::VecDeque<AudioBlock>>>);

impl CaptureSink for Wire {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        self.0.lock().unwrap().push_back(block.clone());
    }
}

impl PlayoutSource for Wire {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        if let Some(block) = self.0.lock().unwrap().pop_front() {
            out.copy_from(&block);
        }
    }
}

#[actix::test]
async fn a_recording_is_complete_when_each_of_its_three_ends_was_answered() {
    let dir = ScratchDir::new();
    tokio::time::pause();
    for end in ["detach", "forget", "stop"] {
        let (link, _) = start_another(&ScriptedDevices::new());
        let path = dir.file("out.wav");
        let source = Box::new(Counting(0));
        let stream_id = stream("s");
        link.attach_source
            .send(AttachSource {
                stream_id: stream_id.clone(),
                source,
            })
            .await
            .unwrap();
        let record = RecordPlayout {
            stream_id: stream_id.clone(),
            path: path.clone(),
            channels: 2,
        };
        let id = link.record_playout.send(record).await.unwrap().unwrap();
        pass(500).await;
        match end {
            "detach" => link.detach_sink.send(DetachSink(id)).await.unwrap(),
            "forget" => link.forget_playout.send(ForgetPlayout(stream_id)).await.unwrap(),
            _ => link.stop.send(StopAudioDevice).await.unwrap(),
        }
        let frames = read_wav(&path).len() / 2;
        assert!((47 * 480..=53 * 480).contains(&frames), "{end}: {frames}");
    }
}

#[actix::test]
async fn a_replaced_source_keeps_settings_and_taps() {
    let devices = ScriptedDevices::new().with_speaker("spk", format(48_000, 2));
    let (link, _) = start(&devices);
    let set = SetPlayout {
        stream_id: stream("s"),
        audible: true,
        percent: 50,
    };
    link.set_playout.send(set).await.unwrap();
    let heard = Heard::default();
    let tap = TapPlayout {
        stream_id: stream("s"),
        tap: Box::new(heard.clone()),
    };
    link.tap_playout.send(tap).await.unwrap();
    let mut played = Vec::new();
    for start in [0u16, 500] {
        let source = AttachSource {
            stream_id: stream("s"),
            source: Box::new(Counting(start)),
        };
        link.attach_source.send(source).await.unwrap();
        for _ in 0..50 {
            pass(10).await;
            played.extend(devices.pull("spk", 480));
        }
    }
    let tapped: Vec<u16> = heard
        .samples()
        .chunks_exact(480)
        .map(|b| (b[0] * 1_000.0).round() as u16)
        .collect();
    assert!(tapped.contains(&40) && tapped.contains(&540), "{tapped:?}");
    assert!(
        tapped.iter().all(|n| *n <= 60 || *n > 500),
        "each block of either source, once: {tapped:?}"
    );
    let heard_at = |level: f32| played.iter().any(|s| (s - level).abs() < 1e-6);
    assert!(heard_at(0.010) && heard_at(0.260), "half as loud as tapped");
}

/// Panics in its third block.
struct Faulty(u8);

impl PlayoutSource for Faulty {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        self.0 += 1;
        assert!(self.0 < 3, "on purpose");
        out.samples_mut().fill(f32::NAN);
    }
}

#[actix::test]
async fn a_source_that_panics_falls_silent_alone() {
    let (link, events) = start(&ScriptedDevices::new());
    let source = AttachSource {
        stream_id: stream("bad"),
        source: Box::new(Faulty(0)),
    };
    link.attach_source.send(source).await.unwrap();
    let taps: Vec<_> = ["bad", "good"].into_iter().map(|name| (name, Heard::default())).collect();
    for (name, heard) in &taps {
        let tap = TapPlayout {
            stream_id: stream(name),
            tap: Box::new(heard.clone()),
        };
        link.tap_playout.send(tap).await.unwrap();
    }
    let source = AttachSource {
        stream_id: stream("good"),
        source: Box::new(Counting(0)),
    };
    link.attach_source.send(source).await.unwrap();
    pass(500).await;
    assert!(
        taps[0].1.samples().iter().all(|s| *s == 0.0),
        "nor does what is no number pass"
    );
    assert!(taps[1].1.samples().contains(&0.04));
    assert!(events.is_empty());
}

#[actix::test]
async fn levels_are_those_of_what_is_published_and_of_what_is_played_whatever_the_speaker_does() {
    let (link, _) = start(&ScriptedDevices::new());
    link.open.send(open(tone())).await.unwrap().unwrap();
    let source = AttachSource {
        stream_id: stream("s"),
        source: Box::new(Counting(249)),
    };
    link.attach_source.send(source).await.unwrap();
    let silent = SetPlayout {
        stream_id: stream("s"),
        audible: false,
        percent: 0,
    };
    link.set_playout.send(silent).await.unwrap();
    pass(210).await;
    let levels = link.sound_levels.send(GetSoundLevels).await.unwrap();
    let [(LOCAL, local)] = levels.sent[..] else {
        panic!("{levels:?}")
    };
    assert!((local.level - 0.5).abs() < 0.01, "{local:?}");
    let [(name, played)] = &levels.played[..] else {
        panic!("{levels:?}")
    };
    assert!(name.as_str() == "s" && (0.26..=0.28).contains(&played.level), "{levels:?}");

    let volume = SetCaptureVolume { id: LOCAL, percent: 200 };
    link.capture_volume.send(volume).await.unwrap();
    pass(200).await;
    let louder = link.sound_levels.send(GetSoundLevels).await.unwrap().sent[0].1.level;
    assert!(louder > 0.8, "{louder}");
    let mute = MuteLocalStream { id: LOCAL, muted: true };
    link.mute_local.send(mute).await.unwrap();
    pass(2_000).await;
    assert!(link.sound_levels.send(GetSoundLevels).await.unwrap().sent[0].1.level < 0.001);

    link.close.send(CloseLocalStream(LOCAL)).await.unwrap();
    link.forget_playout.send(ForgetPlayout(stream("s"))).await.unwrap();
    assert_eq!(link.sound_levels.send(GetSoundLevels).await.unwrap(), SoundLevels::default());
}
