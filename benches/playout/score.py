"""Scores what a listener heard against what was said.

    score.py [--jobs N] < pairs.json > scores.json

Standard input is a JSON list of objects with at least `reference` and `degraded`, the paths of two 48 kHz mono WAV files whose
sample 0 is the same moment; standard output is the same list with two numbers added to each:

- `pesq_wb`: PESQ-WB (ITU-T P.862.2), 1.0 to 4.64; 1.0 where it finds no speech in `degraded`, which is said on standard error.
- `plcmos`: PLCMOS v2 (INTERSPEECH 2023), about 1 to 5: how natural the concealment sounds, judged without the reference.

Both listen at 16 kHz and neither minds a constant delay. `benches/playout/score.sh` makes the Python that runs this.
"""

import argparse
import concurrent.futures
import functools
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/tools"))
try:
    import numpy as np
    import onnxruntime
    import pesq
    from speechmos.plcmos import PLCMOS

    from pesq_score import pesq_wb, read_mono, wideband
except ImportError as missing:
    raise SystemExit(f"score.py: {missing}; both PESQ and PLCMOS are needed: run it by benches/playout/score.sh, which installs them")

LOWEST_PESQ = 1.0
# PLCMOS is the mean of 15 listeners drawn at random: the same ones for every file, or equal files would score differently.
LISTENERS_SEED = 1


@functools.cache
def plcmos_model():
    """The model of this process, on one thread: the pool already has a process for each core."""
    model = PLCMOS()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model.session = onnxruntime.InferenceSession(model.model_path, options)
    return model


def plcmos(heard):
    np.random.seed(LISTENERS_SEED)
    # The resampler may overshoot full scale by a little, which the model refuses.
    return float(plcmos_model()(np.clip(wideband(heard), -1.0, 1.0))["plcmos"])


def score(pair):
    """`pair` with its scores, and a note where one of them is a stand-in."""
    said, heard = read_mono(pair["reference"]), read_mono(pair["degraded"])
    note = None
    try:
        quality = pesq_wb(said, heard)
    except (pesq.NoUtterancesError, pesq.BufferTooShortError) as refusal:
        quality, note = LOWEST_PESQ, f"{pair['degraded']}: {type(refusal).__name__}: counted as PESQ {LOWEST_PESQ}"
    return {**pair, "pesq_wb": round(quality, 3), "plcmos": round(plcmos(heard), 3)}, note


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=None, help="processes (default: one for each core)")
    jobs = arguments.parse_args().jobs
    pairs = json.load(sys.stdin)
    scored = []
    with concurrent.futures.ProcessPoolExecutor(max_workers=jobs) as pool:
        for row, note in pool.map(score, pairs):
            if note:
                print(note, file=sys.stderr)
            scored.append(row)
    json.dump(scored, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
