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

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests/tools"))
from pesq_score import RATE, read_mono, score  # noqa: E402

WANTED_PESQ = 4.0
LONGEST_GAP_MS = 40.0
APP_ID = 1


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
