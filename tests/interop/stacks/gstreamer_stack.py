"""GStreamer's webrtcbin publishes a tone by WHIP, or records what it plays by WHEP.

publish URL TOKEN HZ: until SIGINT; play URL TOKEN WAV SECONDS: of sound, then it ends. It offers before it has
candidates and sends them by PATCH.
"""

import signal

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

from whip import AMPLITUDE, RATE, Resource, arguments, say, write_wav  # noqa: E402

CAPS = "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=97"
PUBLISH = (
    "webrtcbin name=pc bundle-policy=max-bundle audiotestsrc is-live=true wave=sine freq={hz} volume={volume} "
    "! audio/x-raw,rate=48000,channels=1 ! opusenc bitrate=48000 ! rtpopuspay pt=97 ! {caps} ! pc."
)
SINK = (
    "rtpopusdepay ! opusdec ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1 "
    "! appsink name=heard emit-signals=true sync=false"
)


class Connection:
    """A pipeline around webrtcbin, from the offer on."""

    def __init__(self, pipeline, url, token):
        self.pipeline, self.url, self.token = pipeline, url, token
        self.loop = GLib.MainLoop()
        self.resource = None
        self.candidates = []
        self.failure = None
        self.pc = pipeline.get_by_name("pc")
        self.pc.connect("on-negotiation-needed", lambda pc: self._offer())
        self.pc.connect("on-ice-candidate", lambda pc, line, candidate: self.candidates.append(candidate))
        self.pc.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(self._trickle))
        self.pc.connect("notify::connection-state", lambda *_: self._state())
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda bus, message: self.fail(message.parse_error()[1]))

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.resource:
            self.resource.delete()
        self.pipeline.set_state(Gst.State.NULL)
        if self.failure:
            raise SystemExit(self.failure)

    def fail(self, why):
        self.failure = str(why)
        self.loop.quit()

    def _offer(self):
        if self.sends:
            transceiver = self.pc.emit("get-transceiver", 0)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        self.pc.emit("create-offer", None, Gst.Promise.new_with_change_func(self._offered, None))

    def _offered(self, promise, _):
        offer = promise.get_reply().get_value("offer")
        self.pc.emit("set-local-description", offer, Gst.Promise.new())
        GLib.idle_add(self._post, offer.sdp.as_text())

    def _post(self, sdp):
        try:
            self.resource = Resource(self.url, self.token, sdp)
        except SystemExit as why:
            self.fail(why)
            return
        _, answer = GstSdp.SDPMessage.new_from_text(self.resource.answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, answer)
        self.pc.emit("set-remote-description", description, Gst.Promise.new())
        self._trickle()

    def _trickle(self):
        gathered = self.pc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE
        if self.resource and gathered and self.candidates:
            lines = "".join(f"a={candidate}\r\n" for candidate in self.candidates)
            self.candidates = []
            self.resource.trickle(f"m=audio 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:audio0\r\n{lines}a=end-of-candidates\r\n")
            say("trickled")

    def _state(self):
        state = self.pc.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            say("connected")
        if state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            self.fail("the connection failed")


class Publisher(Connection):
    sends = True

    def __init__(self, url, token, hz):
        # audiotestsrc's volume is the amplitude.
        super().__init__(Gst.parse_launch(PUBLISH.format(hz=hz, volume=AMPLITUDE, caps=CAPS)), url, token)
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, self.loop.quit)


class Player(Connection):
    sends = False

    def __init__(self, url, token, wav, seconds):
        pipeline = Gst.Pipeline.new("play")
        pc = Gst.ElementFactory.make("webrtcbin", "pc")
        pc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        pipeline.add(pc)
        super().__init__(pipeline, url, token)
        self.wav, self.bytes, self.pcm = wav, int(2 * RATE * float(seconds)), b""
        pc.connect("pad-added", lambda pc, pad: self._heard(pad))
        recvonly = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        pc.emit("add-transceiver", recvonly, Gst.Caps.from_string(CAPS))

    def _heard(self, pad):
        sink = Gst.parse_bin_from_description(SINK, True)
        sink.get_by_name("heard").connect("new-sample", self._sample)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.sinkpads[0])

    def _sample(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        self.pcm += buffer.extract_dup(0, buffer.get_size())
        if len(self.pcm) >= self.bytes and self.wav:
            write_wav(self.wav, self.pcm)
            self.wav = None
            say("recorded")
            GLib.idle_add(self.loop.quit)
        return Gst.FlowReturn.OK


if __name__ == "__main__":
    Gst.init(None)
    role, url, token, rest = arguments()
    (Publisher if role == "publish" else Player)(url, token, *rest).run()
