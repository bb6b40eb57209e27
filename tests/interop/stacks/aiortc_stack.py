"""aiortc publishes a tone by WHIP, or measures what it plays by WHEP."""

import asyncio
import contextlib
import fractions
import math
import signal
import struct

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

from whip import AMPLITUDE, RATE, Refused, Resource, arguments, say, tell_heard

BLOCK = RATE // 50


class Tone(AudioStreamTrack):
    """A sine, paced as the class it extends paces its silence: 20 ms at a time."""

    def __init__(self, hz):
        super().__init__()
        self.step = 2 * math.pi * hz / RATE
        self.at = 0

    async def recv(self):
        await super().recv()
        # Two channels, as it codes them: it would make one into two by 3 dB less.
        frame = AudioFrame(format="s16", layout="stereo", samples=BLOCK)
        mono = (round(32_767 * AMPLITUDE * math.sin(self.step * (self.at + n))) for n in range(BLOCK))
        samples = [sample for sample in mono for channel in range(2)]
        frame.planes[0].update(struct.pack(f"<{len(samples)}h", *samples).ljust(frame.planes[0].buffer_size, b"\0"))
        frame.pts, frame.sample_rate, frame.time_base = self.at, RATE, fractions.Fraction(1, RATE)
        self.at += BLOCK
        return frame


async def connect(pc, wish):
    """Sends the offer and takes the answer; the resource, and how long it took until media may flow, in ms."""
    connected = asyncio.get_running_loop().create_future()

    @pc.on("connectionstatechange")
    def changed():
        if pc.connectionState == "connected" and not connected.done():
            connected.set_result(None)
        if pc.connectionState == "failed" and not connected.done():
            connected.set_exception(SystemExit("the connection failed"))

    await pc.setLocalDescription(await pc.createOffer())
    resource = await asyncio.to_thread(Resource, wish, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(resource.answer, "answer"))
    await connected
    return resource, resource.age_ms()


async def publish(wish):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver(Tone(wish.hz), direction="sendonly")
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    resource, connect_ms = await connect(pc, wish)
    say(connected=True, connect_ms=connect_ms)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(interrupted.wait(), wish.seconds)
    await asyncio.to_thread(resource.delete)
    await pc.close()


async def play(wish):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receiver = pc.addTransceiver("audio", direction="recvonly").receiver
    resource, connect_ms = await connect(pc, wish)
    pcm = b""
    while len(pcm) < 2 * RATE * wish.seconds:
        frame = await receiver.track.recv()
        stereo = bytes(frame.planes[0])[: 4 * frame.samples]
        pcm += b"".join(stereo[at : at + 2] for at in range(0, len(stereo), 4))
    stats = (await receiver.getStats()).values()
    packets = sum(one.packetsReceived for one in stats if one.type == "inbound-rtp")
    await asyncio.to_thread(resource.delete)
    await pc.close()
    tell_heard(pcm, wish.hz, packets, connect_ms)


if __name__ == "__main__":
    wish = arguments(__doc__)
    try:
        asyncio.run((publish if wish.role == "publish" else play)(wish))
    except Refused as why:
        raise SystemExit(why) from None
