"""PESQ-WB of what `voices --out FOLDER` wrote: `score.py CLIPS FOLDER` prints a table, one row for each kind of talk.
The exit status is 1 where a row misses what it is held to.

Run through benches/voices/run.sh, which makes the Python environment.
"""

import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests/tools"))
from pesq_score import score  # noqa: E402

# What each kind of talk is held to, of the scores of microphone and chain.
WANTED = {
    "clean": lambda mic, chain: chain >= 4.0,
    "noise": lambda mic, chain: chain >= mic + 0.35,
    "double-dry": lambda mic, chain: chain >= mic - 0.05,
    "double-wet": lambda mic, chain: chain >= mic - 0.05,
}


def main():
    clips, folder = map(pathlib.Path, sys.argv[1:])
    scores = collections.defaultdict(lambda: collections.defaultdict(list))
    for heard in sorted(folder.glob("*.wav")):
        clip, talk, chain, _ = heard.name.split(".")
        scores[talk][chain].append(score(clips / f"{clip}.wav", heard)["pesq_wb"])
    print("| PESQ-WB, mean of the clips | microphone | default chain | with AI denoise |\n|---|---|---|---|")
    missed = []
    for talk, chains in scores.items():
        mic, default, ai = (sum(chains[chain]) / len(chains[chain]) for chain in ("mic", "default", "ai"))
        print(f"| {talk} | {mic:.2f} | {default:.2f} | {ai:.2f} |")
        if not WANTED[talk](mic, default):
            missed.append(talk)
    if missed:
        raise SystemExit(f"not as good as wanted: {', '.join(missed)}")


if __name__ == "__main__":
    main()
