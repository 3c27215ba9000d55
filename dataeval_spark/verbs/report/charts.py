"""Charts as inline SVG: text stays text, colours follow the page (light or dark), same data give the same bytes."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from dataeval_spark.verbs.text import clean, number, shorten, size

# Colours that matplotlib draws with and the page's own that replace them.
INK, MUTED, LINE, FIRST, SECOND = "#010203", "#010204", "#010205", "#010206", "#010207"
COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    FIRST: "var(--chart-1)",
    SECOND: "var(--chart-2)",
}
HUES = tuple(f"#0102{number:02x}" for number in range(0xA0, 0xA8))
COLOURS |= {hue: f"var(--hue-{number})" for number, hue in enumerate(HUES)}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dataeval_spark",
    "text.parse_math": False,  # a class named $x$ is text
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "xtick.major.size": 3,
}
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"
DROPPED = {f"{SVG}metadata", f"{SVG}style"}


def histogram(chart_id: str, label: str, low: float, high: float, counts: Sequence[int], *, unit: str = "") -> str:
    """Counts of equal bins between ``low`` and ``high``."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure(3.4, 1.75)
        axes.stairs(counts, _edges(low, high, len(counts)), fill=True, color=FIRST)
        _numeric_axes(axes, unit)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        return _svg(figure, chart_id, label)


def overlay(
    chart_id: str, label: str, low: float, high: float, reference: Sequence[int], current: Sequence[int], *, unit: str
) -> str:
    """Histograms of two sides over the same bins, each as shares of its own side, so that sizes do not matter."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure(3.4, 1.95)
        edges = _edges(low, high, len(reference))
        for counts, colour, width in ((reference, SECOND, 1.4), (current, FIRST, 1.6)):
            shares = [count / (sum(counts) or 1) for count in counts]
            axes.stairs(shares, edges, fill=True, color=colour, alpha=0.22)
            axes.stairs(shares, edges, color=colour, linewidth=width)
        _numeric_axes(axes, unit)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
        return _svg(figure, chart_id, label)


def curves(chart_id: str, label: str, places: Sequence[float], bands: Sequence[Sequence[float]]) -> str:
    """Two curves of shares with their bands: lower end, middle and upper end of the first, then of the second."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure(3.4, 1.95)
        for colour, (lower, middle, upper) in ((FIRST, bands[:3]), (SECOND, bands[3:])):
            axes.fill_between(places, lower, upper, color=colour, alpha=0.18, linewidth=0)
            axes.plot(places, middle, color=colour, linewidth=1.6, marker="o", markersize=2.4)
        _numeric_axes(axes, "")
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
        return _svg(figure, chart_id, label)


def bars(chart_id: str, label: str, names: Sequence[str], values: Sequence[float]) -> str:
    """Horizontal bars, first name on top, each with its value."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure(3.7, 0.2 + 0.2 * len(names))
        places = range(len(names))
        axes.barh(places, values, height=0.68, color=FIRST)
        axes.set_yticks(places, [shorten(name, 22) for name in names])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(0, (max(values, default=0) or 1) * 1.16)
        for place, value in zip(places, values, strict=True):
            axes.annotate(number(value), (value, place), (4, 0), textcoords="offset points", va="center", color=MUTED)
        return _svg(figure, chart_id, label)


def matrix(chart_id: str, label: str, names: Sequence[str], cells: Sequence[Sequence[float | None]]) -> str:
    """A square of shares, 0 to 1, each cell as strong as its value; None is left empty."""
    with mpl.rc_context(STYLE):
        side = 1.6 + 0.42 * len(names)
        figure, axes = _figure(side, side)
        for y, row in enumerate(cells):
            for x, value in enumerate(row):
                if value is None:
                    continue
                strength = min(max(value, 0.0), 1.0)
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=FIRST, alpha=0.06 + 0.64 * strength))
                axes.annotate(f"{strength:.2f}", (x, y), ha="center", va="center", color=INK, fontsize=7)
        places = range(len(names))
        short = [shorten(name, 20) for name in names]
        axes.set_xticks(places, short, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, short)
        axes.tick_params(labelcolor=INK, length=0)
        axes.grid(False)
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
        return _svg(figure, chart_id, label)


def scatter(chart_id: str, label: str, places: NDArray[np.float64], groups: Sequence[int], hues: Sequence[int]) -> str:
    """Points (n, 2) in numbered groups, each number in the middle of its points; points of hue -1 are muted."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure(6.4, 4.2)
        group_of, hue_of = np.asarray(groups), np.asarray(hues)
        for hue in sorted(set(hues)):
            chosen = places[hue_of == hue]
            colour, alpha = (MUTED, 0.35) if hue < 0 else (HUES[hue], 0.75)
            axes.plot(chosen[:, 0], chosen[:, 1], "o", markersize=3.2, color=colour, alpha=alpha, markeredgewidth=0)
        for group in sorted(set(groups) - {-1}):
            x, y = np.median(places[group_of == group], axis=0)
            axes.annotate(str(group), (x, y), ha="center", va="center", color=INK, fontsize=11, fontweight="bold")
        # The axes of a map mean nothing of their own.
        axes.set_aspect("equal", adjustable="datalim")
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.yaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        return _svg(figure, chart_id, label)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    return figure, axes


def _edges(low: float, high: float, bins: int) -> list[float]:
    return [low + (high - low) * place / bins for place in range(bins)] + [high]


def _numeric_axes(axes: Axes, unit: str) -> None:
    # Sizes are long words.
    axes.xaxis.set_major_locator(MaxNLocator(3 if unit == "bytes" else 5))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    show = size if unit == "bytes" else number
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show(float(f"{value:.12g}"))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.12g}"))))
    axes.grid(axis="x", visible=False)
    axes.margins(x=0.01)
    axes.set_ylim(bottom=0)


def _svg(figure: Figure, chart_id: str, label: str) -> str:
    """The figure as one ``<svg>`` element that can stand in an HTML page beside others."""
    out = StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fonts are the browser's: a glyph that matplotlib lacks is no matter
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(out.getvalue())
    referenced = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", out.getvalue()))
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in DROPPED]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        _rewrite(element, chart_id, referenced)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib.update({"class": "chart", "role": "img", "aria-label": clean(label)})
    return ElementTree.tostring(root, encoding="unicode")


def _rewrite(element: ElementTree.Element, chart_id: str, referenced: set[str]) -> None:
    """Ids that no other chart has, colours and fonts of the page, no namespaces (HTML knows them)."""
    if XLINK in element.attrib:
        element.attrib["href"] = f"#{chart_id}-{element.attrib.pop(XLINK).removeprefix('#')}"
    if "id" in element.attrib:
        name = element.attrib.pop("id")
        if name in referenced:
            element.attrib["id"] = f"{chart_id}-{name}"
    for name in ("clip-path", "style", "fill", "stroke"):
        if name in element.attrib:
            text = re.sub(r"url\(#", f"url(#{chart_id}-", element.attrib[name])
            text = re.sub(r"font-family: [^;]+;? ?", "", text)
            for drawn, variable in COLOURS.items():
                text = text.replace(drawn, variable)
            element.attrib[name] = text
    element.text = (element.text or "").strip("\n ") or None if element.tag != "text" else element.text
    element.tail = None
