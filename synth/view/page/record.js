// One record: every pass side by side under one cursor, the landmarks, the 3D view, the numbers.

import { get, getArray, make, query, recordUrl, state, svg } from "./state.js";
import { makeScene } from "./scene3d.js";

const WHERE = ["on the image", "on all passes", "off"];
const kept = { marks: 0, zoom: 1 }; // from one record to the next

export function showRecord(main, index) {
  const leaving = new AbortController();
  const { signal } = leaving;
  const page = make("article", { class: "record", "aria-label": `Record ${index}` });
  main.replaceChildren(page);
  const here = { index, page, signal, cursor: null, held: false, zoom: kept.zoom, corner: [0, 0], views: [], hw: null };
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
  build(here).catch((error) => {
    if (error.name !== "AbortError") page.replaceChildren(make("p", { class: "message", role: "alert" }, error.message), make("p", {}, make("a", { href: "#/" }, "Back to all records")));
  });
  document.addEventListener("keydown", (event) => keys(event, here), { signal });
  return () => { leaving.abort(); here.scene?.stop(); };
}

async function build(here) {
  const { index, page, signal } = here;
  const [facts, around] = await Promise.all([
    get(`api/records/${index}`, {}, signal),
    get("api/records", { q: query(), around: index }, signal),
  ]);
  here.around = around;
  here.facts = facts;
  here.readout = make("p", { class: "where", role: "status", "aria-live": "polite" }, "Move the pointer over a pass to read all of them.");
  const passes = make("div", { class: "passes" });
  const side = make("div", { class: "side" });
  page.append(heading(here), here.readout, make("div", { class: "columns" }, passes, side));
  const shown = state.dataset.pictures.filter((name) => name !== "landmarks");
  for (const name of shown) {
    const view = passView(here, name);
    here.views.push(view);
    passes.append(view.element);
  }
  side.append(sceneBox(here), tables(facts));
  marks(here);
  await Promise.all(here.views.map((view) => view.load()));
}

function heading(here) {
  const { index, around, facts } = here;
  const step = (to, word, arrow) => make("a", to === null || to === undefined ? { class: "step", "aria-disabled": "true", role: "link" } : { class: "step", href: `#/record/${to}`, "aria-label": `${word} record` }, arrow);
  const identity = facts.arrays["meta/identity_index"];
  const views = facts.views.length
    ? make("nav", { class: "views", "aria-label": "Other views of this identity" }, make("span", {}, `identity ${identity}, also `),
      ...facts.views.map((other) => make("a", { href: `#/record/${other}` }, make("img", { src: recordUrl(other, `thumbnail/${state.picture || "image"}`, { px: 64 }), alt: "" }), ` ${other}`)))
    : make("span", { class: "views" }, identity === undefined ? "" : `identity ${identity}`);
  const marksButton = make("button", { type: "button", class: "marks", onclick: () => turnMarks(here) });
  here.marksButton = marksButton;
  const zoom = (factor, word, sign) => make("button", { type: "button", class: "icon", "aria-label": word, title: word, onclick: () => magnify(here, factor) }, sign);
  const where = around.at === null ? "" : `${(around.at + 1).toLocaleString("en")} of ${around.total.toLocaleString("en")}`;
  return make("header", {},
    make("a", { class: "back", href: "#/" }, "Records"), make("h1", {}, `Record ${index}`),
    make("span", { class: "steps" }, step(around.previous, "Previous", "←"), make("small", {}, where), step(around.next, "Next", "→")), views,
    make("span", { class: "acts" }, facts.arrays["landmarks/points_2d"] ? marksButton : null,
      zoom(1.5, "Magnify", "+"), zoom(1 / 1.5, "Make smaller", "−"), zoom(0, "Whole image", "1:1")));
}

// A pass: its picture, the crosshair over it, and what it holds under the cursor.
function passView(here, name) {
  const row = state.dataset.passes.find((pass) => pass.name === name);
  const image = make("img", { alt: `${name}: ${row.doc}`, draggable: false, class: state.dataset.smooth.includes(name) ? "smooth" : "" });
  const turned = make("div", { class: "turned" }, image);
  const frame = make("div", { class: "frame" }, turned, make("i", { class: "cross h" }), make("i", { class: "cross v" }));
  const output = make("output", { class: "value" });
  const unit = row.unit === "1" ? "" : row.unit;
  const element = make("figure", { tabIndex: 0, role: "group", "aria-roledescription": "pass", "aria-label": `${name}${unit ? `, ${unit}` : ""}` }, frame,
    make("figcaption", { title: row.doc }, make("b", {}, name), make("small", {}, unit), output));
  const view = { name, row, element, turned, output, values: null };
  view.load = async () => {
    image.src = recordUrl(here.index, `picture/${name}`);
    view.values = await getArray(recordUrl(here.index, `values/${name}`), here.signal);
    const [height, width] = view.values.shape;
    if (row.shape[0] === "H") here.hw ??= [height, width]; // a texture has a size of its own
    frame.style.aspectRatio = `${width} / ${height}`;
    if (here.cursor) read(here, view);
    here.scene?.offer(name, view.values);
    marks(here);
  };
  pointer(here, frame);
  element.addEventListener("focus", () => { if (!here.cursor && here.hw) moveTo(here, here.hw[1] >> 1, here.hw[0] >> 1); });
  return view;
}

function pointer(here, frame) {
  const pixel = (event) => {
    const box = frame.getBoundingClientRect();
    const along = (at, length, k) => Math.floor(((at / length) / here.zoom + here.corner[k]) * here.hw[1 - k]);
    return [along(event.clientX - box.left, box.width, 0), along(event.clientY - box.top, box.height, 1)];
  };
  let pressed = null;
  frame.addEventListener("pointermove", (event) => {
    if (!here.hw) return;
    if (pressed && here.zoom > 1 && event.pointerType !== "touch") {
      const box = frame.getBoundingClientRect();
      pan(here, -event.movementX / box.width / here.zoom, -event.movementY / box.height / here.zoom);
      pressed.moved += Math.abs(event.movementX) + Math.abs(event.movementY);
    }
    if (!here.held || event.pointerType === "touch") moveTo(here, ...pixel(event));
  });
  frame.addEventListener("pointerdown", (event) => { pressed = { moved: 0 }; if (here.hw && event.pointerType === "touch") moveTo(here, ...pixel(event)); });
  frame.addEventListener("pointerup", (event) => {
    if (pressed && pressed.moved < 4 && here.hw && event.pointerType !== "touch") {
      here.held = !here.held;
      here.page.classList.toggle("held", here.held);
      moveTo(here, ...pixel(event));
    }
    pressed = null;
  });
  frame.addEventListener("pointerleave", () => { pressed = null; });
  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && here.zoom === 1) return;
    event.preventDefault();
    if (!here.held) moveTo(here, ...pixel(event));
    magnify(here, event.deltaY < 0 ? 1.25 : 0.8);
  }, { passive: false });
}

function moveTo(here, col, row) {
  const [height, width] = here.hw;
  here.cursor = [Math.max(0, Math.min(width - 1, col)), Math.max(0, Math.min(height - 1, row))];
  place(here);
  for (const view of here.views) read(here, view);
  here.readout.textContent = `row ${here.cursor[1]}, column ${here.cursor[0]}  ·  u ${here.cursor[0] + 0.5}, v ${here.cursor[1] + 0.5} px${here.held ? "  ·  held" : ""}`;
  here.scene?.point(here.cursor);
}

// The cursor and the magnification, as properties that every frame's style follows.
function place(here) {
  const { page, zoom, corner, cursor, hw } = here;
  page.style.setProperty("--zoom", zoom);
  page.style.setProperty("--x", `${-corner[0] * 100}%`);
  page.style.setProperty("--y", `${-corner[1] * 100}%`);
  page.classList.toggle("magnified", zoom > 1);
  if (!cursor) return;
  page.classList.add("pointed");
  page.style.setProperty("--u", `${((cursor[0] + 0.5) / hw[1] - corner[0]) * zoom * 100}%`);
  page.style.setProperty("--v", `${((cursor[1] + 0.5) / hw[0] - corner[1]) * zoom * 100}%`);
}

function magnify(here, factor) {
  if (!here.hw) return;
  const [height, width] = here.hw;
  const before = here.zoom;
  here.zoom = kept.zoom = factor ? Math.max(1, Math.min(Math.max(width, height) / 8, before * factor)) : 1;
  const at = here.cursor ?? [width / 2, height / 2];
  const centre = [(at[0] + 0.5) / width, (at[1] + 0.5) / height];
  here.corner = here.corner.map((low, k) => centre[k] - ((centre[k] - low) * before) / here.zoom);
  pan(here, 0, 0);
}

function pan(here, u, v) {
  const most = 1 - 1 / here.zoom;
  here.corner = [here.corner[0] + u, here.corner[1] + v].map((low) => Math.max(0, Math.min(most, low)));
  place(here);
}

function read(here, view) {
  if (!view.values || !here.cursor) return;
  const { data, shape } = view.values;
  const depth = shape[2] ?? 1;
  const [row, col] = [1, 0].map((k) => Math.floor(((here.cursor[k] + 0.5) / here.hw[1 - k]) * shape[1 - k]));
  const start = (row * shape[1] + col) * depth;
  const numbers = Array.from(data.slice(start, start + depth));
  view.output.replaceChildren(...words(view.row, numbers));
}

// A value in words: exact numbers, the class's name and colour, or that nothing is there.
function words(row, numbers) {
  if (row.unit === "class") {
    const [code] = numbers;
    const swatch = make("i", { class: "swatch", style: `background:${state.dataset.colours[code] ?? "#888"}` });
    return [swatch, `${code} ${(state.dataset.classes[code] ?? "unknown").replaceAll("_", " ")}`];
  }
  const text = numbers.map((value) => exact(value, row.dtype));
  const empty = row.empty.replace(/[()\s]/g, "").split(",");
  const nothing = row.empty !== "" && numbers.every((value, k) => String(value) === { inf: "Infinity" }[empty[k] ?? empty[0]] || value === Number(empty[k] ?? empty[0]));
  if (nothing && row.unit !== "1/255") return [make("span", { class: "nothing" }, "nothing here")];
  const shown = text.map((word) => make("span", { class: "number" }, word));
  if (row.name === "image") shown.unshift(make("i", { class: "swatch", style: `background:rgb(${numbers})` }));
  return shown;
}

// The shortest decimal that is that number and no other of its dtype.
export function exact(value, dtype) {
  if (Number.isInteger(value)) return String(value);
  if (!Number.isFinite(value)) return value > 0 ? "inf" : value < 0 ? "-inf" : "nan";
  for (let digits = 1; digits < 17; digits++) {
    const text = Number(value.toPrecision(digits));
    const again = dtype === "float16" ? half(text) : dtype === "float32" ? Math.fround(text) : text;
    if (again === value) return String(text);
  }
  return String(value);
}

// The nearest half-precision number, ties to even.
function half(value) {
  const size = Math.abs(value);
  if (size === 0) return 0;
  const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(size))) - 10);
  const steps = size / unit, low = Math.floor(steps), over = steps - low;
  const rounded = over > 0.5 || (over === 0.5 && low % 2) ? low + 1 : low;
  return Math.sign(value) * rounded * unit;
}

function turnMarks(here) {
  kept.marks = (kept.marks + 1) % WHERE.length;
  marks(here);
}

// Landmarks over the passes: filled where visible, hollow where hidden.
function marks(here) {
  if (here.marksButton) here.marksButton.textContent = `Landmarks ${WHERE[kept.marks]}`;
  const points = here.facts.arrays["landmarks/points_2d"];
  if (!points || !here.hw) return;
  for (const view of here.views) {
    view.turned.querySelector("svg")?.remove();
    if (kept.marks === 0 ? view.name !== "image" : kept.marks === 2) continue;
    view.turned.append(overlay(here, points));
  }
}

function overlay(here, points) {
  const [height, width] = here.hw;
  const visible = here.facts.arrays["landmarks/visible"];
  const names = state.dataset.landmarks;
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "landmarks", role: "img", "aria-label":
    visible ? `${visible.filter(Boolean).length} of ${points.length} landmarks are visible` : `${points.length} landmarks` });
  points.forEach(([u, v], k) => {
    if (!Number.isFinite(u)) return;
    const seen = visible ? visible[k] : true;
    const dot = svg("circle", { cx: u, cy: v, r: Math.max(width, height) / 130, class: seen ? "seen" : "hidden" });
    dot.append(svg("title", {}));
    dot.firstChild.textContent = `${k} ${(names[k] ?? "").replaceAll("_", " ")}: ${seen ? "visible" : "hidden"}`;
    drawn.append(dot);
  });
  return drawn;
}

function sceneBox(here) {
  const names = here.views.map((view) => view.name);
  if (!here.facts.arrays["camera/K"] || !names.includes("depth")) return null;
  here.scene = makeScene(here);
  return here.scene.element;
}

function tables(facts) {
  const marks = legend(facts);
  const spec = facts.spec ? make("details", {}, make("summary", {}, "Everything drawn for it (spec)"), tree(facts.spec)) : null;
  const rows = Object.entries(facts.arrays).filter(([name]) => !name.startsWith("landmarks/"));
  const units = Object.fromEntries(state.dataset.passes.map((row) => [row.name, row]));
  const table = make("table", {}, make("caption", { class: "unseen" }, "Small passes"), make("tbody", {},
    ...rows.map(([name, value]) => make("tr", {}, make("th", { scope: "row", title: units[name]?.doc ?? "" }, name, " ", make("small", {}, units[name]?.unit === "1" ? "" : units[name]?.unit ?? "")),
      make("td", {}, value === null ? "" : numbersOf(name, value, units[name]))))));
  return make("div", { class: "tables" }, marks, make("details", { open: true }, make("summary", {}, "Parameters and camera"), table), spec);
}

function numbersOf(name, value, row) {
  if (name === "params/yaw_pitch_roll") return value.map((angle, k) => `${["yaw", "pitch", "roll"][k]} ${((angle * 180) / Math.PI).toFixed(1)}°`).join(", ");
  const flat = [value].flat(Infinity);
  if (flat.length <= 16) return make("code", {}, Array.isArray(value?.[0]) ? value.map((line) => line.map(near).join("  ")).join("\n") : flat.map(near).join("  "));
  return make("details", {}, make("summary", {}, `${flat.length} numbers`), make("code", {}, name === "class_pixels" ? classes(value) : flat.map(near).join("  ")));
  function near(number) {
    return typeof number === "number" ? (Number.isInteger(number) ? String(number) : number.toPrecision(5)) : String(number);
  }
}

const classes = (counts) => counts.map((count, k) => [count, k]).filter(([count]) => count)
  .map(([count, k]) => `${count.toLocaleString("en")}  ${state.dataset.classes[k] ?? k}`).join("\n");

function legend(facts) {
  if (!state.dataset.passes.some((row) => row.unit === "class")) return null;
  const counts = facts.arrays.class_pixels;
  const shown = Object.entries(state.dataset.classes).filter(([code]) => !counts || counts[code]);
  return make("ul", { class: "legend", "aria-label": "Classes" }, ...shown.map(([code, name]) =>
    make("li", {}, make("i", { class: "swatch", style: `background:${state.dataset.colours[code]}` }), `${code} ${name.replaceAll("_", " ")}`)));
}

function tree(value) {
  if (Array.isArray(value) && value.every((entry) => typeof entry !== "object" || entry === null)) return make("code", {}, value.length > 8 ? `${value.length} numbers: ${value.slice(0, 4).map(brief).join(", ")} …` : value.map(brief).join(", "));
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value);
    return make("dl", {}, ...entries.flatMap(([name, entry]) => [make("dt", {}, name.replaceAll("_", " ")), make("dd", {}, tree(entry))]));
  }
  return make("code", {}, brief(value));
}
const brief = (value) => (typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(5))) : String(value));

function keys(event, here) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest?.("input, select, dialog") || document.getElementById("help").open) return;
  const onPass = document.activeElement?.matches?.(".passes figure");
  const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  const size = event.shiftKey ? 10 : 1;
  if (arrow && document.activeElement?.closest?.(".scene")) return;
  if (arrow && onPass && here.hw) {
    const [col, row] = here.cursor ?? [here.hw[1] >> 1, here.hw[0] >> 1];
    here.held = true;
    here.page.classList.add("held");
    moveTo(here, col + size * arrow[0], row + size * arrow[1]);
  } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const to = event.key === "ArrowLeft" ? here.around?.previous : here.around?.next;
    if (to !== null && to !== undefined) location.hash = `#/record/${to}`;
  } else if (event.key === "Escape") {
    if (onPass || here.held) { document.activeElement.blur(); here.held = false; here.page.classList.remove("held"); }
    else location.hash = "#/";
  } else if (event.key === "l") turnMarks(here);
  else if (event.key === "+" || event.key === "=") magnify(here, 1.5);
  else if (event.key === "-") magnify(here, 1 / 1.5);
  else if (event.key === "0") magnify(here, 0);
  else if (event.key === "p" || event.key === "m") here.scene?.choose(event.key === "p" ? "points" : "mesh");
  else return;
  event.preventDefault();
}
