// The grid of all records: only the rows on the screen exist, whatever the number of records.

import { get, make, onQuery, query, queryChanged, recordUrl, state } from "./state.js";
import { cardList } from "./filters.js";

const BLOCK = 200; // records whose numbers come with one answer
const GAP = 6;
const CAPTION = 22; // px below a picture
const MOST_PX = 12_000_000; // browsers end scrolling somewhere above; beyond, filters have to narrow it down

if (matchMedia("(max-width: 760px)").matches) state.tile = 112;
export const place = { focus: 0, scroll: 0 }; // kept while a record is shown

export function toggleFilters(shown) {
  const panel = document.getElementById("filters");
  if (!panel) return;
  const narrow = matchMedia("(max-width: 760px)").matches;
  const name = narrow ? "open" : "closed";
  const is = panel.classList.contains(name);
  panel.classList.toggle(name, shown === undefined ? !is : narrow ? shown : !shown);
  document.getElementById("filters-button").setAttribute("aria-expanded", String(isOpen(panel, narrow)));
  if (isOpen(panel, narrow) && shown === undefined) panel.querySelector("input, button")?.focus();
}
const isOpen = (panel, narrow) => (narrow ? panel.classList.contains("open") : !panel.classList.contains("closed"));

export function showGrid(main) {
  const list = cardList();
  const canvas = make("div", { class: "canvas", role: "group", "aria-label": "Records" });
  const scroller = make("div", { class: "scroller" }, canvas);
  const total = make("p", { class: "total", role: "status", "aria-live": "polite" });
  const reset = make("button", { type: "button", class: "quiet", hidden: true, onclick: () => { state.where.clear(); queryChanged(); } }, "Clear filters");
  const tools = toolbar(total, reset);
  const panel = make("aside", { id: "filters", "aria-label": "Filters" },
    make("header", {}, make("h2", {}, "Filters"), make("button", { type: "button", class: "close", "aria-label": "Close the filters", onclick: () => toggleFilters(false) }, "×")),
    list.element,
    make("p", { class: "more" }, "More properties: press ", make("kbd", {}, "/"), " and type a name."));
  main.replaceChildren(make("div", { class: "browse" }, panel, make("div", { class: "records" }, tools.element, scroller)));

  let order = { total: state.dataset.count, blocks: new Map() };
  let columns = 1, side = state.tile, tall = 0, stopped = false;
  const tiles = new Map();

  function measure() {
    const width = scroller.clientWidth - 2 * GAP;
    columns = Math.max(2, Math.floor((width + GAP) / (state.tile + GAP)));
    side = (width - (columns - 1) * GAP) / columns;
    tall = side * ratio() + CAPTION + GAP;
    const rows = Math.ceil(order.total / columns);
    canvas.style.height = `${Math.min(MOST_PX, rows * tall + GAP)}px`;
  }

  function ratio() {
    return state.hw ? Math.min(1.6, state.hw[0] / state.hw[1]) : 1;
  }

  // Numbers of the records of a block, asked for once.
  function block(number) {
    const { blocks } = order;
    if (!blocks.has(number)) {
      const mine = order;
      const asked = get("api/records", { q: query(), offset: number * BLOCK, limit: BLOCK }).then((answer) => {
        if (mine !== order || stopped) return;
        blocks.set(number, answer);
        if (answer.total !== order.total) { order.total = answer.total; measure(); }
        draw();
      }, (error) => { total.textContent = error.message; });
      blocks.set(number, asked);
    }
    const known = blocks.get(number);
    return known instanceof Promise ? null : known;
  }

  let drawing = 0;
  function draw() {
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(drawNow);
  }

  function drawNow() {
    if (stopped) return;
    const first = Math.max(0, Math.floor(scroller.scrollTop / tall) - 2) * columns;
    const last = Math.min(order.total, (Math.ceil((scroller.scrollTop + scroller.clientHeight) / tall) + 2) * columns);
    for (const [at, tile] of tiles) {
      if (at < first || at >= last) { if (!tile.contains(document.activeElement)) { tile.remove(); tiles.delete(at); } }
    }
    for (let at = first; at < last; at++) {
      const known = block(Math.floor(at / BLOCK));
      const index = known?.records[at % BLOCK];
      if (index === undefined) continue;
      put(at, index, known.captions?.[at % BLOCK]);
    }
    count();
  }

  function put(at, index, caption) {
    let tile = tiles.get(at);
    const text = caption ?? "";
    if (!tile) {
      tile = make("a", { class: "tile" }, make("img", { alt: "", decoding: "async", draggable: false }), make("span", {}, make("b", {}), make("small", {})));
      tile.addEventListener("focus", () => { place.focus = tile.at; roving(); });
      tiles.set(at, tile);
      canvas.append(tile);
    }
    tile.at = at;
    const px = Math.min(512, Math.ceil((side * Math.min(2, devicePixelRatio)) / 32) * 32);
    const source = state.picture ? recordUrl(index, `thumbnail/${state.picture}`, { px }) : "";
    if (tile.dataset.source !== source) {
      tile.dataset.source = source;
      const image = tile.firstChild;
      image.classList.remove("failed");
      image.onload = () => { if (!state.hw) { state.hw = [image.naturalHeight, image.naturalWidth]; if (ratio() !== 1) { measure(); draw(); } } };
      image.onerror = () => image.classList.add("failed");
      image.src = source;
      tile.href = `#/record/${index}`;
    }
    tile.ariaLabel = `Record ${index}${text ? `, ${text}` : ""}`;
    tile.querySelector("b").textContent = index;
    tile.querySelector("small").textContent = text;
    tile.tabIndex = at === place.focus ? 0 : -1;
    const row = Math.floor(at / columns), col = at % columns;
    tile.style.cssText = `width:${side}px;height:${tall - GAP}px;transform:translate(${GAP + col * (side + GAP)}px,${GAP + row * tall}px)`;
  }

  function roving() {
    for (const [at, tile] of tiles) tile.tabIndex = at === place.focus ? 0 : -1;
    if (!tiles.has(place.focus)) { const first = Math.min(...tiles.keys()); if (tiles.has(first)) tiles.get(first).tabIndex = 0; }
  }

  function count() {
    const all = state.dataset.count.toLocaleString("en");
    const some = order.total.toLocaleString("en");
    let text = order.total === state.dataset.count && !state.where.size ? `${all} records` : `${some} of ${all} records`;
    if (Math.ceil(order.total / columns) * tall > MOST_PX) text += "; too many to scroll through: filter or sort";
    if (total.textContent !== text) total.textContent = text;
    reset.hidden = !state.where.size;
    if (!order.total) canvas.dataset.empty = "No record passes these filters.";
    else delete canvas.dataset.empty;
    roving();
  }

  function goTo(at) {
    place.focus = Math.max(0, Math.min(order.total - 1, at));
    const top = Math.floor(place.focus / columns) * tall;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + tall > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + tall + GAP - scroller.clientHeight;
    const focus = (tries) => {
      if (tiles.has(place.focus)) tiles.get(place.focus).focus({ preventScroll: true });
      else if (tries && !stopped) setTimeout(focus, 40, tries - 1);
    };
    drawNow();
    focus(25);
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, dialog, aside")) return;
    const screen = Math.max(1, Math.floor(scroller.clientHeight / tall)) * columns;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: screen, PageUp: -screen,
      Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape" && document.getElementById("filters").classList.contains("open")) toggleFilters(false);
    else if (step && order.total) goTo(canvas.contains(document.activeElement) || Math.abs(step) === Infinity ? place.focus + step : place.focus);
    else return;
    event.preventDefault();
  }

  function again() {
    order = { total: order.total, blocks: new Map() };
    place.focus = 0;
    scroller.scrollTop = 0;
    tools.update();
    draw();
  }

  const resized = new ResizeObserver(() => { measure(); draw(); });
  resized.observe(scroller);
  scroller.addEventListener("scroll", () => { place.scroll = scroller.scrollTop; draw(); }, { passive: true });
  document.addEventListener("keydown", keys);
  document.addEventListener("tiles", resize);
  function resize() { measure(); for (const tile of tiles.values()) tile.dataset.source = ""; draw(); }
  const off = onQuery(again);
  document.addEventListener("columns", tools.update);
  tools.update();
  measure();
  const kept = place.scroll;
  requestAnimationFrame(() => { measure(); scroller.scrollTop = kept; draw(); });
  return () => {
    stopped = true;
    off();
    resized.disconnect();
    list.stop();
    document.removeEventListener("keydown", keys);
    document.removeEventListener("tiles", resize);
    document.removeEventListener("columns", tools.update);
  };
}

function toolbar(total, reset) {
  const sort = make("select", { "aria-label": "Sort by", onchange: () => { state.sort = sort.value; queryChanged(); } });
  const turn = make("button", { type: "button", class: "quiet icon", onclick: () => { state.descending = !state.descending; queryChanged(); } });
  const show = make("select", { "aria-label": "Pass that is shown", onchange: () => { state.picture = show.value; document.dispatchEvent(new Event("tiles")); } },
    ...state.dataset.pictures.map((name) => make("option", { value: name, selected: name === state.picture }, name)));
  const size = make("input", { type: "range", min: "72", max: "320", step: "4", value: String(state.tile), "aria-label": "Size of the pictures",
    oninput: () => { state.tile = size.valueAsNumber; document.dispatchEvent(new Event("tiles")); } });
  const filters = make("button", { id: "filters-button", type: "button", "aria-expanded": String(!matchMedia("(max-width: 760px)").matches), "aria-controls": "filters", onclick: () => toggleFilters() },
    "Filters", make("span", { class: "badge", hidden: true }));
  const element = make("div", { class: "tools" }, filters, total, reset,
    make("label", { class: "show" }, make("span", {}, "Show"), show),
    make("label", { class: "sort" }, make("span", {}, "Sort"), sort), turn,
    make("label", { class: "size" }, make("span", { class: "unseen" }, "Size"), size));

  function update() {
    const groups = Map.groupBy(state.columns.filter((row) => row.main || row.name === state.sort), (row) => row.group);
    sort.replaceChildren(make("option", { value: "" }, "record number"),
      ...[...groups].map(([label, rows]) => make("optgroup", { label }, ...rows.map((row) => make("option", { value: row.name }, row.label)))));
    sort.value = state.sort;
    turn.textContent = state.descending ? "↓" : "↑";
    turn.title = state.descending ? "Largest first" : "Smallest first";
    turn.ariaLabel = `${turn.title}; press to turn round`;
    const badge = filters.querySelector(".badge");
    badge.hidden = !state.where.size;
    badge.textContent = state.where.size;
  }
  return { element, update };
}
