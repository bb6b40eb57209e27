//! What the playout engine counts, in the words of W3C webrtc-stats where it has one.

/// Declares the statistics once: as fields, and as the array of numbers in which they cross threads.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters since the start, and the state of the moment. Samples are per channel at 48 kHz.
        ///
        /// `packets_received = packets_played + packets_late + packets_discarded + packets_duplicated + packets_buffered`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct PlayoutStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl PlayoutStats {
            /// How many there are.
            pub(crate) const FIELDS: usize = [$(stringify!($name)),*].len();

            pub(crate) fn to_array(self) -> [u64; Self::FIELDS] {
                [$(self.$name),*]
            }

            pub(crate) fn from_array(values: [u64; Self::FIELDS]) -> Self {
                let [$($name),*] = values;
                Self { $($name),* }
            }
        }
    };
}

counters! {
    /// Packets inserted, of whatever kind.
    packets_received,
    /// Their payload in bytes.
    bytes_received,
    /// Packets that should have come, by their sequence numbers (RFC 3550 §A.3); `packets_lost` follows from it.
    packets_expected,
    /// Packets decoded and played from.
    packets_played,
    /// Packets that came after their time to play.
    packets_late,
    /// Packets that could not be used: another payload type, no audio, malformed, or thrown away to catch up.
    packets_discarded,
    /// Packets that were there already.
    packets_duplicated,
    /// Packets that wait to be decoded, now.
    packets_buffered,
    /// Frames played from a copy in a later packet (RFC 2198).
    red_frames,
    /// Frames rebuilt from in-band FEC.
    fec_frames,
    /// Frames rebuilt from deep redundancy (DRED).
    dred_frames,
    /// W3C `totalSamplesReceived`: samples given out since the first packet was played, concealed ones included.
    total_samples_received,
    /// W3C `concealedSamples`: samples that had to be invented, whether audible or silent.
    concealed_samples,
    /// W3C `silentConcealedSamples`: concealed samples after the concealment had faded out.
    silent_concealed_samples,
    /// W3C `concealmentEvents`: stretches of concealed samples.
    concealment_events,
    /// Samples of comfort noise in DTX; not concealed.
    comfort_noise_samples,
    /// W3C `insertedSamplesForDeceleration`.
    inserted_samples_for_deceleration,
    /// W3C `removedSamplesForAcceleration`.
    removed_samples_for_acceleration,
    /// W3C `jitterBufferDelay`: sum of how long the samples waited that were decoded from their own packets, in sample × µs.
    jitter_buffer_delay_sample_us,
    /// W3C `jitterBufferTargetDelay`: the same of the target, in sample × µs.
    jitter_buffer_target_delay_sample_us,
    /// W3C `jitterBufferEmittedCount`: samples decoded from their own packets.
    jitter_buffer_emitted_count,
    /// Target delay now, in µs.
    target_delay_us,
    /// RFC 3550 §6.4.1 interarrival jitter now, in µs.
    jitter_us,
    /// Breaks: stretches of more than 200 ms of concealment.
    breaks,
    /// How long they lasted, in samples.
    break_samples,
    /// Times that media time was rebased: another SSRC, or a jump of the sender's clock or sequence.
    resyncs,
    /// Times that the buffer had run empty.
    underruns,
}

impl PlayoutStats {
    /// RFC 3550 cumulative loss: expected less received; duplicates may make it negative.
    pub fn packets_lost(&self) -> i64 {
        let (expected, received) = (self.packets_expected, self.packets_received);
        i64::try_from(expected)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(received).unwrap_or(i64::MAX))
    }
}
