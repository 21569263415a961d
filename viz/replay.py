"""The replay: one self-contained page on which a run, or two side by side, can be watched.

pydeck writes the page and brings deck.gl; every remote script and style sheet of its template is
removed, addresses inside the bundle are made unreachable, and our player drives the map from
packed arrays inside the file.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import pydeck

from engine.city import City
from engine.errors import InputError
from engine.outputs import check_file, write_whole
from engine.world import UNIT_PHASES
from viz import ground
from viz.pack import Grid16, Pack
from viz.packrun import FIGURES, STATES, pack_people, pack_run
from viz.phrases import CATEGORIES
from viz.rundata import RunData, load_run
from viz.strings import UI

PYDECK = "0.9.3"
MAX_BYTES = 15_000_000
#: Tolerances of a track, metres: from a car's length to where a few points are left of each.
_PEOPLE_M = (6.0, 9.0, 13.0, 20.0, 30.0, 45.0, 65.0, 100.0, 150.0, 300.0, 1000.0, 10_000.0)
_TAGS = 400  #: more than a section takes in the page beside its text, bytes
_SCRIPTS = ("decode.js", "sim.js", "scene.js", "panels.js", "player.js")
_ADDRESS = re.compile(r"https?://(?=[a-z0-9.-]+\.(?:com|net|org|io|cn|gl)\b)(?!www\.w3\.org)")


def write_replay(
    run_dir: Path | str, out_html: Path | str | None = None, vs: Path | str | None = None,
    lang: str = "en", city: City | None = None,
) -> Path:
    """Write the replay page of a run folder, or of two runs of one city, and return its path.

    `out_html` defaults to replay.html in the run folder. Raises InputError where a folder is not
    a run, the two runs do not share a city, or the language is neither "en" nor "zh".
    """
    if lang not in UI:
        raise InputError(f"language '{lang}' is not known (allowed: {', '.join(UI)})")
    if pydeck.__version__ != PYDECK:
        raise InputError(f"the replay needs pydeck {PYDECK}, found {pydeck.__version__}")
    target = Path(out_html) if out_html else Path(run_dir) / "replay.html"
    first = load_run(run_dir, city)
    check_file(target)
    runs = [first]
    if vs is not None:
        second = load_run(vs, first.city)
        runs.append(second)
    page = _fitting_page(runs, lang)
    write_whole(target, page)
    return target


def _fitting_page(runs: list[RunData], lang: str) -> str:
    """The page with people as finely drawn as its size allows.

    All but the people is packed once. What is left of the page is for their tracks: of a ladder of
    tolerances the finest that fits is found by halving.
    """
    grid = Grid16.over(*ground.bounds(runs[0].city))
    head, pack = _all_but_people(runs, lang, grid)
    left = MAX_BYTES - len(assemble(head, pack).encode())
    tried: dict[float, Pack] = {}

    def fits(tolerance_m: float) -> bool:
        people = tried[tolerance_m] = Pack()
        for run, key in zip(runs, "ab", strict=False):
            pack_people(run, key, grid, people, tolerance_m)
        return people.size() + _TAGS * len(people.meta) <= left

    low, high = 0, len(_PEOPLE_M) - 1  # the coarsest is taken whatever its size
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(_PEOPLE_M[middle]) else (middle + 1, high)
    if _PEOPLE_M[low] not in tried:
        fits(_PEOPLE_M[low])
    pack.join(tried[_PEOPLE_M[low]])
    return assemble(head, pack)


def _all_but_people(runs: list[RunData], lang: str, grid: Grid16) -> tuple[dict[str, Any], Pack]:
    city = runs[0].city
    pack = Pack()
    lon, lat = city.lonlat(0.0, 0.0)
    head: dict[str, Any] = {
        "lang": lang, "ui": UI, "states": STATES, "figures": FIGURES, "categories": CATEGORIES,
        "city": {
            "title": city.title, "lon": float(lon), "lat": float(lat), "bounds": ground.bounds(city),
            "home": ground.home_view(city), "offset_min": runs[0].utc_offset_min,
            "notes": list(city.notes), "illustrative": illustrative(city),
            "population": int(city.persons.household.size),
        },
        "grid": [grid.x0_m, grid.y0_m, grid.step_m],
        "ground": ground.pack_ground(city, grid, pack),
        "phases": list(UNIT_PHASES),
        "facilities": ground.facilities(city),
        "runs": [pack_run(run, key, grid, pack) for run, key in zip(runs, "ab", strict=False)],
    }
    head["sections"] = pack.meta
    return head, pack


def illustrative(city: City) -> bool:
    """Whether the city says that its terrain is not to be taken at face value."""
    words = ("synthetic", "illustrative", "approximate", "made-up", "invented")
    notes = [note for note in city.notes if "terrain" in note.lower()]
    layers = [layer for layer in city.layers if layer.layer == "terrain"]
    return any(word in note.lower() for note in notes for word in words) or any(
        layer.status == "synthetic" for layer in layers)


def assemble(head: dict[str, Any], pack: Pack) -> str:
    """The page: pydeck's own, without anything remote, with our styles, panels and player."""
    view = pydeck.ViewState(latitude=head["city"]["lat"], longitude=head["city"]["lon"], zoom=11)
    deck = pydeck.Deck(layers=[], initial_view_state=view, map_provider=None, map_style=None,
                       tooltip=False)
    html = str(deck.to_html(offline=True, as_string=True))
    html = strip_remote(html)
    assets = resources.files("viz") / "assets"
    template = jinja2.Template((assets / "replay.html.j2").read_text(encoding="utf-8"),
                               autoescape=False)
    # "</" inside a script would end it.
    head_json = json.dumps(head, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    title = f"{head['runs'][0]['scenario']} - {head['city']['title']}"
    body = template.render(
        head_json=head_json, sections=pack.text,
        scripts=[(assets / name).read_text(encoding="utf-8") for name in _SCRIPTS],
    )
    style = (assets / "player.css").read_text(encoding="utf-8")
    html = re.sub(r"<title>.*?</title>", lambda _: _head_tags(title), html, count=1)
    before, _, after = html.rpartition("</html>")
    before = before.replace("</head>", f"<style>\n{style}</style>\n</head>", 1) \
        if before.count("</head>") == 1 else _insert_style(before, style)
    return f"{before}{body}</html>{after}"


def _insert_style(html: str, style: str) -> str:
    at = html.rindex("</head>")
    return f"{html[:at]}<style>\n{style}</style>\n{html[at:]}"


def _head_tags(title: str) -> str:
    policy = ("default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; "
              "style-src 'unsafe-inline'; img-src data: blob:; connect-src data: blob:; "
              "worker-src blob:; font-src data:")
    escaped = title.replace("&", "&amp;").replace("<", "&lt;")
    return (f'<title>{escaped}</title>\n<meta http-equiv="Content-Security-Policy" '
            f'content="{policy}">\n<meta name="viewport" content="width=device-width, '
            f'initial-scale=1">\n<link rel="icon" href="data:,">')


def strip_remote(html: str) -> str:
    """Remove remote scripts and style sheets, and make addresses in the bundle unreachable."""
    html = re.sub(r'<script\b[^>]*\bsrc=[^>]*>\s*</script>', "", html)
    html = re.sub(r'<link\b[^>]*\bhref=["\']?https?:[^>]*>', "", html)
    html = re.sub(r"//# sourceMappingURL=\S+", "", html)
    return _ADDRESS.sub("offline:", html)
