//! What we received from one publisher: loss and jitter for its receiver reports.

use std::time::{Duration, Instant};

use rtc_rtcp::reception_report::ReceptionReport;

use super::missing::MissingPackets;
use super::numbering::Unwrapper;
use super::rebase::ticks;
use super::uplink::{UplinkLoss, UplinkMeter};

/// Reception of one RTP source. RFC 3550 §6.4.1 and appendix A.3, A.8.
#[derive(Debug)]
pub(crate) struct Reception {
    ssrc: u32,
    began: Instant,
    unwrapper: Unwrapper,
    first: u64,
    highest: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    transit: Option<i64>,
    /// Sixteen times the jitter, in ticks: the form of appendix A.8.
    jitter_scaled: u64,
    last_report: Option<(u64, Instant)>,
    /// Of the interval that the last report was about.
    lost_lately: u64,
    /// Where the publisher answers NACKs.
    missing: Option<MissingPackets>,
    uplink: UplinkMeter,
}

impl Reception {
    pub(crate) fn new(ssrc: u32, now: Instant) -> Self {
        Self {
            ssrc,
            began: now,
            unwrapper: Unwrapper::default(),
            first: u64::MAX,
            highest: 0,
            received: 0,
            expected_before: 0,
            received_before: 0,
            transit: None,
            jitter_scaled: 0,
            last_report: None,
            lost_lately: 0,
            missing: None,
            uplink: UplinkMeter::default(),
        }
    }

    /// The same for a publisher that sends packets again when asked (it negotiated NACK), or does not.
    pub(crate) fn repaired(mut self, repaired: bool) -> Self {
        self.missing = repaired.then(MissingPackets::new);
        self
    }

    /// Sequence numbers to ask the publisher for now; they count as asked for.
    pub(crate) fn take_missing(&mut self, round_trip: Option<Duration>, now: Instant) -> Vec<u16> {
        match &mut self.missing {
            Some(missing) if !missing.is_empty() => missing.take_due(self.highest, round_trip, now),
            _ => Vec::new(),
        }
    }

    /// The source this is about.
    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Counts an authentic packet and returns its extended sequence number.
    pub(crate) fn handle_rtp(&mut self, sequence: u16, timestamp: u32, now: Instant) -> u64 {
        let extended = self.unwrapper.extend(sequence);
        self.first = self.first.min(extended);
        self.received = self.received.saturating_add(1);
        self.uplink.note(extended);
        if let Some(missing) = self.missing.as_mut().filter(|_| self.received > 1) {
            missing.note(extended, self.highest, now);
        }
        if extended > self.highest {
            self.highest = extended;
            self.follow_jitter(timestamp, now);
        }
        extended
    }

    /// The frame of packet `extended` came as a copy: it is not to be asked for.
    pub(crate) fn note_repaired(&mut self, extended: u64) {
        if let Some(missing) = &mut self.missing {
            missing.settle(extended);
        }
    }

    /// Packets that came after they were asked for, or whose copy came, since the last call.
    pub(crate) fn take_repaired(&mut self) -> u64 {
        self.missing.as_mut().map_or(0, MissingPackets::take_repaired)
    }

    /// What the network lost since the last call, before anything was repaired.
    pub(crate) fn take_uplink(&mut self) -> UplinkLoss {
        self.uplink.take()
    }

    /// Packets that the last report called lost.
    pub(crate) fn lost_lately(&self) -> u64 {
        self.lost_lately
    }

    /// Whether a packet, which was counted, came behind a later one.
    pub(crate) fn is_late(&self, extended: u64) -> bool {
        extended < self.highest
    }

    /// Notes the sender report `ntp` (64-bit NTP time), for the LSR and DLSR fields.
    pub(crate) fn handle_sender_report(&mut self, ntp: u64, now: Instant) {
        self.last_report = Some((ntp, now));
    }

    /// The report block since the last one; `None` before the first packet.
    pub(crate) fn report(&mut self, now: Instant) -> Option<ReceptionReport> {
        if self.received == 0 {
            return None;
        }
        let expected = self.highest.saturating_sub(self.first) + 1;
        let lost = i64::try_from(expected).ok()? - i64::try_from(self.received).ok()?;
        let expected_now = expected - self.expected_before;
        let received_now = self.received - self.received_before;
        self.expected_before = expected;
        self.received_before = self.received;
        let lost_now = expected_now.saturating_sub(received_now);
        self.lost_lately = lost_now;
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0);
        let (last_sender_report, delay) = match self.last_report {
            Some((ntp, at)) => (middle_of(ntp), units_65536(now.saturating_duration_since(at))),
            None => (0, 0),
        };
        Some(ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            // Signed in 24 bits on the wire (§6.4.1); the parser's field is unsigned.
            total_lost: u32::try_from(lost.clamp(0, 0x7f_ffff)).unwrap_or(0),
            // Our extension starts at 1 << 16; the wire counts cycles from the first packet.
            last_sequence_number: (self.highest.wrapping_sub(1 << 16) & 0xffff_ffff) as u32,
            jitter: u32::try_from(self.jitter_scaled >> 4).unwrap_or(u32::MAX),
            last_sender_report,
            delay,
        })
    }

    fn follow_jitter(&mut self, timestamp: u32, now: Instant) {
        let arrival = ticks(now.saturating_duration_since(self.began)) as i64;
        let transit = (arrival as u32).wrapping_sub(timestamp);
        if let Some(last) = self.transit {
            let change = transit.wrapping_sub(last as u32) as i32;
            let change = u64::from(change.unsigned_abs());
            let decay = (self.jitter_scaled + 8) >> 4;
            self.jitter_scaled = (self.jitter_scaled + change).saturating_sub(decay);
        }
        self.transit = Some(i64::from(transit));
    }
}

/// The middle 32 bits of a 64-bit NTP time. RFC 3550 §6.4.1 (LSR).
pub(crate) fn middle_of(ntp: u64) -> u32 {
    ((ntp >> 16) & 0xffff_ffff) as u32
}

/// A duration in units of 1/65536 s, as LSR and DLSR have it.
pub(crate) fn units_65536(duration: Duration) -> u32 {
    let units = duration.as_micros().saturating_mul(65_536) / 1_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    #[test]
    fn loss_is_reported_as_a_fraction_since_the_last_report_and_in_total() {
        let now = Instant::now();
        let mut reception = Reception::new(7, now);
        assert_eq!(reception.report(now), None);
        for sequence in [65_534u16, 65_535, 1, 2] {
            reception.handle_rtp(sequence, u32::from(sequence), now);
        }
        let report = reception.report(now).unwrap();
        assert_eq!((report.ssrc, report.total_lost), (7, 1));
        assert_eq!(report.fraction_lost, 51, "one of five, in 256ths");
        assert_eq!(report.last_sequence_number, (1 << 16) | 2);
        reception.handle_rtp(3, 3, now);
        let report = reception.report(now).unwrap();
        assert_eq!((report.fraction_lost, report.total_lost), (0, 1));
    }

    #[test]
    fn steady_packets_have_no_jitter_and_late_ones_do() {
        let mut now = Instant::now();
        let mut reception = Reception::new(1, now);
        for n in 0..100u16 {
            reception.handle_rtp(n, u32::from(n) * 960, now);
            now += FRAME;
        }
        assert_eq!(reception.report(now).unwrap().jitter, 0);
        for n in 100..200u16 {
            reception.handle_rtp(n, u32::from(n) * 960, now);
            now += if n % 2 == 0 { FRAME * 2 } else { Duration::ZERO };
        }
        let jitter = reception.report(now).unwrap().jitter;
        assert!((900..=970).contains(&jitter), "each step is 960 ticks off: {jitter}");
    }

    #[test]
    fn the_last_sender_report_and_the_delay_since_are_echoed() {
        let now = Instant::now();
        let mut reception = Reception::new(1, now);
        reception.handle_rtp(1, 1, now);
        reception.handle_sender_report(0x1111_2222_3333_4444, now);
        let report = reception.report(now + Duration::from_millis(500)).unwrap();
        assert_eq!((report.last_sender_report, report.delay), (0x2222_3333, 32_768));
    }
}
