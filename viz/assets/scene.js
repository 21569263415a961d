"use strict";
// The map: deck.gl layers from the packed ground and from each run at the present moment.
const METRES = () => deck.COORDINATE_SYSTEM.METER_OFFSETS;
const THEMES = {
  dark: {
    land: [24, 34, 44], sea: [12, 35, 51], seaLow: [6, 18, 30], seaHigh: [84, 168, 194],
    roads: [[104, 124, 143, 255], [78, 97, 114, 255], [50, 65, 79, 255], [39, 51, 62, 255]],
    border: [150, 168, 186, 90], text: [214, 224, 234, 255], soft: [150, 168, 186, 255], halo: [16, 23, 31, 235],
    house: [44, 57, 69, 255], danger: [255, 178, 120, 190], dark: [4, 6, 12, 150], heat: [[66, 78, 90], [92, 105, 119], [121, 135, 149], [154, 167, 180], [196, 207, 217]],
    people: [[134, 148, 163, 150], [240, 208, 96, 235], [92, 186, 240, 235], [72, 196, 150, 205], [255, 96, 60, 255], [224, 140, 214, 255], [255, 255, 255, 255]],
  },
  light: {
    land: [243, 241, 236], sea: [190, 215, 229], seaLow: [150, 178, 198], seaHigh: [22, 98, 150],
    roads: [[150, 146, 138, 255], [180, 176, 168, 255], [214, 210, 202, 255], [226, 222, 215, 255]],
    border: [90, 90, 90, 100], text: [30, 38, 46, 255], soft: [92, 102, 112, 255], halo: [255, 255, 255, 235],
    house: [222, 216, 206, 255], danger: [178, 74, 10, 200], dark: [20, 20, 40, 90], heat: [[208, 206, 201], [180, 179, 176], [150, 151, 152], [118, 121, 125], [84, 89, 95]],
    people: [[120, 126, 134, 150], [184, 134, 0, 235], [0, 104, 180, 235], [0, 132, 92, 205], [214, 56, 20, 255], [160, 40, 150, 255], [20, 20, 20, 255]],
  },
};
const SPEED = [[59, 126, 161, 255], [150, 170, 120, 255], [232, 197, 71, 255], [228, 87, 46, 255]];
// Depth classes in metres with a viridis ramp; sea level classes share the theme's sea colours.
const DEPTH = { limits: [0.1, 0.5, 1, 2, 4], colors: [[92, 96, 190], [52, 126, 178], [33, 160, 148], [110, 206, 94], [253, 231, 37]] };
// Density at a venue in people per m²: levels of service C and E (Fruin), then 4 and 5 (danger).
const CROWD = { limits: [0.72, 2.17, 4, 5], colors: [[59, 126, 161, 235], [150, 170, 120, 235], [232, 197, 71, 235], [240, 140, 50, 240], [228, 60, 46, 250]] };
const UNIT_COLORS = { ambulance: "#f2f5f7", fire_rescue: "#ff8a5c", police: "#7fb2ff", utilities: "#f0d060", volunteers: "#9fe0b8" };
const PIN = ["", "#ff5a3c", "#ffb648", "#6fc3ff", "#4fd0a0", "#7d8a97"];

class Scene {
  constructor(page, bins, sims) {
    this.page = page; this.bins = bins; this.sims = sims;
    [this.gx, this.gy, this.gs] = page.grid;
    this.theme = "dark"; this.cache = {}; this.images = {};
    this.on = { water: true, roads: true, people: true, units: true, incidents: true, facilities: true, danger: true, margin: false, dark: false, names: true, houses: true };
    this._streets();
    this.icons = drawIcons();
  }
  // Everything but houses lies flat: drawn in the order of the list, or a tilted map would lose layers.
  props(id, more) {
    return Object.assign({ id, parameters: { depthCompare: "always", depthWriteEnabled: false }, coordinateSystem: METRES(), coordinateOrigin: [this.page.city.lon, this.page.city.lat, 0] }, more);
  }
  _streets() {
    this.rFirst = starts(this.bins.road_n);
    const X = this.bins.road_x, Y = this.bins.road_y;
    this.rx = new Float32Array(X.length); this.ry = new Float32Array(X.length);
    for (let i = 0; i < X.length; i++) { this.rx[i] = this.gx + X[i] * this.gs; this.ry[i] = this.gy + Y[i] * this.gs; }
  }
  // Polyline of a street in driving direction, moved to the right by a lane's width.
  lane(street, forward) {
    const a = this.rFirst[street], b = this.rFirst[street + 1], path = [];
    for (let k = 0; k < b - a; k++) { const i = forward ? a + k : b - 1 - k; path.push([this.rx[i], this.ry[i]]); }
    const dx = path[path.length - 1][0] - path[0][0], dy = path[path.length - 1][1] - path[0][1], d = Math.hypot(dx, dy) || 1;
    for (const p of path) { p[0] += 3 * dy / d; p[1] -= 3 * dx / d; }
    path.cls = this.bins.road_class[street];
    return path;
  }
  lines(prefix, chosen) {
    const first = starts(this.bins[prefix + "_n"]), X = this.bins[prefix + "_x"], Y = this.bins[prefix + "_y"];
    let total = 0;
    for (const i of chosen) total += first[i + 1] - first[i];
    const value = new Float32Array(2 * total), startIndices = new Uint32Array(chosen.length + 1);
    let at = 0;
    chosen.forEach((row, k) => {
      startIndices[k] = at;
      for (let i = first[row]; i < first[row + 1]; i++, at++) { value[2 * at] = this.gx + X[i] * this.gs; value[2 * at + 1] = this.gy + Y[i] * this.gs; }
    });
    startIndices[chosen.length] = at;
    return { length: chosen.length, startIndices, value };
  }
  // deck.gl never draws a layer again that was once taken off the map: after a switch, build anew.
  forget() { this.cache = {}; }
  once(key, make) {
    if (!(key in this.cache)) this.cache[key] = make();
    return this.cache[key];
  }
  ground() {
    return this.once("ground-" + this.theme, () => {
      const colors = THEMES[this.theme], layers = [];
      if (this.page.ground.land) layers.push(...this.land(colors));
      const classes = this.bins.road_class, rows = [[], [], [], []];
      for (let i = 0; i < classes.length; i++) if (this.rFirst[i + 1] - this.rFirst[i] > 1) rows[classes[i]].push(i);
      for (const k of [3, 2, 1, 0]) {
        if (!rows[k].length) continue;
        const d = this.lines("road", rows[k]);
        layers.push(new deck.PathLayer(this.props("road-" + k + this.theme, {
          data: { length: d.length, startIndices: d.startIndices, attributes: { getPath: { value: d.value, size: 2 } } },
          _pathType: "open", positionFormat: "XY", getColor: colors.roads[k], widthUnits: "meters", getWidth: [14, 9, 6, 3][k],
          widthMinPixels: [1.9, 1.2, 0.65, 0.4][k], widthMaxPixels: [12, 8, 6, 3][k], jointRounded: true, capRounded: true })));
      }
      layers.push(new deck.PathLayer(this.props("borders-" + this.theme, {
        data: this.page.ground.borders.flatMap((ring) => dashed(ring, 260, 0.5)), getPath: (d) => d, getColor: colors.border, widthUnits: "pixels", getWidth: 1.2 })));
      return layers;
    });
  }
  land(colors) {
    const meta = this.page.sections.land_mask, [h, w] = meta.shape;
    const image = new ImageData(w, h), mask = this.bins.land_mask, shade = this.bins.land_shade;
    const strength = this.theme === "dark" ? 0.9 : 0.16;
    for (let r = 0; r < h; r++) for (let c = 0; c < w; c++) {
      const from = r * w + c, to = 4 * ((h - 1 - r) * w + c), light = 1 + strength * (shade[from] * 8 - 128) / 128;
      for (let k = 0; k < 3; k++) image.data[to + k] = colors.land[k] * light;
      image.data[to + 3] = 17 * mask[from];
    }
    const far = this.page.sections.far_mask.shape, wide = new ImageData(far[1], far[0]);
    for (let i = 0; i < far[0] * far[1]; i++) {
      const to = 4 * ((far[0] - 1 - Math.floor(i / far[1])) * far[1] + i % far[1]);
      for (let k = 0; k < 3; k++) wide.data[to + k] = colors.land[k];
      wide.data[to + 3] = 255 * this.bins.far_mask[i];
    }
    return [this.bitmap("far-" + this.theme, wide, this.page.ground.land.far), this.bitmap("land-" + this.theme, image, this.page.ground.land.bounds)];
  }
  bitmap(id, image, bounds, more) {
    return new deck.BitmapLayer(this.props(id, Object.assign({ image, bounds, textureParameters: { minFilter: "linear", magFilter: "linear" } }, more)));
  }
  houses() {
    if (!this.page.ground.buildings || !this.on.houses) return [];
    return this.once("houses-" + this.theme, () => {
      const count = this.bins.house_n.length, d = this.lines("house", [...Array(count).keys()]);
      const heights = new Float32Array(d.value.length / 2);
      for (let k = 0; k < count; k++) heights.fill(this.bins.house_height[k], d.startIndices[k], d.startIndices[k + 1]);
      return [new deck.SolidPolygonLayer(this.props("houses-" + this.theme, {
        data: { length: count, startIndices: d.startIndices, attributes: { getPolygon: { value: d.value, size: 2 }, getElevation: { value: heights, size: 1 } } },
        _normalize: false, parameters: { depthCompare: "less-equal", depthWriteEnabled: true }, positionFormat: "XY", extruded: true, getFillColor: THEMES[this.theme].house })) ];
    });
  }
  // The sea's surface lies under the land, so that coarse blocks never spill over the coast.
  stillSea() {
    const land = this.page.ground.land, colors = THEMES[this.theme];
    if (!land) return [];
    return this.once("flat-sea-" + this.theme, () => {
      const image = new ImageData(2, 2);
      for (let i = 0; i < 4; i++) { image.data.set(colors.sea, 4 * i); image.data[4 * i + 3] = 255; }
      return [this.bitmap("flat-sea-" + this.theme, image, land.far)];
    });
  }
  sea(sim, t) {
    const meta = sim.meta("sea"), colors = THEMES[this.theme];
    const land = this.page.ground.land;
    if (!land || !meta || !this.on.water) return [];
    const [x0, y0, dx] = land.raster, step = meta.block * dx, h = meta.rows, w = meta.columns;
    const image = this.timed("sea" + sim.key, t, () => {
      const level = sim.raster("sea", "sea", t), index = sim.bin("seai"), full = new Float32Array(h * w);
      level.forEach((v, i) => { full[index[i]] = v < 0.5 ? NaN : (v - 128) * meta.step; });
      const img = new ImageData(w, h), known = new Uint8Array(h * w);
      index.forEach((c, i) => { if (!Number.isNaN(full[c])) known[c] = 1; });
      for (let r = 0; r < h; r++) for (let c = 0; c < w; c++) {
        let v = full[r * w + c];
        if (!known[r * w + c]) { // take the mean of known neighbours under the coast
          let sum = 0, n = 0;
          for (let a = -2; a <= 2; a++) for (let b = -2; b <= 2; b++) {
            const rr = r + a, cc = c + b;
            if (rr >= 0 && cc >= 0 && rr < h && cc < w && known[rr * w + cc]) { sum += full[rr * w + cc]; n++; }
          }
          v = n ? sum / n : 0;
        }
        const part = Math.max(-1, Math.min(1, v / (v < 0 ? 2 : 3))), to = part < 0 ? colors.seaLow : colors.seaHigh;
        const k = Math.pow(Math.abs(part), 0.75), p = 4 * ((h - 1 - r) * w + c);
        for (let q = 0; q < 3; q++) img.data[p + q] = colors.sea[q] + (to[q] - colors.sea[q]) * k;
        img.data[p + 3] = 255;
      }
      // Past the simulated area the surface fades into still sea.
      const edge = Math.max(2, Math.round(0.04 * Math.min(h, w)));
      for (let r = 0; r < h; r++) for (let c = 0; c < w; c++) {
        const near = Math.min(r, c, h - 1 - r, w - 1 - c);
        if (near < edge) img.data[4 * ((h - 1 - r) * w + c) + 3] = 255 * near / edge;
      }
      return img;
    });
    return [this.bitmap("sea@" + sim.key, image, [x0, y0, x0 + step * w, y0 + step * h])];
  }
  // Depth on land over the bounding box of cells that are ever wet.
  depth(sim, t) {
    const meta = sim.meta("wd"), land = this.page.ground.land;
    if (!meta || !land || !this.on.water) return [];
    const [x0, y0, dx, rows, columns] = land.raster, index = sim.bin("wi");
    if (!index.length) return [];
    const box = this.once("wet" + sim.key, () => {
      let r0 = 1e9, r1 = -1, c0 = 1e9, c1 = -1;
      for (const cell of index) { const r = Math.floor(cell / columns), c = cell % columns; r0 = Math.min(r0, r); r1 = Math.max(r1, r); c0 = Math.min(c0, c); c1 = Math.max(c1, c); }
      return [r0 - 1, r1 + 1, c0 - 1, c1 + 1];
    });
    const [r0, r1, c0, c1] = box, h = r1 - r0 + 1, w = c1 - c0 + 1;
    const image = this.timed("depth" + sim.key, t, () => {
      const code = sim.raster("wd", "wi", t), img = new ImageData(w, h);
      for (let p = 0; p < img.data.length; p += 4) img.data.set(DEPTH.colors[0], p); // no dark fringe
      let wet = 0;
      for (let i = 0; i < index.length; i++) {
        const d = code[i] * meta.step;
        if (d < DEPTH.limits[0]) continue;
        wet++;
        let k = 0;
        while (k + 1 < DEPTH.limits.length && d >= DEPTH.limits[k + 1]) k++;
        const r = Math.floor(index[i] / columns) - r0, c = index[i] % columns - c0, p = 4 * ((h - 1 - r) * w + c);
        img.data.set(DEPTH.colors[k], p); img.data[p + 3] = 205;
      }
      sim.wetCells = wet;
      return img;
    });
    return [this.bitmap("depth@" + sim.key, image, [x0 + c0 * dx, y0 + r0 * dx, x0 + (c1 + 1) * dx, y0 + (r1 + 1) * dx])];
  }
  // Rasters are redrawn every ten simulated seconds at most.
  timed(key, t, make) {
    const slot = Math.round(t / 10000) + this.theme, kept = this.images[key];
    if (kept && kept.slot === slot) return kept.image;
    const image = make();
    this.images[key] = { slot, image };
    return image;
  }
  congestion(sim, t) {
    if (!this.on.roads || !sim.edges) return [];
    const slot = Math.floor(t / 60000), key = "roads" + sim.key + this.theme;
    if (this.cache[key] && this.cache[key].slot === slot) return this.cache[key].layers;
    const levels = sim.roads(t, (s, f) => this.lane(s, f)), layers = [];
    sim.slowed = levels[1].length + levels[2].length + levels[3].length; sim.closedEdges = levels[4].length;
    for (const k of [1, 2, 3]) layers.push(new deck.PathLayer(this.props("speed" + k + "@" + sim.key, {
      data: levels[k], getPath: (d) => d, getColor: SPEED[k], widthUnits: "meters", getWidth: [0, 6, 8, 10][k],
      widthMinPixels: [0, 1.4, 2, 2.6][k], widthMaxPixels: 9, capRounded: true, jointRounded: true })));
    if (levels[4].length) layers.push(...this.closed(sim, levels[4]));
    this.cache[key] = { slot, layers };
    return layers;
  }
  // Closed links: grey dashes, with a small cross in the middle when the map is close enough.
  closed(sim, paths) {
    const dashes = paths.flatMap((path) => dashed(path, 22, 0.55)), marks = paths.map((path) => path[Math.floor(path.length / 2)]);
    return [
      new deck.PathLayer(this.props("closed@" + sim.key, { data: dashes, getPath: (d) => d, getColor: this.theme === "dark" ? [190, 198, 206, 230] : [90, 90, 90, 230], widthUnits: "pixels", getWidth: 1.6 })),
      this.iconLayer("closed-mark@" + sim.key, marks.filter((_, i) => i % 2 === 0), (d) => d, () => "shut", 9, { sizeMaxPixels: 12, sizeUnits: "meters", getSize: 26 }),
    ];
  }
  iconLayer(id, data, position, icon, size, more) {
    return new deck.IconLayer(this.props(id, Object.assign({ data, iconAtlas: this.icons.image, iconMapping: this.icons.mapping, getPosition: position, getIcon: icon, sizeUnits: "pixels", getSize: size, alphaCutoff: 0.02 }, more)));
  }
  people(sim, t, zoom, viewBox) {
    if (!this.on.people || !sim.n) return [];
    sim.people(t, THEMES[this.theme].people);
    const layers = [], grow = pointScale(zoom);
    let inside = 0;
    const p = sim.positions;
    for (let i = 0; i < sim.n; i++) if (p[2 * i] > viewBox[0] && p[2 * i] < viewBox[2] && p[2 * i + 1] > viewBox[1] && p[2 * i + 1] < viewBox[3]) inside++;
    // Too many points to read: those still at home become a density, the others stay points.
    const dense = inside > 50000;
    if (dense !== !!sim.dense) { sim.dense = dense; sim.palette = null; sim.people(t, THEMES[this.theme].people); this.legendDue = true; }
    if (dense) layers.push(this.densityLayer(sim, t));
    layers.push(new deck.ScatterplotLayer(this.props("people@" + sim.key, {
      data: { length: sim.n, attributes: { getPosition: { value: p, size: 2 }, getFillColor: { value: sim.colors, size: 4 }, getRadius: { value: sim.radius, size: 1 } } },
      positionFormat: "XY", radiusUnits: "pixels", radiusScale: grow, stroked: false, antialiasing: false })));
    return layers;
  }
  // What must not be hidden: who is in danger (a pulse), who is dead (a cross).
  losses(sim, zoom, pulse) {
    if (!this.on.people || !sim.n) return [];
    const layers = [], grow = pointScale(zoom);
    if (sim.danger.length) layers.push(new deck.ScatterplotLayer(this.props("pulse@" + sim.key, {
      data: { length: sim.danger.length / 2, attributes: { getPosition: { value: sim.danger, size: 2 } } }, positionFormat: "XY",
      filled: false, stroked: true, lineWidthUnits: "pixels", getLineWidth: 1.6, getLineColor: [...THEMES[this.theme].people[4].slice(0, 3), 255 * (1 - pulse)],
      radiusUnits: "pixels", getRadius: (4 + 9 * pulse) * (zoom < 12.5 ? 0.55 : 1), updateTriggers: { getRadius: pulse, getLineColor: pulse } })));
    if (sim.dead.length) layers.push(this.iconLayer("dead@" + sim.key, sim.dead, (d) => [d.x, d.y], () => this.theme === "dark" ? "dead" : "deadLight", 10 * Math.min(1.5, grow), { pickable: true }));
    return layers;
  }
  densityLayer(sim, t) {
    const [x0, y0, x1, y1] = this.page.city.bounds, cell = 100, w = Math.ceil((x1 - x0) / cell), h = Math.ceil((y1 - y0) / cell);
    const image = this.timed("heat" + sim.key, t, () => {
      const sum = new Float32Array(w * h);
      for (let i = 0; i < sim.n; i++) {
        const c = Math.floor((sim.positions[2 * i] - x0) / cell), r = Math.floor((sim.positions[2 * i + 1] - y0) / cell);
        if (sim.state[i] === 0 && c >= 0 && r >= 0 && c < w && r < h) sum[r * w + c] += sim.size[i];
      }
      const img = new ImageData(w, h);
      for (let i = 0; i < w * h; i++) if (sum[i] > 0) {
        const k = sum[i] < 10 ? 0 : sum[i] < 25 ? 1 : sum[i] < 60 ? 2 : sum[i] < 120 ? 3 : 4, p = 4 * ((h - 1 - Math.floor(i / w)) * w + i % w);
        img.data.set(THEMES[this.theme].heat[k], p); img.data[p + 3] = 110 + 20 * k;
      }
      return img;
    });
    return this.bitmap("heat@" + sim.key, image, [x0, y0, x0 + w * cell, y0 + h * cell]);
  }
  units(sim, t, zoom) {
    if (!this.on.units) return [];
    const all = sim.units(t), moving = all.filter((u) => u.trail.length > 2);
    sim.unitNow = all;
    return [
      new deck.PathLayer(this.props("trails@" + sim.key, { data: moving, getPath: (d) => d.trail, getColor: (d) => [...hex(UNIT_COLORS[d.unit.kind] || "#ffffff"), 95], widthUnits: "pixels", getWidth: 1.5, jointRounded: true })),
      this.iconLayer("units@" + sim.key, all, (d) => d.xy, (d) => this.icons.mapping["unit-" + d.unit.kind] ? "unit-" + d.unit.kind : "unit-volunteers", (d) => d.phase === 0 || d.phase === 9 ? 12 : 19, { pickable: true, sizeScale: scaled(zoom), updateTriggers: { getSize: t } }),
    ];
  }
  incidents(sim, t, zoom) {
    if (!this.on.incidents) return [];
    const shown = [];
    for (const d of sim.head.incidents) {
      const state = sim.incidentState(d, t);
      if (state > 0 && !(state === 5 && t - d.t[4] > 600000)) shown.push({ d, state, xy: [d.x, d.y] });
    }
    sim.pins = shown.length;
    shown.sort((a, b) => b.state - a.state);
    return [this.iconLayer("incidents@" + sim.key, shown, (s) => s.xy, (s) => "pin-" + s.d.kind + "-" + s.state, (s) => s.state === 5 ? 14 : 21, { pickable: true, sizeScale: scaled(zoom) })];
  }
  facilities(sim, t, zoom) {
    if (!this.on.facilities) return [];
    const load = sim.load(t), major = ["hospital", "shelter", "meeting_point"];
    const shown = this.page.facilities.filter((f) => zoom > 12.4 || f.kind === "hospital" || load[f.row] > 0);
    // A load is written where there is room for it, hospitals first.
    const mpp = this.page.metresPerPixel / Math.pow(2, zoom), used = [];
    for (const f of [...shown].sort((a, b) => (b.kind === "hospital") - (a.kind === "hospital")))
      if (major.includes(f.kind) && load[f.row] > 0 && (zoom > 12 || f.kind === "hospital") && !used.some((u) => Math.abs(u.x - f.x) < 76 * mpp && Math.abs(u.y - f.y) < 15 * mpp)) used.push(f);
    sim.loads = this.text("loads@" + sim.key, used, (f) => [f.x, f.y], (f) => f.capacity ? `${load[f.row].toLocaleString("en")} / ${f.capacity.toLocaleString("en")}` : load[f.row].toLocaleString("en"), 11, THEMES[this.theme].text, { getPixelOffset: [0, 17] });
    return [this.iconLayer("facilities@" + sim.key, shown.map((f) => ({ f, load: load[f.row] || 0 })), (d) => [d.f.x, d.f.y], (d) => "place-" + d.f.kind, (d) => d.f.kind === "hospital" ? 21 : 15, { pickable: true })];
  }
  // Crowds at venues: a disc by density, the people still inside and the density beside it.
  venues(sim, t) {
    const v = sim.head.venues;
    if (!v || !this.on.people) return [];
    const row = Math.floor(sim.frame(v.times, t));
    const all = v.xy.map((xy, i) => ({ xy, name: v.names[i], n: v.people[i][row], d: v.pm2[i][row] })).filter((p) => p.xy);
    const color = (d) => CROWD.colors[CROWD.limits.filter((limit) => d >= limit).length];
    return [new deck.ScatterplotLayer(this.props("venues@" + sim.key, { data: all, getPosition: (p) => p.xy, radiusUnits: "pixels", getRadius: 13, stroked: true, lineWidthUnits: "pixels",
      getLineWidth: 2, getLineColor: THEMES[this.theme].halo, getFillColor: (p) => color(p.d), updateTriggers: { getFillColor: t } })),
    this.text("venue-counts@" + sim.key, all, (p) => p.xy, (p) => `${p.name}: ${p.n.toLocaleString("en")}, ${p.d.toFixed(1)}/m²`, 12, THEMES[this.theme].text, { getPixelOffset: [0, -23], updateTriggers: { getText: t } })].filter(Boolean);
  }
  text(id, data, position, label, size, color, more) {
    if (!data.length) return null; // an empty label layer asks for an empty glyph texture
    const theme = THEMES[this.theme];
    return new deck.TextLayer(this.props(id, Object.assign({ data, getPosition: position, getText: label, getSize: size, getColor: color, characterSet: "auto",
      fontFamily: "system-ui, 'Segoe UI', 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif", fontWeight: 600, fontSettings: { sdf: true, fontSize: 48, buffer: 6, radius: 12 }, outlineWidth: 3, outlineColor: theme.halo }, more)));
  }
  // Names that do not overlap, the more important first; `project` gives screen positions.
  names(project, zoom) {
    if (!this.on.names) return [];
    const theme = THEMES[this.theme], taken = [], shown = [];
    const size = { town: 17, hospital: 11, road: 11, zone: 12 }, from = { town: 0, hospital: 12.6, road: 12.1, zone: 12.4 };
    for (const label of this.page.ground.labels) {
      if (zoom < from[label.k] || (label.k === "town" && zoom > 14.5)) continue;
      const [x, y] = project([label.x, label.y]), s = size[label.k];
      const half = 0.29 * s * label.t.length + 6, tall = label.k === "road" ? 0.5 * half + 8 : s * 0.7 + 3;
      const box = [x - half, y - tall, x + half, y + tall];
      if (box[2] < 0 || box[3] < 0 || box[0] > innerWidth || box[1] > innerHeight) continue;
      if (taken.some((b) => b[0] < box[2] && b[2] > box[0] && b[1] < box[3] && b[3] > box[1])) continue;
      taken.push(box); shown.push(label);
    }
    const key = this.theme + shown.map((l) => l.t).join("|");
    if (this.cache.names && this.cache.names.key === key) return this.cache.names.layers;
    const layers = ["zone", "road", "hospital", "town"].map((k) => this.text("names-" + k, shown.filter((l) => l.k === k), (l) => [l.x, l.y], (l) => l.t, size[k], k === "town" ? theme.text : theme.soft,
      { getAngle: (l) => l.a, getPixelOffset: k === "hospital" ? [0, -19] : [0, 0] })).filter(Boolean);
    this.cache.names = { key, layers };
    return layers;
  }
  areas(sim, t) {
    const theme = THEMES[this.theme], layers = [];
    if (this.on.danger && sim.head.danger.length) layers.push(this.once("danger" + sim.key + this.theme, () => new deck.PathLayer(this.props("danger@" + sim.key, {
      data: sim.head.danger, getPath: (d) => d, getColor: theme.danger, widthUnits: "pixels", getWidth: 1.4, jointRounded: true }))));
    const rings = (list, color) => list.flatMap((z) => z.rings.map((ring) => ({ ring, color: color(z) })));
    if (this.on.margin) layers.push(this.once("margin" + sim.key + this.theme, () => new deck.SolidPolygonLayer(this.props("margin@" + sim.key, {
      data: rings(sim.head.zones.filter((z) => z.wet !== null && z.out !== null), (z) => marginColor(z)), getPolygon: (d) => d.ring, getFillColor: (d) => d.color }))));
    if (this.on.dark) {
      const out = sim.head.zones.filter((z) => { let on = 0; for (const [when, v] of z.dark) if (when <= t) on = v; return on; });
      layers.push(new deck.SolidPolygonLayer(this.props("dark@" + sim.key, { data: rings(out, () => theme.dark), getPolygon: (d) => d.ring, getFillColor: theme.dark })));
    }
    const controls = sim.head.controls.map((c) => { let on = 0; for (const [when, v] of c.on) if (when <= t) on = v; return { c, on }; });
    if (controls.length && this.on.units) layers.push(this.iconLayer("controls@" + sim.key, controls, (d) => d.c.xy, (d) => d.on ? "control-on" : "control-off", 13, { pickable: true, updateTriggers: { getIcon: t } }));
    return layers;
  }
  layers(sim, t, camera, viewBox, pulse) {
    return [...this.people(sim, t, camera.zoom, viewBox), ...this.congestion(sim, t), ...this.areas(sim, t), ...this.losses(sim, camera.zoom, pulse),
      ...this.facilities(sim, t, camera.zoom), ...this.venues(sim, t), ...this.units(sim, t, camera.zoom), ...this.incidents(sim, t, camera.zoom), this.on.facilities && sim.loads].filter(Boolean);
  }
}

function marginColor(zone) {
  const minutes = (zone.wet - zone.out) / 60000;
  return minutes < 0 ? [228, 87, 46, 130] : minutes < 10 ? [232, 197, 71, 110] : minutes < 30 ? [120, 170, 150, 100] : [59, 126, 161, 110];
}
// Marks shrink on the city view, so that they do not hide what they stand on.
function scaled(zoom) { return Math.max(0.68, Math.min(1.1, 0.68 + (zoom - 11.3) * 0.2)); }
function pointScale(zoom) { return Math.max(0.75, Math.min(2.2, 0.75 + (zoom - 11.5) * 0.3)); }
// A line cut into dashes of about `step` metres, drawn for a share of each.
function dashed(path, step, share) {
  const out = [];
  for (let i = 0; i + 1 < path.length; i++) {
    const [ax, ay] = path[i], [bx, by] = path[i + 1], n = Math.max(1, Math.round(Math.hypot(bx - ax, by - ay) / step));
    for (let k = 0; k < n; k++) out.push([[ax + (bx - ax) * k / n, ay + (by - ay) * k / n], [ax + (bx - ax) * (k + share) / n, ay + (by - ay) * (k + share) / n]]);
  }
  return out;
}
function hex(text) { return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)); }

// One atlas for units (shape and letter), pins, places and marks.
function drawIcons() {
  const S = 64, names = [], draw = [];
  const add = (name, fn) => { names.push(name); draw.push(fn); };
  const letter = (g, text, color, size = 30, dy = 2) => { g.fillStyle = color; g.font = `700 ${size}px system-ui, sans-serif`; g.textAlign = "center"; g.textBaseline = "middle"; g.fillText(text, 32, 32 + dy); };
  const shape = (g, path, fill, stroke = "#0b1118", width = 4) => { g.beginPath(); path(g); g.closePath(); g.fillStyle = fill; g.fill(); g.lineWidth = width; g.strokeStyle = stroke; g.stroke(); };
  const cross = (g) => { const a = 8, b = 22, c = 42, d = 56; g.moveTo(b, a); for (const [x, y] of [[c, a], [c, b], [d, b], [d, c], [c, c], [c, d], [b, d], [b, c], [a, c], [a, b], [b, b]]) g.lineTo(x, y); };
  const shield = (g) => { g.moveTo(32, 5); g.lineTo(56, 13); g.quadraticCurveTo(56, 46, 32, 60); g.quadraticCurveTo(8, 46, 8, 13); };
  const square = (g) => g.rect(9, 9, 46, 46), circle = (g) => g.arc(32, 32, 25, 0, 7);
  const wrench = (g) => { g.moveTo(32, 6); g.lineTo(56, 20); g.lineTo(56, 44); g.lineTo(32, 58); g.lineTo(8, 44); g.lineTo(8, 20); };
  add("unit-ambulance", (g) => { shape(g, cross, UNIT_COLORS.ambulance); letter(g, "A", "#b3261e", 26); });
  add("unit-fire_rescue", (g) => { shape(g, square, UNIT_COLORS.fire_rescue); letter(g, "F", "#1a0d06", 34); });
  add("unit-police", (g) => { shape(g, shield, UNIT_COLORS.police); letter(g, "P", "#0a1a33", 32); });
  add("unit-utilities", (g) => { shape(g, wrench, UNIT_COLORS.utilities); letter(g, "U", "#2a2200", 30); });
  add("unit-volunteers", (g) => { shape(g, circle, UNIT_COLORS.volunteers); letter(g, "V", "#06281a", 30); });
  for (const [kind, mark] of [["medical", "+"], ["rescue", "!"]]) for (let k = 1; k <= 5; k++) add(`pin-${kind}-${k}`, (g) => {
    shape(g, (c) => { c.moveTo(32, 62); c.quadraticCurveTo(8, 36, 10, 24); c.arc(32, 24, 22, Math.PI, 0); c.quadraticCurveTo(56, 36, 32, 62); }, PIN[k], "#0b1118", 3);
    letter(g, k === 5 ? "✓" : mark, "#10171f", 32, -7);
    // How far help has come, for who cannot tell the colours: a quarter, half, all of a white ring.
    if (k > 1 && k < 5) { g.lineWidth = 6; g.strokeStyle = "#ffffff"; g.beginPath(); g.arc(32, 24, 18, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * [0, 0, 0.25, 0.5, 1][k]); g.stroke(); }
  });
  const place = { hospital: ["H", "#e9f2ff", "#0b3d91"], clinic: ["c", "#e9f2ff", "#0b3d91"], shelter: ["S", "#d7f2e3", "#0b5d3b"], meeting_point: ["M", "#d7f2e3", "#0b5d3b"], fire_station: ["F", "#ffd9c9", "#7a2208"], police_station: ["P", "#d6e4ff", "#12305f"], ambulance_station: ["A", "#f5f5f5", "#8a1c14"], command_centre: ["C", "#fff2c4", "#5a4300"], care_home: ["R", "#f3e3f7", "#5b2a6e"] };
  for (const kind of Object.keys(place)) add("place-" + kind, (g) => { const [text, fill, ink] = place[kind]; shape(g, (c) => c.roundRect(7, 7, 50, 50, 12), fill, ink, 4); letter(g, text, ink, 34); });
  const x = (ink, edge) => (g) => { g.lineCap = "round"; for (const [color, width] of [[edge, 20], [ink, 10]]) { g.strokeStyle = color; g.lineWidth = width; g.beginPath(); g.moveTo(14, 14); g.lineTo(50, 50); g.moveTo(50, 14); g.lineTo(14, 50); g.stroke(); } };
  add("dead", x("#ffffff", "#0b1118")); add("deadLight", x("#111111", "#ffffff")); add("shut", x("#c9d1d8", "#10171f"));
  const diamond = (g) => { g.moveTo(32, 6); g.lineTo(58, 32); g.lineTo(32, 58); g.lineTo(6, 32); };
  add("control-on", (g) => shape(g, diamond, "#7fb2ff", "#0b1118", 5)); add("control-off", (g) => shape(g, diamond, "#10171f", "#7fb2ff", 6));
  const columns = 8, canvas = document.createElement("canvas");
  canvas.width = columns * S; canvas.height = Math.ceil(names.length / columns) * S;
  const g = canvas.getContext("2d"), mapping = {};
  names.forEach((name, i) => {
    const ox = (i % columns) * S, oy = Math.floor(i / columns) * S;
    g.save(); g.translate(ox + 2, oy + 2); g.scale((S - 4) / S, (S - 4) / S); draw[i](g); g.restore();
    mapping[name] = { x: ox, y: oy, width: S, height: S, anchorY: name.startsWith("pin-") ? S - 2 : S / 2 };
  });
  return { canvas, image: g.getImageData(0, 0, canvas.width, canvas.height), mapping, S };
}
