"""Charts and maps of the report as inline SVG: zero-based bars, intervals, direct labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from engine.city import City
from viz.ground import home_view
from viz.rundata import RunData

INK, SOFT, GRID = "#16202a", "#5a6874", "#d8dde2"
COLORS = ("#b5471b", "#1f6fa8", "#2c8a63", "#7a5aa6", "#8a6d1b")
DEPTH = ((0.1, "#46397f"), (0.5, "#31688e"), (1.0, "#21918c"), (2.0, "#5ec962"), (4.0, "#fde725"))


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round tick values that cover [low, high]."""
    span = max(high - low, 1e-9)
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    first = math.ceil(low / step - 1e-9) * step
    return [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)]


def short(value: float) -> str:
    """A tick label."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.10g}" if abs(value) < 1e-9 or abs(value) >= 0.001 else f"{value:.1e}"


def text(x: float, y: float, words: str, anchor: str = "start", size: float = 11,
         color: str = SOFT, weight: int = 400) -> str:
    """One SVG text element."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{color}" font-weight="{weight}">{escape(words)}</text>')


def svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    """Wrap parts in an SVG that scales with the page."""
    return (f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
            f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(parts)}</svg>')


def curves(
    title: str, times_min: np.ndarray, series: Sequence[tuple[str, np.ndarray]], unit: str,
    x_label: str, width: float = 440, height: float = 230,
) -> str:
    """Lines over time from zero, each labelled where it ends."""
    left, right, top, bottom = 54, 104, 26, 34
    high = max([1.0, *(float(np.nanmax(v)) for _, v in series if np.isfinite(v).any())])
    ticks = nice_ticks(0, high)
    high = max(high, ticks[-1])
    last = float(times_min[-1]) if times_min.size else 1.0

    def px(minute: float) -> float:
        return left + (width - left - right) * minute / max(last, 1e-9)

    def py(value: float) -> float:
        return height - bottom - (height - top - bottom) * value / high

    parts = [text(0, 14, f"{title}, {unit}", size=12, color=INK, weight=600)]
    for tick in ticks:
        parts.append(f'<path d="M{left} {py(tick):.1f}H{width - right}" stroke="{GRID}"/>')
        parts.append(text(left - 6, py(tick) + 4, short(tick), "end"))
    for tick in nice_ticks(0, last, 6):
        parts.append(text(px(tick), height - bottom + 15, short(tick), "middle"))
    parts.append(text((left + width - right) / 2, height - 4, x_label, "middle"))
    ends: list[tuple[float, str, str]] = []
    for row, (name, values) in enumerate(series):
        color = COLORS[row % len(COLORS)]
        good = np.isfinite(values)
        if not good.any():
            continue
        points = " ".join(f"{px(t):.1f},{py(v):.1f}" for t, v in
                          zip(times_min[good], values[good], strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" '
                     f'stroke-width="2"/>')
        ends.append((py(float(values[good][-1])), name, color))
    y = -math.inf
    for at, name, color in sorted(ends):
        y = max(at, y + 14)
        parts.append(text(width - right + 6, y + 4, name, size=11.5, color=color, weight=600))
    return svg(width, height, parts, title)


def forest(
    title: str, rows: Sequence[dict[str, Any]], axis: str, width: float = 440,
) -> str:
    """Paired differences with intervals, scaled row by row to the first plan's mean.

    Each row: label, mean, low, high (shares of the first plan's value), text, verdict.
    """
    left, right, top, line = 152, 96, 44, 25
    height = top + line * len(rows) + 26
    reach = max([0.02, *(abs(v) for r in rows for v in (r["low"], r["high"], r["mean"])
                         if v is not None)])
    reach = min(reach, 1.5)

    def px(share: float) -> float:
        return left + (width - left - right) * (max(-reach, min(reach, share)) + reach) / (2 * reach)

    parts = [text(0, 14, title, size=12, color=INK, weight=600), text(0, 30, axis, size=10.5)]
    for tick in nice_ticks(-reach, reach, 4):
        parts.append(f'<path d="M{px(tick):.1f} {top - 6}V{height - 20}" stroke="{GRID}"/>')
        parts.append(text(px(tick), height - 6, f"{tick * 100:+.0f} %" if tick else "0", "middle", 10))
    parts.append(f'<path d="M{px(0):.1f} {top - 6}V{height - 20}" stroke="{INK}"/>')
    for k, row in enumerate(rows):
        y = top + line * k + line / 2 - 4
        color = {"better": "#2c8a63", "worse": "#b5471b"}.get(row["verdict"], SOFT)
        parts.append(text(left - 10, y + 4, row["label"], "end", 11.5, INK))
        if row["low"] is not None:
            parts.append(f'<path d="M{px(row["low"]):.1f} {y:.1f}H{px(row["high"]):.1f}" '
                         f'stroke="{color}" stroke-width="3" stroke-linecap="round"/>')
        mark = {"better": "M-5 4L0 -5L5 4Z", "worse": "M-5 -4L0 5L5 -4Z"}.get(
            row["verdict"], "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0 -4 0")
        parts.append(f'<path transform="translate({px(row["mean"]):.1f} {y:.1f})" d="{mark}" '
                     f'fill="{color}" stroke="#fff"/>')
        parts.append(text(width - right + 10, y + 4, row["text"], size=10.5, color=color,
                          weight=600))
    return svg(width, height, parts, title)


def bars(title: str, rows: Sequence[tuple[str, float, str]], width: float = 440) -> str:
    """Horizontal bars from zero; each row is label, value, text."""
    left, right, top, line = 152, 84, 22, 18
    high = max([1e-9, *(value for _, value, _ in rows)])
    parts = [text(0, 13, title, size=12, color=INK, weight=600)]
    for k, (label, value, words) in enumerate(rows):
        y = top + line * k
        length = (width - left - right) * max(0.0, value) / high
        parts.append(text(left - 8, y + 11, label, "end", 11.5, INK))
        parts.append(f'<rect x="{left}" y="{y + 2}" width="{length:.1f}" height="12" '
                     f'fill="#1f6fa8"/>')
        parts.append(text(left + length + 6, y + 12, words, size=11, color=INK))
    return svg(width, top + line * len(rows) + 4, parts, title)


def depth_map(run: RunData, title: str, words: dict[str, str], width: float = 440) -> str:
    """Greatest water depth, main roads, danger zone, hospitals and places of death."""
    city = run.city
    x0, y0, x1, y1 = home_view(city)
    height = min(560.0, max(240.0, width * (y1 - y0) / max(x1 - x0, 1.0)))
    scale = min(width / max(x1 - x0, 1.0), height / max(y1 - y0, 1.0))
    mx, my = (x0 + x1) / 2, (y0 + y1) / 2

    def px(x: Any) -> Any:
        return width / 2 + (np.asarray(x) - mx) * scale

    def py(y: Any) -> Any:
        return height / 2 - (np.asarray(y) - my) * scale

    parts = [f'<rect width="{width:.0f}" height="{height:.0f}" fill="#f3f1ec"/>']
    if city.terrain is not None:
        parts.append(_rects(city, city.terrain.elev_m < 0, "#c3d9e6", px, py, scale, 2))
    parts += _wet(run, px, py, scale)
    parts += _road_lines(city, px, py)
    for ring in run.danger_rings:
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px(ring[:, 0]), py(ring[:, 1]),
                                                             strict=True))
        parts.append(f'<polygon points="{points}" fill="none" stroke="#b24a0a" '
                     f'stroke-width="0.8"/>')
    parts += _deaths(run, px, py)
    for row in city.facilities_of("hospital"):
        a, b = float(px(city.facilities.x_m[row])), float(py(city.facilities.y_m[row]))
        parts.append(f'<rect x="{a - 6:.1f}" y="{b - 6:.1f}" width="12" height="12" rx="2" '
                     f'fill="#fff" stroke="#0b3d91"/>' + text(a, b + 4, "H", "middle", 10,
                                                              "#0b3d91", 700))
    parts.append(_scale_and_key(width, height, scale, words))
    return svg(width, height, parts, title)


def _rects(city: City, mask: np.ndarray, color: str, px: Any, py: Any, scale: float,
           stride: int) -> str:
    """Cells of a raster mask as one path of row runs; `stride` cells are merged."""
    terrain = city.terrain
    assert terrain is not None
    mask = mask[::stride, ::stride]
    step = terrain.dx_m * stride
    edge = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, begin = np.nonzero(edge == 1)
    _, end = np.nonzero(edge == -1)
    path = [
        f"M{px(terrain.x0_m + a * step):.1f} {py(terrain.y0_m + (r + 1) * step):.1f}"
        f"h{(b - a) * step * scale:.1f}v{step * scale + 0.3:.1f}h{-(b - a) * step * scale:.1f}z"
        for r, a, b in zip(row, begin, end, strict=True)
    ]
    return f'<path d="{"".join(path)}" fill="{color}"/>'


def _wet(run: RunData, px: Any, py: Any, scale: float) -> list[str]:
    frame = run.frames.get("wetcell_depth_m")
    terrain = run.city.terrain
    if frame is None or terrain is None or not frame.index.size:
        return []
    deepest = np.zeros(terrain.elev_m.size, np.float32)
    codes = np.where(frame.data == frame.missing, 0, frame.data).max(axis=0)
    deepest[frame.index] = codes * frame.scale + frame.offset
    grid = deepest.reshape(terrain.elev_m.shape)
    limits = [low for low, _ in DEPTH] + [np.inf]
    return [_rects(run.city, (grid >= limits[k]) & (grid < limits[k + 1]), color, px, py, scale, 1)
            for k, (_, color) in enumerate(DEPTH)]


def _road_lines(city: City, px: Any, py: Any) -> list[str]:
    streets = city.streets
    paths: dict[bool, list[str]] = {True: [], False: []}
    for row in np.flatnonzero(streets.road_class <= 4):
        part = slice(streets.vertex_ptr[row], streets.vertex_ptr[row + 1])
        xs, ys = px(streets.vertex_x_m[part]), py(streets.vertex_y_m[part])
        keep = [0, *range(1, len(xs) - 1, 3), len(xs) - 1]
        paths[bool(streets.road_class[row] <= 2)].append(
            "M" + "L".join(f"{xs[i]:.1f} {ys[i]:.1f}" for i in keep))
    return [f'<path d="{"".join(lines)}" fill="none" stroke="{color}" stroke-width="{wide}"/>'
            for lines, color, wide in ((paths[False], "#c2bcb2", 0.6), (paths[True], "#8d877d", 1.1))]


def _deaths(run: RunData, px: Any, py: Any) -> list[str]:
    died = run.of_kind("person_died")
    formed = run.of_kind("party_formed")
    if not len(died) or not len(formed):
        return []
    party = dict(zip(formed["subject"].tolist(), formed["object"].tolist(), strict=True))
    frames = run.frames.get("party_x_m"), run.frames.get("party_y_m")
    out = []
    column = {int(p): i for i, p in enumerate(frames[0].index)} if frames[0] is not None else {}
    for person, t in zip(died["subject"].tolist(), died["t_ms"].tolist(), strict=True):
        row = party.get(person)
        if row is None:
            continue
        x, y = float(run.parties["x_m"].iloc[row]), float(run.parties["y_m"].iloc[row])
        if row in column and frames[0] is not None and frames[1] is not None:
            at = min(int(np.searchsorted(frames[0].times_ms, t)), frames[0].times_ms.size - 1)
            x = float(frames[0].data[at, column[row]]) * frames[0].scale + frames[0].offset
            y = float(frames[1].data[at, column[row]]) * frames[1].scale + frames[1].offset
        a, b = float(px(x)), float(py(y))
        out.append(f"M{a - 3:.1f} {b - 3:.1f}l6 6m0 -6l-6 6")
    d = "".join(out)
    return [f'<path d="{d}" stroke="#fff" stroke-width="3"/>'
            f'<path d="{d}" stroke="#111" stroke-width="1.4"/>']


def _scale_and_key(width: float, height: float, scale: float, words: dict[str, str]) -> str:
    metres = next((m for m in (100, 200, 500, 1000, 2000, 5000) if m * scale > 50), 10_000)
    label = f"{metres} m" if metres < 1000 else f"{metres // 1000} km"
    parts = [
        f'<rect x="8" y="{height - 128:.0f}" width="164" height="120" fill="#fff" '
        f'fill-opacity="0.88" rx="4"/>',
        text(16, height - 112, words["depth"], size=10.5, color=INK, weight=600),
    ]
    names = ("0.1-0.5", "0.5-1", "1-2", "2-4", "> 4")
    for k, (_, color) in enumerate(DEPTH):
        y = height - 104 + 12 * k
        parts.append(f'<rect x="16" y="{y:.0f}" width="14" height="9" fill="{color}"/>')
        parts.append(text(36, y + 9, names[k], size=10, color=INK))
    parts.append(text(84, height - 95, f"× {words['dead']}", size=10.5, color=INK))
    parts.append(text(84, height - 80, f"H {words['hospital']}", size=10.5, color="#0b3d91"))
    parts.append(text(84, height - 65, f"▭ {words['zone']}", size=10.5, color="#b24a0a"))
    parts.append(f'<path d="M16 {height - 22:.0f}v4h{metres * scale:.1f}v-4" fill="none" '
                 f'stroke="{INK}"/>' + text(22 + metres * scale, height - 17, label, size=10.5))
    return "".join(parts)
