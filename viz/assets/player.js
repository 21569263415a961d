"use strict";
// The clock: it ties run, map and panels together and answers keys, buttons and window.anlan.
const SPEEDS = [1, 10, 30, 60, 120, 300, 600];
const METRES_PER_DEGREE = 111319.49;

class Player {
  constructor(page, bins) {
    this.page = page; page.metresPerPixel = 40075016.686 * Math.cos(page.city.lat * Math.PI / 180) / 512;
    this.sims = page.runs.map((head, i) => new Sim("ab"[i], head, page, bins));
    this.duration = Math.max(...page.runs.map((run) => run.duration_ms));
    this.t = 0; this.playing = false; this.speed = 60; this.dirty = true; this.frames = 0;
    this.scene = new Scene(page, bins, this.sims);
    this.panels = new Panels(page, this.sims, this);
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.camera = this.home();
    this.map();
    this.controls();
    this.panels.setLang(page.lang);
    this.setTheme("dark");
    if (this.views) { this.views(); this.panels.mapNames(); this.look(this.home()); }
    requestAnimationFrame((now) => this.loop(now));
  }
  // -- time ------------------------------------------------------------------------------
  local(t) { return new Date(this.page.runs[0].start_ms + this.page.city.offset_min * 60000 + t).toISOString().slice(11, 19); }
  date(t) { return new Date(this.page.runs[0].start_ms + this.page.city.offset_min * 60000 + t).toISOString().slice(0, 10); }
  elapsed(t) {
    const s = Math.floor(t / 1000), two = (v) => String(v).padStart(2, "0");
    return `T+${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  }
  setTime(ms) { this.t = Math.max(0, Math.min(this.duration, Number(ms) || 0)); this.dirty = true; this.draw(performance.now()); return this.t; }
  play() { if (this.t >= this.duration) this.t = 0; this.playing = true; this.mark(); }
  pause() { this.playing = false; this.mark(); }
  mark() { $("b-play").querySelector("path").setAttribute("d", this.playing ? "M4 3h4v14H4zM12 3h4v14h-4z" : "M5 3v14l12-7z"); $("b-play").dataset.title = this.playing ? "pause" : "play"; $("b-play").title = this.panels.word($("b-play").dataset.title); this.dirty = true; }
  setSpeed(v) { this.speed = v; $("speed").value = String(v); }
  jump(direction) {
    const points = this.panels.feed.filter((e) => e.w > 1 && (this.panels.filter.has(e.c)));
    const found = direction > 0 ? points.find((e) => e.t > this.t) : [...points].reverse().find((e) => e.t < this.t);
    if (found) this.setTime(found.t);
  }
  visit(event) {
    if (!event) return;
    this.setTime(event.t);
    if (event.x !== undefined) this.fly([event.x, event.y], Math.max(this.camera.zoom, 14));
  }
  loop(now) {
    const dt = Math.min(250, now - (this.last || now));
    this.last = now;
    if (this.playing) {
      this.t += dt * this.speed; this.dirty = true;
      if (this.t >= this.duration) { this.t = this.duration; this.pause(); }
    }
    const pulsing = !this.calm && this.scene.on.people && this.sims.some((s) => s.danger && s.danger.length && !s.dense);
    if (pulsing && now - (this.pulsed || 0) > 80) { this.pulsed = now; this.dirty = true; }
    if (this.dirty) this.draw(now);
    requestAnimationFrame((later) => this.loop(later));
  }
  // -- map -------------------------------------------------------------------------------
  lonlat([x, y]) {
    const { lon, lat } = this.page.city;
    return [lon + x / (METRES_PER_DEGREE * Math.cos(lat * Math.PI / 180)), lat + y / METRES_PER_DEGREE];
  }
  metres([lon, lat]) {
    const c = this.page.city;
    return [(lon - c.lon) * METRES_PER_DEGREE * Math.cos(c.lat * Math.PI / 180), (lat - c.lat) * METRES_PER_DEGREE];
  }
  area() {
    const small = innerWidth <= 760, pair = this.sims.length > 1;
    let w = innerWidth, h = innerHeight;
    const folded = $("app").classList.contains("folded");
    if (pair) { if (small) h = this.halves()[0][1]; else w = (w - (folded ? 0 : 620)) / 2; }
    const left = small || folded ? 0 : pair ? 0 : 300, right = small || folded ? 0 : pair ? 0 : 312;
    const top = small ? (pair ? 34 : 175) : pair ? 44 : 10, bottom = small ? (pair ? 0 : 150) : 130;
    return { w, h, left, right, top, bottom };
  }
  // Two maps share what the panels leave free: [start, length] of each, across or down.
  halves() {
    if (innerWidth <= 760) {
      const top = $("left").getBoundingClientRect().bottom || 262, height = Math.max(120, (innerHeight - top - 118) / 2);
      return [[top, height], [top + height, height]];
    }
    const folded = $("app").classList.contains("folded"), left = folded ? 0 : 304, width = (innerWidth - left - (folded ? 0 : 316)) / 2;
    return [[left, width], [left + width, width]];
  }
  perPixel(zoom) { return this.page.metresPerPixel / Math.pow(2, zoom); }
  home() {
    const [x0, y0, x1, y1] = this.page.city.home, a = this.area(), pair = this.sims.length > 1;
    const room = [Math.max(120, a.w - a.left - a.right), Math.max(120, a.h - a.top - a.bottom)];
    const mpp = (pair ? 1.14 : 1.06) * Math.max((x1 - x0) / room[0], (y1 - y0) / room[1], 0.3);
    const zoom = Math.log2(this.page.metresPerPixel / mpp);
    const x = (x0 + x1) / 2 - mpp * (a.left - a.right) / 2, y = (y0 + y1) / 2 - mpp * (a.bottom - a.top) / 2;
    const [longitude, latitude] = this.lonlat([x, y]);
    return { longitude, latitude, zoom, pitch: 0, bearing: 0, minZoom: zoom - 1.2, maxZoom: 18 };
  }
  map() {
    const views = () => this.sims.length === 1 ? [new deck.MapView({ id: "a", controller: true })]
      : innerWidth <= 760 ? this.halves().map(([y, height], i) => new deck.MapView({ id: "ab"[i], controller: true, y, height }))
        : this.halves().map(([x, width], i) => new deck.MapView({ id: "ab"[i], controller: true, x, width }));
    this.views = () => deckInstance.setProps({ views: views() });
    deckInstance.setProps({
      views: views(), viewState: this.camera, initialViewState: null, useDevicePixels: Math.min(2, devicePixelRatio || 1),
      onViewStateChange: ({ viewState }) => { this.look(viewState); },
      layerFilter: ({ layer, viewport }) => { const at = layer.id.lastIndexOf("@"); return at < 0 || layer.id.slice(at + 1, at + 2) === viewport.id; },
      onHover: (info) => this.panels.tip(info), onError: (error) => { this.error = String(error && error.message || error); console.error(error); },
      getTooltip: null,
    });
    addEventListener("resize", () => { this.views(); this.panels.timeline(); this.panels.mapNames(); this.dirty = true; });
  }
  look(view) {
    const { longitude, latitude, zoom, pitch, bearing, minZoom, maxZoom } = view;
    const more = view.transitionDuration ? { transitionDuration: view.transitionDuration, transitionInterpolator: view.transitionInterpolator, transitionEasing: view.transitionEasing } : {};
    this.camera = { longitude, latitude, zoom, pitch, bearing, minZoom, maxZoom, ...more };
    deckInstance.setProps({ viewState: this.camera });
    this.camera = { longitude, latitude, zoom, pitch, bearing, minZoom, maxZoom };
    this.dirty = true;
  }
  // Moves the camera by straight lines in position and zoom, on the page's own clock.
  fly(xy, zoom, pitch) {
    const from = { ...this.camera }, [longitude, latitude] = this.lonlat(xy), begun = performance.now();
    const to = { ...from, longitude, latitude, zoom, pitch: pitch === undefined ? from.pitch : pitch };
    const move = (now) => {
      const part = Math.max(0, Math.min(1, (now - begun) / (this.calm ? 1 : 700))), k = part * part * (3 - 2 * part), view = { ...to };
      for (const key of ["longitude", "latitude", "zoom", "pitch"]) view[key] = from[key] + (to[key] - from[key]) * k;
      this.look(view);
      if (part < 1 && this.flight === move) requestAnimationFrame(move);
    };
    this.flight = move;
    requestAnimationFrame(move);
  }
  draw(now) {
    this.dirty = false;
    const mpp = this.perPixel(this.camera.zoom), a = this.area(), [cx, cy] = this.metres([this.camera.longitude, this.camera.latitude]);
    const box = [cx - mpp * a.w / 2, cy - mpp * a.h / 2, cx + mpp * a.w / 2, cy + mpp * a.h / 2];
    const pulse = this.calm ? 0.5 : (now % 1200) / 1200;
    const layers = [];
    layers.push(...this.scene.stillSea());
    for (const sim of this.sims) layers.push(...this.scene.sea(sim, this.t));
    layers.push(...this.scene.ground(), ...this.scene.houses());
    for (const sim of this.sims) layers.push(...this.scene.depth(sim, this.t), ...this.scene.layers(sim, this.t, this.camera, box, pulse));
    const project = ([x, y]) => [a.w / 2 + (x - cx) / mpp, a.h / 2 - (y - cy) / mpp];
    layers.push(...this.scene.names(project, this.camera.zoom));
    deckInstance.setProps({ layers });
    if (this.scene.legendDue) { this.scene.legendDue = false; this.panels.legend(); }
    this.panels.show(this.t);
    this.scaleBar(mpp);
    this.frames++;
  }
  scaleBar(mpp) {
    const steps = [20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10], metres = steps.find((s) => s / mpp < 90) || 5;
    $("scale").firstChild.style.width = `${metres / mpp}px`;
    $("scale").lastChild.textContent = metres < 1000 ? `${metres} m` : `${metres / 1000} km`;
  }
  // -- controls --------------------------------------------------------------------------
  setTheme(name) {
    this.scene.theme = name; this.scene.forget(); $("app").dataset.theme = name;
    const land = THEMES[name].land;
    document.documentElement.style.colorScheme = name;
    document.body.style.background = document.documentElement.style.background = `rgb(${land})`;
    this.panels.legend(); this.panels.timeline(); this.dirty = true;
  }
  setLang(lang) { this.panels.setLang(lang); this.panels.follow(this.t, true); this.mark(); }
  setLayer(key, on) { this.scene.on[key] = on; this.scene.forget(); this.panels.legend(); this.dirty = true; }
  controls() {
    $("speed").replaceChildren(...SPEEDS.map((v) => make("option", { value: String(v), textContent: `${v}×`, selected: v === this.speed })));
    $("speed").onchange = () => this.setSpeed(Number($("speed").value));
    const on = (id, act) => { $(id).onclick = () => { act(); $(id).blur(); }; };
    on("b-play", () => this.playing ? this.pause() : this.play());
    on("b-back", () => this.setTime(this.t - 60000)); on("b-on", () => this.setTime(this.t + 60000));
    on("b-prev", () => this.jump(-1)); on("b-next", () => this.jump(1));
    on("b-theme", () => this.setTheme(this.scene.theme === "dark" ? "light" : "dark"));
    on("b-lang", () => this.setLang(this.panels.lang === "en" ? "zh" : "en"));
    on("b-tilt", () => this.fly(this.metres([this.camera.longitude, this.camera.latitude]), this.camera.zoom, this.camera.pitch > 10 ? 0 : 50));
    on("b-whole", () => { const home = this.home(); this.fly(this.metres([home.longitude, home.latitude]), home.zoom, 0); });
    on("b-fold", () => { $("app").classList.toggle("folded"); this.views(); this.panels.mapNames(); this.dirty = true; });
    for (const b of $("sheets").children) b.onclick = () => { const app = $("app"); app.dataset.sheet = app.dataset.sheet === b.dataset.sheet ? "" : b.dataset.sheet; for (const o of $("sheets").children) o.setAttribute("aria-pressed", o.dataset.sheet === app.dataset.sheet); };
    const scrub = (event) => { const box = $("track").getBoundingClientRect(); this.setTime(this.duration * (event.clientX - box.left) / box.width); };
    $("track").onpointerdown = (event) => { $("track").setPointerCapture(event.pointerId); scrub(event); $("track").onpointermove = scrub; };
    $("track").onpointerup = $("track").onpointercancel = () => { $("track").onpointermove = null; };
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
      const act = { " ": () => this.playing ? this.pause() : this.play(), ArrowRight: () => this.setTime(this.t + 60000), ArrowLeft: () => this.setTime(this.t - 60000),
        "]": () => this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(this.speed) + 1)]), "[": () => this.setSpeed(SPEEDS[Math.max(0, SPEEDS.indexOf(this.speed) - 1)]) }[event.key];
      if (act) { event.preventDefault(); event.stopPropagation(); act(); }
    }, true);
  }
  state() {
    return {
      t: this.t, playing: this.playing, speed: this.speed, theme: this.scene.theme, lang: this.panels.lang, layers: { ...this.scene.on },
      duration: this.duration, zoom: this.camera.zoom, pitch: this.camera.pitch, center: this.metres([this.camera.longitude, this.camera.latitude]), frames: this.frames, error: this.error || null,
      clock: $("clock").textContent, events: this.panels.shown.length,
      runs: this.sims.map((s) => ({ plan: s.head.plan_name, drawn: s.n, states: s.counts ? [...s.counts] : [], dense: !!s.dense, danger: s.danger ? s.danger.length / 2 : 0,
        dead: s.dead ? s.dead.length : 0, wet: s.wetCells || 0, slowed: s.slowed || 0, closed: s.closedEdges || 0, pins: s.pins || 0, units: (s.unitNow || []).length })),
    };
  }
}

(async () => {
  try {
    const page = JSON.parse($("page-head").textContent);
    const bins = await Decode.sections(page.sections);
    const player = new Player(page, bins);
    window.anlan = {
      player, setTime: (ms) => player.setTime(ms), play: () => player.play(), pause: () => player.pause(), state: () => player.state(),
      setSpeed: (v) => player.setSpeed(v), setTheme: (v) => player.setTheme(v), setLang: (v) => player.setLang(v), setLayer: (k, v) => player.setLayer(k, v),
      flyTo: (x, y, zoom) => player.fly([x, y], zoom),
    };
    $("loading").className = "gone";
  } catch (error) {
    const page = JSON.parse($("page-head").textContent);
    $("loading").firstChild.textContent = `${page.ui[page.lang].failed} ${error.message}`;
    throw error;
  }
})();
