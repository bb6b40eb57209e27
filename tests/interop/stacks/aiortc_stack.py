"""aiortc publishes a tone by WHIP, or records what it plays by WHEP.

publish URL TOKEN HZ: until SIGINT; play URL TOKEN WAV SECONDS: of sound, then it ends.
"""

import asyncio
import fractions
import math
import signal
import struct

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

from whip import AMPLITUDE, RATE, Resource, arguments, say, write_wav

BLOCK = RATE // 50


class Tone(AudioStreamTrack):
    """A sine, paced as the class it extends paces its silence."""

    def __init__(self, hz):
        super().__init__()
        self.step = 2 * math.pi * hz / RATE
        self.at = 0

    async def recv(self):
        silence = await super().recv()
        # Its silence comes in blocks of 20 ms at 8 kHz.
        frame = AudioFrame(format="s16", layout="mono", samples=BLOCK)
        samples = (round(32_767 * AMPLITUDE * math.sin(self.step * (self.at + n))) for n in range(BLOCK))
        frame.planes[0].update(struct.pack(f"<{BLOCK}h", *samples).ljust(frame.planes[0].buffer_size, b"\0"))
        frame.pts, frame.sample_rate, frame.time_base = self.at, RATE, fractions.Fraction(1, RATE)
        self.at += BLOCK
        assert silence.samples / silence.sample_rate == BLOCK / RATE
        return frame


async def connect(pc, url, token):
    connected = asyncio.get_running_loop().create_future()

    @pc.on("connectionstatechange")
    def changed():
        if pc.connectionState == "connected" and not connected.done():
            connected.set_result(None)
        if pc.connectionState == "failed" and not connected.done():
            connected.set_exception(SystemExit("the connection failed"))

    await pc.setLocalDescription(await pc.createOffer())
    resource = await asyncio.to_thread(Resource, url, token, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(resource.answer, "answer"))
    await connected
    say("connected")
    return resource


async def publish(url, token, hz):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver(Tone(float(hz)), direction="sendonly")
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    resource = await connect(pc, url, token)
    await interrupted.wait()
    await asyncio.to_thread(resource.delete)
    await pc.close()


async def play(url, token, wav, seconds):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    track = pc.addTransceiver("audio", direction="recvonly").receiver.track
    resource = await connect(pc, url, token)
    pcm = b""
    while len(pcm) < 2 * RATE * float(seconds):
        frame = await track.recv()
        stereo = bytes(frame.planes[0])[: 4 * frame.samples]
        pcm += b"".join(stereo[at : at + 2] for at in range(0, len(stereo), 4))
    write_wav(wav, pcm)
    await asyncio.to_thread(resource.delete)
    await pc.close()
    say("recorded")


if __name__ == "__main__":
    role, url, token, rest = arguments()
    asyncio.run((publish if role == "publish" else play)(url, token, *rest))
