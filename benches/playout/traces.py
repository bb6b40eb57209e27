"""Makes the network traces of the playout bench: what happens to each 20 ms packet, from a seed.

    traces.py --out DIR [--only NAME ...] [--seed N ...]

writes DIR/NAME.json, `{"name": ..., "drop": [0 or 1, ...], "delay": [ms, ...]}`, one entry for each packet, order kept. Without
`--only` all of NAMES are made. With more than one seed each name carries its own: rnd10_s101. A name is put together from

    clean     nothing happens
    rndN      N % of the packets are lost, each for itself
    geN       N % are lost in bursts of 2 + N/10 packets on average (two states: everything or nothing gets through)
    jn        delay 20 ± 10 ms (normal)
    j4g       15 ms and a little; each 250th packet on average waits 100 to 200 ms, and those behind it wait for it

and of a delay with a loss: jn_rnd10. The loss of one seed is the same with every delay. Equal seeds make equal files.
"""

import argparse
import json
import pathlib
import random
import re

FRAME_MS = 20.0
NAMES = "clean rnd5 rnd10 rnd20 rnd30 ge10 ge20 ge30 jn jn_rnd10 jn_ge20 j4g j4g_ge10".split()
# 12 s before the scoring begins and eleven clips of 9 s; a longer call starts over.
PACKETS = 5600
STALL_CHANCE = 1 / 250
# Of the seeds 1 to 40 the one whose traces lose what their names say most exactly: rates to 0.4 %, bursts to 0.3 packets.
SEED = 34


def random_loss(chance, draw, packets):
    return [int(draw.random() < chance) for _ in range(packets)]


def bursty_loss(chance, mean_run, draw, packets):
    """Gilbert's model: in the bad state everything is lost, and the chances of leaving each state give rate and run length."""
    leave_bad = 1 / mean_run
    enter_bad = chance * leave_bad / (1 - chance)
    bad, drop = False, []
    for _ in range(packets):
        bad = draw.random() >= leave_bad if bad else draw.random() < enter_bad
        drop.append(int(bad))
    return drop


def normal_delay(draw):
    return max(draw.gauss(20.0, 10.0), 0.0)


def mobile_delay(draw):
    stall = draw.uniform(100.0, 200.0) if draw.random() < STALL_CHANCE else 0.0
    return 15.0 + draw.expovariate(1 / 4.0) + stall


DELAYS = {"jn": normal_delay, "j4g": mobile_delay}


def in_order(delays):
    """A packet waits for the one before it, as in a queue."""
    last, kept = 0.0, []
    for index, delay in enumerate(delays):
        last = max(last, index * FRAME_MS + delay)
        kept.append(round(last - index * FRAME_MS, 2))
    return kept


def trace(name, seed, packets=PACKETS):
    """The trace `name` of `seed`; ValueError where the name is not one of those above."""
    drop, delay = [0] * packets, [0.0] * packets
    for part in [] if name == "clean" else name.split("_"):
        # Each part has randomness of its own, so that one does not move the other.
        draw = random.Random(f"{seed}/{part}")
        loss = re.fullmatch(r"(rnd|ge)(\d\d?)", part)
        if loss and int(loss[2]) > 0:
            percent = int(loss[2])
            drop = random_loss(percent / 100, draw, packets) if loss[1] == "rnd" else bursty_loss(percent / 100, 2 + percent / 10, draw, packets)
        elif part in DELAYS:
            delay = in_order(DELAYS[part](draw) for _ in range(packets))
        else:
            raise ValueError(f"no trace is called {name!r}: {part!r} is none of clean, rndN, geN, jn, j4g")
    return {"name": name, "drop": drop, "delay": delay}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", nargs="+", metavar="NAME", default=NAMES, help="default: " + " ".join(NAMES))
    arguments.add_argument("--out", type=pathlib.Path, required=True, help="folder, made where it is missing")
    arguments.add_argument("--seed", type=int, nargs="+", metavar="N", default=[SEED], help=f"default: {SEED}")
    arguments = arguments.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seed:
        for name in arguments.only:
            try:
                made = trace(name, seed)
            except ValueError as unknown:
                raise SystemExit(f"traces.py: {unknown}")
            if len(arguments.seed) > 1:
                made["name"] += f"_s{seed}"
            (arguments.out / f"{made['name']}.json").write_text(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
