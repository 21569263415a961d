"""Words of the report in English and Chinese: headings, metric names, advice by reason."""

from __future__ import annotations

METRICS: dict[str, tuple[str, str]] = {
    "deaths": ("Deaths", "死亡"), "deaths_shaking": ("Deaths by shaking", "震动致死"),
    "deaths_tsunami": ("Deaths in the water", "海啸致死"),
    "deaths_trapped": ("Deaths while trapped", "被困致死"),
    "deaths_untreated": ("Deaths untreated", "未获救治致死"),
    "severe_injuries": ("Severe injuries", "重伤"), "people_in_water": ("People in water", "入水人数"),
    "time_in_water": ("Time in water", "在水中的时间"),
    "out_before_water": ("Out before the water", "水到前离开"),
    "share_cleared": ("Danger zone cleared", "危险区清空"),
    "clearance_t50": ("Half cleared after", "清空一半用时"),
    "clearance_t90": ("90 % cleared after", "清空九成用时"),
    "share_warned": ("Share warned", "获预警比例"), "warning_p50": ("Median warning", "预警中位时间"),
    "margin_worst_zone": ("Worst zone's margin", "最差片区余量"),
    "response_p50": ("Median response", "响应中位数"),
    "response_p90": ("90th percentile response", "响应九成分位"),
    "incidents_unanswered": ("Incidents not reached", "无人到场的事件"),
    "incidents_not_needed": ("Not reached, no longer needed", "未到场且已无需救援"),
    "rescued_alive": ("Freed alive", "生还获救"), "trapped": ("Trapped", "被困"),
    "fetched_by_family": ("Fetched by family", "由家人接走"),
    "went_in_for_family": ("Went in to fetch family", "入危险区接家人"),
    "shadow_evacuees": ("Left without need", "不必要的撤离"), "non_evacuees": ("Did not leave", "未撤离"),
    "came_through": ("Came through unhurt", "平安脱险"),
    "came_through_worst_group": ("Worst group: came through", "最差群体脱险比例"),
    "came_through_gap": ("Gap between groups", "群体差距"), "staff_hours": ("Staff hours", "人员工时"),
    "score": ("Score", "总分"), "efficiency": ("Efficiency", "效率"), "fairness": ("Fairness", "公平"),
    "people_at_risk": ("People at risk", "受威胁人数"), "evacuated": ("Evacuated", "已撤离"),
    "severe_injuries_shaking": ("Severe injuries by shaking", "震动致重伤"),
    "severe_injuries_tsunami": ("Severe injuries in the water", "海啸致重伤"),
    "people_in_water_max": ("Most people in water at once", "同时入水人数峰值"),
    "rescued_alive_share": ("Trapped and freed alive", "被困者生还比例"),
    "affected": ("Affected", "受影响人数"),
    "sheltered": ("In shelters and at meeting points", "在避难所与集合点"),
    "warning_p90": ("Nine in ten warned after", "九成获预警用时"),
    "people_ordered": ("Ordered to leave", "被要求撤离人数"),
    "clearance_t95": ("95 % cleared after", "清空九成五用时"),
    "clearance_t100": ("All cleared after", "全部清空用时"), "incidents": ("Incidents", "事件数"),
    "calls_unanswered": ("Calls not answered", "未接求救电话"),
    "hospital_peak_over_capacity": ("Beds short at the peak", "峰值缺床数"),
    "hospital_full": ("Patients who met a full hospital", "遇床位已满的伤员"),
    "in_safety": ("In safety", "已安全"), "hospital_peak_beds": ("Most beds in use", "床位峰值"),
}
#: Metrics of the first chart, in order.
CHART = ("deaths", "severe_injuries", "people_in_water", "non_evacuees", "out_before_water",
         "share_cleared", "clearance_t50", "incidents_unanswered", "response_p50", "came_through",
         "came_through_gap", "score")

#: What the largest reason of unfinished evacuation asks for.
ADVICE: dict[str, tuple[str, str]] = {
    "not ordered": ("order every zone that the water can reach", "对海水可能到达的所有片区下令"),
    "not warned": ("add a channel that reaches those who heard nothing", "增加能覆盖未收到者的预警渠道"),
    "not believed": ("repeat the warning through a second channel and rehearse it beforehand",
                     "用第二渠道重复预警，并事先演练"),
    "refused": ("visit those who refuse before the day and name what holds them",
                "事先走访拒绝者，弄清原因"),
    "guarding property": ("promise and show guarded streets", "承诺并落实财产看护"),
    "still preparing": ("send the order earlier: preparation is what takes the time",
                        "更早下令：时间耗在准备上"),
    "cannot leave alone": ("register those who cannot leave alone and assign someone to each",
                           "登记无法独自离开者，逐一落实帮助人"),
    "on the way": ("bring safe places nearer or let people leave earlier", "缩短到安全处的路，或更早出发"),
    "no route": ("open a second way out where the only one failed", "在唯一出路失效处开辟第二条路"),
    "destination full": ("open more places, and say where they are free", "增加容量并告知何处有位"),
    "in water": ("mark vertical refuge for those who cannot outrun it", "为来不及的人设置竖向避难处"),
    "stranded by water": ("plan boat or air rescue for stranded groups", "为被困者准备水上或空中救援"),
    "stranded on closed road": ("tell drivers of closures before they set out", "出发前告知封路"),
    "car abandoned in jam": ("ask those within walking distance to walk", "步行可及者改为步行"),
    "road under water": ("send people inland before the coastal roads flood", "在沿海路淹没前引导内撤"),
    "road blocked by debris": ("clear the main ways out first", "优先清理主要出路"),
    "bridge damaged": ("plan ways out that need no bridge", "规划不依赖桥梁的出路"),
    "trapped": ("train neighbours in light rescue: crews came too late for many",
                "培训邻里互救：队伍往往来不及"),
}

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "simulation": "simulation, not a forecast", "report": "Report", "run": "Run", "seed": "seed",
        "comparison": "Comparison of plans", "replications": "replications",
        "map": "Greatest water depth, and where people died", "depth": "Depth on land, m",
        "dead": "death", "hospital": "hospital", "zone": "danger zone",
        "figures": "The figures", "bears": "Who bears it", "todo": "Three things to do",
        "sure": "How sure we are", "detail": "Detail", "metric": "Figure", "value": "Value",
        "unit": "Unit", "curve": "People over time", "minutes": "minutes after the start",
        "at_risk": "in danger zone", "way": "on the way", "safe": "safe", "people": "people",
        "ledger": "Where everybody was at the end", "unfinished": "Why people in the danger zone "
        "were not in safety", "zones": "Zones with the smallest margin",
        "margin": "last person out to first water", "group": "Group",
        "came": "came through unhurt and dry", "layers": "What the city rests on",
        "assumptions": "Assumptions", "methods": "Methods", "status": "Status", "source": "Source",
        "difference": "Difference", "interval": "95 % interval", "verdict": "Verdict",
        "better": "better", "worse": "worse", "no difference shown": "no difference shown",
        "diffchart": "Paired differences with 95 % intervals",
        "axis": "share of the first plan's value; up-triangle better, down-triangle worse",
        "nomap": "No map: a comparison keeps scores, not frames. Run one plan with the command "
        "run to see it on a map.", "best": "Fewest deaths, then score: share of resamples", "plan": "Plan",
        "people_n": "People", "timeline": "Timeline", "time": "Time", "event": "Event",
        "illustrative": "illustrative terrain", "zone_name": "Zone",
        "assisted": "cannot leave alone", "slow": "walks slowly", "normal": "walks normally",
        "0-4": "age 0-4", "5-14": "age 5-14", "15-29": "age 15-29", "30-59": "age 30-59",
        "60-74": "age 60-74", "75+": "age 75 and over", "car": "household with a car",
        "no car": "household without",
    },
    "zh": {
        "simulation": "模拟，并非预报", "report": "报告", "run": "单次运行", "seed": "种子",
        "comparison": "预案比较", "replications": "次重复", "map": "最大水深与死亡地点",
        "depth": "陆上水深（米）", "dead": "死亡", "hospital": "医院", "zone": "危险区",
        "figures": "数据", "bears": "谁承受", "todo": "三件要做的事", "sure": "有多确定",
        "detail": "细节", "metric": "指标", "value": "值", "unit": "单位", "curve": "人数随时间",
        "minutes": "起始后的分钟", "at_risk": "危险区内", "way": "在途", "safe": "安全",
        "people": "人", "ledger": "结束时每个人在哪里", "unfinished": "危险区内的人为何没有脱险",
        "zones": "余量最小的片区", "margin": "最后一人离开至首波水到达", "group": "群体",
        "came": "平安脱险", "layers": "城市数据的依据", "assumptions": "假设", "methods": "方法",
        "status": "状态", "source": "来源", "difference": "差异", "interval": "95% 区间",
        "verdict": "结论", "better": "更好", "worse": "更差", "no difference shown": "未显示差异",
        "diffchart": "配对差异与 95% 区间", "axis": "相对第一预案的比例；上三角更好，下三角更差",
        "nomap": "无地图：比较只保留得分，不保留画面。单独运行一个预案即可看到地图。",
        "best": "死亡最少、其次得分最高：重抽样占比", "plan": "预案",
        "people_n": "人数", "timeline": "时间线", "time": "时间",
        "event": "事件", "illustrative": "示意地形", "zone_name": "片区", "assisted": "无法独自离开",
        "slow": "行走缓慢", "normal": "行走正常", "0-4": "0-4 岁", "5-14": "5-14 岁",
        "15-29": "15-29 岁", "30-59": "30-59 岁", "60-74": "60-74 岁", "75+": "75 岁以上",
        "car": "有车户", "no car": "无车户",
    },
}


def metric_name(name: str, lang: str) -> str:
    """Name of a metric for people."""
    if name in METRICS:
        return METRICS[name][1 if lang == "zh" else 0]
    return name.replace("_", " ").capitalize()
