"use strict";
// Sections of the page: base64 text -> gzip -> (split bytes) -> differences -> typed array.
const Decode = {
  async sections(meta) {
    const out = {}, names = Object.keys(meta), text = {};
    for (const name of names) {
      if (meta[name].of) continue;
      const node = document.getElementById("bin-" + name);
      text[name] = node.textContent;
      node.remove();
    }
    await Promise.all(Object.keys(text).map(async (name) => {
      out[name] = await Decode.one(text[name], meta[name]);
    }));
    // Sections with the same bytes stand in the page once; nobody writes into a decoded one.
    for (const name of names) out[name] ??= out[meta[name].of];
    return out;
  },
  async one(text, meta) {
    const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    let raw = new Uint8Array(await new Response(stream).arrayBuffer());
    if (meta.split) {
      const half = raw.length / 2, joined = new Uint8Array(raw.length);
      for (let i = 0; i < half; i++) { joined[2 * i] = raw[i]; joined[2 * i + 1] = raw[half + i]; }
      raw = joined;
    }
    const Kind = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array }[meta.bits];
    const data = new Kind(raw.buffer, 0, raw.length / Kind.BYTES_PER_ELEMENT);
    if (meta.delta === "flat") {
      for (let i = 1; i < data.length; i++) data[i] += data[i - 1];
    } else if (meta.delta === "rows") {
      const width = meta.shape.slice(1).reduce((a, b) => a * b, 1);
      for (let i = width; i < data.length; i++) data[i] += data[i - width];
    }
    return data;
  },
};
