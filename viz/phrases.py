"""Sentences for events, in English and Chinese.

A rule says how one event reads, how many of one minute read together, how much it matters and
which filter it belongs to. Placeholders: {who} subject, {what} object, {n} number of events or
people, {v} value in the unit of the kind's table.
"""

from __future__ import annotations

from dataclasses import dataclass

CATEGORIES = ("hazard", "command", "people", "casualties", "roads", "response", "lifelines")


@dataclass(frozen=True)
class Rule:
    """How events of one kind are told. `weight` 3 is a turning point, 1 a detail."""

    category: str
    weight: int
    one: tuple[str, str]
    many: tuple[str, str]
    single_up_to: int = 40  # more in the whole run are told together, minute by minute
    by_object: bool = False  # kept apart by object (reason, cause, phase)


RULES: dict[str, Rule] = {
    "earthquake": Rule("hazard", 3, ("Earthquake of magnitude {v:.1f}", "{v:.1f} 级地震"),
                       ("Earthquake of magnitude {v:.1f}", "{v:.1f} 级地震")),
    "zone_shaken": Rule("hazard", 1, ("{who}: strong shaking, {v:.2f} g", "{who}：强烈震动，{v:.2f} g"),
                        ("Strong shaking in {n} zones, up to {v:.2f} g",
                         "{n} 个片区强烈震动，最大 {v:.2f} g"), 6),
    "building_damaged": Rule("hazard", 1, ("{who} is damaged", "{who}受损"),
                             ("{n} buildings damaged by shaking", "{n} 栋建筑因震动受损"), 5),
    "sea_disturbed": Rule("hazard", 3, ("Tide gauge {who}: the sea leaves its rest, {v:+.1f} m",
                                        "验潮站{who}：海面开始异常，{v:+.1f} 米"),
                          ("{n} tide gauges show a disturbed sea", "{n} 个验潮站海面异常")),
    "sea_crest": Rule("hazard", 2, ("Tide gauge {who}: new highest sea level, {v:.1f} m",
                                    "验潮站{who}：海面新高，{v:.1f} 米"),
                      ("New highest sea level at {n} gauges, {v:.1f} m",
                       "{n} 个验潮站海面新高，{v:.1f} 米")),
    "zone_flooded": Rule("hazard", 3, ("{who}: water on land", "{who}：海水上岸"),
                         ("Water on land in {n} zones", "{n} 个片区海水上岸"), 6),
    "intensity_reported": Rule("command", 2, ("Seismic network reports intensity {v:.1f} (MMI)",
                                              "地震台网报告烈度 {v:.1f}（MMI）"),
                               ("{n} reports of intensity, up to {v:.1f} (MMI)",
                                "{n} 份烈度报告，最大 {v:.1f}（MMI）")),
    "magnitude_reported": Rule("command", 2, ("Seismic network reports magnitude {v:.1f}",
                                              "地震台网报告震级 {v:.1f}"),
                               ("{n} reports of magnitude, up to {v:.1f}",
                                "{n} 份震级报告，最大 {v:.1f}")),
    "gauge_reported": Rule("command", 2, ("Gauge {who} reports {v:+.1f} m to the command centre",
                                          "验潮站{who}向指挥中心报告 {v:+.1f} 米"),
                           ("{n} gauge reports reach the command centre",
                            "指挥中心收到 {n} 份验潮报告"), 8),
    "arrival_predicted": Rule("command", 3, ("First wave expected {v_min} after the start",
                                             "预计首波在开始后 {v_min} 到达"),
                              ("{n} predictions of the first wave", "{n} 次首波预报")),
    "street_reported": Rule("roads", 1, ("The command centre learns of {who}: {what}", "指挥中心获知{who}：{what}"),
                            ("{n} streets reported: {what}", "{n} 条道路上报：{what}"), 12, True),
    "order_decided": Rule("command", 3, ("The evacuation order is decided", "决定下达疏散令"),
                          ("The evacuation order is decided", "决定下达疏散令")),
    "order_issued": Rule("command", 3, ("{who}: the order to leave goes out", "{who}：下达疏散令"),
                         ("The order to leave goes out for {n} zones{what}",
                          "{n} 个片区下达疏散令{what}"), 3, True),
    "channel_started": Rule("command", 2, ("{who} carries the order in {what}",
                                           "{who}在{what}发布疏散令"),
                            ("{who} carries the order in {n} zones", "{who}在 {n} 个片区发布疏散令"),
                            3),
    "all_clear": Rule("command", 3, ("The order is lifted: all clear", "解除疏散令"),
                      ("The order is lifted: all clear", "解除疏散令")),
    "party_departed": Rule("people", 1, ("A group sets out", "一组居民出发"),
                           ("{n} groups set out{what}", "{n} 组居民出发{what}"), 0, True),
    "party_arrived": Rule("people", 1, ("A group reaches safety", "一组居民到达安全处"),
                          ("{n} groups reach safety", "{n} 组居民到达安全处"), 0),
    "party_refused": Rule("people", 1, ("A group stays: {what}", "一组居民留下：{what}"),
                          ("{n} groups decide to stay: {what}", "{n} 组居民决定不走：{what}"), 0,
                          True),
    "party_mode_changed": Rule("people", 1, ("A group leaves its car and walks on",
                                             "一组居民弃车步行"),
                               ("{n} groups leave their cars and walk on", "{n} 组居民弃车步行"),
                               3),
    "party_blocked": Rule("people", 1, ("A group cannot go on: {what}", "一组居民受阻：{what}"),
                          ("{n} groups cannot go on: {what}", "{n} 组居民受阻：{what}"), 12, True),
    "party_in_water": Rule("people", 2, ("A group stands in water, {v:.1f} m deep",
                                         "一组居民被水围困，水深 {v:.1f} 米"),
                           ("{n} groups stand in water, up to {v:.1f} m deep",
                            "{n} 组居民被水围困，最深 {v:.1f} 米"), 8),
    "party_out_of_water": Rule("people", 1, ("A group is out of the water", "一组居民脱离积水"),
                               ("{n} groups are out of the water", "{n} 组居民脱离积水"), 8),
    "person_swept": Rule("casualties", 2, ("A person is swept off their feet", "一人被水冲倒"),
                         ("{n} people are swept off their feet", "{n} 人被水冲倒"), 8),
    "person_hurt": Rule("casualties", 1, ("A person is hurt: {what}", "一人受伤：{what}"),
                        ("{n} people hurt: {what}", "{n} 人受伤：{what}"), 12, True),
    "person_trapped": Rule("casualties", 2, ("A person is trapped in {what}", "一人被困于{what}"),
                           ("{n} people are trapped in buildings", "{n} 人被困于建筑中"), 12),
    "person_died": Rule("casualties", 3, ("A person dies: {what}", "一人死亡：{what}"),
                        ("{n} people die: {what}", "{n} 人死亡：{what}"), 25, True),
    "street_narrowed": Rule("roads", 1, ("{who} narrowed by rubble", "{who}因瓦砾变窄"),
                            ("{n} streets narrowed by rubble", "{n} 条道路因瓦砾变窄"), 4),
    "street_closed": Rule("roads", 2, ("{who} closed to cars: {what}", "{who}封闭：{what}"),
                          ("{n} streets closed to cars: {what}", "{n} 条道路封闭：{what}"), 20, True),
    "street_opened": Rule("roads", 1, ("{who} open again", "{who}恢复通行"),
                          ("{n} streets open again", "{n} 条道路恢复通行"), 12),
    "power_lost": Rule("lifelines", 2, ("{who}: no electricity", "{who}：停电"),
                       ("No electricity in {n} zones", "{n} 个片区停电"), 6),
    "power_restored": Rule("lifelines", 2, ("{who}: electricity is back", "{who}：恢复供电"),
                           ("Electricity is back in {n} zones", "{n} 个片区恢复供电"), 6),
    "telecom_lost": Rule("lifelines", 2, ("{who}: telephones do not work", "{who}：通信中断"),
                         ("Telephones do not work in {n} zones", "{n} 个片区通信中断"), 6),
    "telecom_restored": Rule("lifelines", 2, ("{who}: telephones work again", "{who}：恢复通信"),
                             ("Telephones work again in {n} zones", "{n} 个片区恢复通信"), 6),
    "call_answered": Rule("response", 1, ("Call answered after {v:.0f} s", "求救电话等待 {v:.0f} 秒后接通"),
                          ("{n} calls for help answered, longest wait {v:.0f} s",
                           "接通 {n} 个求救电话，最长等待 {v:.0f} 秒"), 12),
    "call_delayed": Rule("response", 1, ("A call for help is held up: {what}", "求救电话受阻：{what}"),
                         ("{n} calls for help held up: {what}", "{n} 个求救电话受阻：{what}"), 12,
                         True),
    "dispatch_held": Rule("response", 1, ("{who} waits: {what}", "{who}等待：{what}"),
                          ("{n} incidents wait: {what}", "{n} 起事件等待：{what}"), 12, True),
    "incident_opened": Rule("response", 2, ("Incident {subject}: {v:.0f} need help",
                                            "事件 {subject}：{v:.0f} 人待救"),
                            ("{n} new incidents", "{n} 起新事件"), 30),
    "incident_closed": Rule("response", 1, ("Incident {subject} closed", "事件 {subject} 结束"),
                            ("{n} incidents closed", "{n} 起事件结束"), 20),
    "unit_dispatched": Rule("response", 1, ("{who} sent to incident {object}",
                                            "{who}派往事件 {object}"),
                            ("{n} units sent out", "派出 {n} 个单元"), 25),
    "unit_arrived": Rule("response", 1, ("{who} on scene after {v_min}", "{who}行驶 {v_min} 到场"),
                         ("{n} units arrive on scene", "{n} 个单元到场"), 40),
    "unit_delayed": Rule("response", 2, ("{who} delayed by {v_min}: {what}",
                                         "{who}延误 {v_min}：{what}"),
                         ("{n} units delayed, up to {v_min}: {what}",
                          "{n} 个单元延误，最长 {v_min}：{what}"), 40, True),
    "unit_turned_back": Rule("response", 2, ("{who} turns back: {what}", "{who}折返：{what}"),
                             ("{n} units turn back: {what}", "{n} 个单元折返：{what}"), 4, True),
    "aid_requested": Rule("command", 3, ("{v:.0f} units asked for from a neighbouring city", "向邻市请求 {v:.0f} 个单元"),
                          ("{n} requests to neighbouring cities", "{n} 次向邻市求援")),
    "aid_arrived": Rule("response", 2, ("{who} arrives from a neighbouring city", "{who}自邻市到达"),
                        ("{n} units arrive from neighbouring cities", "{n} 个邻市单元到达"), 12),
    "unit_blocked": Rule("response", 2, ("{who} meets a closed street and turns: {what}",
                                         "{who}遇封闭道路折返：{what}"),
                         ("{n} units meet closed streets: {what}", "{n} 个单元遇封闭道路：{what}"), 30, True),
    "unit_caught": Rule("response", 3, ("The water takes {who}, {v:.1f} m deep", "{who}被水冲走，水深 {v:.1f} 米"),
                        ("The water takes {n} units", "{n} 个单元被水冲走")),
    "responders_died": Rule("casualties", 3, ("{v:.0f} of the crew of {who} die", "{who}有 {v:.0f} 名队员遇难"),
                            ("{n} crews lose members", "{n} 个单元有队员遇难")),
    "unit_withdrawn": Rule("response", 2, ("{who} ordered out: {what}", "{who}奉命撤出：{what}"),
                           ("{n} units ordered out: {what}", "{n} 个单元奉命撤出：{what}"), 4, True),
    "person_rescued": Rule("response", 1, ("{what} frees a person", "{what}救出一人"),
                           ("{n} people freed", "救出 {n} 人"), 30),
    "person_treated": Rule("response", 1, ("{what} treats a person on scene", "{what}现场救治一人"),
                           ("{n} people treated on scene", "现场救治 {n} 人"), 12),
    "person_admitted": Rule("response", 1, ("A patient is admitted to {what}, {v:.0f} beds in use",
                                            "{what}收治一人，占用 {v:.0f} 床"),
                            ("{n} patients admitted", "收治 {n} 人"), 20),
    "hospital_full": Rule("response", 3, ("{who}: no bed free", "{who}：床位已满"),
                          ("{n} patients meet a full hospital", "{n} 名伤员遇床位已满"), 12),
    "hospital_shut": Rule("response", 3, ("{who} takes no more patients: {what}", "{who}停收伤员：{what}"),
                          ("{n} hospitals shut: {what}", "{n} 家医院停收：{what}"), 12, True),
    "hospital_opened": Rule("response", 2, ("{who} takes patients again", "{who}恢复收治"),
                            ("{n} hospitals open again", "{n} 家医院恢复"), 12),
    "self_referred": Rule("response", 1, ("Somebody sets out for {what} by themselves", "一人自行前往{what}"),
                          ("{n} hurt people set out for hospital by themselves", "{n} 名伤者自行就医"), 12),
    "control_held": Rule("roads", 2, ("Control point {who} gets no officers: {what}", "管控点{who}无人到岗：{what}"),
                         ("{n} control points get no officers: {what}", "{n} 个管控点无人到岗：{what}"), 12,
                         True),
    "control_staffed": Rule("roads", 2, ("{what} staffs control point {who}", "{what}到岗：{who}"),
                            ("{n} control points staffed", "{n} 个管控点到岗")),
    "control_left": Rule("roads", 1, ("Control point {who} is left", "管控点{who}撤岗"),
                         ("{n} control points left", "{n} 个管控点撤岗")),
    "mission_held": Rule("response", 2, ("Nobody is sent, {who}: {what}; {v:.0f} people wait",
                                         "无车可派（{who}）：{what}，{v:.0f} 人等待"),
                         ("{n} times nobody is sent for people who wait: {what}",
                          "{n} 次无车可派：{what}"), 12, True),
    "mission_ordered": Rule("response", 1, ("{who} sent, {what}", "{who}出发：{what}"),
                            ("{n} vehicles sent to fetch or to warn people", "派出 {n} 辆车接人或上门通知"), 20),
    "party_waits": Rule("people", 1, ("A group waits for a bus", "一组人员等候客车"),
                        ("{n} groups wait for a bus", "{n} 组人员等候客车"), 6),
    "party_boarded": Rule("people", 1, ("A group is on board of {what}", "一组人员登上{what}"),
                          ("{n} groups are on board", "{n} 组人员已上车"), 12),
    "unit_unloaded": Rule("response", 1, ("{who} sets {v:.0f} people down: {what}",
                                          "{who}送达 {v:.0f} 人：{what}"),
                          ("{n} vehicles set people down", "{n} 辆车送达"), 20),
    "shelter_opened": Rule("people", 2, ("{who} opens, {v:.0f} places", "{who}开放，{v:.0f} 个位置"),
                           ("{n} shelters open", "{n} 个避难所开放"), 4),
    "shelter_full": Rule("people", 3, ("{who} is full, {v:.0f} places", "{who}已满，{v:.0f} 个位置"),
                         ("{n} shelters are full", "{n} 个避难所已满"), 12),
    "input_applied": Rule("command", 3, ("An outside input is applied", "外部输入生效"),
                          ("{n} outside inputs are applied", "{n} 项外部输入生效")),
}

ZH_REASONS: dict[str, str] = {
    "none": "无", "not ordered": "未接到命令", "not warned": "未获预警", "not believed": "不相信",
    "refused": "拒绝", "still preparing": "仍在准备", "cannot leave alone": "无法独自离开",
    "on the way": "在途", "no route": "无路可走", "destination full": "目的地已满",
    "in water": "在水中", "stranded by water": "被水围困", "stranded on closed road": "困于封闭道路",
    "car abandoned in jam": "堵车弃车", "road blocked by debris": "瓦砾阻路",
    "road under water": "道路积水", "road closed by police": "警方封路", "bridge damaged": "桥梁受损",
    "trapped": "被困", "hurt": "受伤", "dead": "死亡", "outside danger zone": "在危险区外",
    "guarding property": "看守财产", "no unit free": "无空闲单元", "no way to scene": "无法到达现场",
    "scene inside exclusion zone": "现场在禁入区内", "no hospital bed": "无床位",
    "queue at call centre": "接警排队", "no telephone service": "无通信", "traffic": "交通",
    "no way back before the wave": "波到前无法撤回", "hospital damaged": "医院受损",
    "hospital without power": "医院停电", "queue at hospital": "医院排队",
    "shaking": "震动", "tsunami": "海啸", "untreated": "未获救治", "foot": "步行", "car": "驾车",
    "siren": "警报器", "cell_broadcast": "小区广播",
    "radio_tv": "广播电视", "loudspeaker": "流动喇叭",
}


def translate(text: str, lang: str) -> str:
    """A table name (reason, cause, channel) in the given language."""
    if lang == "zh":
        return ZH_REASONS.get(text, text)
    return {"radio_tv": "radio and television"}.get(text, text.replace("_", " "))


def minutes(seconds: float, lang: str) -> str:
    """A duration for people: seconds below two minutes, else minutes."""
    if seconds < 120:
        return f"{seconds:.0f} s" if lang == "en" else f"{seconds:.0f} 秒"
    return f"{seconds / 60:.0f} min" if lang == "en" else f"{seconds / 60:.0f} 分钟"
