"""Buildings and bridges after shaking: damage, collapse, rubble on streets.

Damage by HAZUS fragility on peak ground acceleration, collapse by HAZUS's share of complete
damage (`fragility.py`), rubble by GB 50413 (`debris.py`). State 5 stands for a collapsed building.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import STRUCTURES
from engine.component import Component, Context
from engine.events import reason
from engine.networks import debris
from engine.networks.fragility import bridge_damage, collapsed, damage_state

BRIDGE_CLASS = "HWB5"
#: Its figures are those of `python -m city_models.coquimbo.calibrate`; a test computes them anew.
CHILE_CARD = (
    "fragility, Chilean classes", "HAZUS medians x 4.73 (masonry, concrete), 4.77 (adobe), 3.34 "
    "(timber)", "", "dwellings of La Serena and Coquimbo damaged by the shaking of 2015: registered 702, "
    "expected with these factors 702, with HAZUS's own medians 43,661; extrapolated above 0.4 g",
    "sourced",
)


class Buildings(Component):
    """Damages what has just been shaken and lets rubble fall."""

    name = "buildings"
    reads = ("building_pga_g", "zone_shaken_event", "zone_sa1_g", "building_damage",
             "building_damage_event", "street_clear_m")
    writes = ("building_damage", "building_damage_event", "street_clear_m", "street_rubble_event",
              "street_bridge_damage")
    emits = ("building_damaged", "street_narrowed")
    card: tuple[tuple[str, Any, str, str, str], ...] = (
        ("fragility", "HAZUS 6.1 equivalent PGA", "", "NHERI-SimCenter DLML", "sourced"),
        ("rubble width over height", "2/3 main roads, 7/12 elsewhere", "", "GB 50413-2007",
         "sourced"),
        ("bridge class", BRIDGE_CLASS, "", "no inventory: the more fragile common class",
         "assumption"),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city = context.city
        streets, b = city.streets, city.buildings
        if np.any(b.structure >= STRUCTURES.index("CL-MCF")):
            self.card = (*self.card, CHILE_CARD)
        a, z = streets.from_node[b.street], streets.to_node[b.street]
        self._side = debris.side_of_street(
            b.x_m, b.y_m, city.nodes.x_m[a], city.nodes.y_m[a], city.nodes.x_m[z], city.nodes.y_m[z]
        )
        self._main = streets.road_class <= 3  # motorway to secondary
        self._bridges = np.flatnonzero(streets.bridge)

    def due(self, now_ms: int) -> int:
        # Woken by the tick in which the earthquake shakes a zone; nothing else changes damage.
        return 1 << 62

    def start(self) -> None:
        self._zones_done = np.zeros(self.w.zone_shaken_event.size, np.bool_)

    def load(self) -> None:
        self._zones_done = self.w.zone_shaken_event >= 0

    def step(self, t0_ms: int, t1_ms: int) -> None:
        new = (self.w.zone_shaken_event >= 0) & ~self._zones_done
        if not new.any():
            return
        self._zones_done |= new
        city, seed = self.ctx.city, self.ctx.seed
        quake = self.ctx.scenario.earthquake
        b = city.buildings
        rows = np.flatnonzero(new[b.zone])
        sampled = bool(quake and quake.residuals)
        state = damage_state(
            seed, b.key[rows], self.w.building_pga_g[rows], b.structure[rows], b.design[rows],
            residuals_sampled=sampled,
        )
        fell = collapsed(seed, b.key[rows], state, b.structure[rows])
        state = np.where(fell, 5, state).astype(np.uint8)
        hit = state > 0
        rows, state = rows[hit], state[hit]
        cause = self.w.zone_shaken_event[b.zone[rows]]
        t = self.ctx.log.column("t_ms")[cause]
        order = np.lexsort((rows, t))
        rows, state, cause, t = rows[order], state[order], cause[order], t[order]
        self.w.building_damage[rows] = state
        self.w.building_damage_event[rows] = self.emit(
            "building_damaged", t, rows, value=state, cause=cause
        )
        self._rubble(t1_ms)
        self._damage_bridges(new)

    def _rubble(self, t1_ms: int) -> None:
        city, b = self.ctx.city, self.ctx.city.buildings
        fallen = self.w.building_damage == 5
        clear = debris.clear_width_m(
            city.streets.width_m, b.street, fallen, b.height_m, b.setback_m,
            main_rescue=self._main, side=self._side,
        )
        before = np.minimum(self.w.street_clear_m, city.streets.width_m)
        worst = debris.worst_building(clear.size, b.street, fallen, b.height_m, b.setback_m)
        streets = np.flatnonzero((clear < before - 0.01) & (worst >= 0))
        cause = self.w.building_damage_event[worst[streets]]
        self.w.street_rubble_event[streets] = self.emit(
            "street_narrowed", self.ctx.log.column("t_ms")[cause], streets,
            reason("road blocked by debris"), clear[streets], cause,
        )
        self.w.street_clear_m[:] = clear

    def _damage_bridges(self, new_zone: np.ndarray) -> None:
        city = self.ctx.city
        zone = self.ctx.site.zone_of_node[city.streets.from_node[self._bridges]]
        rows = self._bridges[new_zone[zone]]
        zone = zone[new_zone[zone]]
        self.w.street_bridge_damage[rows] = bridge_damage(
            self.ctx.seed, city.streets.key[rows], self.w.zone_sa1_g[zone], BRIDGE_CLASS
        )
