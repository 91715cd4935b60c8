"""A line plot as SVG, without any library."""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 40, 40
COLOURS = ("#1a5fb4", "#77767b")
DASHES = ("", ' stroke-dasharray="6 4"')
MARKS = 5


@dataclass(frozen=True)
class Line:
    """Its name and its points: x is drawn by its logarithm, y from zero."""

    name: str
    points: list[tuple[float, float]]


def plot(title: str, lines: list[Line]) -> str:
    """The picture; lines differ by dashes and by the names at their ends, not by colour alone."""
    xs = [x for line in lines for x, _ in line.points]
    top = _above(max(y for line in lines for _, y in line.points))

    def place(x: float, y: float) -> tuple[float, float]:
        share = math.log(x / min(xs)) / math.log(max(xs) / min(xs))
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>',
        _text(LEFT, 20, title, size=14),
    ]
    for number in range(MARKS + 1):
        value = top * number / MARKS
        _, y = place(min(xs), value)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{value:g}", anchor="end"))
    foot = HEIGHT - BOTTOM + 18
    parts += [_text(place(x, 0)[0], foot, f"{x:g}", anchor="middle") for x in sorted(set(xs))]
    for number, line in enumerate(lines):
        colour, dash = COLOURS[number % 2], DASHES[number % 2]
        places = [place(x, y) for x, y in line.points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        x, y = places[len(places) // 2]
        parts.append(_text(x, y - 10, line.name, anchor="middle", colour=colour))
    return "\n".join([*parts, "</svg>\n"])


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, colour: str = "#222"
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}">{escape(words)}</text>'


def _above(value: float) -> float:
    """The next round number from which five marks are round too."""
    step = 10 ** math.floor(math.log10(value))
    return next(
        step * factor for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if step * factor >= value * 1.05
    )
