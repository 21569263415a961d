"use strict";
// What a run looks like at a moment: people, roads, water, units, facilities, figures.
const DANGER = 4, HURT = 5, DEAD = 6;

function starts(counts) {
  const out = new Uint32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) out[i + 1] = out[i] + counts[i];
  return out;
}

class Sim {
  constructor(key, head, page, bins) {
    this.key = key; this.head = head; this.page = page;
    this.bin = (name) => bins[key + "_" + name];
    this.meta = (name) => page.sections[key + "_" + name];
    [this.gx, this.gy, this.gs] = page.grid;
    this._people(); this._roads();
    this.unitTrailMinutes = 5;
  }
  // Frame number (with fraction) of a time in ms on an evenly spaced axis [first, step, count].
  frame(times, t) {
    return Math.max(0, Math.min(times[2] - 1, (t - times[0]) / times[1]));
  }
  _people() {
    const counts = this.bin("pn");
    this.n = counts ? counts.length : 0;
    if (!this.n) return;
    this.times = this.meta("pn").times;
    this.first = starts(counts); this.cursor = this.first.slice(0, this.n);
    this.sFirst = starts(this.bin("sn")); this.sCursor = this.sFirst.slice(0, this.n);
    const X = this.bin("px"), Y = this.bin("py");
    this.x = new Float32Array(X.length); this.y = new Float32Array(Y.length);
    for (let i = 0; i < X.length; i++) {
      this.x[i] = this.gx + X[i] * this.gs; this.y[i] = this.gy + Y[i] * this.gs;
    }
    this.positions = new Float32Array(2 * this.n);
    this.colors = new Uint8ClampedArray(4 * this.n);
    this.state = new Uint8Array(this.n).fill(255);
    this.size = this.bin("ps");
    this.radius = new Float32Array(this.n);
    this.lastFrame = -1;
  }
  // Positions and states of every drawn group at time t; `palette` holds [r, g, b, a] by state.
  people(t, palette) {
    if (!this.n) return;
    const f = this.frame(this.times, t), row = Math.floor(f);
    const T = this.bin("pt"), ST = this.bin("st"), SV = this.bin("sv");
    if (f < this.lastFrame) {
      this.cursor.set(this.first.subarray(0, this.n));
      this.sCursor.set(this.sFirst.subarray(0, this.n));
    }
    this.lastFrame = f;
    const repaint = palette !== this.palette;
    this.palette = palette;
    const counts = this.counts = new Uint32Array(7);
    const danger = [], dead = [];
    for (let i = 0; i < this.n; i++) {
      let c = this.cursor[i]; const end = this.first[i + 1];
      while (c + 1 < end && T[c + 1] <= f) c++;
      this.cursor[i] = c;
      let x = this.x[c], y = this.y[c];
      if (c + 1 < end && f > T[c]) {
        const part = (f - T[c]) / (T[c + 1] - T[c]);
        x += (this.x[c + 1] - x) * part; y += (this.y[c + 1] - y) * part;
      }
      this.positions[2 * i] = x; this.positions[2 * i + 1] = y;
      let s = this.sCursor[i]; const sEnd = this.sFirst[i + 1];
      while (s + 1 < sEnd && ST[s + 1] <= row) s++;
      this.sCursor[i] = s;
      const state = SV[s];
      counts[state] += this.size[i];
      if (state !== this.state[i] || repaint) {
        this.state[i] = state;
        this.colors.set(palette[state], 4 * i);
        const grown = 1.15 + 0.42 * Math.sqrt(this.size[i]);
        this.radius[i] = state === DEAD || (state === 0 && this.dense) ? 0 : state === 0 ? 0.75 * grown : state >= DANGER ? 1.5 * grown : grown;
      }
      if (state === DANGER) danger.push(x, y);
      else if (state === DEAD) dead.push({ x, y, n: this.size[i] });
    }
    this.danger = new Float32Array(danger); this.dead = dead;
  }
  _roads() {
    const street = this.bin("es");
    this.edges = street ? street.length : 0;
    if (this.edges) this.eFirst = starts(this.bin("en"));
  }
  // Edges that are slowed (level 1 to 3) or closed (4) at time t.
  roads(t, paths) {
    const out = [[], [], [], [], []];
    if (!this.edges) return out;
    const row = Math.floor(this.frame(this.meta("es").times, t));
    const T = this.bin("et"), V = this.bin("ev"), street = this.bin("es"), forward = this.bin("ef");
    for (let e = 0; e < this.edges; e++) {
      let i = this.eFirst[e], last = this.eFirst[e + 1] - 1;
      while (i < last) { const mid = (i + last + 1) >> 1; if (T[mid] <= row) i = mid; else last = mid - 1; }
      const level = V[i];
      if (level) out[level].push(paths(street[e], forward[e]));
    }
    return out;
  }
  // Raster codes of a water section at time t, between frames by straight line.
  raster(name, index, t) {
    const data = this.bin(name), meta = this.meta(name);
    if (!data || !data.length) return null;
    const n = meta.shape[1], f = this.frame(meta.times || this.meta(index).times, t);
    const a = Math.floor(f), b = Math.min(a + 1, meta.shape[0] - 1), part = f - a;
    const out = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      const u = data[a * n + i], v = data[b * n + i];
      out[i] = u + (v - u) * part;
    }
    return out;
  }
  units(t) {
    const X = this.bin("ux");
    if (!X) return [];
    const Y = this.bin("uy"), P = this.bin("up"), meta = this.meta("ux");
    const n = meta.shape[1], f = this.frame(meta.times, t);
    const a = Math.floor(f), b = Math.min(a + 1, meta.shape[0] - 1), part = f - a;
    const at = (r, i) => [this.gx + X[r * n + i] * this.gs, this.gy + Y[r * n + i] * this.gs];
    const from = Math.max(0, a - this.unitTrailMinutes);
    return this.head.units.map((unit, i) => {
      const p = at(a, i), q = at(b, i);
      const leap = (u, v) => Math.hypot(v[0] - u[0], v[1] - u[1]) > 0.034 * meta.times[1]; // no vehicle drives 34 m/s here
      const xy = leap(p, q) ? p : [p[0] + (q[0] - p[0]) * part, p[1] + (q[1] - p[1]) * part];
      let trail = [];
      for (let r = from; r <= a; r++) {
        const point = at(r, i), last = trail[trail.length - 1];
        if (last && leap(last, point)) trail = [];
        if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) > 5) trail.push(point);
      }
      trail.push(xy);
      return { unit, i, xy, phase: P[a * n + i], trail };
    });
  }
  load(t) {
    const meta = this.meta("load"), data = this.bin("load"), out = {};
    if (!data) return out;
    const n = meta.shape[1], row = Math.floor(this.frame(meta.times, t));
    meta.index.forEach((facility, i) => { out[facility] = data[row * n + i]; });
    return out;
  }
  // State of an incident's pin: 0 not yet, 1 waiting, 2 call answered, 3 unit sent, 4 on scene, 5 closed.
  incidentState(incident, t) {
    let state = 0;
    incident.t.forEach((when, i) => { if (when !== null && when !== undefined && when <= t) state = i + 1; });
    return state;
  }
  figure(name, t) {
    const series = this.head.kpi[name], when = this.head.kpi.t_ms;
    if (!series || !when.length) return null;
    const i = this.lastRow(when, t), a = series[i];
    if (a === null || i + 1 >= when.length || name === "median_response_s") return a;
    const b = series[i + 1];
    if (b === null) return a;
    return Math.round(a + (b - a) * Math.max(0, Math.min(1, (t - when[i]) / (when[i + 1] - when[i]))));
  }
  lastRow(times, t) {
    let low = 0, high = times.length - 1;
    while (low < high) { const mid = (low + high + 1) >> 1; if (times[mid] <= t) low = mid; else high = mid - 1; }
    return low;
  }
}
