"""Warning, decision, preparation and mode choice against closed forms and published numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine import rng
from engine.errors import InputError
from engine.people import behaviour as bh
from engine.people import belief as bl
from engine.people import returning as rt
from engine.people import warning as wa

B = bh.Behaviour()
N = 40_000
KEY = np.arange(N)


def draws(k, stream="people.channel"):
    return rng.uniform(7, stream, KEY, k)


# --- diffusion ----------------------------------------


def diffusion_share(t, k, a1, a2):
    """Informed share n/N of Rogers & Sorensen (1988) in closed form, from n = 0:
    dn/dt = k a1 (N - n) + (1 - k) a2 n (N - n) / N."""
    a, b = k * a1, (1.0 - k) * a2
    time = np.asarray(t, np.float64)
    if a == 0.0:
        return np.zeros_like(time)
    decay = np.exp(-(a + b) * time)
    return (1.0 - decay) / (1.0 + b / a * decay)


def test_diffusion_check_numbers():
    got = diffusion_share([5, 10, 15, 30], 0.3, 0.2, 0.2)
    assert got[:3] == pytest.approx([0.340, 0.657, 0.851], abs=5e-4)  # three digits published
    assert got[3] == pytest.approx(0.9918, rel=1e-4)
    informed, dt = [0.0], 0.01  # Euler's method, steps of 0.01 min
    for _ in range(3000):
        n = informed[-1]
        informed.append(n + dt * (0.3 * 0.2 * (1 - n) + 0.7 * 0.2 * n * (1 - n)))
    assert got == pytest.approx(np.array(informed)[[500, 1000, 1500, 3000]], rel=2e-4)


def test_diffusion_limits_and_shape():
    t = np.linspace(0, 60, 121)
    assert diffusion_share(t, 0.3, 0.2, 0.0) == pytest.approx(1 - np.exp(-0.06 * t), rel=1e-12)
    assert diffusion_share(t, 1.0, 0.2, 5.0) == pytest.approx(1 - np.exp(-0.2 * t), rel=1e-12)
    share = diffusion_share(t, 0.3, 0.2, 0.2)
    assert share[0] == 0.0
    assert np.all(np.diff(share) > 0)
    assert share[-1] < 1.0
    assert diffusion_share(t, 0.0, 0.2, 0.2).max() == 0.0
    assert diffusion_share(1e6, 0.3, 0.2, 0.2) == 1.0


def test_party_draws_follow_the_closed_form():
    """Broadcast and contagion drawn party by party, dt 10 s, against the differential equation."""
    k, a1, a2, dt = 0.3, 0.2, 0.2, 10.0
    informed = np.zeros(N, np.bool_)
    broadcast = -np.expm1(-k * a1 * dt / 60)
    for step in range(180):
        told = wa.contagion_probability(informed.sum(), N, (1 - k) * a2, dt)
        p = 1 - (1 - broadcast) * (1 - told)
        informed |= ~informed & (draws(step, "people.neighbour") < p)
        if (step + 1) % 30 == 0:
            exact = diffusion_share((step + 1) * dt / 60, k, a1, a2)
            assert informed.mean() == pytest.approx(float(exact), abs=0.012)


def test_contagion_needs_somebody_who_knows():
    got = wa.contagion_probability([0, 5, 10, 0], [10, 10, 10, 0], 0.6, 10.0)
    assert got == pytest.approx([0.0, 1 - np.exp(-0.05), 1 - np.exp(-0.1), 0.0])


# --- preparation ----------------------------------------


def test_rayleigh_check_numbers_and_inverse():
    """Tweedie et al. (1986), scale 30 min: the share ready after 30, 60 and 90 min."""
    assert wa.rayleigh_quantile([0.39347, 0.86466, 0.98889], 30.0) == pytest.approx(
        [30.0, 60.0, 90.0], rel=1e-4)
    u = np.linspace(0.001, 0.999, 99)
    t = wa.rayleigh_quantile(u, 11.0)
    assert -np.expm1(-0.5 * (t / 11.0) ** 2) == pytest.approx(u)


def test_departures_reproduce_the_surveys():
    u = draws(0)
    # Two thirds of Tutuila's coastal residents began within 15 min.
    felt = wa.preparation_s(B, np.zeros(N, int), u)
    assert (felt <= 900).mean() * B.felt_share == pytest.approx(2 / 3, abs=0.01)
    # Shizuoka 2025: 39.3 % of those who left did so within 15 min of knowing.
    order = wa.preparation_s(B, np.full(N, wa.ORDER), u)
    assert (order <= 900).mean() == pytest.approx(0.393, abs=0.01)
    assert np.all(wa.preparation_s(B, np.full(N, wa.WATER), u) < felt)


def test_at_night_people_get_up_first():
    u = draws(0)
    cues = np.full(N, wa.ORDER)
    later = wa.preparation_s(B, cues, u, night=True) - wa.preparation_s(B, cues, u)
    assert later == pytest.approx(B.night_prepare_s)
    water = np.full(N, wa.WATER)
    assert np.array_equal(wa.preparation_s(B, water, u, night=True), wa.preparation_s(B, water, u))


# --- channels ----------------------------------------


def test_channel_reception_over_soundings():
    reach = wa.channel_reach("siren", B, night=False, coverage=0.5)
    assert reach == pytest.approx(0.415)
    heard = wa.first_sounding(draws(0), reach, 0.7)
    for k in range(4):
        share = ((heard >= 0) & (heard <= k)).mean()
        assert share == pytest.approx(reach * (1 - 0.3 ** (k + 1)), abs=0.01)
    assert (heard < 0).mean() == pytest.approx(1 - reach, abs=0.01)
    assert set(wa.first_sounding(draws(0), 0.4, 1.0).tolist()) == {-1, 0}
    assert wa.first_sounding(draws(0), 0.4, 0.0).max() == -1
    assert wa.first_sounding(draws(0), 0.0, 0.5).max() == -1


def test_wider_coverage_only_adds_parties():
    few = wa.first_sounding(draws(0), 0.3, 0.7) >= 0
    many = wa.first_sounding(draws(0), 0.6, 0.7) >= 0
    assert np.all(many[few])


def test_channels_need_power_and_telephone():
    u = np.array([0.1, 0.1, 0.1, 0.9])
    power = np.array([True, False, False, False])
    telecom = np.array([True, True, False, True])
    out = np.array([0.0, 100.0, 100.0, 5000.0])

    def works(kind, battery):
        return wa.channel_works(
            kind, B, u, power=power, telecom=telecom, out_s=out, battery_s=battery
        ).tolist()

    assert works("siren", 0.0) == [True, False, False, False]
    assert works("siren", 3600.0) == [True, True, True, False]
    assert works("cell_broadcast", 3600.0) == [True, True, False, False]
    assert works("radio_tv", 0.0) == [True, True, True, False]
    assert works("loudspeaker", 0.0) == [True] * 4


@pytest.mark.parametrize("kind", wa.CHANNELS)
def test_night_and_delay(kind):
    night = wa.channel_reach(kind, B, night=True)
    assert 0 < night <= wa.channel_reach(kind, B, night=False)
    mean = {"siren": 60, "cell_broadcast": 60, "radio_tv": 300, "loudspeaker": 900}[kind]
    assert wa.channel_delay_s(kind, B, draws(0)).mean() == pytest.approx(mean, rel=0.02)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="did you mean 'siren'"):
        wa.channel_reach("sirens", B, night=False)
    with pytest.raises(InputError, match="rule"):
        wa.prob_car(B, [True], [100.0], [0], "bus")


# --- decision ----------------------------------------


def test_felt_shaking_by_intensity():
    assert bl.felt_probability(B, [4.0, 5.0, 6.0, 7.0, 9.0]) == pytest.approx(
        [0, 0, 0.375, 0.75, 0.75]
    )


def test_all_cues_together_leave_five_to_ten_percent():
    """Ramos et al.: 5-10 % of people in the danger zone stayed, once all cues had come."""
    refuse = draws(9, "people.refuse")
    left = np.zeros(N, np.bool_)
    for cue in (wa.FELT, wa.ORDER, wa.NEIGHBOURS):
        left |= bl.leaves(B, cue, draws(cue, "people.believe"), refuse,
                          in_danger=np.ones(N, bool), mmi=7.5)
    assert 0.05 <= 1 - left.mean() <= 0.10


def test_refusers_leave_only_for_water_and_say_why():
    refuse = draws(9, "people.refuse")
    stays = refuse < B.refuse_share
    danger = np.ones(N, np.bool_)
    zero = np.zeros(N)
    assert not bl.leaves(B, wa.ORDER, zero, refuse, in_danger=danger)[stays].any()
    assert bl.leaves(B, wa.WATER, zero, refuse, in_danger=danger).all()
    guards = bl.guards_property(B, refuse)
    assert np.all(stays[guards])
    assert guards.sum() / stays.sum() == pytest.approx(B.guard_share, abs=0.05)


def test_shadow_evacuation_outside_the_danger_zone():
    got = bl.leave_probability(B, wa.ORDER, in_danger=[True, False])
    assert got == pytest.approx([0.85, 0.85 * 0.25])
    assert bl.leave_probability(B, wa.WATER, in_danger=[True, False]) == pytest.approx([0.95] * 2)


def test_who_needs_help_and_is_alone_waits_for_it():
    got = bl.can_leave(B, [2, 2, 2, 1, 0], [1, 1, 3, 1, 1], [0.1, 0.9, 0.9, 0.9, 0.9])
    assert got.tolist() == [True, False, True, True, True]


# --- mode ----------------------------------------


def test_mode_follows_car_distance_mobility_and_instruction():
    car, far = np.array([True, True, True, False]), np.array([2000.0, 300.0, 300.0, 2000.0])
    slow = np.array([0, 0, 1, 0])
    assert wa.prob_car(B, car, far, slow) == pytest.approx([0.6, 0.45, 0.85, 0.0])
    assert wa.prob_car(B, car, far, slow, "foot") == pytest.approx([0.42, 0.315, 0.85, 0.0])
    # Who needs help may drive, who only walks slowly may not: two thirds as often by car.
    assert wa.prob_car(B, car, far, slow, "foot", ("assisted",))[2] == pytest.approx(0.85 * 0.7)
    assert wa.prob_car(B, car, far, 2 * slow, "foot", ("assisted",))[2] == pytest.approx(0.85)
    assert wa.prob_car(B, car, far, slow, "car") == pytest.approx([0.88, 0.835, 0.955, 0.0])


# --- parameters ----------------------------------------


def fingerprint(b):
    """Every function of the model at fixed draws, as one vector."""
    u = np.linspace(0.005, 0.99, 50)
    half = np.arange(50) % 2 == 0
    mmi = np.linspace(4, 9, 50)
    out = [bl.felt_probability(b, mmi), bl.guards_property(b, u),
           bl.can_leave(b, np.full(50, 2), np.ones(50), u)]
    out += [bl.leave_probability(b, cue, in_danger=half, mmi=mmi) for cue in range(6)]
    out += [bl.leave_probability(b, cue, in_danger=half, mmi=mmi, coastal=False, again=2, others=1)
            for cue in range(6)]
    out += [bl.leaves(b, cue, np.zeros(50), u, in_danger=half, mmi=mmi) for cue in range(6)]
    out += [bl.leaves(b, cue, np.zeros(50), u / 20, in_danger=half, mmi=mmi) for cue in range(6)]
    out += [wa.preparation_s(b, np.full(50, cue), u, night)
            for cue in range(6) for night in (False, True)]
    for kind in wa.CHANNELS:
        out += [np.array([wa.channel_reach(kind, b, night=night)]) for night in (False, True)]
        out.append(wa.channel_works(kind, b, u, power=False, telecom=half))
        out.append(wa.channel_delay_s(kind, b, u))
    out += [rt.return_delay_s(b, u), rt.return_reason(b, u, half)]
    out += [rt.goes_back(b, u, dark=half, barred=barred) for barred in (0.0, 0.9)]
    out += [wa.first_sounding(u, 0.9, b.notice_share),
            wa.contagion_probability(5, 10, b.neighbour_rate_pmin, 10.0)[None]]
    for rule in ("free", "foot", "car"):
        out.append(wa.prob_car(b, half, np.linspace(0, 2000, 50), np.arange(50) % 3 == 0, rule))
    return np.concatenate([np.asarray(x, np.float64).ravel() for x in out])


#: Read by engine/mobility or, about places, by the component.
ELSEWHERE = {
    "car_patience_s", "dark_walk_share", "shore_m", "sea_seen_m", "sea_view_m", "home_after_s",
    "rumour_rate_pmin", "rumour_share", "news_share",
    "pickup_share", "pickup_child_share", "pickup_call_share", "pickup_walk_m",
}


def test_every_field_matters():
    base = fingerprint(B)
    for row in bh.CARD:
        changed = 6.0 if row.parameter == "felt_from_mmi" else row.value * 0.5
        if row.parameter == "felt_full_mmi":
            changed = 8.0
        b = bh.with_overrides(B, {row.parameter: changed})
        assert (row.parameter in ELSEWHERE) != bool(np.any(fingerprint(b) != base)), row.parameter


def test_card_lists_every_field_with_source():
    assert [row.parameter for row in bh.CARD] == [f.name for f in dataclasses.fields(B)]
    for row in bh.CARD:
        assert row.status in ("sourced", "assumption")
        assert row.value == getattr(B, row.parameter)
        assert len(row.source) > 10


def test_overrides_are_checked():
    assert bh.with_overrides(B, {"felt_share": 0.4}).felt_share == 0.4
    assert bh.with_overrides(B, {}) == B
    with pytest.raises(InputError, match="did you mean 'felt_share'"):
        bh.with_overrides(B, {"felt_shar": 0.4})
    with pytest.raises(InputError, match="0 to 1 share"):
        bh.with_overrides(B, {"felt_share": 40})
    with pytest.raises(InputError, match="not allowed"):
        bh.with_overrides(B, {"prepare_felt_s": float("nan")})
    with pytest.raises(InputError, match="above felt_from_mmi"):
        bh.with_overrides(B, {"felt_full_mmi": 4.0})
