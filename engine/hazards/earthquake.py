"""Earthquake: when and how strongly each zone and building is shaken.

Ground motion comes from a ShakeMap, from recording stations (simple kriging, sampled within-event
residuals with the correlation of Jayaram and Baker 2009), or from BSSA14 alone; see
`ground_motion.py`. Recorded Sa(1 s) gives bridges and, by Newmark and Hall's factor, PGV; where only
peak acceleration was recorded, both follow from BSSA14's ratio to PGA at the same magnitude,
distance and Vs30. For a subduction event that ratio is outside the model's tectonic validity and is
the weakest link of the bridge damage. Strong shaking arrives with the S wave.
Limits: one shock, no aftershocks, no liquefaction, no landslides.
"""

from __future__ import annotations

import numpy as np

from engine.city import F64, City
from engine.component import Component, Context
from engine.errors import InputError
from engine.hazards.gmpe import bssa14_ln_median
from engine.hazards.ground_motion import (
    RuptureTrend,
    StationField,
    mmi_worden2012,
    pgv_from_sa1,
    read_shakemap,
    s_arrival_s,
)
from engine.scenario import Scenario
from engine.world import NEVER
from engine.yamlfile import located

_STYLE = {"unspecified": "unspecified", "strike-slip": "strike-slip", "normal": "normal",
          "reverse": "reverse"}


class Shaking:
    """How strongly a scenario's earthquake shakes a city; InputError where its sources are wrong."""

    def __init__(self, city: City, scenario: Scenario, seed: int) -> None:
        quake = scenario.earthquake
        assert quake is not None
        self._city, self._scenario, self._seed, self._quake = city, scenario, seed, quake

    def fields(self) -> tuple[F64, F64, F64, F64]:
        """PGA, Sa(1 s), MMI [zones] and PGA [buildings]."""
        try:
            return self._fields()
        except InputError as error:
            text = str(error)
            if not text.startswith("scenario '"):
                text = f"scenario '{self._scenario.name}': earthquake: {text}"
            raise located(InputError(text), self._scenario) from None

    def _fields(self) -> tuple[F64, F64, F64, F64]:
        city, quake = self._city, self._quake
        x, y = city.xy(quake.lon, quake.lat)
        ex, ey = float(x), float(y)
        zx, zy = city.zones.x_m, city.zones.y_m
        bx, by = city.buildings.x_m, city.buildings.y_m
        if quake.shakemap:
            shake = read_shakemap(self._scenario.data_file(quake.shakemap))
            lon, lat = city.lonlat(zx, zy)
            blon, blat = city.lonlat(bx, by)
            pga, _, mmi = shake.at(lon, lat)
            return pga, pga * self._ratios(ex, ey)[0], mmi, shake.at(blon, blat)[0]
        trend = None
        stations: tuple[tuple[float, ...], ...] = ((), (), ())
        if quake.stations:
            sx, sy = city.xy([s.lon for s in quake.stations], [s.lat for s in quake.stations])
            stations = (tuple(sx), tuple(sy), tuple(s.pga_g for s in quake.stations))
        else:
            trend = self._trend(ex, ey)
        field = StationField("PGA", *stations, trend=trend)
        sample = (
            field.sample(self._seed, zx, zy, np.arange(zx.size)) if quake.residuals else None
        )
        pga = field.at(zx, zy, sample=sample, centre=np.arange(zx.size))
        building = field.at(bx, by, sample=sample, centre=city.buildings.zone)
        if quake.stations and quake.stations[0].sa1_g is not None:
            recorded = [float(s.sa1_g or 0.0) for s in quake.stations]
            slow = StationField("SA1", stations[0], stations[1], recorded)
            score = (
                slow.sample(self._seed, zx, zy, np.arange(zx.size)) if quake.residuals else None
            )
            sa1 = slow.at(zx, zy, sample=score, centre=np.arange(zx.size))
            return pga, sa1, mmi_worden2012(pga, pgv_from_sa1(sa1)), building
        sa1_ratio, pgv_per_g = self._ratios(ex, ey)
        return pga, pga * sa1_ratio, mmi_worden2012(pga, pga * pgv_per_g), building

    def _trend(self, ex: float, ey: float) -> RuptureTrend:
        """BSSA14 about the nearest point of the rupture, or about the epicentre."""
        quake, zones = self._quake, self._city.zones
        px, py = ex, ey
        if quake.rupture_distance_km is not None:
            cx, cy = float(zones.x_m.mean()), float(zones.y_m.mean())
            away = max(float(np.hypot(ex - cx, ey - cy)), 1.0)
            part = min(quake.rupture_distance_km * 1000.0 / away, 1.0)
            px, py = cx + part * (ex - cx), cy + part * (ey - cy)
        return RuptureTrend(quake.magnitude, (px,), (py,), style=_STYLE[quake.mechanism],
                            vs30_mps=quake.vs30_mps)

    def _ratios(self, ex: float, ey: float) -> tuple[float, float]:
        """Sa(1 s)/PGA and PGV/PGA (cm/s per g) of BSSA14 at the city's centre."""
        quake, zones = self._quake, self._city.zones
        trend = self._trend(ex, ey)
        rjb = trend.rjb_km(np.array([zones.x_m.mean()]), np.array([zones.y_m.mean()]))
        style = _STYLE[quake.mechanism]
        ln = {
            m: float(bssa14_ln_median(m, quake.magnitude, rjb, quake.vs30_mps, style, "global")[0])
            for m in ("PGA", "SA1", "PGV")
        }
        return float(np.exp(ln["SA1"] - ln["PGA"])), float(np.exp(ln["PGV"] - ln["PGA"]))


class Earthquake(Component):
    """Shakes each zone when the S wave arrives."""

    name = "earthquake"
    reads = ("zone_shaken_event",)
    writes = ("building_pga_g", "zone_sa1_g", "zone_mmi", "zone_shaken_event", "quake_event")
    emits = ("earthquake", "zone_shaken")
    exogenous = True
    card = (
        ("S-wave speed", 3.5, "km/s", "usual mean crustal value, straight ray", "assumption"),
        ("PGV and Sa(1 s) from PGA", "BSSA14 ratio", "", "Boore et al. 2014; outside validity for "
         "subduction events", "assumption"),
        ("intensity", "mean of PGA and PGV", "MMI", "Worden et al. 2012", "sourced"),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        quake = context.scenario.earthquake
        assert quake is not None
        self._quake = quake
        city = context.city
        ex, ey = city.xy(quake.lon, quake.lat)
        distance = np.hypot(city.zones.x_m - ex, city.zones.y_m - ey)
        self._arrival_ms = np.rint(
            1000.0 * s_arrival_s(distance, quake.depth_km * 1000.0)
        ).astype(np.int64)
        self._pga, self._sa1, self._mmi, self._building = Shaking(
            city, context.scenario, context.seed).fields()

    def start(self) -> None:
        quake = self._quake
        self.w.quake_event[0] = self.emit("earthquake", 0, 0, value=quake.magnitude)[0]

    def due(self, now_ms: int) -> int:
        waiting = self._arrival_ms[self.w.zone_shaken_event < 0]
        return int(waiting.min()) if waiting.size else NEVER

    def step(self, t0_ms: int, t1_ms: int) -> None:
        zones = np.flatnonzero((self._arrival_ms < t1_ms) & (self.w.zone_shaken_event < 0))
        if zones.size == 0:
            return
        zones = zones[np.argsort(self._arrival_ms[zones], kind="stable")]
        self.w.zone_sa1_g[zones] = self._sa1[zones]
        self.w.zone_mmi[zones] = self._mmi[zones]
        self.w.zone_shaken_event[zones] = self.emit(
            "zone_shaken", self._arrival_ms[zones], zones, value=self._pga[zones],
            cause=self.w.quake_event[0],
        )
        now = np.isin(self.ctx.city.buildings.zone, zones)
        self.w.building_pga_g[now] = self._building[now]
