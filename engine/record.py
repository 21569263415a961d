"""Recorder: KPI series and frames while a run goes on, and the run folder afterwards.

It reads World and writes nothing the run could see. Formats: docs/architecture.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.codes import among
from engine.component import Context
from engine.history import History
from engine.world import (
    C_HOSPITAL,
    C_TRAPPED,
    H_CRITICAL,
    H_DEAD,
    H_SERIOUS,
    I_CALLING,
    I_QUEUED,
    NEVER,
    P_ABOARD,
    P_AT_STOP,
    P_DRIVING,
    P_HIGH,
    P_MEETING,
    P_OUTSIDE,
    P_REFUGE,
    P_RETURNING,
    P_SHELTER,
    P_TO_FAMILY,
    P_TO_STOP,
    P_WAITING,
    P_WALKING,
    P_WATER,
    P_WITH,
    U_AVAILABLE,
    U_AWAY,
    U_OFF,
)

STEP_MS = 60_000

KPIS = (
    "people_at_risk", "people_on_the_way", "people_safe", "people_in_water",
    "people_seriously_hurt", "people_dead", "vehicles_on_road", "vehicles_waiting", "units_busy",
    "calls_waiting", "trapped_now", "beds_used", "patients_in_hospital",
    "median_response_s",
)

_SAFE = (P_HIGH, P_MEETING, P_SHELTER, P_REFUGE, P_OUTSIDE)
#: World variables that only the recorder and the replay need.
READS = (
    "party_place", "party_node", "person_health", "person_care", "unit_phase",
    "incident_state", "hospital_beds_used", "facility_load", "gauge_level_m", "wetcell_depth_m",
    "incident_opened_ms", "incident_reached_ms", "party_wet_event", "party_stop_reason",
    "party_x_m", "party_y_m", "unit_x_m", "unit_y_m", "edge_flow_speed_mps", "edge_closed",
    "edge_barred", "edge_vehicles", "venue_inside", "venue_pm2",
)


class Recorder:
    """Collects one row of KPIs and one frame each minute."""

    def __init__(self, context: Context, state: dict[str, Any] | None = None) -> None:
        self.ctx = context
        self._rows: list[dict[str, float]] = list(state["rows"]) if state else []
        self._frames: dict[str, History] = (
            {name: history.copy() for name, history in state["frames"].items()} if state else {}
        )
        self._times: list[int] = list(state["times"]) if state else []
        self._next = int(state["next"]) if state else 0
        self._began_in_danger = context.site.danger_node[context.parties.node]
        city = context.city
        self._extent = (
            float(city.nodes.x_m.min()) - 2000.0, float(city.nodes.y_m.min()) - 2000.0,
            max(np.ptp(city.nodes.x_m), np.ptp(city.nodes.y_m)) + 4000.0,
        )

    def due(self, now_ms: int) -> int:
        """Time of the next row."""
        return self._next

    def step(self, t0_ms: int, t1_ms: int) -> None:
        """Take a row where the tick [t0, t1) holds the next minute."""
        if not t0_ms <= self._next < t1_ms:
            return
        self._times.append(self._next)
        self._rows.append({"t_ms": self._next, **self._kpis()})
        for name, frame in self._frame().items():
            self._frames.setdefault(name, History()).append(frame)
        self._next += STEP_MS

    def latest(self, name: str) -> float:
        """Last value of a KPI."""
        return float(self._rows[-1][name]) if self._rows else float("nan")

    def snapshot(self) -> dict[str, Any]:
        """State for a snapshot; what is past never changes and is shared."""
        return {
            "rows": list(self._rows), "times": list(self._times), "next": self._next,
            "frames": {name: history.copy() for name, history in self._frames.items()},
        }

    def _kpis(self) -> dict[str, float]:
        world, parties = self.ctx.world, self.ctx.parties
        health, place = world.person_health, world.party_place
        dead = np.flatnonzero(health == H_DEAD)
        alive = parties.size - np.bincount(parties.of_person[dead], minlength=parties.count)
        moving = among(place, (P_WALKING, P_DRIVING, P_WAITING, P_RETURNING, P_ABOARD, P_TO_STOP,
                               P_AT_STOP, P_TO_FAMILY, P_WITH))
        safe = among(place, _SAFE)
        safe &= ~((place == P_REFUGE) & (world.party_stop_reason > 0))  # in a lost refuge
        danger = self.ctx.site.danger_node[world.party_node]
        wet = world.party_wet_event >= 0
        busy = ~among(world.unit_phase, (U_AVAILABLE, U_OFF, U_AWAY))
        answered = self._response_s()
        return {
            "people_at_risk": int(alive[danger & ~safe].sum()),
            "people_on_the_way": int(alive[moving].sum()),
            "people_safe": int(alive[safe & self._began_in_danger].sum()),
            "people_in_water": int(alive[wet | (place == P_WATER)].sum()),
            "people_seriously_hurt": int(among(health, (H_SERIOUS, H_CRITICAL)).sum()),
            "people_dead": int(dead.size),
            "vehicles_on_road": int(world.edge_vehicles.sum()),
            "vehicles_waiting": int((world.party_place == P_WAITING).sum()),
            "units_busy": int(busy.sum()),
            "calls_waiting": int(among(world.incident_state, (I_CALLING, I_QUEUED)).sum()),
            "trapped_now": int(((health != H_DEAD) & (world.person_care == C_TRAPPED)).sum()),
            "beds_used": int(world.hospital_beds_used.sum()),
            "median_response_s": float(np.median(answered)) if answered.size else float("nan"),
            "patients_in_hospital": int((world.person_care == C_HOSPITAL).sum()),
        }

    def _response_s(self) -> NDArray[np.float64]:
        """Times from opening to the first unit's arrival, of incidents reached so far."""
        world = self.ctx.world
        reached = world.incident_reached_ms < NEVER
        return np.asarray(
            (world.incident_reached_ms[reached] - world.incident_opened_ms[reached]) / 1000.0
        )

    def _frame(self) -> dict[str, NDArray[Any]]:
        world, city, parties = self.ctx.world, self.ctx.city, self.ctx.parties
        x0, y0, size = self._extent
        scale = size / 65_000

        def position(values: NDArray[Any], origin: float) -> NDArray[np.uint16]:
            return np.clip(np.rint((values - origin) / scale), 0, 65_534).astype(np.uint16)

        ratio = np.where(
            world.edge_closed | world.edge_barred, 254,
            np.clip(np.rint(250 * world.edge_flow_speed_mps / city.edges.free_speed_mps), 0, 250),
        )
        worst = np.zeros(parties.count, np.uint8)
        hurt = np.flatnonzero(world.person_health)
        np.maximum.at(worst, parties.of_person[hurt], world.person_health[hurt])
        frame = {
            "edge_speed_ratio": ratio.astype(np.uint8),
            "party_x_m": position(world.party_x_m, x0),
            "party_y_m": position(world.party_y_m, y0),
            "party_state": world.party_place.copy(),
            "party_worst_health": worst,
            "unit_x_m": position(world.unit_x_m, x0),
            "unit_y_m": position(world.unit_y_m, y0),
            "unit_phase": world.unit_phase.copy(),
            "facility_load": np.minimum(
                world.facility_load + world.hospital_beds_used, 65_534
            ).astype(np.uint16),
        }
        inside, density = world.venue_inside, world.venue_pm2
        if inside.size:
            frame["venue_people"] = np.minimum(inside, 65_534).astype(np.uint16)
            frame["venue_pm2"] = np.rint(100 * density).astype(np.uint16)
        if self.ctx.sea is not None:
            frame["wetcell_depth_m"] = np.minimum(
                np.rint(world.wetcell_depth_m * 1000), 65_534
            ).astype(np.uint16)
            frame["gauge_level_m"] = np.rint((world.gauge_level_m + 20) * 1000).astype(np.uint16)
        return frame

    def kpis(self) -> list[dict[str, float]]:
        """Rows so far."""
        return list(self._rows)

    def frame_names(self) -> list[str]:
        """Names of the frames there are."""
        return [*self._frames, *(["sea_level_m"] if self.ctx.sea is not None else [])]

    def frame(self, name: str) -> dict[str, Any]:
        """A frame as arrays with scale, offset, unit, entity, index and times; see architecture."""
        if name == "sea_level_m":
            return dict(self.ctx.sea.display_frames(self.ctx.duration_ms))
        x0, y0, size = self._extent
        metres = size / 65_000
        meaning = {
            "edge_speed_ratio": ("edge", "", 1 / 250, 0.0),
            "party_x_m": ("party", "m", metres, x0), "party_y_m": ("party", "m", metres, y0),
            "party_state": ("party", "place", 1.0, 0.0),
            "party_worst_health": ("party", "severity", 1.0, 0.0),
            "unit_x_m": ("unit", "m", metres, x0), "unit_y_m": ("unit", "m", metres, y0),
            "unit_phase": ("unit", "phase", 1.0, 0.0),
            "facility_load": ("facility", "people", 1.0, 0.0),
            "venue_people": ("venue", "people", 1.0, 0.0), "venue_pm2": ("venue", "/m2", 0.01, 0.0),
            "wetcell_depth_m": ("cell", "m", 0.001, 0.0),
            "gauge_level_m": ("gauge", "m", 0.001, -20.0),
        }
        entity, unit, scale, offset = meaning[name]
        history = self._frames[name]
        rows = None
        if entity == "party":
            rows = self._moved()
        elif entity == "edge":
            rows = np.flatnonzero(history.ever(lambda code: code != 250))
        elif entity == "facility":
            rows = np.flatnonzero(history.ever(lambda load: load > 0))
        data = history.table(rows)
        index = np.arange(data.shape[1]) if rows is None else rows
        if entity == "cell":
            index = np.asarray(self.ctx.sea.cells)
        return {
            "data": data, "times_ms": np.array(self._times, np.int64),
            "index": index.astype(np.int32), "scale": np.float64(scale),
            "offset": np.float64(offset), "unit": np.array(unit), "entity": np.array(entity),
        }

    def _moved(self) -> NDArray[np.int64]:
        """Parties that ever moved, were hurt or stood in the danger zone."""
        hurt = self._frames["party_worst_health"].ever(lambda worst: worst > 1)
        danger = self.ctx.site.danger_node[self.ctx.parties.node]
        return np.flatnonzero(self._frames["party_state"].changed() | hurt | danger)
