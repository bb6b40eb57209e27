"""What the stacks in Python share: arguments, WHIP and WHEP, what was heard. Standard library only: two interpreters use it."""

import argparse
import array
import json
import math
import statistics
import time
import urllib.error
import urllib.parse
import urllib.request

RATE = 48_000
AMPLITUDE = 0.3
"""Of the tone that is published."""
AUDIBLE = 0.01
"""A weaker tone is none."""
SLOT = 4_800
"""Samples of 100 ms: over much longer, a clock that runs a little fast or a lost packet would lower what is measured."""


class Refused(Exception):
    """The server answered otherwise than it should."""


class Resource:
    """A media connection: made by POST, ended by DELETE."""

    def __init__(self, wish, offer):
        protocol = "whip" if wish.role == "publish" else "whep"
        url = f"{wish.base}/{protocol}/{urllib.parse.quote(wish.stream)}?{urllib.parse.urlencode({'room': wish.room})}"
        self.token, self.url, self.offer = wish.token, url, offer
        self.asked = time.monotonic()
        headers, self.answer = self._ask("POST", 201, offer, {"Content-Type": "application/sdp"})
        self.etag = headers["ETag"]
        self.url = urllib.parse.urljoin(url, headers["Location"])

    def _ask(self, method, expected, body=None, headers=None):
        headers = {"Authorization": f"Bearer {self.token}"} | (headers or {})
        request = urllib.request.Request(self.url, body and body.encode(), headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {self.url}: {error.code} {error.read().decode()}") from error
        if status != expected:
            raise Refused(f"{method} {self.url}: {status}, expected {expected}")
        return answer.headers, text

    def trickle(self, candidates):
        """Sends `candidates` of the first media line, and that there are no more (RFC 9725 section 4.3.2)."""
        lines = self.offer.splitlines()
        media = next(line for line in lines if line.startswith("m="))
        head = [next(line for line in lines if line.startswith(f"a={key}:")) for key in ("ice-ufrag", "ice-pwd", "mid")]
        fragment = [*head[:2], media, head[2], *(f"a={candidate}" for candidate in candidates), "a=end-of-candidates", ""]
        headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": self.etag}
        self._ask("PATCH", 204, "\r\n".join(fragment), headers)

    def delete(self):
        """Ends it."""
        self._ask("DELETE", 200)

    def age_ms(self):
        """Time since the POST began."""
        return round(1000 * (time.monotonic() - self.asked))


def say(**words):
    """Prints a line of JSON."""
    print(json.dumps(words), flush=True)


def tell_heard(pcm, hz, packets, connect_ms):
    """Prints what was heard, mono PCM of 48 kHz and 16 bit; ends the program with 1 where the tone is not in it."""
    amplitude = tone_amplitude(pcm, hz)
    say(hz=hz, amplitude=round(amplitude, 4), packets=packets, connect_ms=connect_ms)
    if amplitude < AUDIBLE:
        raise SystemExit(f"the tone of {hz} Hz is not there")


def tone_amplitude(pcm, hz):
    """Amplitude of the tone: the median over slots of the second half; the first is its beginning."""
    samples = array.array("h", pcm)
    starts = range(len(samples) // 2, len(samples) - SLOT + 1, SLOT)
    return statistics.median(amplitude_in(samples[start : start + SLOT], hz) for start in starts)


def amplitude_in(samples, hz):
    """Amplitude of a tone that stays in phase."""
    step = 2 * math.pi * hz / RATE
    re = sum(sample * math.cos(step * n) for n, sample in enumerate(samples))
    im = sum(sample * math.sin(step * n) for n, sample in enumerate(samples))
    return 2 * math.hypot(re, im) / len(samples) / 32_768


def arguments(description):
    """What every stack is called with."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("role", choices=["publish", "play"], help="publish a tone, or play one and measure it")
    parser.add_argument("--base", required=True, help="the server, http://127.0.0.1:8080")
    parser.add_argument("--token", required=True, help="a token04")
    parser.add_argument("--stream", required=True, help="the streamID")
    parser.add_argument("--room", required=True, help="the roomID")
    parser.add_argument("--hz", type=float, default=400, help="of the tone")
    parser.add_argument("--seconds", type=float, default=3, help="of sound, then it ends; Ctrl-C ends publishing before")
    return parser.parse_args()
