"""Response-plan files: what the city does. Frozen, validated objects.

A plan never holds staff or vehicles: those belong to the city, so that plans compete with equal
means; mutual aid names what neighbours send. Its levers stand in engine/levers, one file a field of
work. Times are seconds after the moment named; every key is read by a component.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from engine.errors import InputError, unknown
from engine.levers.crowds import Crowds
from engine.levers.order import Order
from engine.levers.places import Destinations, MeetingPoint, VerticalRefuge
from engine.levers.recovery import AllClear
from engine.levers.response import Dispatch, Exclusion, Fuel, Hospitals, MutualAid, Staging
from engine.levers.roads import (
    Closure,
    Contraflow,
    ControlPoint,
    InboundBan,
    OneWayStreet,
    PedestrianStreet,
    Post,
)
from engine.levers.transport import BusLine, FacilityEvacuation
from engine.levers.warning import Channel, DoorToDoor, RumourCorrection, StreetLeaders
from engine.scenario import Scenario, scenarios_root
from engine.yamlfile import Strict, load, located

#: Keys of what begins with the evacuation order.
WITH_THE_ORDER = (
    "channels", "street_leaders", "door_to_door", "vertical_refuges", "control_points", "closures",
    "pedestrian_streets", "one_way_streets", "contraflow", "inbound_ban", "staging", "fuel",
    "facility_evacuation", "buses", "all_clear",
)


class Plan(Strict):
    """A response plan."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    order: Order = Order(delay_s=0.0)
    channels: tuple[Channel, ...] = ()
    rumour_correction: RumourCorrection | None = None
    street_leaders: StreetLeaders | None = None
    door_to_door: tuple[DoorToDoor, ...] = ()
    destinations: Destinations = Destinations()
    meeting_points: Annotated[tuple[MeetingPoint, ...], Field(max_length=200)] = ()
    vertical_refuges: Annotated[tuple[VerticalRefuge, ...], Field(max_length=50)] = ()
    control_points: tuple[ControlPoint, ...] = ()
    closures: tuple[Closure, ...] = ()
    pedestrian_streets: tuple[PedestrianStreet, ...] = ()
    one_way_streets: tuple[OneWayStreet, ...] = ()
    contraflow: tuple[Contraflow, ...] = ()
    inbound_ban: tuple[InboundBan, ...] = ()
    staging: tuple[Staging, ...] = ()
    dispatch: Dispatch = Dispatch()
    hospitals: Hospitals = Hospitals()
    fuel: Fuel | None = None
    exclusion: Exclusion = Exclusion()
    mutual_aid: tuple[MutualAid, ...] = ()
    facility_evacuation: tuple[FacilityEvacuation, ...] = ()
    buses: tuple[BusLine, ...] = ()
    crowds: Crowds | None = None
    all_clear: AllClear = AllClear()

    @property
    def posts(self) -> tuple[Post, ...]:
        """Control points, closures, then orders on streets: rows of the site's and World's control
        tables."""
        return (*self.control_points, *self.closures, *self.pedestrian_streets, *self.one_way_streets,
                *self.contraflow, *self.inbound_ban)

    @model_validator(mode="after")
    def _begins_with_an_order(self) -> Plan:
        """Without an order nothing may be written that begins with it."""
        if self.order.zones:
            return self
        for key in WITH_THE_ORDER:
            if getattr(self, key) != type(self).model_fields[key].get_default():
                raise ValueError(f"{key}: begins with the evacuation order, and the plan has none")
        if any(aid.trigger == "order" for aid in self.mutual_aid):
            raise ValueError("mutual_aid: its trigger is the evacuation order, and the plan has none")
        return self

    @model_validator(mode="after")
    def _meeting_points_are_used(self) -> Plan:
        labels = [point.label for point in self.meeting_points]
        for row, point in enumerate(self.meeting_points):
            if not self.destinations.meeting_points:
                raise ValueError(f"meeting_points.{row}: nobody is sent to '{point.label}' where "
                                 "destinations.meeting_points is false")
            if point.label in labels[:row]:
                raise ValueError(f"meeting_points.{row}: '{point.label}' is the name of an earlier row")
            if point.open_s is not None and not self.order.zones:
                raise ValueError(f"meeting_points.{row}.open_s: counts from the evacuation order, and the "
                                 "plan has none")
        return self

    @model_validator(mode="after")
    def _names_are_given_once(self) -> Plan:
        for key in ("control_points", "closures", "pedestrian_streets", "one_way_streets", "contraflow",
                    "inbound_ban"):
            names = [post.name for post in getattr(self, key)]
            for row, name in enumerate(names):
                if name in names[:row]:
                    raise ValueError(f"{key}.{row}: '{name}' is the name of an earlier row")
        return self

    @model_validator(mode="after")
    def _somebody_bars_the_return(self) -> Plan:
        if self.order.bar_return and not self.control_points:
            raise ValueError("order.bar_return: nobody could turn people back without control_points")
        return self

    @model_validator(mode="after")
    def _fuel_serves_a_channel(self) -> Plan:
        kinds = [channel.kind for channel in self.channels]
        for word, kind in (("telephone", "cell_broadcast"), ("sirens", "siren")):
            if self.fuel is not None and word in self.fuel.order and kind not in kinds:
                raise ValueError(f"fuel.order: '{word}' serves nothing: the plan has no channel {kind}")
        return self


def load_plan(name: str, scenario: Scenario | None = None, overrides: Iterable[str] = ()) -> Plan:
    """Load a plan by path, by `scenario/plan`, or by bare name in the scenario's folder."""
    path = plan_path(name, scenario)
    return load(Plan, path, overrides)


def plan_path(name: str, scenario: Scenario | None = None) -> Path:
    """Resolve a plan's name to its file; InputError with the nearest valid name."""
    if scenario is not None and os.path.isfile(scenario.folder / f"{name}.yaml"):
        return scenario.folder / f"{name}.yaml"
    if scenario is not None:  # a scenario may list plans of another one's folder
        name = next((p for p in scenario.plans if p.endswith(f"/{name}")), name)
    if os.path.isfile(name):
        return Path(name)
    if name.count("/") == 1:
        folder, _, plan = name.partition("/")
        candidate = scenarios_root() / folder / f"{plan}.yaml"
        if os.path.isfile(candidate):
            return candidate
    if os.path.isdir(name):
        raise InputError(f"plan '{name}': is a folder, not a plan's file")
    if name.endswith((".yaml", ".yml")) or "\\" in name or name.startswith(("/", "./", "../", "~")):
        raise InputError(f"plan '{name}': no such file")
    valid = [
        p.stem for p in sorted(scenario.folder.glob("*.yaml")) if p.stem != "scenario"
    ] if scenario else [
        f"{p.parent.name}/{p.stem}" for p in sorted(scenarios_root().glob("*/*.yaml"))
        if p.stem != "scenario"
    ]
    raise unknown("plan", name, valid)


def default_plans(scenario: Scenario) -> list[Plan]:
    """The plans a scenario names, in its order."""
    plans = [default_plan(scenario, row) for row in range(len(scenario.plans))]
    for row, plan in enumerate(plans):
        if plan.name in {other.name for other in plans[:row]}:
            raise located(
                InputError(f"scenario '{scenario.name}': plans.{row}: two of its plans carry the "
                           f"same name '{plan.name}' (the key 'name' inside their files)"),
                scenario,
            )
    return plans


def default_plan(scenario: Scenario, row: int = 0) -> Plan:
    """One of the plans a scenario names; a name without a file is the scenario's fault."""
    try:
        plan_path(scenario.plans[row], scenario)
    except InputError as error:
        raise located(
            InputError(f"scenario '{scenario.name}': plans.{row}: {error}"), scenario
        ) from None
    return load_plan(scenario.plans[row], scenario)
