"""The report: one printable page for a run, or for a comparison of plans."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from engine.city import City
from engine.errors import InputError
from engine.outputs import check_file, write_whole
from engine.runreader import checked_score, read_json
from viz import charts
from viz.feed import Places, build_feed
from viz.phrases import translate
from viz.replay import illustrative
from viz.report_words import ADVICE, CHART, WORDS, metric_name
from viz.rundata import RunData, load_run

#: With fewer replications than this the page says so and ranks nothing.
_FEW = 10
ONE_RUN = " (one run; it says nothing about differences between plans)."


def write_report(
    folder: Path | str, out_html: Path | str | None = None, lang: str = "en",
    city: City | None = None,
) -> Path:
    """Write the report of a run folder, or of a folder that holds a comparison.json.

    `out_html` defaults to report.html in the folder. Raises InputError where the folder is
    neither, or the language is neither "en" nor "zh".
    """
    if lang not in WORDS:
        raise InputError(f"language '{lang}' is not known (allowed: {', '.join(WORDS)})")
    source = Path(folder)
    if source.is_file() and source.name == "comparison.json":
        source = source.parent
    target = Path(out_html) if out_html else source / "report.html"
    if source.is_dir():
        check_file(target)
    if (source / "comparison.json").is_file():
        page = _comparison_page(source, lang, city)
    elif (source / "manifest.json").is_file():
        page = _run_page(load_run(source, city), lang)
    else:
        raise InputError(f"{source}: holds neither a run (manifest.json) nor a comparison.json")
    write_whole(target, _render(page, lang))
    return target


def _render(page: dict[str, Any], lang: str) -> str:
    assets = resources.files("viz") / "assets"
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((assets / "report.html.j2").read_text(encoding="utf-8"))
    style = (assets / "report.css").read_text(encoding="utf-8")
    return template.render(page=page, w=WORDS[lang], lang=lang, style=style)


# -- numbers for people ------------------------------------------------------------------------

def shown(value: Any, unit: str) -> str:
    """A value with its unit, without false precision; a dash where it is unknown."""
    if value is None or not math.isfinite(float(value)):
        return "–"
    v = float(value)
    if v < 0:
        return "−" + shown(-v, unit)
    if unit == "share":
        return f"{100 * v:.1f} %"
    if unit == "s":
        return f"{v / 60:,.0f} min" if abs(v) >= 120 else f"{v:.0f} s"
    if unit in ("points", "h", "person-min"):
        return f"{v:,.0f} {unit}" if abs(v) >= 10 else f"{v:,.1f} {unit}"
    digits = 0 if float(v).is_integer() or abs(v) >= 100 else 1
    return f"{v:,.{digits}f} {unit}".strip()


def signed(value: Any, unit: str) -> str:
    """`shown` with an explicit sign."""
    words = shown(None if value is None else abs(float(value)), unit)
    if unit == "share":
        words = words.replace(" %", " %-points")
    if value is None or words == "–":
        return "–"
    return words if float(value) == 0 else ("+" if float(value) > 0 else "−") + words


# -- one run -----------------------------------------------------------------------------------

def _run_page(run: RunData, lang: str) -> dict[str, Any]:
    words = WORDS[lang]
    metrics = {m["name"]: m for m in run.score.get("metrics", [])}
    minutes = run.kpis["t_ms"].to_numpy() / 60_000
    series = [(words[key], run.kpis[column].to_numpy(float)) for key, column in (
        ("at_risk", "people_at_risk"), ("way", "people_on_the_way"), ("safe", "people_safe"))]
    chart = charts.curves(words["curve"], minutes, series, words["people"], words["minutes"])
    ledger = run.score.get("ledger", {})
    return {
        "title": run.scenario["title"], "city": run.city.title, "kind": words["run"],
        "lead": f"{run.plan['title']}, {words['seed']} {run.manifest.get('seed')}",
        "headline": _run_headline(run, metrics, lang), "notes": list(run.city.notes),
        "illustrative": illustrative(run.city),
        "map": charts.depth_map(run, words["map" if floods(run) else "dry_map"], words),
        "chart": chart, "bears": _bears(metrics, words), "todo": _todo(run.score, metrics, run, lang),
        "sure": _run_sure(run, lang), "figures": _run_figures(run.score, lang),
        "ledger": _table(ledger.get("people", {})),
        "unfinished": [(translate(k, lang), v) for k, v in _table(ledger.get("unfinished", {}))],
        "zones": _worst_zones(metrics), "timeline": _timeline(run, lang),
        "layers": run.manifest.get("layers", []), "assumptions": _assumptions(run),
        "methods": _methods(run, lang), "differences": [], "best": [], "base": "",
    }


def _value(metrics: dict[str, Any], name: str) -> float | None:
    value = metrics.get(name, {}).get("value")
    return None if value is None else float(value)


def _run_headline(run: RunData, metrics: dict[str, Any], lang: str) -> str:
    deaths, out = _value(metrics, "deaths"), _value(metrics, "out_before_water")
    risk = _value(metrics, "people_at_risk")
    plan = run.plan["title"]
    pressed, noticed = _value(metrics, "crowd_pressed"), _value(metrics, "crowd_noticed")
    if pressed is not None and run.manifest.get("venues"):
        return _crowd_headline(plan, pressed, noticed, lang)
    if _value(metrics, "people_ordered") == 0:
        out = None  # nobody was asked to leave
    if lang == "zh":
        parts = [f"预案“{plan}”：死亡 {deaths:,.0f} 人" if deaths is not None else f"预案“{plan}”"]
        if out is not None and risk is not None:
            parts.append(f"危险区 {risk:,.0f} 人中 {100 * out:.0f} % "
                         f"{'在水到前离开' if floods(run) else '已离开'}")
        return "，".join(parts) + "。这是一次运行，不说明预案之间的差异。"
    parts = [f"Under “{plan}” {deaths:,.0f} people die" if deaths is not None else f"“{plan}”"]
    if out is not None and risk is not None:
        parts.append(f"{100 * out:.0f} % of the {risk:,.0f} in the danger zone are out"
                     f"{' before the water' if floods(run) else ''}")
    return ", and ".join(parts) + ONE_RUN


def _crowd_headline(plan: str, pressed_s: float, noticed_s: float | None, lang: str) -> str:
    """What a run at a venue is about."""
    minutes = pressed_s / 60
    if lang == "zh":
        when = "未察觉" if noticed_s is None else f"{noticed_s / 60:.0f} 分钟后察觉"
        return (f"预案“{plan}”：场所内拥挤危险共 {minutes:,.0f} 人分钟，{when}。"
                "这是一次运行，不说明预案之间的差异。")
    when = "nobody notices" if noticed_s is None else (
        f"a crush is feared after {noticed_s / 60:.0f} min")
    return (f"Under “{plan}” people spend {minutes:,.0f} person-minutes in crush danger, and "
            f"{when}{ONE_RUN}")


def floods(run: RunData) -> bool:
    """Whether the scenario has a sea that comes."""
    return run.manifest["scenario"]["settings"].get("tsunami") is not None


def _bears(metrics: dict[str, Any], words: dict[str, str]) -> str:
    came = metrics.get("came_through", {}).get("by_group", {})
    rows = [(words.get(group, group), float(value), f"{100 * value:.0f} %")
            for group, value in _ordered(came) if value is not None]
    if rows:
        return charts.bars(words["came"], rows)
    deaths = metrics.get("deaths", {}).get("by_group", {})
    rows = [(str(group), float(value), f"{value:,.0f}")
            for groups in deaths.values() for group, value in groups.items() if value is not None]
    return charts.bars(metric_name("deaths", "en"), rows) if rows else ""


def _ordered(by_group: dict[str, dict[str, Any]]) -> list[tuple[str, Any]]:
    """(group, value) over the groupings that people recognise, ages from young to old."""
    return [
        (group, by_group[grouping][group])
        for grouping in ("mobility", "age_group", "car_access", "municipality")
        for group in sorted(by_group.get(grouping, {}), key=lambda g: (not g[:1].isdigit(), int(
            "".join(c for c in g.split("-")[0] if c.isdigit()) or 0), g))
    ]


def _todo(
    score: dict[str, Any], metrics: dict[str, Any], run: RunData | None, lang: str
) -> list[str]:
    """Three things, each from the figure that asks for it."""
    zh = lang == "zh"
    out: list[str] = []
    unfinished = score.get("ledger", {}).get("unfinished", {})
    ranked = sorted(((n, r) for r, n in unfinished.items() if n > 0), key=lambda p: (-p[0], p[1]))
    if _value(metrics, "people_ordered") == 0:  # a plan without an order, as for a venue
        ranked = [pair for pair in ranked if pair[1] != "not ordered"]
    total = sum(n for n, _ in ranked)
    for n, reason in ranked:
        if reason in ADVICE:
            advice = ADVICE[reason][1 if zh else 0]
            out.append(
                f"{advice}（{n:,.0f} 人未脱险，原因为“{translate(reason, lang)}”，"
                f"占 {100 * n / total:.0f} %）"
                if zh else f"{advice[:1].upper()}{advice[1:]}: {n:,.0f} of {total:,.0f} not in "
                f"safety at the end were “{reason}”.")
            break
    zones = metrics.get("margin_worst_zone", {}).get("by_group", {}).get("zone", {})
    known = sorted((v, z) for z, v in zones.items() if v is not None)
    if known and known[0][0] < 0:
        late = sum(v < 0 for v, _ in known)
        worst, zone = known[0]
        out.append(
            f"先从{zone}开始：水到 {-worst / 60:.0f} 分钟后仍有人离开；"
            f"{len(known)} 个进水片区中 {late} 个如此。"
            if zh else f"Start with {zone}: its last person left {-worst / 60:,.0f} min after the "
            f"first water, as in {late} of {len(known)} zones that were flooded and left.")
    elif known:
        worst, zone = known[0]
        out.append(f"{zone}余量最小：{worst / 60:.0f} 分钟。" if zh else
                   f"Guard the margin of {zone}, the smallest: {worst / 60:,.0f} min.")
    unanswered, incidents = _value(metrics, "incidents_unanswered"), _value(metrics, "incidents")
    unanswered = (unanswered or 0) - (_value(metrics, "incidents_not_needed") or 0)
    response = _value(metrics, "response_p50")
    cause = _slowest(run, lang) if run else ""
    if unanswered and incidents:
        out.append(f"{incidents:,.0f} 起事件中 {unanswered:,.0f} 起无人到场{cause}：增派单元或培训邻里。"
                   if zh else f"Reach the {unanswered:,.0f} of {incidents:,.0f} incidents that "
                   f"nobody reached{cause}: more units, or neighbours trained in first aid.")
    elif response is not None:
        out.append(f"响应中位数 {response / 60:.0f} 分钟{cause}。" if zh else
                   f"Shorten the response, {response / 60:,.0f} min at the median{cause}.")
    for n, reason in ranked[1:]:
        if len(out) < 3 and reason in ADVICE:
            advice = ADVICE[reason][1 if zh else 0]
            out.append(f"{advice}（{n:,.0f} 人：{translate(reason, lang)}）" if zh else
                       f"{advice[:1].upper()}{advice[1:]} ({n:,.0f} “{reason}”).")
    return out[:3]


def _slowest(run: RunData, lang: str) -> str:
    """The reason that cost units the most time, from the log."""
    rows = run.of_kind("unit_delayed", "dispatch_held")
    if not len(rows):
        return ""
    lost = rows.groupby("object")["value"].sum().sort_values(ascending=False, kind="stable")
    name = translate(run.table("reasons")[int(lost.index[0])], lang)
    return f"（耗时最多的原因：{name}）" if lang == "zh" else f" (most time lost to: {name})"


def _run_sure(run: RunData, lang: str) -> list[str]:
    layers = run.manifest.get("layers", [])
    made = [layer["layer"] for layer in layers if layer.get("status") == "synthetic"]
    share = float(run.manifest.get("population_share", 1.0))
    if lang == "zh":
        out = ["单次运行：没有区间。换一个种子，数字会变；比较预案请用 compare 重复多次。"]
        if made:
            out.append(f"合成图层：{'、'.join(made)}。")
        if share < 1:
            out.append(f"人口抽样比例 {share}。")
        return out
    out = ["One run has no interval: another seed gives other numbers. Compare plans over many "
           "replications with the command compare."]
    if made:
        out.append(f"Made up, not measured, in this city: {', '.join(made)}.")
    if share < 1:
        out.append(f"Only a sample of the population takes part, share {share}.")
    return out


def _run_figures(score: dict[str, Any], lang: str) -> list[tuple[str, str]]:
    rows = [(metric_name(k, lang), shown(score.get(k), "points"))
            for k in ("score", "efficiency", "fairness") if k in score]
    return rows + [(metric_name(m["name"], lang), shown(m["value"], m["unit"]))
                   for m in score.get("metrics", [])]


def _table(counts: dict[str, Any]) -> list[tuple[str, str]]:
    rows = sorted(((k, v) for k, v in counts.items() if v), key=lambda p: (-p[1], p[0]))
    return [(k, f"{v:,.0f}") for k, v in rows]


def _worst_zones(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    zones = metrics.get("margin_worst_zone", {}).get("by_group", {}).get("zone", {})
    known = sorted((v, z) for z, v in zones.items() if v is not None)[:10]
    return [(z, f"{v / 60:+,.0f} min".replace("-", "−")) for v, z in known]


def _timeline(run: RunData, lang: str) -> list[tuple[str, str]]:
    """Turning points, at most 40, with the time after the start."""
    feed = [e for e in build_feed(run, Places(run)) if e["w"] == 3][:40]
    return [(f"T+{e['t'] // 3_600_000}:{e['t'] // 60_000 % 60:02d}:{e['t'] // 1000 % 60:02d}",
             e[lang]) for e in feed]


def _assumptions(run: RunData) -> list[dict[str, str]]:
    return [{"name": str(row.get("parameter", row.get("name", ""))),
             "value": f"{row.get('value', '')} {row.get('unit', '')}".strip(),
             "status": str(row.get("status", "")), "source": str(row.get("source", ""))}
            for row in run.manifest.get("assumptions", [])]


def _methods(run: RunData, lang: str) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in sorted(run.manifest.get("versions", {}).items()))
    digest = str(run.manifest.get("digest", ""))
    if lang == "zh":
        return f"所有数字来自本次运行的事件日志（摘要 {digest}）。版本：{versions}。"
    return (f"Every figure is computed from the run's event log (SHA-256 {digest}). "
            f"Versions: {versions}.")


# -- a comparison ------------------------------------------------------------------------------

def _comparison_page(folder: Path, lang: str, city: City | None) -> dict[str, Any]:
    words = WORDS[lang]
    path = folder / "comparison.json"
    document = read_json(path)
    try:
        plans, metrics = document["plans"], {m["name"]: m for m in document["metrics"]}
        count = int(document["replications"])
        whole = len(plans) >= 2 and count >= 1 and all(
            plan in m["plans"] for m in metrics.values() for plan in plans
        )
        about = document.get("about") or {}
        if about:
            float(about["duration_s"]), float(about["population_share"])
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise InputError(f"{path}: damaged or not a comparison")
    scores = _replications(folder, plans)
    runs = [load_run(p.parent, city) for p in sorted(folder.glob("*/manifest.json"))][:1]
    last = scores.get(plans[-1], [])
    table = {m["name"]: m for m in last[0]["metrics"]} if last else {}
    rows = [row for plan in plans[1:]
            for row in _difference_rows(metrics, plans[0], plan, lang)]
    return {
        "title": about.get("title") or (runs[0].scenario["title"] if runs else ", ".join(plans)),
        "city": about.get("city_title") or (runs[0].city.title if runs else ""),
        "kind": words["comparison"],
        "lead": _comparison_lead(document, about, lang),
        "headline": _comparison_headline(document, metrics, scores, lang),
        "notes": list(runs[0].city.notes) if runs else [],
        "illustrative": bool(runs) and illustrative(runs[0].city),
        "map": charts.depth_map(runs[0], words["map"], words) if runs else "",
        "chart": charts.forest(words["diffchart"], rows, words["axis"]) if rows else "",
        "bears": _bears_compared(scores, plans, words),
        "todo": _todo(last[0], table, None, lang) if last else [],
        "sure": _comparison_sure(document, lang), "figures": [], "ledger": [], "unfinished": [],
        "zones": [], "timeline": [], "layers": runs[0].manifest.get("layers", []) if runs else [],
        "assumptions": _assumptions(runs[0]) if runs else [],
        "methods": _methods(runs[0], lang) if runs else
        ("差异按种子配对，区间为学生 t 分布 95%。" if lang == "zh" else
         "Differences are paired by seed; intervals are 95 % Student t over the seeds."),
        "differences": _difference_table(document, words, lang),
        "best": [(plan, "–" if p is None else f"{100 * p:.0f} %")
                 for plan, p in document.get("probability_best", {}).items()]
        if int(document["replications"]) >= _FEW else [],  # resamples of a few seeds prove little
        "base": plans[0],
    }


def _comparison_lead(document: dict[str, Any], about: dict[str, Any], lang: str) -> str:
    """Number of seeds, length of the runs, and a warning where only a sample of the people took part."""
    words = [f"{document['replications']} {WORDS[lang]['replications']}"]
    if about:
        words.append(f"{about['duration_s'] / 3600:.1f} h")
        if about["population_share"] < 1:
            words.append(f"人口抽样比例 {about['population_share']:g}" if lang == "zh" else
                         f"a sample of the population, share {about['population_share']:g}")
    return ", ".join(words)


def _replications(folder: Path, plans: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Scores by plan in seed order, where the comparison kept them."""
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {plan: [] for plan in plans}
    for path in sorted((folder / "replications").glob("*.json")):
        row = read_json(path)
        if row.get("plan") in found and "score" in row:
            try:
                found[row["plan"]].append((int(row["seed"]), checked_score(row["score"], path)))
            except (KeyError, TypeError, ValueError):
                raise InputError(f"{path}: damaged: 'seed' is no whole number") from None
    return {plan: [s for _, s in sorted(rows, key=lambda r: r[0])] for plan, rows in found.items()}


def _difference_rows(
    metrics: dict[str, Any], first: str, plan: str, lang: str
) -> list[dict[str, Any]]:
    out = []
    for name in CHART:
        metric = metrics.get(name)
        if metric is None:
            continue
        base = metric["plans"][first]["mean"]
        row = metric["differences"].get(plan, {})
        if row.get("mean") is None or not base:
            continue
        low, high = row["ci95"] if row.get("ci95") else (None, None)
        scale = abs(base)
        out.append({
            "label": metric_name(name, lang), "mean": row["mean"] / scale,
            "low": None if low is None else low / scale,
            "high": None if high is None else high / scale, "verdict": row["verdict"],
            "text": f"{signed(row['mean'], metric['unit'])}",
        })
    return out


def _comparison_headline(
    document: dict[str, Any], metrics: dict[str, Any], scores: dict[str, list[dict[str, Any]]],
    lang: str,
) -> str:
    plans = document["plans"]
    deaths = metrics.get("deaths")
    if deaths is None or len(plans) < 2:
        return ", ".join(plans)
    best = [(row["mean"], plan) for plan, row in deaths["differences"].items()
            if row["mean"] is not None]
    if not best:
        return "未显示差异。" if lang == "zh" else "No difference shown."
    _, plan = min(best)
    row = deaths["differences"][plan]
    group = WORDS[lang].get(*[_gains_least(scores, plans[0], plan)] * 2)
    interval = "" if not row["ci95"] else (
        f" (95 %: {signed(row['ci95'][0], '')} … {signed(row['ci95'][1], '')})")
    change = signed(row["mean"], "")
    if row["verdict"] == "no difference shown":
        text = (f"{plan} 与 {plans[0]} 相比，死亡人数未显示差异：{change}{interval}。"
                if lang == "zh" else f"No difference in deaths is shown between {plan} and "
                f"{plans[0]}: {change}{interval}.")
    else:
        text = (f"{plan} 使死亡人数相对 {plans[0]} 变化 {change}{interval}。"
                if lang == "zh" else f"{plan} changes deaths by {change}{interval} "
                f"against {plans[0]}.")
        if group:
            text += f"{group} 获益最少。" if lang == "zh" else f" Those who gain least: {group}."
    return text


def _group_shares(score: dict[str, Any]) -> dict[str, float]:
    came = next((m for m in score["metrics"] if m["name"] == "came_through"), None)
    return {} if came is None else {
        group: float(value) for group, value in _ordered(came["by_group"]) if value is not None}


def _gains_least(scores: dict[str, list[dict[str, Any]]], first: str, plan: str) -> str:
    gains = _gains(scores, first, plan)
    return min(gains, key=lambda g: (gains[g], g)) if gains else ""


def _gains(scores: dict[str, list[dict[str, Any]]], first: str, plan: str) -> dict[str, float]:
    """Mean paired change of the share that came through, by group."""
    pairs = list(zip(scores.get(first, []), scores.get(plan, []), strict=False))
    tables = [(_group_shares(a), _group_shares(b)) for a, b in pairs]
    if not tables:
        return {}
    groups = [g for g in tables[0][0] if all(g in a and g in b for a, b in tables)]
    return {g: float(np.mean([b[g] - a[g] for a, b in tables])) for g in groups}


def _bears_compared(
    scores: dict[str, list[dict[str, Any]]], plans: list[str], words: dict[str, str]
) -> str:
    rows = []
    for plan in plans[1:]:
        for group, gain in _gains(scores, plans[0], plan).items():
            level = float(np.mean([_group_shares(s)[group] for s in scores[plan]]))
            rows.append((words.get(group, group), level, f"{100 * level:.0f} % ({100 * gain:+.1f})"))
    return charts.bars(f"{words['came']}, {plans[-1]} ({words['difference']})", rows) if rows else ""


def _comparison_sure(document: dict[str, Any], lang: str) -> list[str]:
    n = int(document["replications"])
    shown_ones = sum(row["verdict"] != "no difference shown"
                     for m in document["metrics"] for row in m["differences"].values())
    total = sum(len(m["differences"]) for m in document["metrics"])
    if lang == "zh":
        out = [f"{n} 次配对重复；{total} 项差异中 {shown_ones} 项的区间不含零。"]
        return out + (["重复不足 10 次：区间很宽。"] if n < _FEW else [])
    out = [f"{n} paired replications; {shown_ones} of {total} differences have an interval that "
           "leaves out zero. With this many figures, one in twenty does so by chance."]
    if n < _FEW:
        out.append("Fewer than ten replications: intervals are wide, and no difference shown does "
                   "not mean that there is none.")
    return out


def _difference_table(
    document: dict[str, Any], words: dict[str, str], lang: str
) -> list[dict[str, str]]:
    out = []
    first = document["plans"][0]
    for metric in document["metrics"]:
        unit = metric["unit"]
        for plan, row in metric["differences"].items():
            interval = row["ci95"]
            out.append({
                "name": metric_name(metric["name"], lang), "plan": plan,
                "base": shown(metric["plans"][first]["mean"], unit),
                "own": shown(metric["plans"][plan]["mean"], unit),
                "difference": signed(row["mean"], unit),
                "interval": "–" if not interval else
                f"{signed(interval[0], unit)} … {signed(interval[1], unit)}",
                "verdict": "–" if row["mean"] is None else words[row["verdict"]],
                "class": row["verdict"].split()[0],
            })
    return out
