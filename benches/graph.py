#!/usr/bin/env python3
"""Draws docs/performance.svg from the figures of scale.py and cold.py: the cost of a warm answer over the number of profiles, and
the time of a cold call over the number of roles, through a proxy that is 200 ms away.

Usage: benches/graph.py SCALE.json COLD.json > docs/performance.svg
"""

import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 380, 260, 60, 40, 70
COLOURS = {"awsfresh": "#0a7d3e", "AWS CLI": "#b5462b", "aws-vault": "#3b5ba9"}
HOPS = {"one role": 1, "two roles": 2, "three roles": 3}
scale, cold = (json.load(open(name)) for name in sys.argv[1:3])
out = []


def text(x, y, words, anchor="middle", size=12, colour="#222"):
    out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{words}</text>')


class Panel:
    """A diagram whose axes are logarithmic where that is said."""

    def __init__(self, left, title, x, y, x_log=False, y_log=False):
        self.left, self.x, self.y, self.x_log, self.y_log = left, x, y, x_log, y_log
        text(left + WIDTH / 2, TOP - 16, title, size=13)
        out.append(f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>')

    @staticmethod
    def share(value, ends, log):
        low, high, value = (math.log(v) if log else v for v in (*ends, value))
        return (value - low) / (high - low)

    def place(self, x, y):
        return self.left + WIDTH * self.share(x, self.x, self.x_log), TOP + HEIGHT * (1 - self.share(y, self.y, self.y_log))

    def ticks(self, xs, ys, unit):
        for x in xs:
            at, _ = self.place(x, self.y[0])
            text(at, TOP + HEIGHT + 18, f"{x:,}")
        for y in ys:
            _, at = self.place(self.x[0], y)
            text(self.left - 6, at + 4, f"{y:,g} {unit}", "end", 11)
            out.append(f'<line x1="{self.left}" y1="{at:.1f}" x2="{self.left + WIDTH}" y2="{at:.1f}" stroke="#ddd"/>')

    def line(self, name, points):
        if not points:
            return
        colour = COLOURS[name]
        places = [self.place(x, y) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
        text(places[-1][0] - 8, places[-1][1] - 8, name, "end", 12, colour)


warm = Panel(LEFT, "A warm answer, by the number of profiles", (5, 10_000), (0.5, 10_000), x_log=True, y_log=True)
warm.ticks([5, 300, 3000, 10_000], [1, 10, 100, 1000], "ms")
for name, key in {"awsfresh": "warm", "AWS CLI": "aws", "aws-vault": "aws-vault"}.items():
    warm.line(name, [(row["profiles"], row[key]) for row in scale if key in row and row["profiles"] <= 10_000])

times = {}
for row in cold:
    if row["setup"] in HOPS:
        times.setdefault(row["tool"], []).append((HOPS[row["setup"]], row["at_200_ms"]))
most = max(seconds for points in times.values() for _, seconds in points)
calls = Panel(LEFT + WIDTH + GAP, "A cold call through a proxy 200 ms away, by the number of roles", (0.8, 3.2), (0, math.ceil(most * 1.1)))
calls.ticks([1, 2, 3], range(1, math.ceil(most * 1.1)), "s")
for name, points in times.items():
    calls.line(name, points)

width, height = LEFT + 2 * WIDTH + GAP + 20, TOP + HEIGHT + 40
print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif">')
print(f'<rect width="{width}" height="{height}" fill="#fff"/>')
print("\n".join(out))
print("</svg>")
