"""`simulate_traffic` and the traffic instance folder: results, changes over time, bad input."""

import json

import numpy as np
import pandas as pd
import pytest

from engine.errors import InputError
from engine.mobility import run_traffic_folder, simulate_traffic


def instance():
    """A short way 0-1-3 and a longer one 0-2-3; node 4 is cut off."""
    nodes = pd.DataFrame({"node": ["a", "b", "c", "d", "e"], "x_m": 0.0, "y_m": 0.0})
    links = pd.DataFrame({
        "link": [10, 11, 12, 13], "from": ["a", "b", "a", "c"], "to": ["b", "d", "c", "d"],
        "length_m": [500.0, 500.0, 700.0, 700.0], "lanes": 1, "free_speed_mps": 20.0,
        "jam_density": 0.2, "capacity": 0.8,
    })
    trips = pd.DataFrame({
        "trip": np.arange(100), "depart_s": np.arange(100) * 2.0, "origin": "a",
        "destination": "d",
    })
    return nodes, links, trips


def write(folder, nodes, links, trips, **others):
    for name, table in {"nodes": nodes, "links": links, "trips": trips, **others}.items():
        table.to_csv(folder / f"{name}.csv", index=False)


def test_free_flow_times_and_summary():
    out = simulate_traffic(*instance(), duration_s=1000)
    np.testing.assert_allclose(out.arrive_s - out.depart_s, 50.0)
    assert out.summary["arrived"] == out.summary["trips"] == 100
    assert out.summary["last_arrival_s"] == 198 + 50
    assert out.summary["total_travel_time_h"] == pytest.approx(5000 / 3600)
    assert set(out.arrivals["state"]) == {"arrived"}
    assert set(out.arrivals["place"]) == {"node d"}


def test_closure_turns_traffic_round_for_its_time():
    closures = pd.DataFrame({"link": [11], "from_s": [20.0], "to_s": [100.0]})
    out = simulate_traffic(*instance(), duration_s=1000, closures=closures)
    spent = out.arrive_s - out.depart_s
    leaves = out.depart_s
    # Those already on 10 turn at b, which has no other way: they wait for the opening.
    assert (out.arrive_s[leaves < 20] >= 50).all()
    np.testing.assert_allclose(spent[(leaves >= 20) & (leaves < 100)], 70.0)
    np.testing.assert_allclose(spent[leaves > 130], 50.0, atol=2.0)
    assert out.summary["unfinished"] == 0


def test_a_closure_at_a_time_that_is_no_binary_fraction() -> None:
    """16.1 s is a little more than 16,100 ms in binary; the closure holds all the same."""
    closures = pd.DataFrame({"link": [11], "from_s": [16.1], "to_s": [120.3]})
    out = simulate_traffic(*instance(), duration_s=1000, closures=closures)
    leaves = out.depart_s
    np.testing.assert_allclose((out.arrive_s - leaves)[(leaves > 17) & (leaves < 120)], 70.0)


def test_capacity_change_holds_back_the_flow():
    changes = pd.DataFrame({"link": [11], "from_s": [0.0], "to_s": [400.0], "factor": [0.25]})
    out = simulate_traffic(*instance(), duration_s=2000, capacity_changes=changes)
    gaps = np.diff(np.sort(out.arrive_s[out.arrive_s < 400]))
    np.testing.assert_allclose(gaps, 5.0, atol=0.01)


def test_dynamic_routes_use_the_other_way_when_it_is_quicker():
    nodes, links, trips = instance()
    links.loc[1, "capacity"] = 0.2
    static = simulate_traffic(nodes, links, trips, duration_s=3000)
    dynamic = simulate_traffic(nodes, links, trips, duration_s=3000, routing="dynamic", update_s=20)
    assert dynamic.summary["total_travel_time_h"] < 0.7 * static.summary["total_travel_time_h"]


def two_into_one(**weights):
    """Two queues of cars before one link, and cars that start at the node itself."""
    nodes = pd.DataFrame({"node": [0, 1, 2, 3], "origin_priority": weights.pop("origin", 1e-3)})
    links = pd.DataFrame({
        "link": [0, 1, 2], "from": [0, 1, 2], "to": [2, 2, 3], "length_m": 500.0, "lanes": 1,
        "free_speed_mps": 20.0, "jam_density": 0.2, "capacity": [0.8, 0.8, 0.4],
        "merge_priority": weights.pop("links", [1.0, 3.0, 1.0]),
    })
    origin = np.repeat([0, 1, 2], 300)
    trips = pd.DataFrame({
        "trip": np.arange(900), "depart_s": np.tile(np.arange(300.0), 3), "origin": origin,
        "destination": 3,
    })
    return nodes, links, trips


@pytest.mark.parametrize("merge", ["turns", "draw"])
def test_merges_share_by_priority_in_turns_or_by_draw(merge):
    out = simulate_traffic(*two_into_one(), duration_s=800, merge=merge)
    through = [(out.arrive_s[first:first + 300] > 0).sum() for first in (0, 300, 600)]
    assert through[1] / through[0] == pytest.approx(3.0, rel=0.02 if merge == "turns" else 0.35)
    assert through[2] < 15  # before there are queues
    again = simulate_traffic(*two_into_one(), duration_s=800, merge=merge)
    np.testing.assert_array_equal(out.arrive_s, again.arrive_s)
    other = simulate_traffic(*two_into_one(), duration_s=800, merge=merge, seed=1)
    assert (merge == "turns") == np.array_equal(out.arrive_s, other.arrive_s, equal_nan=True)


def test_origin_priority_lets_those_who_start_go_first():
    out = simulate_traffic(*two_into_one(origin=1e4), duration_s=750)
    assert (out.arrive_s[600:] > 0).sum() > 250
    assert (out.arrive_s[:600] > 0).sum() < 30


def fork():
    """Two ways of the same length, each with half the capacity that is asked for."""
    nodes = pd.DataFrame({"node": [0, 1, 2, 3, 4]})
    links = pd.DataFrame({
        "link": [0, 1, 2, 3, 4], "from": [0, 1, 2, 1, 3], "to": [1, 2, 4, 3, 4],
        "length_m": [300.0, 600.0, 600.0, 600.0, 606.0], "lanes": 1, "free_speed_mps": 20.0,
        "jam_density": [0.4, 0.2, 0.2, 0.2, 0.2], "capacity": [1.2, 0.8, 0.4, 0.8, 0.4],
    })
    trips = pd.DataFrame({
        "trip": np.arange(1200), "depart_s": np.arange(1200) * 1.25, "origin": 0, "destination": 4,
    })
    return nodes, links, trips


def test_drivers_spread_over_parallel_ways():
    """Both ways run full: 1,500 s of demand leave in little more, on one way it takes twice as long."""
    static = simulate_traffic(*fork(), duration_s=6000)
    dynamic = simulate_traffic(*fork(), duration_s=6000, routing="dynamic", update_s=120)
    assert static.summary["last_arrival_s"] > 2900
    assert dynamic.summary["last_arrival_s"] < 1800
    other = simulate_traffic(*fork(), duration_s=6000, routing="dynamic", update_s=120, seed=1)
    assert not np.array_equal(dynamic.arrive_s, other.arrive_s)


def test_an_opening_is_taken_up_by_drivers_as_they_look():
    tables = fork()
    closures = pd.DataFrame({"link": [3], "from_s": [0.0], "to_s": [400.0]})
    out = simulate_traffic(*tables, duration_s=6000, routing="dynamic", update_s=120,
                           closures=closures)
    assert out.summary["unfinished"] == 0
    assert 1800 < out.summary["last_arrival_s"] < 2300


def test_unfinished_trips_keep_place_and_reason():
    nodes, links, trips = instance()
    trips.loc[0, "destination"] = "e"
    trips.loc[1, "origin"] = "e"
    trips.loc[99, "depart_s"] = 5000.0
    out = simulate_traffic(nodes, links, trips, duration_s=150)
    table = out.arrivals.set_index("trip")
    assert tuple(table.loc[0, ["state", "place", "reason"]]) == ("stranded", "node a", "no route")
    assert tuple(table.loc[1, ["state", "place", "reason"]]) == ("stranded", "node e", "no route")
    assert tuple(table.loc[99, ["state", "reason"]]) == ("unused", "departs after the end")
    late = table.loc[60]
    assert late["state"] == "on link"
    assert late["place"] == "link 11"
    assert (table["reason"] != "").sum() == out.summary["unfinished"]
    assert table["arrive_s"].isna().sum() == out.summary["unfinished"]


def test_folder_run_writes_whole_files(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    closures = pd.DataFrame({"link": [11], "from_s": [20.0], "to_s": ["inf"]})
    write(folder, *instance(), closures=closures)
    result = run_traffic_folder(folder, duration_s=500, out=out)
    assert sorted(p.name for p in out.iterdir()) == ["arrivals.csv", "summary.json"]
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary) == {"trips", "arrived", "unfinished", "last_arrival_s",
                            "total_travel_time_h", "build_s", "wall_s", "peak_rss_gib"}
    table = pd.read_csv(out / "arrivals.csv")
    assert list(table.columns) == ["trip", "arrive_s", "state", "place", "reason"]
    np.testing.assert_allclose(table["arrive_s"], result.arrive_s, equal_nan=True)
    assert (table.loc[table["arrive_s"].isna(), "reason"] == "no route").all()


def spoil_links(column, row, value):
    def spoil(nodes, links, trips):
        links[column] = links.get(column, links["capacity"]).astype(object)
        links.loc[row, column] = value
    return spoil


def spoil_trips(column, row, value):
    def spoil(nodes, links, trips):
        trips[column] = trips[column].astype(object)
        trips.loc[row, column] = value
    return spoil


def spoil_nodes(column, row, value):
    def spoil(nodes, links, trips):
        nodes[column] = nodes[column].astype(object)
        nodes.loc[row, column] = value
    return spoil


@pytest.mark.parametrize(("spoil", "words"), [
    (spoil_links("length_m", 2, -5.0), ["links.csv line 4", "length_m", "-5.0", "above 0"]),
    (spoil_links("free_speed_mps", 0, np.nan), ["links.csv line 2", "free_speed_mps", "nan"]),
    (spoil_links("length_m", 1, "far"), ["links.csv line 3", "length_m", "'far'"]),
    (spoil_links("to", 1, "dd"), ["links.csv line 3", "column to", "unknown node 'dd'"]),
    (spoil_links("link", 3, 10), ["links.csv line 5", "column link", "'10'", "line 2"]),
    (spoil_links("capacity", 0, 9.0), ["links.csv line 2", "capacity", "below"]),
    (spoil_trips("depart_s", 7, -1.0), ["trips.csv line 9", "depart_s", "at least 0"]),
    (spoil_trips("origin", 5, "zz"), ["trips.csv line 7", "origin", "unknown node 'zz'"]),
    # One gap turns whole numbers into decimals: the gap is the fault, not the first row.
    (spoil_links("from", 2, np.nan), ["links.csv line 4", "column from", "empty or NaN"]),
    (spoil_links("to", 3, "NaN"), ["links.csv line 5", "column to", "empty or NaN"]),
    (spoil_trips("origin", 8, np.nan), ["trips.csv line 10", "column origin", "empty or NaN"]),
    (spoil_trips("destination", 9, ""), ["trips.csv line 11", "destination", "empty or NaN"]),
    (spoil_trips("depart_s", 7, 1e300), ["trips.csv line 9", "depart_s", "at most"]),
    (spoil_links("length_m", 2, 1e300), ["links.csv line 4", "length_m", "at most"]),
    (spoil_links("jam_density", 2, 1e300), ["links.csv line 4", "jam_density", "at most"]),
    (spoil_links("free_speed_mps", 2, 1e-300), ["links.csv line 4", "free_speed_mps", "at most"]),
    (spoil_nodes("x_m", 1, "banana"), ["nodes.csv line 3", "x_m", "'banana'"]),
    (spoil_nodes("y_m", 1, "inf"), ["nodes.csv line 3", "y_m", "inf"]),
    (spoil_trips("trip", 5, 4), ["trips.csv line 7", "trip", "already on line 6"]),
    (spoil_links("jam_density", 1, 0.0), ["links.csv line 3", "jam_density", "above 0"]),
    (spoil_links("jam_density", 1, 1.5), ["line 3", "jam_density", "1.5", "at most 1 for each lane"]),
    (spoil_links("jam_density", slice(None), 150), ["jam_density", "150", "at most 100"]),
    (spoil_links("length_m", 0, "1,500"), ["links.csv line 2", "length_m", "'1,500'"]),
    (spoil_links("capacity", 2, 0), ["links.csv line 4", "capacity", "above 0"]),
    (spoil_links("capacity", 2, 1e-300), ["links.csv line 4", "capacity", "at least 0.0001"]),
    (spoil_links("lanes", slice(None), True), ["links.csv line 2", "lanes", "'True'"]),
    (spoil_links("lanes", 3, 0), ["links.csv line 5", "lanes", "above 0"]),
    (spoil_links("merge_priority", slice(None), 1e9), ["merge_priority", "at most 10000"]),
    (spoil_trips("depart_s", 3, "08:00"), ["trips.csv line 5", "depart_s", "'08:00'"]),
])
def test_bad_values_are_named_with_their_line(tmp_path, spoil, words):
    tables = instance()
    spoil(*tables)
    write(tmp_path, *tables)
    with pytest.raises(InputError) as error:
        run_traffic_folder(tmp_path, out=tmp_path / "out")
    for word in words:
        assert word in str(error.value)
    assert not (tmp_path / "out").exists()


GOOD = """link,from,to,length_m,lanes,free_speed_mps,jam_density,capacity
10,a,b,500,1,20,0.2,0.8
11,b,d,500,1,20,0.2,0.8
"""


@pytest.mark.parametrize(("text", "words"), [
    ("", ["links.csv", "the file is empty"]),
    ("\n\n", ["links.csv", "the file is empty"]),
    (GOOD.splitlines()[0], ["links.csv", "no rows"]),
    (GOOD.replace("a", "\xe4").encode("latin-1"), ["links.csv", "not a CSV table in UTF-8"]),
    (GOOD.encode("utf-16"), ["links.csv", "not a CSV table in UTF-8"]),
    (GOOD.replace("500", "5\x0000"), ["links.csv", "zero byte on line 2"]),
    (GOOD.replace(",", ";"), ["links.csv line 1", "'link' is missing", "by commas"]),
    (GOOD.replace("lanes", "length_m", 1), ["links.csv line 1", "'length_m' stands there twice"]),
    (GOOD.replace("0.8\n", "0.8,9\n"), ["links.csv line 2", "more fields than the 8"]),
    (GOOD.replace("11,b", '11,"b'), ["links.csv", "EOF inside string"]),
    # Empty lines are passed over, and still counted.
    (GOOD.replace("11,", "\n\n11,").replace("d,500", "d,-5"), ["links.csv line 5", "-5"]),
])
def test_files_that_are_no_tables_are_named(tmp_path, text, words):
    write(tmp_path, *instance())
    (tmp_path / "links.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        run_traffic_folder(tmp_path, out=tmp_path / "out")
    for word in words:
        assert word in str(error.value)
    assert not (tmp_path / "out").exists()


def test_empty_lines_and_a_byte_order_mark_do_no_harm(tmp_path):
    write(tmp_path, *instance())
    text = (tmp_path / "links.csv").read_text().replace("\n11,", "\n\n11,") + "\n\n"
    (tmp_path / "links.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    out = run_traffic_folder(tmp_path, duration_s=1000)
    assert out.summary["arrived"] == 100
    assert set(out.arrivals["place"]) == {"node d"}


def test_networks_too_large_for_the_model_are_refused():
    nodes, links, trips = instance()
    long = links.assign(length_m=9e6, lanes=10, jam_density=10.0)
    with pytest.raises(InputError, match=r"length_m: 9e\+06 \(allowed: at most 5e\+07 vehicles"):
        simulate_traffic(nodes, long, trips)
    hub = pd.DataFrame({"link": range(251), "from": "a", "to": "b", "length_m": 50.0, "lanes": 1,
                        "free_speed_mps": 10.0, "jam_density": 0.2})
    with pytest.raises(InputError, match="line 252, column from: 251 links leave node 'a'"):
        simulate_traffic(nodes, hub, trips)
    many = [f"n{k}" for k in range(261)]
    wide = pd.DataFrame({"node": ["a", "b", "c", "d", *many], "x_m": 0.0, "y_m": 0.0})
    star = pd.DataFrame({"from": [f"n{k}" for k in range(261) for _ in range(250)], "to": "b",
                         "length_m": 50.0, "lanes": 1, "free_speed_mps": 10.0, "jam_density": 0.2})
    star["link"] = range(len(star))
    with pytest.raises(InputError, match="line 65002, column to: 65250 links enter node 'b'"):
        simulate_traffic(wide, star, trips)


def test_missing_column_file_and_folder(tmp_path):
    nodes, links, trips = instance()
    write(tmp_path, nodes, links.rename(columns={"free_speed_mps": "free_speed_kmh"}), trips)
    with pytest.raises(InputError, match=r"'free_speed_mps' is missing, did you mean 'free_speed"):
        run_traffic_folder(tmp_path)
    (tmp_path / "trips.csv").unlink()
    with pytest.raises(InputError, match=r"trips\.csv: file missing"):
        run_traffic_folder(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        run_traffic_folder(tmp_path / "absent")


def test_wrong_options_and_spans():
    tables = instance()
    with pytest.raises(InputError, match="allowed: static, dynamic"):
        simulate_traffic(*tables, routing="fast")
    with pytest.raises(InputError, match="allowed: turns, draw"):
        simulate_traffic(*tables, merge="zip")
    with pytest.raises(InputError, match="seed: -1"):
        simulate_traffic(*tables, seed=-1)
    with pytest.raises(InputError, match="duration_s"):
        simulate_traffic(*tables, duration_s=float("nan"))
    bad = pd.DataFrame({"link": [11], "from_s": [20.0], "to_s": [10.0]})
    with pytest.raises(InputError, match=r"closures\.csv line 2, column to_s"):
        simulate_traffic(*tables, closures=bad)


@pytest.mark.parametrize("numbers", [[0, 1, 2, 3, 4], ["a", "b", "c", "d", "e"]])
def test_a_gap_among_numbered_nodes_is_named(tmp_path, numbers):
    nodes, links, trips = instance()
    names = dict(zip("abcde", numbers, strict=True))
    nodes["node"] = nodes["node"].map(names)
    for table, columns in ((links, ("from", "to")), (trips, ("origin", "destination"))):
        for column in columns:
            table[column] = table[column].map(names).astype(object)
    trips.loc[50, "origin"] = None
    write(tmp_path, nodes, links, trips)
    with pytest.raises(InputError, match=r"trips\.csv line 52, column origin: empty"):
        run_traffic_folder(tmp_path)


@pytest.mark.parametrize(("file", "column", "wrong"), [
    ("links", "capacity", "capacty"), ("links", "capacity", "Capacity"), ("nodes", "kind", "kinds"),
])
def test_misspelt_optional_column_is_refused(tmp_path, file, column, wrong):
    tables = dict(zip(("nodes", "links", "trips"), instance(), strict=True))
    tables["nodes"]["kind"] = "junction"
    tables[file] = tables[file].rename(columns={column: wrong})
    write(tmp_path, **tables)
    with pytest.raises(InputError, match=f"unknown column '{wrong}', did you mean '{column}'"):
        run_traffic_folder(tmp_path)


@pytest.mark.parametrize("name", ["closure", "capacity_change", "closuers"])
def test_misspelt_optional_file_is_refused(tmp_path, name):
    write(tmp_path, *instance(), **{name: pd.DataFrame({"link": [11], "from_s": [0], "to_s": [9]})})
    with pytest.raises(InputError, match=rf"{name}\.csv: unknown file, did you mean"):
        run_traffic_folder(tmp_path)


def test_other_columns_and_files_are_nobody_s_business(tmp_path):
    nodes, links, trips = instance()
    links["street"] = "High Street"
    write(tmp_path, nodes, links, trips, arrivals=trips, notes=nodes)
    assert run_traffic_folder(tmp_path, duration_s=1000).summary["arrived"] == 100


@pytest.mark.parametrize("out", ["afile", "/proc/x"])
def test_output_that_cannot_be_written(tmp_path, out):
    (tmp_path / "afile").write_text("keep")
    write(tmp_path, *instance())
    with pytest.raises(InputError, match="cannot be written"):
        run_traffic_folder(tmp_path, out=tmp_path / out)
    assert (tmp_path / "afile").read_text() == "keep"


@pytest.mark.parametrize("seconds", [1e300, float("inf"), 0.0, -1.0])
def test_durations_have_bounds(seconds):
    with pytest.raises(InputError, match="duration_s"):
        simulate_traffic(*instance(), duration_s=seconds)
    with pytest.raises(InputError, match="update_s"):
        simulate_traffic(*instance(), update_s=seconds)


def test_routes_are_updated_at_most_once_a_second():
    with pytest.raises(InputError, match=r"update_s: 0\.001 \(allowed: from 1 to"):
        simulate_traffic(*instance(), routing="dynamic", update_s=0.001)
