"""Buses for those who have no car or walk slowly: cycles, seats, pick-ups, the line, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine import loading
from engine.events import REASONS
from engine.plan import Plan
from engine.response import units
from engine.world import P_ABOARD, P_AT_STOP, P_HIGH
from tests.response.test_missions import predicted, refusal
from tests.response_rig import Rig, lonlat

STOP, SECOND = 6, 18  # junctions in the rig's danger zone
SHORE = {"name": "Shore", **lonlat(STOP)}


class BusRig(Rig):
    """Every leg takes `leg_s`; people are put at the pick-ups by hand."""

    leg_s: float | None = None

    def _roads(self, t1_ms: int) -> None:
        if self.leg_s is None:
            super()._roads(t1_ms)
            return
        for t, unit, _, goal in self.mail.take("trips"):
            self.under_way[unit] = (int(t + 1000 * self.leg_s), goal)
        for unit in sorted(self.under_way):
            t, node = self.under_way[unit]
            if t < t1_ms:
                del self.under_way[unit]
                self.mail.unit_arrivals.append((t, unit, node, 0, 0.0))

    def until(self, kind: str, number: int = 1) -> None:
        """Run until so many events of a kind stand in the log."""
        while len(self.rows(kind)) < number:
            self.tick()
            assert self.now_ms < 3_600_000

    def wait(self, people: int, stop: int = 0) -> list[int]:
        """Put parties of so many people together at a pick-up, in the order of their numbers."""
        free = np.flatnonzero(self.w.party_place == 0)
        chosen: list[int] = []
        for party in free:
            size = int(self.parties.size[party])
            if size <= people:
                chosen.append(int(party))
                people -= size
            if people == 0:
                break
        assert people == 0
        self.w.party_place[chosen] = P_AT_STOP
        self.w.party_line[chosen], self.w.party_stop[chosen] = 0, stop
        self.w.party_stop_ms[chosen] = self.now_ms + np.arange(len(chosen))
        return chosen


def rig(buses: int = 2, seats: int = 12, plan: dict[str, Any] | None = None, at: int = 35,
        **keys: Any) -> BusRig:
    depot = {"name": "Depot", **lonlat(at), "buses": buses, "seats": seats}
    line = {"name": "Line", "depot": "Depot", "buses": buses, "pick_ups": [SHORE], "headway_s": 0,
            "wait_s": 0, **keys}
    out = BusRig({"buses": [line], **(plan or {})}, scenario={"bus_depots": [depot]})
    out.order()
    predicted(out, 30_000.0)  # else the line shuts with the order
    return out


def test_a_thousand_people_ten_buses_of_fifty_seats_are_out_in_seventy_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """c = ceil(1000 / (10 x 50)) = 2 cycles; T = c x board + (c - 1) x round trip + out
    = 2 x 5 + 40 + 20 = 70 min."""
    monkeypatch.setattr(loading, "BOARD_S", 300.0 / 50)
    monkeypatch.setattr(loading, "ALIGHT_S", 0.0)
    monkeypatch.setattr(units, "turnout_ms", lambda *_: 0)
    r = rig(buses=10, seats=50, at=STOP)
    waiting = r.wait(1000)
    r.leg_s = 1200.0
    r.run(2 * 3600)
    unloaded = r.rows("unit_unloaded")
    assert sum(row[3] for row in unloaded) == 1000
    assert np.all(r.w.party_place[waiting] == P_HIGH)
    assert {row[3] for row in unloaded} <= set(range(46, 51))  # families stay together
    last_s = max(row[0] for row in unloaded) / 1000.0
    assert 4200.0 <= last_s <= 4230.0 + 300.0
    trips = [sum(row[1] == bus for row in unloaded) for bus in {row[1] for row in unloaded}]
    assert max(trips) in (2, 3)


def test_people_get_on_in_turn_up_to_the_seats_and_are_counted() -> None:
    r = rig(buses=1, seats=12)
    waiting = r.wait(30)
    boarded: list[int] = []
    while len(r.rows("unit_unloaded")) < 3:
        r.tick()
        assert r.w.unit_riders.max() <= 12
        assert r.components[2].conserved() == ""
        assert r.now_ms < 3_600_000
    boarded = [row[1] for row in r.rows("party_boarded")]
    assert sorted(boarded) == waiting
    first = [row[1] for row in r.rows("party_boarded") if row[0] == r.rows("party_boarded")[0][0]]
    assert first[0] == waiting[0]
    # 2.5 s a passenger to get on, 2 s to get off.
    people = int(r.parties.size[first].sum())
    assert r.rows("party_boarded")[0][3] == pytest.approx(2.5 * people)


def test_the_next_bus_leaves_a_headway_later() -> None:
    r = rig(buses=2, headway_s=300, from_s=120)
    r.run(600)
    times = [row[0] for row in r.rows("mission_ordered")]
    assert times[0] == 120_000
    assert times[1] == 420_000


def test_a_bus_calls_at_the_pick_ups_in_their_order_and_passes_when_full() -> None:
    second = {"name": "Second", **lonlat(SECOND)}
    r = rig(buses=1, seats=12, pick_ups=[SHORE, second])
    a, b = r.wait(6), r.wait(6, stop=1)
    r.run(900)
    when = {row[1]: row[0] for row in r.rows("party_boarded")}
    assert max(when[p] for p in a) < min(when[p] for p in b)
    assert r.rows("unit_unloaded")[0][3] == 12
    full = rig(buses=1, seats=12, pick_ups=[SHORE, second])
    full.wait(12)
    left = full.wait(6, stop=1)
    full.until("unit_unloaded")
    assert not {row[1] for row in full.rows("party_boarded")} & set(left)


def test_a_bus_waits_for_latecomers_as_long_as_it_has_room() -> None:
    out = []
    for wait_s in (0, 240):
        r = rig(buses=1, seats=12, wait_s=wait_s)
        r.wait(2)
        r.until("party_boarded")
        r.run(r.now_ms / 1000 + 60)
        r.wait(2)
        r.until("unit_unloaded")
        out.append(r.rows("unit_unloaded")[0][3])
    assert out == [2, 4]


def test_no_bus_is_sent_that_could_not_be_out_before_the_line_shuts() -> None:
    r = rig()
    predicted(r, 700.0)  # the line shuts at 100 s
    r.wait(4)
    r.run(900)
    assert not r.rows("mission_ordered")
    ((_, _, why, _),) = r.rows("mission_held")
    assert REASONS[why] == "no way back before the wave"


def test_ordered_out_while_people_get_on_a_bus_leaves_with_those_on_board() -> None:
    r = rig(buses=1, seats=60)
    waiting = r.wait(60)
    while not r.w.unit_riders.any():
        r.tick()
        assert r.now_ms < 1_800_000
    predicted(r, r.now_ms / 1000 + 600 + 90)
    r.until("unit_unloaded")
    r.tick()
    boarded = {row[1] for row in r.rows("party_boarded")}
    assert 0 < len(boarded) < len(waiting)
    assert np.all(r.w.party_place[list(set(waiting) - boarded)] == P_AT_STOP)
    assert not (r.w.party_place == P_ABOARD).any()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"depot": "Elsewhere"}, "buses.0.depot: unknown depot 'Elsewhere'"),
        ({"buses": 3}, "buses.0.buses: 3 with those before are more than the 2"),
        ({"to": "Beach"}, "buses.0.to: unknown place 'Beach'"),
        ({"to": "Test Hospital"}, "buses.0.to: unknown place 'Test Hospital'"),
        ({"pick_ups": [{"name": "Hill", **lonlat(35)}]},
         "buses.0.pick_ups.0: lies outside the danger zone"),
        ({"pick_ups": [{"name": "Far", "lon": -60.0, "lat": -29.9}]}, "buses.0.pick_ups.0: lon -60,"),
    ],
)
def test_what_cannot_work_is_refused(line: dict[str, Any], message: str) -> None:
    r = rig()
    whole = {**r.plan.buses[0].model_dump(), **line}
    assert message in refusal(r, Plan.model_validate({**r.plan.model_dump(), "buses": [whole]}))


def test_without_depots_or_hours_a_line_is_refused() -> None:
    bare = Rig()
    line = {"name": "Line", "depot": "Depot", "buses": 1, "pick_ups": [SHORE]}
    plan = Plan.model_validate({**bare.plan.model_dump(), "buses": [line]})
    assert "buses.0.depot: scenario 'rig' has no bus_depots" in refusal(bare, plan)
    with pytest.raises(ValueError, match="no bus would ever leave"):
        rig(from_s=600, to_s=600)
