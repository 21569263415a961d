"use strict";
// Panels over the map: figures, event list, legend, time bar. They keep their size while playing.
const CATEGORY_COLORS = ["#57b8d9", "#e8c547", "#9aa7b4", "#ff6a45", "#c9a36a", "#7fb2ff", "#b08cff"];
const BADGE = ["A", "B", "A B"];
const $ = (id) => document.getElementById(id);
const make = (tag, props, ...children) => { const node = Object.assign(document.createElement(tag), props); node.append(...children); return node; };
const number = (v) => v === null || v === undefined ? "–" : Math.round(v).toLocaleString("en");

class Panels {
  constructor(page, sims, player) {
    this.page = page; this.sims = sims; this.player = player;
    this.filter = new Set(page.categories.map((_, i) => i));
    this.keyOnly = true; this.pair = sims.length > 1;
    this.feed = this.merged(sims).sort((a, b) => a.t - b.t || b.w - a.w);
    this.touched = 0;
    const hold = () => { this.touched = performance.now(); };
    for (const kind of ["wheel", "pointerdown", "touchmove"]) $("events").addEventListener(kind, hold, { passive: true });
    $("events").addEventListener("click", (event) => {
      const li = event.target.closest("li");
      if (li) player.visit(this.shown[Number(li.dataset.i)]);
    });
  }
  // What happens alike under both plans is told once; `run` is then 2.
  merged(sims) {
    const told = new Map();
    sims.forEach((sim, run) => sim.head.feed.forEach((e) => {
      let key = `${e.t} ${e.en}`;
      while (told.has(key) && told.get(key).run !== run - 1) key += "+";
      if (told.has(key)) told.get(key).run = 2; else told.set(key, Object.assign({ run }, e));
    }));
    return [...told.values()];
  }
  get words() { return this.page.ui[this.lang]; }
  word(key) { return this.words[key] || key; }
  setLang(lang) {
    this.lang = lang;
    document.documentElement.lang = lang === "zh" ? "zh-Hans" : "en";
    for (const node of document.querySelectorAll("[data-i18n]")) node.textContent = this.word(node.dataset.i18n);
    for (const node of document.querySelectorAll("[data-title]")) { node.title = this.word(node.dataset.title); node.setAttribute("aria-label", node.title); }
    $("b-lang").textContent = this.word("language");
    this.build();
  }
  build() {
    const { page, sims } = this, head = sims[0].head;
    $("city").textContent = page.city.title;
    $("scenario").textContent = head.scenario;
    $("plans").replaceChildren(...sims.map((sim, i) => make("div", {}, this.pair ? `${"AB"[i]} ` : `${this.word("plan")}: `, make("b", { textContent: sim.head.plan }), make("span", { textContent: `${this.word("seed")} ${sim.head.seed}` }))));
    if (head.share < 1) $("plans").append(make("div", { textContent: `${this.word("share")} ${head.share}` }));
    $("illustrative").hidden = !page.city.illustrative;
    $("notes").textContent = [...page.city.notes, `${this.word("digest")} ${sims.map((s) => s.head.digest).join(", ")}`].join(" · "); $("notes").title = $("notes").textContent;
    $("controls").title = this.word("keys");
    this.figures(); this.filters(); this.events(); this.legend(); this.timeline(); this.mapNames();
  }
  figures() {
    const box = $("figures"); box.className = this.pair ? "pair" : ""; box.replaceChildren();
    this.cells = {};
    if (this.pair) box.append(make("div", { className: "fig two headrow" }, make("span", { className: "name", hidden: true }), make("span", { textContent: "A" }), make("span", { textContent: "B" }), make("span", { textContent: this.word("difference"), style: "text-align:right" })));
    for (const name of this.page.figures) {
      const values = this.sims.map(() => make("span", { className: "val", textContent: "–" }));
      if (this.pair) {
        const diff = make("span", { className: "val diff", textContent: "–" });
        box.append(make("div", { className: "fig two" }, make("span", { className: "name", textContent: this.word(name) }), ...values, diff));
        this.cells[name] = { values, diff };
      } else {
        const spark = this.spark(this.sims[0].head.kpi[name] || [], this.sims[0].head.kpi.t_ms);
        box.append(make("div", { className: "fig" }, make("span", { className: "name", textContent: this.word(name) }), spark.svg, values[0]));
        this.cells[name] = { values, spark };
      }
    }
    const gauge = this.sims[0].head.gauge;
    if (gauge && !this.pair) {
      const value = make("span", { className: "val", textContent: "–" });
      const times = gauge.level[0].map((_, i) => gauge.times[0] + i * gauge.times[1]);
      const spark = this.spark(gauge.level[0], times, true);
      box.append(make("div", { className: "fig gauge" }, make("span", { className: "name", textContent: `${this.word("gauge")}, ${gauge.names[0]}` }), spark.svg, value));
      this.gauge = { value, spark, times, level: gauge.level[0] };
    }
  }
  spark(series, times, signed) {
    const W = 52, H = 22, svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const known = series.filter((v) => v !== null), low = signed ? Math.min(0, ...known) : 0, high = Math.max(low + 1e-9, 1e-9, ...known);
    const total = Math.max(1, this.sims[0].head.duration_ms);
    let d = "", pen = "M";
    series.forEach((v, i) => { if (v === null) { pen = "M"; return; } d += `${pen}${(W * times[i] / total).toFixed(1)} ${(H - 2 - (H - 4) * (v - low) / (high - low)).toFixed(1)}`; pen = "L"; });
    svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
    const id = `clip${Math.random().toString(36).slice(2)}`;
    svg.innerHTML = `<clipPath id="${id}"><rect x="0" y="-2" width="0" height="${H + 4}"/></clipPath><path class="spark" d="${d}"/><path class="spark done" clip-path="url(#${id})" d="${d}"/>`;
    return { svg, rect: svg.querySelector("rect"), W, total };
  }
  filters() {
    const names = this.page.categories;
    const chip = (label, pressed, click, color) => {
      const b = make("button", { textContent: label, onclick: click }); b.setAttribute("aria-pressed", pressed);
      if (color) b.prepend(make("i", { style: `display:inline-block;width:7px;height:7px;border-radius:50%;margin-right:5px;background:${color}` }));
      return b;
    };
    const again = () => { this.filters(); this.events(); this.follow(this.player.t, true); };
    $("filters").replaceChildren(
      chip(this.word("key"), this.keyOnly, () => { this.keyOnly = !this.keyOnly; again(); }),
      ...names.map((name, i) => chip(this.word(name), this.filter.has(i), () => { if (this.filter.has(i)) this.filter.delete(i); else this.filter.add(i); again(); }, CATEGORY_COLORS[i])));
  }
  events() {
    this.shown = this.feed.filter((e) => this.filter.has(e.c) && (!this.keyOnly || e.w > 1));
    const list = document.createDocumentFragment();
    this.shown.forEach((e, i) => {
      const text = make("span", {}, this.pair ? make("b", { className: "ab", textContent: BADGE[e.run] }) : "", e[this.lang]);
      const li = make("li", { className: `w${e.w}` }, make("i", { style: `background:${CATEGORY_COLORS[e.c]}` }), make("time", { textContent: this.player.local(e.t) }), text);
      li.dataset.i = i; list.append(li);
    });
    if (!this.shown.length) list.append(make("li", { className: "past", textContent: this.word("no_events"), style: "display:block" }));
    $("events").replaceChildren(list);
    $("eventcount").textContent = this.shown.length.toLocaleString("en");
    this.nowIndex = undefined;
  }
  // Mark what has happened and keep the present in view, unless the reader has just scrolled.
  follow(t, force) {
    let low = -1, high = this.shown.length - 1;
    while (low < high) { const mid = (low + high + 1) >> 1; if (this.shown[mid].t <= t) low = mid; else high = mid - 1; }
    if (low === this.nowIndex && !force) return;
    const items = $("events").children, before = this.nowIndex === undefined ? -1 : this.nowIndex;
    for (let i = Math.min(before, low) + 1; i <= Math.max(before, low); i++) if (items[i]) items[i].classList.toggle("past", i <= low);
    if (items[before]) items[before].classList.remove("present");
    if (items[low] && low >= 0) {
      items[low].classList.add("present");
      if (force || performance.now() - this.touched > 5000) $("events").scrollTop = items[low].offsetTop - $("events").offsetTop - $("events").clientHeight * 0.6;
    }
    this.nowIndex = low;
    const latest = this.feed.filter((e) => e.w === 3 && e.t <= t).pop();
    $("nowtext").textContent = latest ? `${this.player.local(latest.t)}  ${this.pair ? `${BADGE[latest.run]}: ` : ""}${latest[this.lang]}` : "";
  }
  // Layers and their legend in one list: a heading is the layer's switch.
  legend() {
    const { scene } = this.player, theme = THEMES[scene.theme], on = scene.on, box = $("legend"), last = make("div", { className: "items" });
    const css = (c) => `rgba(${c[0]},${c[1]},${c[2]},${(c[3] === undefined ? 255 : c[3]) / 255})`;
    const item = (mark, text) => make("span", {}, mark, text), icon = (name) => make("img", { src: this.icon(name), alt: "" }), dot = (style, className = "") => make("i", { className, style });
    const note = (text) => make("small", { textContent: text });
    const ramp = (colors, labels, titles = []) => make("div", { className: "ramp" }, ...colors.map((c, i) => make("span", { textContent: labels[i], title: titles[i] || "", style: `border-top-color:${css(c)}` })));
    const chip = (key, mark = "") => {
      const b = make("button", { onclick: () => this.player.setLayer(key, !on[key]) }, mark, this.word("L_" + key));
      b.dataset.layer = key; b.setAttribute("aria-pressed", on[key]);
      return b;
    };
    const group = (key, text, ...content) => box.append(make("h3", {}, chip(key), on[key] && text ? note(text) : ""), ...(on[key] ? content : []));
    const items = (...list) => make("div", { className: "items" }, ...list);
    box.replaceChildren();
    group("people", this.word("per_point"), items(...this.page.states.map((name, i) => item(name === "dead" ? icon(scene.theme === "dark" ? "dead" : "deadLight") : dot(`background:${css(theme.people[i])}`, name === "danger" ? "pulse" : ""), this.word(name)))),
      ...(this.sims.some((s) => s.dense) ? [note(this.word("density")), ramp(theme.heat, ["1–10", "–25", "–60", "–120", "> 120"])] : []));
    if (this.sims.some((s) => s.head.venues) && on.people) box.append(note(this.word("crowd")), ramp(CROWD.colors, ["< 0.7", "–2.2", "–4", "–5", "≥ 5"]));
    group("roads", this.word("speed"), ramp([...SPEED.slice(1), [150, 160, 170]], ["0.5–0.75", "0.25–0.5", "< 0.25", `× ${this.word("closed")}`]));
    if (this.page.ground.land) {
      const mix = (to, k) => theme.sea.map((v, i) => v + (to[i] - v) * k);
      group("water", this.word("depth"), ramp(DEPTH.colors, ["0.1–0.5", "–1", "–2", "–4", "> 4"]), note(this.word("sea")),
        ramp([theme.seaLow, mix(theme.seaLow, 0.6), theme.sea, mix(theme.seaHigh, 0.44), theme.seaHigh], ["≤ −2", "−1", "0", "+1", "≥ +3"]));
    }
    const kinds = [...new Set(this.sims.flatMap((s) => s.head.units.map((u) => u.kind)))];
    if (kinds.length) group("units", "", items(...kinds.map((k) => item(icon("unit-" + k), this.word(k))), ...(this.sims.some((s) => s.head.controls.length) ? [item(icon("control-on"), this.word("control"))] : [])));
    if (this.sims.some((s) => s.head.incidents.length)) group("incidents", "", items(...["waiting", "known", "sent", "reached", "done"].map((w, i) => item(icon(`pin-rescue-${i + 1}`), this.word(w))), item(make("b", { textContent: "! " }), this.word("rescue")), item(make("b", { textContent: "+ " }), this.word("medical"))));
    group("facilities", "", items(...[...new Set(this.page.facilities.map((f) => f.kind))].map((k) => item(icon("place-" + k), this.word(k)))));
    const zones = this.sims.flatMap((s) => s.head.zones);
    last.append(chip("danger", dot(`background:none;border:1.5px solid ${css(theme.danger)};border-radius:2px`)));
    if (zones.length) last.append(chip("margin"));
    if (zones.some((z) => z.dark.length)) last.append(chip("dark"));
    if (this.page.ground.buildings) last.append(chip("houses"));
    last.append(chip("names"));
    box.append(last);
    if (zones.length && on.margin) box.append(note(this.word("margin_unit")), ramp([[228, 87, 46], [232, 197, 71], [120, 170, 150], [59, 126, 161]], ["< 0", "0–10", "10–30", "> 30"]));
  }
  icon(name) {
    this.iconCache = this.iconCache || {};
    if (!this.iconCache[name]) {
      const { canvas, mapping, S } = this.player.scene.icons, m = mapping[name] || mapping["unit-volunteers"], small = make("canvas", { width: 32, height: 32 });
      small.getContext("2d").drawImage(canvas, m.x, m.y, S, S, 0, 0, 32, 32);
      this.iconCache[name] = small.toDataURL();
    }
    return this.iconCache[name];
  }
  timeline() {
    const canvas = $("curve"), scale = Math.min(2, devicePixelRatio || 1), W = canvas.clientWidth, H = canvas.clientHeight;
    canvas.width = W * scale; canvas.height = H * scale;
    const g = canvas.getContext("2d"); g.scale(scale, scale);
    const light = this.player.scene.theme === "light", total = this.player.duration;
    const series = this.sims.map((s) => s.head.kpi.people_at_risk || []), high = Math.max(1, ...series.flat().map((v) => v || 0));
    g.strokeStyle = light ? "rgba(30,45,60,.25)" : "rgba(150,170,190,.25)"; g.beginPath(); g.moveTo(0, H - .5); g.lineTo(W, H - .5); g.stroke();
    series.forEach((values, run) => {
      const when = this.sims[run].head.kpi.t_ms;
      g.beginPath(); g.moveTo(0, H);
      values.forEach((v, i) => g.lineTo(W * when[i] / total, H - (H - 9) * (v || 0) / high));
      if (run === 0) { g.lineTo(W * (when[when.length - 1] || 0) / total, H); g.closePath(); g.fillStyle = light ? "rgba(228,87,46,.22)" : "rgba(255,150,110,.22)"; g.fill(); }
      else { g.strokeStyle = light ? "#9a6a00" : "#e8c547"; g.lineWidth = 1.3; g.stroke(); }
    });
    $("peak").textContent = `${this.word(this.pair ? "curves" : "curve")} ${number(high)}`;
    for (const e of this.feed) if (e.w > 1) { g.fillStyle = CATEGORY_COLORS[e.c]; g.globalAlpha = e.w === 3 ? 1 : 0.45; g.fillRect(W * e.t / total - 0.75, e.w === 3 ? 0 : 4, 1.5, e.w === 3 ? 9 : 4); }
    g.globalAlpha = 1;
    const steps = [300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400], step = steps.find((s) => total / 1000 / s <= Math.max(3, W / 95)) || 86400, marks = [];
    const zero = this.sims[0].head.start_ms + this.page.city.offset_min * 60000, first = Math.ceil(zero / 1000 / step) * step * 1000 - zero;
    for (let t = first; t <= total; t += step * 1000) if (t / total > 0.02 && t / total < 0.98) marks.push(make("span", { textContent: this.player.local(t).slice(0, 5), style: `left:${100 * t / total}%` }));
    $("hours").replaceChildren(...marks);
  }
  mapNames() {
    const box = $("mapnames"); box.replaceChildren();
    if (!this.pair) return;
    const small = innerWidth <= 760, folded = $("app").classList.contains("folded"), halves = this.player.halves();
    this.sims.forEach((sim, i) => {
      const span = make("span", {}, make("em", { textContent: "AB"[i] }), sim.head.plan);
      Object.assign(span.style, small ? { left: "50%", top: `${halves[i][0] + 6}px` } : folded ? { left: `${halves[i][0] + 16}px`, top: "14px", transform: "none", maxWidth: `${halves[i][1] - 280}px` }
        : { left: `${halves[i][0] + halves[i][1] / 2}px`, top: "14px", maxWidth: `${halves[i][1] - 24}px` });
      box.append(span);
    });
    const line = make("u");
    Object.assign(line.style, small ? { left: 0, right: 0, top: `${halves[1][0] - 1}px`, height: "2px" } : { left: `${halves[1][0] - 1}px`, top: 0, bottom: 0, width: "2px" });
    box.append(line);
  }
  show(t) {
    $("clock").textContent = this.player.local(t);
    $("tplus").textContent = this.player.elapsed(t);
    $("date").textContent = `${this.player.date(t)}, ${this.word("local")}`;
    $("head").style.left = `${100 * t / this.player.duration}%`;
    const seconds = (v) => v === null || v === undefined ? "–" : v < 120 ? `${v} ${this.word("s")}`
      : v < 7200 ? `${(v / 60).toFixed(1)} ${this.word("min")}` : `${(v / 3600).toFixed(1)} ${this.word("h")}`;
    for (const [name, cell] of Object.entries(this.cells)) {
      const values = this.sims.map((s) => s.figure(name, t)), text = name === "median_response_s" ? seconds : number;
      cell.values.forEach((node, i) => { const now = text(values[i]); if (node.textContent !== now) node.textContent = now; });
      if (cell.diff) {
        const d = values[0] === null || values[1] === null ? null : values[1] - values[0];
        cell.diff.textContent = d === null ? "–" : d === 0 ? "0" : (d > 0 ? "+" : "−") + text(Math.abs(d));
      } else cell.spark.rect.setAttribute("width", cell.spark.W * t / cell.spark.total);
    }
    if (this.gauge && !this.pair) {
      const v = this.gauge.level[this.sims[0].lastRow(this.gauge.times, t)];
      this.gauge.value.textContent = `${v >= 0 ? "+" : "−"}${Math.abs(v).toFixed(2)} m`;
      this.gauge.spark.rect.setAttribute("width", this.gauge.spark.W * t / this.gauge.spark.total);
    }
    this.follow(t);
  }
  tip(info) {
    const node = $("tip"), d = info && info.object;
    if (!d) { node.hidden = true; return; }
    const lines = this.describe(d);
    if (!lines) { node.hidden = true; return; }
    node.replaceChildren(make("b", { textContent: lines[0] }), ...lines.slice(1).map((l) => make("div", { textContent: l })));
    node.hidden = false;
    node.style.left = `${Math.min(innerWidth - 270, info.x + 14)}px`; node.style.top = `${Math.min(innerHeight - 90, info.y + 14)}px`;
  }
  describe(d) {
    const w = (k) => this.word(k);
    if (d.unit) return [`${d.unit.name} · ${w(d.unit.kind)}`, w(this.page.phases[d.phase]), d.unit.station || ""].filter(Boolean);
    if (d.f) return [d.f.name, w(d.f.kind), d.f.capacity ? `${number(d.load)} / ${number(d.f.capacity)} ${d.f.kind === "hospital" ? w("beds") : w("places")}` : d.load ? `${number(d.load)}` : ""].filter(Boolean);
    if (d.d && d.state) return [`${w("incident")} ${d.d.id}: ${w(d.d.kind)} (${d.d.n})`, w(["", "waiting", "known", "sent", "reached", "done"][d.state])];
    if (d.c) return [d.c.name, w("control")];
    if (d.n) return [w("dead"), `${w("group")} ${d.n}`];
    return null;
  }
}
