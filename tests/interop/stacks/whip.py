"""WHIP and WHEP for the stacks in Python, and WAV files. Standard library only: two interpreters share it."""

import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import wave

RATE = 48_000
AMPLITUDE = 0.3


class Resource:
    """A media connection: made by POST, ended by DELETE."""

    def __init__(self, url, token, offer):
        request = urllib.request.Request(url, data=offer.encode(), method="POST")
        request.add_header("Content-Type", "application/sdp")
        with self._send(request, token) as answer:
            if answer.status != 201:
                raise SystemExit(f"POST {url}: {answer.status}")
            self.answer = answer.read().decode()
            self.etag = answer.headers["ETag"]
            self.url = urllib.parse.urljoin(url, answer.headers["Location"])
        self.token = token

    @staticmethod
    def _send(request, token):
        request.add_header("Authorization", f"Bearer {token}")
        try:
            return urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{request.method} {request.full_url}: {error.code} {error.read().decode()}") from error

    def trickle(self, fragment):
        """Sends candidates, as RFC 9725 section 4.3.2 has it."""
        request = urllib.request.Request(self.url, data=fragment.encode(), method="PATCH")
        request.add_header("Content-Type", "application/trickle-ice-sdpfrag")
        request.add_header("If-Match", self.etag)
        with self._send(request, self.token) as answer:
            if answer.status != 204:
                raise SystemExit(f"PATCH: {answer.status}")

    def delete(self):
        self._send(urllib.request.Request(self.url, method="DELETE"), self.token).close()


def write_wav(path, pcm):
    """Writes mono PCM of 48 kHz and 16 bit."""
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)


def say(word):
    """Tells the test how far it is."""
    print(word, flush=True)


def arguments():
    """`publish URL TOKEN HZ` or `play URL TOKEN WAV SECONDS`"""
    return sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
