"""What every plot of a load page has in common: its look, its words made harmless, and the library that draws it.

A figure is plotly.js's own (data and layout), written by hand as plain data: its Python builder adds nothing that is
wanted here and takes longer to import than the page to make. Colours are names of the page's CSS variables, which the
page's script looks up, so that the plots follow the reader's choice of light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import msgspec

from reports.octets import printable

NAME_CHARACTERS = 60
"""Characters of a foreign name in a legend."""

SERIES = tuple(f"var(--series-{number})" for number in range(1, 9))
"""Colours of curves: the page's own, told apart by readers who see few of them, and by the dashes too."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")

Plain = dict[str, Any]
"""Data of the library's own form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A plot of the page, and the table that stands for it where there is no script, or no eyes.

    `about` says in a sentence what it shows and is read aloud in place of the picture. A figure `over_time` zooms with
    its likes. `log_axis` names the axis that the reader may switch between linear and logarithmic.
    """

    name: str
    title: str
    about: str
    data: tuple[Plain, ...]
    layout: Plain
    over_time: bool = False
    log_axis: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=())
    tall: bool = False


def plain(text: str, *, most: int = NAME_CHARACTERS) -> str:
    """Foreign words as the library shows them to the letter: it would take tags in them for its own, links included."""
    shown = printable(text)
    if len(shown) > most:
        shown = shown[: most - 1] + "…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def line(
    name: str,
    x: Sequence[float],
    y: Sequence[float | None],
    *,
    look: int,
    unit: str = "",
    axis: str = "y",
    dash: str | None = None,
    colour: str | None = None,
    width: float = 2,
    digits: str = ",.3~f",
    markers: bool = False,
    steps: bool = False,
) -> Plain:
    """A curve. `look` chooses colour and dashes; None in `y` interrupts it.

    With `steps` it jumps half-way between two points: what was counted in intervals is so for the whole of each.
    """
    return {
        "type": "scatter",
        # A single point has no line.
        "mode": "lines+markers" if markers or sum(value is not None for value in y) < 3 else "lines",
        "name": plain(name),
        "x": list(x),
        "y": list(y),
        "yaxis": axis,
        "connectgaps": False,
        "line": {
            "color": colour or SERIES[look % len(SERIES)],
            "width": width,
            "dash": dash or DASHES[look % len(DASHES)],
            "shape": "hvh" if steps else "linear",
        },
        "marker": {"size": 7, "color": colour or SERIES[look % len(SERIES)]},
        "hovertemplate": f"%{{y:{digits}}}{unit}",
    }


def layout(x: Mapping[str, Any], y: Mapping[str, Any], **more: Any) -> Plain:
    """The look of all plots, with these axes."""
    return {
        "autosize": True,
        "margin": {"l": 68, "r": 18, "t": 34, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "var(--soft)"},
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": "var(--card)",
            "bordercolor": "var(--line)",
            "font": {"color": "var(--text)", "family": "system-ui, sans-serif", "size": 13},
            "namelength": -1,
        },
        "dragmode": "zoom",
        "showlegend": True,
        "legend": {
            "orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"color": "var(--text)"},
            "bgcolor": "rgba(0,0,0,0)",
        },
        "xaxis": axis(**x),
        "yaxis": axis(**y),
        **more,
    }  # fmt: skip


def axis(title: str, **more: Any) -> Plain:
    """An axis with its title."""
    return {
        "title": {"text": title, "standoff": 10},
        "gridcolor": "var(--line)",
        "linecolor": "var(--line)",
        "zeroline": False,
        "automargin": True,
        "separatethousands": True,
        **more,
    }


def logarithmic(values: Iterable[float | None]) -> Plain:
    """What makes an axis logarithmic; over less than two powers of ten with 2 and 5 between them."""
    known = [value for value in values if value]
    if not known or max(known) >= 100 * min(known):
        return {"type": "log", "dtick": 1}
    # The library's own marks between powers of ten leave out the noughts: 0.5 would read 5.
    lowest, highest = (math.floor(math.log10(value)) for value in (min(known), max(known)))
    marks = [factor * 10.0**power for power in range(lowest, highest + 1) for factor in (1, 2, 5)]
    return {"type": "log", "tickvals": marks, "ticktext": [f"{value:,.6g}" for value in marks]}


def mark(x: float, text: str, *, colour: str = "var(--violated)", log: bool = False) -> tuple[Plain, Plain]:
    """A vertical line at `x` with words at its top: a shape and an annotation."""
    shape = {
        "type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1,
        "line": {"color": colour, "width": 1.5, "dash": "dot"},
    }  # fmt: skip
    words = {
        # On a logarithmic axis plotly.js places words, unlike lines, by the logarithm.
        "xref": "x", "yref": "paper", "x": math.log10(x) if log else x, "y": 1, "yanchor": "top", "xanchor": "left",
        "text": text, "showarrow": False, "xshift": 4, "font": {"color": colour, "size": 12},
        "bgcolor": "var(--card)",
    }  # fmt: skip
    return shape, words


def embedded(figures: Sequence[Figure]) -> str:
    """The figures as JSON that can stand inside a script element: nothing in it can end that or begin another."""
    plots = [
        {"name": f.name, "data": f.data, "layout": f.layout, "overTime": f.over_time, "logAxis": f.log_axis}
        for f in figures
    ]
    text = msgspec.json.encode(plots).decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def library() -> str:
    """plotly.js as it comes in plotly's Python package, with its licence's notice at the top."""
    text = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    if "</script" in text.lower():
        raise ValueError("this plotly.js cannot stand inside a page: it holds the end of a script element")
    return text
