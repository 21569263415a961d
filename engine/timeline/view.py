"""A saved run as the timeline reads it: manifest, event log, parties and the city's names.

Everything told is read from the log and from the city, nothing from World, so that any saved run
folder can be told again years later. Codes of the folder's own tables are translated to those of
this version of the engine, in which kinds may have moved.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine import runfolder
from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE, tables
from engine.meeting import city_for
from engine.runreader import city_of, read_manifest, read_table
from engine.scoring.columns import Log, Rows, last_of

I64 = NDArray[np.int64]

#: Command knows every closure at once, unless closures reach it as reports of their own.
CLOSURES_KNOWN = "street_reported" not in KIND_CODE

#: What the timeline reads of a manifest beside what every reader needs.
MANIFEST = ("timezone", "units", "controls", "facilities", "gauges", "channels")


@dataclass
class RunView:
    """One run: `codes` is the log with this version's kind codes, `parties` the party table."""

    manifest: dict[str, Any]
    codes: pd.DataFrame
    parties: pd.DataFrame
    city: City
    inputs: list[dict[str, Any]]

    @cached_property
    def log(self) -> Log:
        """The log by kind."""
        return Log(self.codes)

    @cached_property
    def cause(self) -> I64:
        """Row of each event's cause, -1 none."""
        return np.asarray(self.codes["cause"].to_numpy(), np.int64)

    def rows(self, *kinds: str) -> Rows:
        """Rows of the kinds that this version knows, in log order; none for an unknown kind."""
        return self.log.rows(*(kind for kind in kinds if kind in KIND_CODE))

    @cached_property
    def moved_out(self) -> Rows:
        """Units that set out for a waiting place outside the exclusion line, without another task."""
        rows = self.rows("unit_departed")
        rows = rows.where((rows.object < 0) & (rows.value == 0))
        tasks = [KIND_CODE[kind] for kind in ("unit_dispatched", "mission_ordered")]
        cause = self.cause[rows.row]
        sent = (cause >= 0) & np.isin(self.codes["kind"].to_numpy()[cause], tasks)
        return rows.where(~sent)

    @cached_property
    def person_party(self) -> I64:
        """Party of each person [persons]; -1 where the log forms none."""
        formed = self.rows("party_formed")
        size = int(formed.subject.max(initial=-1)) + 1
        return last_of(formed.subject, formed.object, size, -1)

    @cached_property
    def party_zone(self) -> I64:
        """Zone where each party began [parties]."""
        return np.asarray(self.parties["zone"].to_numpy(), np.int64)

    @cached_property
    def party_size(self) -> I64:
        """Members of each party [parties]."""
        return np.asarray(self.parties["size"].to_numpy(), np.int64)

    @cached_property
    def party_in_danger(self) -> NDArray[np.bool_]:
        """Parties that began inside the danger zone [parties]."""
        return np.asarray(self.parties["in_danger_zone"].to_numpy(), np.bool_)

    @property
    def duration_ms(self) -> int:
        """Length of the run."""
        return int(float(self.manifest["duration_s"]) * 1000)

    @property
    def plan(self) -> dict[str, Any]:
        """The plan's keys as they stood."""
        return dict(self.manifest["plan"]["settings"])

    @property
    def scenario(self) -> dict[str, Any]:
        """The scenario's keys as they stood."""
        return dict(self.manifest["scenario"]["settings"])

    def local(self, t_ms: int) -> datetime:
        """Local time at `t_ms` of the run."""
        start = datetime.fromisoformat(str(self.manifest["start_utc"]).replace("Z", "+00:00"))
        moment = start + timedelta(milliseconds=int(t_ms))
        return moment.astimezone(ZoneInfo(str(self.manifest["timezone"])))

    def hhmm(self, t_ms: int) -> str:
        """Local time as HH:MM."""
        return self.local(t_ms).strftime("%H:%M")


def elapsed(t_ms: int) -> str:
    """Time since the start as T+h:mm."""
    minutes = int(t_ms) // 60_000
    return f"T+{minutes // 60}:{minutes % 60:02d}"


def load_view(folder: Path, city: City | None = None) -> RunView:
    """Read a run folder; InputError names what is missing. `city` stands in for the named one."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    codes, parties = (read_table(folder, name, manifest) for name in ("events", "parties"))
    for key in ("tables", *MANIFEST):
        if key not in manifest:
            raise InputError(f"{folder / 'manifest.json'}: damaged: '{key}' is missing")
    city = city_of(folder, manifest, city)
    path = folder / "inputs.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        rows = [json.loads(line) for line in lines]
    except (OSError, ValueError):
        raise InputError(f"{path}: damaged: not JSON lines") from None
    return RunView(
        manifest, _translated(codes, manifest["tables"]), parties, city,
        rows,
    )


def view_of(run: Any) -> RunView:
    """A finished run that is still in memory."""
    return RunView(
        runfolder.manifest(run), run.codes, runfolder.party_table(run.twin),
        city_for(run.twin.full_city, run.twin.plan), list(run.twin.inputs.rows),
    )


def _translated(codes: pd.DataFrame, written: dict[str, list[str]]) -> pd.DataFrame:
    """The log with this version's codes; rows of kinds that no longer exist keep their numbers
    as causes and are told by nobody (code 65535)."""
    now = tables()
    out = codes.copy()
    kind_of = {name: code for code, name in enumerate(now["kinds"])}
    lookup = np.array([kind_of.get(name, 65_535) for name in written["kinds"]], np.int64)
    out["kind"] = lookup[codes["kind"].to_numpy()].astype(np.uint16)
    entity_of = {name: code for code, name in enumerate(now["entities"])}
    entity = np.array([entity_of.get(name, 0) for name in written["entities"]], np.int64)
    for column in ("subject_type", "object_type"):
        out[column] = entity[codes[column].to_numpy()].astype(np.uint16)
    for name, table in (("reason", "reasons"), ("cause", "causes"), ("mode", "modes")):
        if written.get(table) in (None, now[table]):
            continue
        word_of = {word: code for code, word in enumerate(now[table])}
        words = np.array([word_of.get(word, 0) for word in written[table]], np.int64)
        mine = (out["object_type"] == entity_of[name]).to_numpy() & (codes["object"] >= 0).to_numpy()
        out.loc[mine, "object"] = words[codes["object"].to_numpy()[mine]]
    return out
