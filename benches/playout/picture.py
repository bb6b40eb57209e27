"""Draws PESQ over loss: what the playout bench scored beside the browser that everyone compares with.

    picture.py --out docs/pesq-over-loss.svg "LABEL=ROWS.json" ...

ROWS.json is what `playout-bench --json` writes; of its rows those over traces named clean, rndN and geN (with or without a seed
behind the name) are drawn, each point the mean over clips and seeds, and printed as a table with the mean wait. The browser's
figures stand in chrome.json. The picture is plain SVG that follows a dark or light page; no library is needed.
"""

import argparse
import json
import pathlib
import re
import statistics
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 440
TOP, BOTTOM = 84, 356
# Left edges of the two panels; their labels stand to the right of each.
PANELS = {"rnd": (56, "random loss"), "ge": (528, "loss in bursts of 3 to 5 packets")}
PANEL_WIDTH = 232
MOST_LOSS = 30
LOWEST, HIGHEST = 1.0, 4.64
LABEL_HEIGHT = 17
LABEL_GAP = 26

STYLE = """
 svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
 .card { fill: #ffffff; stroke: #d8dee4; } text { fill: #1f2328; } .quiet { fill: #59636e; } .grid { stroke: #e6eaef; }
 .title { font-size: 17px; font-weight: 600; } .panel { font-weight: 600; }
 .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round; } .lead { fill: none; stroke-width: 1; opacity: .55; }
 .s0 { stroke: #0b6bcb; } .s1 { stroke: #12876f; } .c0 { stroke: #a2590c; } .c1 { stroke: #a2590c; }
 .s0t { fill: #0b6bcb; } .s1t { fill: #12876f; } .c0t { fill: #a2590c; } .c1t { fill: #a2590c; } .c1.line { stroke-dasharray: 6 5; }
 @media (prefers-color-scheme: dark) {
  .card { fill: #0d1117; stroke: #30363d; } text { fill: #e6edf3; } .quiet { fill: #9198a1; } .grid { stroke: #21262d; }
  .s0 { stroke: #58a6ff; } .s1 { stroke: #3fcfae; } .c0 { stroke: #e3a05a; } .c1 { stroke: #e3a05a; }
  .s0t { fill: #58a6ff; } .s1t { fill: #3fcfae; } .c0t { fill: #e3a05a; } .c1t { fill: #e3a05a; }
 }
"""


def points(rows, kind):
    """(loss in percent, mean PESQ-WB) of the traces of one kind, "rnd" or "ge", by loss."""
    scores = {}
    for row in rows:
        loss = re.fullmatch(rf"(?:clean|{kind}(\d+))(?:_s\d+)?", row["trace"])
        if loss and row["pesq_wb"] is not None:
            scores.setdefault(int(loss[1] or 0), []).append(row["pesq_wb"])
    return [(loss, statistics.mean(found)) for loss, found in sorted(scores.items()) if loss <= MOST_LOSS]


def place(left, loss, quality):
    x = left + PANEL_WIDTH * loss / MOST_LOSS
    y = BOTTOM - (BOTTOM - TOP) * (quality - LOWEST) / (HIGHEST - LOWEST)
    return round(x, 1), round(y, 1)


def spread(heights):
    """The heights, in order, moved apart until labels beside them do not touch, as near to their own places as can be."""
    # Labels that touch form a block that hangs around the mean of where its members would like to be.
    blocks = []
    for height in heights:
        blocks.append([height])
        while len(blocks) > 1 and first_of(blocks[-2]) + LABEL_HEIGHT * len(blocks[-2]) > first_of(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    return [first_of(block) + LABEL_HEIGHT * n for block in blocks for n in range(len(block))]


def first_of(block):
    return statistics.mean(block) - LABEL_HEIGHT * (len(block) - 1) / 2


def text(x, y, words, names="", anchor="start"):
    return f'<text x="{x}" y="{y}" class="{names}" text-anchor="{anchor}">{escape(words)}</text>'


def axes(left, title):
    right = left + PANEL_WIDTH
    parts = [text(left, TOP - 16, title, "panel")]
    for quality in (1, 2, 3, 4):
        _, y = place(left, 0, quality)
        parts.append(f'<path class="grid" d="M{left} {y}H{right}"/>' + text(left - 8, y + 4, str(quality), "quiet", "end"))
    for loss in (0, 10, 20, 30):
        x, _ = place(left, loss, LOWEST)
        parts.append(text(x, BOTTOM + 19, f"{loss} %", "quiet", "middle"))
    parts.append(text((left + right) / 2, BOTTOM + 38, "packets lost", "quiet", "middle"))
    return parts


def panel(series, kind):
    left, title = PANELS[kind]
    parts, ends = axes(left, title), []
    for name, label, rows in series:
        line = [place(left, *point) for point in points(rows, kind)]
        if not line:
            continue
        parts.append(f'<polyline class="line {name}" points="{" ".join(f"{x},{y}" for x, y in line)}"/>')
        parts += [f'<circle class="{name}t" cx="{x}" cy="{y}" r="3.5"/>' for x, y in line]
        ends.append((line[-1], name, label))
    # By where the line ends up, so that no leader crosses another.
    ends.sort(key=lambda end: end[0][1])
    x_label = left + PANEL_WIDTH + LABEL_GAP
    for ((x, y), name, label), y_label in zip(ends, spread([y for (_, y), _, _ in ends])):
        parts.append(f'<path class="lead {name}" d="M{x + 5} {y}L{x_label - 10} {y_label:.1f}H{x_label - 3}"/>')
        parts.append(text(x_label, round(y_label + 4.5, 1), label, f"{name}t"))
    return parts


def waits(rows):
    """The range of the mean waits in the jitter buffer over the traces drawn, in words; None where none was measured."""
    by_trace = {}
    for row in rows:
        if row.get("delay_ms") is not None and re.fullmatch(r"(clean|rnd\d+|ge\d+)(_s\d+)?", row["trace"]):
            by_trace.setdefault(row["trace"], []).append(row["delay_ms"])
    means = [statistics.mean(found) for found in by_trace.values()]
    return f"{min(means):.0f} to {max(means):.0f} ms" if means else None


def by_kind(rows):
    """The rows of each kind of trace, seeds together."""
    kinds = {}
    for row in rows:
        kinds.setdefault(re.sub(r"_s\d+$", "", row["trace"]), []).append(row)
    return kinds


def table(series):
    """The same figures as Markdown: PESQ-WB @ mean wait in ms, a row for each kind of trace that the first of `series` has."""
    columns = [by_kind(rows) for _, _, rows in series]
    lines = ["| loss | " + " | ".join(label for _, label, _ in series) + " |", "|---" * (len(series) + 1) + "|"]
    for kind in columns[0]:
        cells = []
        for column in columns:
            quality, wait = (mean_of(column.get(kind, []), figure) for figure in ("pesq_wb", "delay_ms"))
            cells.append(("" if quality is None else f"{quality:.2f}") + ("" if wait is None else f" @ {wait:.0f}"))
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def mean_of(rows, figure):
    known = [row[figure] for row in rows if row.get(figure) is not None]
    return statistics.mean(known) if known else None


def picture(series):
    """The whole SVG; `series` is a list of (class, label, rows)."""
    said = [f"{label}: {wait}" for _, label, rows in series if (wait := waits(rows))]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="t">',
        f'<title id="t">Speech quality over packet loss: {escape(", ".join(label for _, label, _ in series))}</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>',
        text(24, 34, "What a listener hears when packets are lost", "title"),
        text(WIDTH - 24, 34, "PESQ-WB, from 1 (bad) to 4.64 (as it was said)", "quiet", "end"),
        *panel(series, "rnd"),
        *panel(series, "ge"),
        text(24, HEIGHT - 18, "Wait in the jitter buffer:  " + "   ·   ".join(said), "quiet"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    arguments.add_argument("ours", nargs="+", metavar="LABEL=ROWS.json", help="at most two, the first drawn most strongly")
    arguments = arguments.parse_args()
    series = []
    for index, labelled in enumerate(arguments.ours[:2]):
        label, _, path = labelled.rpartition("=")
        series.append((f"s{index}", label, json.loads(pathlib.Path(path).read_text())))
    chrome = json.loads((pathlib.Path(__file__).parent / "chrome.json").read_text())
    series += [(f"c{index}", one["label"], one["rows"]) for index, one in enumerate(chrome["series"])]
    arguments.out.write_text(picture(series))
    print(table(series))


if __name__ == "__main__":
    main()
