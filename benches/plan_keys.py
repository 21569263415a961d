"""Every key of the Chilean scenarios and plans, changed alone in the whole city: does the run notice?

    python -m benches.plan_keys [--scenario NAME ...] [--plan NAME ...] [--key PREFIX ...]
                                [--share 0.02] [--hours 2] [--seed 1] [--scenario-keys]
                                [--out FILE.csv]

The test town shows in the tests that every switch is alive (tests/test_no_dead_switches.py); here the
same is asked of the plans and scenarios as shipped, with a share of the people (police cars are scaled
with it: a third is needed for all posts to find officers, `--key control_points --share 0.3`). Each key
takes its other values in turn until the log parts from that of the run as shipped, first within forty
minutes, then, if no value did, within two hours (`--hours 12`: what works only after the all-clear).
Keys of the all-clear, which comes after twelve hours, are tried with it brought forward to the first
minutes (its gauge at an hour and a half), and conditions of the trigger each alone. Prints one line a key
(alive with the value and the time by which the logs part, refused with the reason, or dead) and the
dead ones again at the end; exit 1 if any.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import sys
import time
from typing import Any

from pydantic import BaseModel, ValidationError

from benches.machine import machine
from engine import parties, prepare, site, twin
from engine.city_io import load_city
from engine.errors import InputError
from engine.people import audience
from engine.plan import Plan, load_plan
from engine.run import Session, open_session
from engine.scenario import Scenario, load_scenario
from tests.test_no_dead_switches import alternatives, leaves, replaced

SCENARIOS = ("coquimbo-tsunami", "coquimbo-tsunami-severe", "coquimbo-tsunami-severe-summer")
EARLY_S = (60, 120, 300, 600, 1200, 2400)
HOURS = 2
#: The all-clear within minutes of the order, so that what follows it is played.
FORWARD = {"earliest_s": 120.0, "confirmation_s": 60.0, "earliest_hour": 0.0, "authority": "committee",
           "gauge_m": 10.0}
#: Values that belong to this city; the rest is found as in the tests.
OTHER: dict[str, list[Any]] = {
    "facility": ["Hospital San Juan de Dios de La Serena (approximate)", "Care home 1 (synthetic)",
                 "Care home 5 (synthetic)"],
    "to": ["high ground", "Shelter 1 (synthetic school)"],
    "zone": ["Shore", "Below the 30 m line"],
    "street": ["Avenida del Mar", "Avenida Costanera", "Balmaceda"],
    "municipality": ["La Serena", "Coquimbo"],
    "to_s": [700.0, 1200.0, 3600.0],
    "from_s": [0.0, 600.0, 3600.0],
    "end_s": [600.0],
    "below_m": [12.0, 25.0],
    "withdraw_s": [1200.0, 3000.0],
    "within": [None],
    "exempt": [("slow", "assisted"), ()],
    "escorts": [3, 1],
    "patients": [5, 60],
}


APART = ("all_clear", "order.trigger")
_GAUGE = "all_clear.gauge_m"


class Keys:
    """Base runs of one scenario, each of `hours` hours, and the trials against them."""

    def __init__(self, name: str, share: float, hours: int, seed: int) -> None:
        self.seed = seed
        self.city = load_city("coquimbo")
        self.late_s = tuple(3600 * h for h in range(1, hours + 1))
        self.scenario = load_scenario(
            name, [f"population.share={share}", f"duration_s={3600 * hours}"])

    def base(self, plan: Plan) -> list[str]:
        """Digests of the run as shipped at the checkpoints."""
        session, digests = open_session(self.city, self.scenario, plan, self.seed), []
        for t_s in (*EARLY_S, *self.late_s):
            session.advance(t_s)
            digests.append(session.twin.log.digest())
        return digests

    def parts(self, session: Session, digests: list[str], times: tuple[int, ...]) -> int:
        """Time by which the log has parted from the base run's, s; -1 if it does not."""
        for t_s, digest in zip(times, digests, strict=True):
            session.advance(t_s)
            if session.twin.log.digest() != digest:
                return t_s
        return -1

    def try_key(
        self, root: BaseModel, path: tuple[str | int, ...], values: list[Any], plan: Plan,
        base: list[str],
    ) -> tuple[str, str]:
        """("alive", "refused" or "dead", with what) for one key of a plan or scenario."""
        refused = ""
        open_: list[tuple[Any, Session]] = []
        early = len(EARLY_S)
        for value in values:
            document = replaced(root, path, value)
            try:
                scenario = self.scenario
                if isinstance(root, Scenario):
                    scenario = Scenario.model_validate(document)
                    scenario._folder = root.folder
                else:
                    plan = Plan.model_validate(document)
                session = open_session(self.city, scenario, plan, self.seed)
            except (ValidationError, InputError) as error:
                refused = str(error).replace("\n", " ")[:160]
                continue
            at = self.parts(session, base[:early], EARLY_S)
            if at >= 0:
                return "alive", f"{value!r} by T+{at} s"
            open_.append((value, session))
        for value, session in open_:
            at = self.parts(session, base[early:], self.late_s)
            if at >= 0:
                return "alive", f"{value!r} by T+{at} s"
        return ("dead", f"with {[v for v, _ in open_]!r}") if open_ else ("refused", refused)


def values_of(model: BaseModel, field: str) -> list[Any]:
    """Other values of a key: those of this city first."""
    value, found = getattr(model, field), alternatives(model, field)
    if field == "start_utc":
        return [value + datetime.timedelta(hours=8)]
    if field == "duration_s":
        return []  # checked by the length of the run itself
    if field not in OTHER and (value is None or isinstance(value, tuple | BaseModel)):
        return found
    mine = [v for v in OTHER.get(field, []) if v != value]
    if isinstance(value, str):
        return mine or found
    return list(dict.fromkeys([*mine, *found])) if field in OTHER else found


def remember() -> None:
    """Compute once what no plan changes: it is most of the time that opening a session takes."""
    for module, name in ((audience, "distance_to_sea_m"), (parties, "distance_to_sea_m"),
                         (parties, "ward_buildings"), (site, "nearest_zone"), (site, "walkable"),
                         (prepare, "sample_city"), (twin, "exogenous_sea")):
        setattr(module, name, _kept(getattr(module, name)))


def _kept(function: Any) -> Any:
    found: dict[str, Any] = {}

    def once(*args: Any) -> Any:
        key = repr([id(a) if hasattr(a, "nodes") else a for a in args])
        if key not in found:
            found[key] = (function(*args), args)  # the arguments live on, and so their ids
        return found[key][0]

    return once


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scenario", action="append")
    parser.add_argument("--plan", action="append")
    parser.add_argument("--key", action="append")
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--hours", type=int, default=HOURS, help="length of the runs, h")
    parser.add_argument("--seed", type=int, default=1, help="strength of the shaking hangs on it")
    parser.add_argument("--scenario-keys", action="store_true", help="those of the scenario, not of plans")
    parser.add_argument("--out")
    args = parser.parse_args()
    if args.hours < 1:
        parser.error(f"--hours {args.hours}: one hour or more")
    print(machine())
    rows: list[tuple[str, str, str, str]] = []
    remember()
    for name in args.scenario or SCENARIOS:
        keys = Keys(name, args.share, args.hours, args.seed)
        cases: list[tuple[str, BaseModel, Plan, str]] = []
        for file in keys.scenario.plans:
            label, plan = file.rsplit("/", 1)[-1], load_plan(file, keys.scenario)
            if args.scenario_keys and label == "early-warning":
                cases.append(("scenario", keys.scenario, plan, ""))
            if args.scenario_keys or (args.plan and label not in args.plan):
                continue
            forward = plan.model_dump(exclude_defaults=True)
            forward["all_clear"] = {**forward.get("all_clear", {}), **FORWARD}
            soon = Plan.model_validate(forward)
            # The gauge holds an all-clear back only while the sea is up.
            forward["all_clear"] = {**forward["all_clear"], "earliest_s": 5400.0}
            later = Plan.model_validate(forward)
            cases += [(label, plan, plan, ""), (label, soon, soon, "all_clear"),
                      (label, later, later, _GAUGE)]
            # Each condition alone: with several the first one met hides the others.
            trigger = plan.order.trigger
            for name_, value in (trigger.model_dump(exclude_none=True) if trigger else {}).items():
                document = plan.model_dump(exclude_defaults=True)
                document["order"]["trigger"] = {name_: value}
                alone = Plan.model_validate(document)
                cases.append((label, alone, alone, f"order.trigger.{name_}"))
        for label, root, plan, part in cases:
            base: list[str] = []
            for path, model, field in leaves(root):
                key = ".".join(str(part) for part in path)
                values = values_of(model, field)
                if not key.startswith(tuple(args.key or [""])) or not values:
                    continue
                if not key.startswith(part) or (not part and key.startswith(APART)):
                    continue
                if key == _GAUGE and part != _GAUGE:
                    continue
                try:
                    base = base or keys.base(plan)
                except InputError as error:  # with one condition alone the order may come too late
                    print(f"{name}/{label} {part}: refused alone: {error}", flush=True)
                    rows.append((f"{name}/{label}", key, "refused", str(error)))
                    break
                begun = time.process_time()
                what, how = keys.try_key(root, path, values, plan, base)
                rows.append((f"{name}/{label}", key, what, how))
                print(f"{name}/{label} {key}: {what} {how} ({time.process_time() - begun:.1f} s)",
                      flush=True)
    dead = [row for row in rows if row[2] == "dead"]
    print(f"{len(rows)} keys, {sum(row[2] == 'refused' for row in rows)} refused, {len(dead)} dead")
    for row in dead:
        print("  ".join(row))
    if args.out:
        with open(args.out, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("plan", "key", "verdict", "how"), *rows])
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
