"""Scores a recording of looped speech against the clip that was said.

    pesq_score.py [--rounds] SAID.wav ... HEARD.wav

prints one line of JSON for each SAID: PESQ-WB (ITU-T P.862.2), the longest gap in milliseconds, the correlation at the best fit,
and the seconds compared. With --rounds it is a list, one such entry for each whole round of SAID in HEARD and not the best alone.
Exit status 1 where HEARD holds no whole round of a SAID. All are 48 kHz WAV files; `tests/tools/python_env.sh
tests/tools/speech-requirements.txt` makes the Python that runs this.
"""

import json
import pathlib
import sys

import numpy as np
from pesq import NoUtterancesError, pesq
from scipy.io import wavfile
from scipy.signal import correlate, resample_poly

RATE = 48_000
WIDEBAND_RATE = 16_000
# By so many samples a player may stretch or cut a round of a clip.
SLACK = RATE // 2


def read_mono(path):
    rate, samples = wavfile.read(path)
    if rate != RATE:
        raise SystemExit(f"{path}: {rate} Hz; {RATE} Hz is wanted")
    if samples.dtype.kind == "i":
        samples = samples.astype(np.float64) / np.iinfo(samples.dtype).max
    samples = samples.astype(np.float64)
    return samples if samples.ndim == 1 else samples.mean(axis=1)


def wideband(samples):
    """The samples at 16 kHz, which is what PESQ-WB and PLCMOS listen to."""
    return resample_poly(samples, WIDEBAND_RATE, RATE)


def pesq_wb(said, heard):
    """PESQ-WB (ITU-T P.862.2) of two 48 kHz recordings, 1.0 to 4.64; raises `pesq.PesqError` where it finds no speech."""
    if not np.any(heard):
        raise NoUtterancesError("nothing but zeros, which PESQ cannot level")
    return float(pesq(WIDEBAND_RATE, wideband(said), wideband(heard), "wb"))


def alignment(said, heard):
    """First sample of `heard` at which the whole of `said` fits best, and the normalised correlation there."""
    offset = int(np.argmax(correlate(heard, said, mode="valid", method="fft")))
    part = heard[offset : offset + len(said)]
    norm = np.linalg.norm(part) * np.linalg.norm(said)
    return offset, float(np.dot(part, said) / norm) if norm else 0.0


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


def judged(said, heard, offset, likeness):
    """What a listener heard of one round that begins at `offset`, as the numbers named above."""
    part = heard[offset : offset + len(said)]
    return {
        "pesq_wb": round(pesq_wb(said, part), 3),
        "longest_gap_ms": longest_gap_ms(said, part),
        "correlation": round(likeness, 4),
        "seconds": round(len(part) / RATE, 2),
    }


def read_both(clip, recording):
    said = read_mono(clip)
    heard = read_mono(recording)
    if len(heard) < len(said):
        raise SystemExit(f"{recording}: {len(heard) / RATE:.1f} s hold no whole round of {clip}")
    return said, heard


def score(clip, recording):
    """What a listener heard of the looped `clip`, as the numbers named above: the round that fits best, for it joins at any time."""
    said, heard = read_both(clip, recording)
    return {"clip": pathlib.Path(clip).stem, **judged(said, heard, *alignment(said, heard))}


def score_rounds(clip, recording):
    """The same of each whole round, in order."""
    said, heard = read_both(clip, recording)
    offset, likeness = alignment(said, heard[: 2 * len(said)])
    rounds = [judged(said, heard, offset, likeness)]
    while len(heard) >= offset + 2 * len(said):
        start = offset + len(said) - SLACK
        onward, likeness = alignment(said, heard[start : start + 2 * SLACK + len(said)])
        offset = start + onward
        rounds.append(judged(said, heard, offset, likeness))
    return rounds


if __name__ == "__main__":
    files = [argument for argument in sys.argv[1:] if argument != "--rounds"]
    if len(files) < 2:
        raise SystemExit(__doc__)
    *clips, recording = files
    for clip in clips:
        print(json.dumps(score_rounds(clip, recording) if "--rounds" in sys.argv[1:] else score(clip, recording)))
