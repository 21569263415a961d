"""Facilities of La Serena-Coquimbo that are public knowledge, placed approximately.

Positions are street corners or quarters, good to a few hundred metres; beds are published
figures where the note says so. Vehicle numbers are assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A facility by longitude and latitude; `corner` names two streets that meet there."""

    kind: str
    name: str
    lon: float
    lat: float
    capacity: int = 0
    units: int = 0
    corner: tuple[str, str] | None = None


PLACES: tuple[Place, ...] = (
    # 342 beds: "671 beds, 329 more than today" (laserenaonline.cl, 2026-01-31).
    Place("hospital", "Hospital San Juan de Dios de La Serena", -71.2530, -29.9080, 342, 0,
          ("José Manuel Balmaceda", "Juan de Dios Pení")),
    # 293 beds; Avenida Videla at the Pan-American highway (es.wikipedia mirror).
    Place("hospital", "Hospital San Pablo de Coquimbo", -71.3380, -29.9665, 293, 0,
          ("Avenida Videla", "Ruta 5 Norte")),
    Place("clinic", "CESFAM Las Compañías", -71.2440, -29.8790),
    Place("clinic", "CESFAM Emilio Schaffhauser", -71.2440, -29.9070),
    Place("clinic", "CESFAM Cardenal Caro", -71.2500, -29.9200),
    Place("clinic", "CESFAM San Juan", -71.3330, -29.9740),
    Place("clinic", "CESFAM Santa Cecilia", -71.3420, -29.9560),
    Place("clinic", "CESFAM Tierras Blancas", -71.2650, -29.9510),
    Place("clinic", "CESFAM Sergio Aguilar", -71.2980, -29.9670),
    Place("fire_station", "Bomberos La Serena, centro", -71.2510, -29.9040, 0, 4),
    Place("fire_station", "Bomberos La Serena, Avenida del Mar", -71.2640, -29.9120, 0, 2),
    Place("fire_station", "Bomberos La Serena, Las Compañías", -71.2430, -29.8800, 0, 3),
    Place("fire_station", "Bomberos La Serena, La Antena", -71.2330, -29.9120, 0, 2),
    Place("fire_station", "Bomberos La Serena, San Joaquín", -71.2420, -29.9260, 0, 2),
    Place("fire_station", "Bomberos Coquimbo, centro", -71.3385, -29.9540, 0, 4),
    Place("fire_station", "Bomberos Coquimbo, Guayacán", -71.3455, -29.9690, 0, 2),
    Place("fire_station", "Bomberos Coquimbo, San Juan", -71.3340, -29.9750, 0, 2),
    Place("fire_station", "Bomberos Coquimbo, Sindempart", -71.2970, -29.9660, 0, 3),
    Place("fire_station", "Bomberos Coquimbo, Tierras Blancas", -71.2660, -29.9520, 0, 2),
    Place("police_station", "1a Comisaría La Serena", -71.2480, -29.9050, 0, 8),
    # El Llano: coquimbo.mop.gob.cl, 2014-02-21.
    Place("police_station", "2a Comisaría Coquimbo", -71.3405, -29.9640, 0, 8),
    Place("police_station", "Comisaría Las Compañías", -71.2450, -29.8780, 0, 6),
    Place("police_station", "Carabineros Tierras Blancas", -71.2640, -29.9510, 0, 4),
    Place("police_station", "Carabineros Sindempart", -71.2950, -29.9640, 0, 4),
    Place("ambulance_station", "SAMU La Serena", -71.2520, -29.9085, 0, 6),
    Place("ambulance_station", "SAMU Coquimbo", -71.3375, -29.9660, 0, 5),
    Place("ambulance_station", "SAMU Las Compañías", -71.2430, -29.8790, 0, 2),
    Place("ambulance_station", "SAMU Tierras Blancas", -71.2660, -29.9500, 0, 2),
    # Stadium used as shelter in 2025 (litoralpress.cl, July 2025).
    Place("shelter", "Estadio La Portada", -71.2480, -29.9105, 2000),
    # Bilbao 348: the municipality's own documents of 2006.
    Place("command_centre", "COE Coquimbo (Bilbao 348)", -71.3380, -29.9542, 0, 0,
          ("Francisco Bilbao", "Aldunate")),
    Place("command_centre", "COE La Serena", -71.2522, -29.9030),
    Place("command_centre", "COE Regional de Coquimbo", -71.2515, -29.9025, 0, 0,
          ("Arturo Prat", "Los Carrera")),
    Place("call_centre", "Central de comunicaciones (131, 132, 133)", -71.2500, -29.9060),
)
