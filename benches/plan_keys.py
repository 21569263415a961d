"""Every key of the Chilean scenarios and plans, changed alone in the whole city: does the run notice?

    python -m benches.plan_keys [--scenario NAME ...] [--plan NAME ...] [--key PREFIX] [--share 0.02]
                                [--hours 18] [--out FILE.csv]

The test town shows in the tests that every switch is alive (tests/test_no_dead_switches.py); here the
same is asked of the plans and scenarios as shipped, with a share of the people. Each key takes its other
values in turn until the log parts from that of the run as shipped. A run with another plan begins
anew, and where it has not parted after forty minutes it goes on from what the run as shipped had come
to at later hours, so that the all-clear is reached; a run with another scenario begins anew and lasts
an hour. Prints one line a key (alive with the value and the time by which the logs part, refused with
the reason, or dead) and the dead ones again at the end; exit 1 if there are any.
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
from engine.city_io import load_city
from engine.errors import InputError
from engine.plan import Plan, load_plan
from engine.run import Session, open_session
from engine.scenario import Scenario, load_scenario
from engine.twin import Twin
from tests.test_no_dead_switches import alternatives, leaves, replaced

SCENARIOS = ("coquimbo-tsunami", "coquimbo-tsunami-severe", "coquimbo-tsunami-severe-summer")
EARLY_S = (60, 120, 300, 600, 1200, 2400)
#: From where a run with another plan goes on, and how far.
LATE_S = ((2400, 4800), (7200, 9600), (14_400, 16_800), (43_200, 64_800))
#: Values that belong to this city; the rest is found as in the tests.
OTHER: dict[str, list[Any]] = {
    "facility": ["Hospital San Juan de Dios de La Serena (approximate)", "Care home 1 (synthetic)",
                 "Care home 5 (synthetic)"],
    "to": ["high ground", "Shelter 1 (synthetic school)"],
    "zone": ["Shore", "Below the 30 m line"],
    "street": ["Avenida del Mar", "Avenida Costanera", "Balmaceda"],
    "municipality": ["La Serena", "Coquimbo"],
    "to_s": [700.0, 1200.0, 3600.0],
    "from_s": [0.0, 600.0],
    "end_s": [600.0],
    "below_m": [12.0, 25.0],
    "withdraw_s": [1200.0, 3000.0],
    "within": [None],
    "escorts": [3, 1],
    "patients": [5, 60],
}


class Keys:
    """Base runs of one scenario and the trials against them."""

    def __init__(self, name: str, share: float, hours: float) -> None:
        self.city = load_city("coquimbo")
        over = [f"population.share={share}"]
        self.long = load_scenario(name, [*over, f"duration_s={3600 * hours}"])
        self.short = load_scenario(name, [*over, "duration_s=3600"])

    def open(self, scenario: Scenario, plan: Plan) -> Session:
        return open_session(self.city, scenario, plan, 1)

    def base(self, scenario: Scenario, plan: Plan, late: bool) -> tuple[list[str], list[Any]]:
        """Digests of the run as shipped at the early checkpoints, and what it had come to later."""
        session, digests, later = self.open(scenario, plan), [], []
        for t_s in EARLY_S:
            session.advance(t_s)
            digests.append(session.twin.log.digest())
        for begin, end in LATE_S if late else ((2400, 3600),):
            session.advance(begin)
            snapshot = session.snapshot() if late else None
            session.advance(end)
            later.append((snapshot, end, session.twin.log.digest()))
        return digests, later

    def parts(self, scenario: Scenario, plan: Plan, base: tuple[list[str], list[Any]]) -> float:
        """Time by which the log has parted from the base run's, s; -1 if it does not."""
        session = self.open(scenario, plan)
        for t_s, digest in zip(EARLY_S, base[0], strict=True):
            session.advance(t_s)
            if session.twin.log.digest() != digest:
                return t_s
        for snapshot, end, digest in base[1]:
            if snapshot is not None:
                try:
                    session = Session(Twin(self.city, scenario, plan, 1, snapshot=snapshot))
                    session.advance(end)
                except (ValueError, IndexError):  # another number of posts, channels or units
                    session = self.open(scenario, plan)
            session.advance(end)
            if session.twin.log.digest() != digest:
                return end
        return -1.0

    def try_key(self, root: BaseModel, path: tuple[str | int, ...], values: list[Any], other: Any,
                base: tuple[list[str], list[Any]]) -> tuple[str, str]:
        """("alive", "refused" or "dead", with what) for one key of a plan or scenario."""
        refused, allowed = "", []
        for value in values:
            document = replaced(root, path, value)
            try:
                if isinstance(root, Scenario):
                    changed = Scenario.model_validate(document)
                    changed._folder = root.folder
                    at = self.parts(changed, other, base)
                else:
                    at = self.parts(other, Plan.model_validate(document), base)
            except (ValidationError, InputError) as error:
                refused = str(error).replace("\n", " ")[:160]
                continue
            if at >= 0:
                return "alive", f"{value!r} by T+{at:.0f} s"
            allowed.append(value)
        return ("dead", f"with {allowed!r}") if allowed else ("refused", refused)


def values_of(model: BaseModel, field: str) -> list[Any]:
    """Other values of a key: those of this city first."""
    value, found = getattr(model, field), alternatives(model, field)
    if field == "start_utc":
        return [value + datetime.timedelta(hours=8)]
    if field == "duration_s":
        return []  # checked by the length of the run itself
    if isinstance(value, tuple | BaseModel) or value is None and field not in OTHER:
        return found
    mine = [v for v in OTHER.get(field, []) if v != value]
    if isinstance(value, str):
        return mine or found
    return list(dict.fromkeys([*mine, *found])) if field in OTHER else found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scenario", action="append")
    parser.add_argument("--plan", action="append")
    parser.add_argument("--key", default="")
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--hours", type=float, default=18.0)
    parser.add_argument("--scenario-keys", action="store_true", help="those of the scenario, not of plans")
    parser.add_argument("--out")
    args = parser.parse_args()
    print(machine())
    rows: list[tuple[str, str, str, str]] = []
    for name in args.scenario or SCENARIOS:
        keys = Keys(name, args.share, args.hours)
        scenario = keys.short if args.scenario_keys else keys.long
        plans = {p.rsplit("/", 1)[-1]: load_plan(p, scenario) for p in scenario.plans}
        if args.scenario_keys:
            plan = plans["early-warning"]
            cases = [("scenario", scenario, plan, keys.base(scenario, plan, False))]
        else:
            cases = [(label, plan, scenario, keys.base(scenario, plan, True))
                     for label, plan in plans.items() if not args.plan or label in args.plan]
        for label, root, other, base in cases:
            for path, model, field in leaves(root):
                key = ".".join(str(part) for part in path)
                values = values_of(model, field)
                if not key.startswith(args.key) or not values:
                    continue
                begun = time.process_time()
                what, how = keys.try_key(root, path, values, other, base)
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
