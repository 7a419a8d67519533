#!/usr/bin/env python3
"""Draws what bench/compare.sh measured: seqvit's step as a share of each peer's, one bar a comparison.

    bench/figure.py RESULTS.jsonl FIGURE.svg
"""
import html
import json
import sys

ROW, LEFT, WIDTH, TOP = 26, 300, 380, 46
OURS, PEER, TEXT, GRID = "#1f6f8b", "#c9ced6", "#24292f", "#e4e7eb"


def rows(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            r = json.loads(line)
            label = f"{r['tokens']:,} tokens, {r['type']}: {r['ours']} / {r['peer']}"
            yield label, sum(r["ours_seconds"]) / len(r["ours_seconds"]) / r["peer_seconds"]


def bar(y, label, ratio, scale):
    return (
        f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{html.escape(label)}</text>'
        f'<rect x="{LEFT}" y="{y + 3}" width="{scale:.1f}" height="15" fill="{PEER}"/>'
        f'<rect x="{LEFT}" y="{y + 3}" width="{ratio * scale:.1f}" height="15" fill="{OURS}"/>'
        f'<text x="{LEFT + max(ratio, 1) * scale + 8:.1f}" y="{y + 14}">{ratio:.2f}</text>'
    )


def draw(measured):
    scale = WIDTH / max(1.0, max(ratio for _, ratio in measured))
    height = TOP + ROW * len(measured) + 14
    bars = "\n".join(bar(TOP + ROW * i, label, ratio, scale) for i, (label, ratio) in enumerate(measured))
    one = LEFT + scale
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 60} {height}" role="img"
 font-family="system-ui, sans-serif" font-size="12.5" fill="{TEXT}">
<title>Time of a training step relative to each peer</title>
<rect width="100%" height="100%" fill="white"/>
<text x="{LEFT}" y="22" font-weight="600">Step time, seqvit / peer (the grey bar is the peer)</text>
<line x1="{one:.1f}" y1="{TOP - 6}" x2="{one:.1f}" y2="{height - 10}" stroke="{GRID}"/>
{bars}
</svg>
"""


def main():
    source, target = sys.argv[1:]
    with open(target, "w", encoding="utf-8") as out:
        out.write(draw(list(rows(source))))


if __name__ == "__main__":
    main()
