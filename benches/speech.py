"""Publishes speech with one process, plays it with another, and scores what came out.

Run through benches/speech.sh, which makes the Python environment. One row per clip; the exit status is 1 where a row misses
PESQ-WB 4.0 or holds a gap over 40 ms.
"""

import argparse
import json
import pathlib
import secrets
import subprocess
import sys
import tempfile

import numpy as np
from pesq import pesq
from scipy.io import wavfile
from scipy.signal import correlate, resample_poly

RATE = 48_000
WANTED_PESQ = 4.0
LONGEST_GAP_MS = 40.0
APP_ID = 1


def read_mono(path):
    rate, samples = wavfile.read(path)
    if rate != RATE:
        raise SystemExit(f"{path}: {rate} Hz; this bench wants {RATE} Hz")
    samples = samples.astype(np.float64) / np.iinfo(samples.dtype).max
    return samples if samples.ndim == 1 else samples.mean(axis=1)


def alignment(said, heard):
    """First sample of `heard` at which `said` begins, and the normalised correlation there."""
    scores = correlate(heard, said, mode="full", method="fft")
    offset = int(np.argmax(scores)) - (len(said) - 1)
    part = heard[max(offset, 0) : offset + len(said)]
    reference = said[max(-offset, 0) :][: len(part)]
    norm = np.linalg.norm(part) * np.linalg.norm(reference)
    return offset, float(np.dot(part, reference) / norm) if norm else 0.0


def longest_gap_ms(said, heard):
    """Longest run of 5 ms slots in which something was said and next to nothing is heard."""
    slot = RATE // 200
    longest = run = 0
    for start in range(0, min(len(said), len(heard)) - slot, slot):
        original = np.abs(said[start : start + slot]).max()
        copy = np.abs(heard[max(start - slot, 0) : start + 2 * slot]).max()
        run = run + 1 if original > 0.02 and copy < 0.06 * original else 0
        longest = max(longest, run)
    return longest * 5.0


def start_server(bin_dir, secret, work):
    config = work / "server.toml"
    config.write_text(
        f'[http]\nlisten = "127.0.0.1:0"\n[media]\nudp = "127.0.0.1:0"\n[[apps]]\nid = {APP_ID}\nsecret = "{secret}"\n'
    )
    server = subprocess.Popen(
        [bin_dir / "express-server", "serve", "--config", config], stdout=subprocess.PIPE, stderr=(work / "server.log").open("w"), text=True
    )
    ready = server.stdout.readline().split()
    if not ready or ready[0] != "ready":
        raise SystemExit("the server did not start:\n" + (work / "server.log").read_text())
    return server, ready[1].replace("http://", "ws://")


def token(bin_dir, secret, user):
    command = [bin_dir / "express-server", "token", "--app-id", str(APP_ID), "--user", user, "--secret", secret]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def call(bin_dir, url, secret, clip, out, seconds):
    """One publisher and one listener, as separate processes; returns when the listener is done."""
    common = ["--server", url, "--app-id", str(APP_ID), "--room", "bench", "--stream", clip.stem]
    play = subprocess.Popen(
        [bin_dir / "examples/play", *common, "--token", token(bin_dir, secret, "bob"), "--user", "bob", "--wav", out, "--seconds", str(seconds)],
        stdout=subprocess.DEVNULL,
    )
    publish = [bin_dir / "examples/publish", *common, "--token", token(bin_dir, secret, "alice"), "--user", "alice", "--wav", clip, "--loop"]
    publisher = subprocess.Popen([*publish, "--seconds", str(seconds + 2)], stdout=subprocess.DEVNULL)
    if play.wait(timeout=seconds + 60) or publisher.wait(timeout=60):
        raise SystemExit("publish or play failed")


def score(clip, recording):
    said = read_mono(clip)
    heard = read_mono(recording)
    # The clip is looped and the listener joins at any time: the best fit is a whole round of it.
    offset, likeness = alignment(said, heard)
    part = heard[max(offset, 0) :][: len(said)]
    if offset < 0 or len(part) < len(said):
        raise SystemExit(f"{recording}: no whole round of {clip} was heard (best fit at {offset / RATE:.2f} s)")
    quality = pesq(16_000, resample_poly(said, 1, 3), resample_poly(part, 1, 3), "wb")
    return {
        "clip": clip.stem,
        "pesq_wb": round(float(quality), 3),
        "longest_gap_ms": longest_gap_ms(said, part),
        "correlation": round(likeness, 4),
        "seconds": round(len(part) / RATE, 2),
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("target/release"))
    arguments.add_argument("--out", type=pathlib.Path, default=pathlib.Path("target/bench"))
    arguments.add_argument("--clips", type=pathlib.Path, default=pathlib.Path("tests/speech"))
    arguments = arguments.parse_args()
    secret = secrets.token_hex(16)
    rows = []
    with tempfile.TemporaryDirectory() as work:
        server, url = start_server(arguments.bin.resolve(), secret, pathlib.Path(work))
        try:
            for clip in sorted(arguments.clips.glob("*.wav")):
                recording = arguments.out / f"heard_{clip.name}"
                length = len(read_mono(clip)) / RATE
                print(f"{clip.stem}: {2 * length + 2:.0f} s ...", file=sys.stderr, flush=True)
                call(arguments.bin.resolve(), url, secret, clip, recording, round(2 * length + 2))
                rows.append(score(clip, recording))
                print(json.dumps(rows[-1]), flush=True)
        finally:
            server.terminate()
            server.wait(timeout=30)
    (arguments.out / "speech.json").write_text(json.dumps(rows, indent=1) + "\n")
    missed = [r["clip"] for r in rows if r["pesq_wb"] < WANTED_PESQ or r["longest_gap_ms"] > LONGEST_GAP_MS]
    if missed:
        raise SystemExit(f"below PESQ-WB {WANTED_PESQ} or with a gap over {LONGEST_GAP_MS} ms: {', '.join(missed)}")


if __name__ == "__main__":
    main()
