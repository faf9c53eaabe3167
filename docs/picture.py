#!/usr/bin/env python3
"""Draws docs/picture.svg from the console blocks of docs/picture.md.

Usage: docs/picture.py [--check]
With --check, nothing is written: exits with 1 if the picture is not that of the page.
"""

import re
import sys
import textwrap
import xml.dom.minidom
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).resolve().parent
COLUMNS = 96
CHAR, LINE, PAD, BAR = 8.4, 19, 18, 34
COLOURS = {
    "text": "#d8dee9",
    "dim": "#8b95a7",
    "prompt": "#8fbc8f",
    "command": "#ffffff",
    "bad": "#ff7b72",
    "good": "#7ee787",
    "try": "#79c0ff",
}


def blocks():
    """The console blocks of the page, each a list of lines."""
    text = (DOCS / "picture.md").read_text(encoding="utf-8")
    return [block.splitlines() for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S)]


def spans(line):
    """The line as pairs of a colour and a text."""
    if line.startswith("$ "):
        return [("prompt", "$ "), ("command", line[2:])]
    if line.startswith("An error occurred"):
        return [("bad", line)]
    if match := re.match(r"(error: )(.*?)( \[[a-z-]+\])?$", line):
        return [("bad", match[1]), ("command", match[2]), ("dim", match[3] or "")]
    if match := re.match(r"(  try:  )(.*)$", line):
        return [("dim", match[1]), ("try", match[2])]
    if line.startswith("  seen: "):
        return [("dim", line)]
    if match := re.match(r"(  )([✓✗·])( .*)$", line):
        mark = {"✓": "good", "✗": "bad", "·": "dim"}[match[2]]
        return [("text", match[1]), (mark, match[2]), ("text", match[3])]
    return [("text", line)]


def wrapped(line):
    """The line in parts that fit; each part keeps the colours of the whole."""
    parts = textwrap.wrap(line, COLUMNS, subsequent_indent="    ", drop_whitespace=False) if len(line) > COLUMNS else [line]
    first = spans(parts[0])
    last = ([colour for colour, text in first if text] or ["text"])[-1]
    rest = [[("dim" if part.lstrip().startswith("[") else last, part)] for part in parts[1:]]
    return [first, *rest]


def panel(title, lines, top):
    """A window with a title and lines: its elements, and the height."""
    rows = [row for line in lines for row in wrapped(line)]
    height = BAR + len(rows) * LINE + PAD
    width = round(COLUMNS * CHAR + 2 * PAD)
    out = [
        f'<rect x="1" y="{top}" width="{width - 2}" height="{height}" rx="9" fill="#161b22" stroke="#30363d"/>',
        f'<text x="{PAD}" y="{top + 22}" fill="{COLOURS["dim"]}" font-family="sans-serif" font-size="13">{escape(title)}</text>',
    ]
    for number, row in enumerate(rows):
        y = top + BAR + (number + 1) * LINE - 5
        parts = "".join(f'<tspan fill="{COLOURS[colour]}">{escape(text)}</tspan>' for colour, text in row if text)
        out.append(f'<text x="{PAD}" y="{y}" xml:space="preserve">{parts}</text>')
    return out, height


def picture():
    """The whole picture."""
    before, after = blocks()
    out, top = [], 1
    for title, lines in (("What the tool says", before), ("What awsfresh says", after)):
        elements, height = panel(title, lines, top)
        out += elements
        top += height + 12
    width = round(COLUMNS * CHAR + 2 * PAD)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" viewBox="0 0 {width} {top}" '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14">'
    )
    title = "<title>The AWS CLI says that a token is invalid; awsfresh doctor names the variable to unset</title>"
    svg = "\n".join([head, title, *out, "</svg>"]) + "\n"
    xml.dom.minidom.parseString(svg)
    return svg


def main():
    path = DOCS / "picture.svg"
    svg = picture()
    if sys.argv[1:] == ["--check"]:
        if not path.exists() or path.read_text(encoding="utf-8") != svg:
            sys.exit("docs/picture.svg is not the picture of docs/picture.md; draw it again: docs/picture.py")
    else:
        path.write_text(svg, encoding="utf-8")


main()
