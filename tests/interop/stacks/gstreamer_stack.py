"""GStreamer's webrtcbin publishes a tone by WHIP, or measures what it plays by WHEP.

It offers before it has candidates, and sends them by PATCH.
"""

import signal

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

from whip import AMPLITUDE, RATE, Refused, Resource, arguments, say, tell_heard  # noqa: E402

CAPS = "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=97"
# audiotestsrc's volume is the amplitude.
PUBLISH = (
    "webrtcbin name=pc bundle-policy=max-bundle audiotestsrc is-live=true wave=sine freq={hz} volume={volume} "
    "! audio/x-raw,rate=48000,channels=1 ! opusenc bitrate=48000 ! rtpopuspay pt=97 ! {caps} ! pc."
)
PLAY = "webrtcbin name=pc bundle-policy=max-bundle"
SINK = (
    "rtpopusdepay ! opusdec ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1 "
    "! appsink name=heard emit-signals=true sync=false"
)


class Connection:
    """A pipeline around webrtcbin, from the offer on."""

    def __init__(self, wish, pipeline):
        self.wish, self.pipeline = wish, pipeline
        self.loop = GLib.MainLoop()
        self.resource, self.candidates, self.connect_ms, self.failure = None, [], None, None
        self.pc = pipeline.get_by_name("pc")
        # Signals come in webrtcbin's threads; what talks to the server does so in the loop's.
        self.pc.connect("on-negotiation-needed", lambda pc: self._offer())
        self.pc.connect("on-ice-candidate", lambda pc, line, candidate: self.candidates.append(candidate))
        self.pc.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(self._asking, self._trickle))
        self.pc.connect("notify::connection-state", lambda *_: self._state())
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda bus, message: self._fail(message.parse_error()[1]))

    def run(self):
        """Until `loop` is told to quit; then the resource is ended."""
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.failure:
            raise SystemExit(self.failure)
        if self.resource:
            self.resource.delete()
        self.pipeline.set_state(Gst.State.NULL)

    def _fail(self, why):
        self.failure = str(why)
        self.loop.quit()

    def _asking(self, ask, *args):
        try:
            ask(*args)
        except Refused as why:
            self._fail(why)

    def _offer(self):
        self.pc.emit("create-offer", None, Gst.Promise.new_with_change_func(self._offered, None))

    def _offered(self, promise, _):
        # It holds the offer: without a name it is gone before the offer is used.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.pc.emit("set-local-description", offer, Gst.Promise.new())
        GLib.idle_add(self._asking, self._post, offer.sdp.as_text())

    def _post(self, sdp):
        self.resource = Resource(self.wish, sdp)
        _, answer = GstSdp.SDPMessage.new_from_text(self.resource.answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, answer)
        self.pc.emit("set-remote-description", description, Gst.Promise.new())
        self._trickle()

    def _trickle(self):
        gathered = self.pc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE
        if self.resource and gathered and self.candidates:
            candidates, self.candidates = self.candidates, []
            self.resource.trickle(candidates)

    def _state(self):
        state = self.pc.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            self.connect_ms = self.resource.age_ms()
            GLib.idle_add(self.connected)
        if state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            self._fail("the connection failed")

    def connected(self):
        """What is to be done when media may flow."""


class Publisher(Connection):
    """Sends a tone."""

    def __init__(self, wish):
        super().__init__(wish, Gst.parse_launch(PUBLISH.format(hz=wish.hz, volume=AMPLITUDE, caps=CAPS)))
        transceiver = self.pc.emit("get-transceiver", 0)
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, self.loop.quit)

    def connected(self):
        say(connected=True, connect_ms=self.connect_ms)
        GLib.timeout_add(int(1000 * self.wish.seconds), self.loop.quit)


class Player(Connection):
    """Hears one."""

    def __init__(self, wish):
        # parse_launch makes no pipeline of one element alone.
        pipeline = Gst.Pipeline.new("play")
        pipeline.add(Gst.parse_launch(PLAY))
        super().__init__(wish, pipeline)
        self.pcm, self.packets = b"", 0
        self.pc.connect("pad-added", lambda pc, pad: self._heard(pad))
        recvonly = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        self.pc.emit("add-transceiver", recvonly, Gst.Caps.from_string(CAPS))

    def run(self):
        super().run()
        tell_heard(self.pcm, self.wish.hz, self.packets, self.connect_ms)

    def _heard(self, pad):
        pad.add_probe(Gst.PadProbeType.BUFFER, self._packet)
        sink = Gst.parse_bin_from_description(SINK, True)
        sink.get_by_name("heard").connect("new-sample", self._sample)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.sinkpads[0])

    def _packet(self, pad, info):
        self.packets += 1
        return Gst.PadProbeReturn.OK

    def _sample(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        self.pcm += buffer.extract_dup(0, buffer.get_size())
        if len(self.pcm) >= 2 * RATE * self.wish.seconds:
            self.loop.quit()
        return Gst.FlowReturn.OK


if __name__ == "__main__":
    Gst.init(None)
    wish = arguments(__doc__)
    (Publisher if wish.role == "publish" else Player)(wish).run()
