// Cards: the histogram of a column, which is its filter too.

import { column, get, make, onQuery, query, queryChanged, short, state, svg, toggleCard } from "./state.js";

const HEIGHT = 44;

// A list of cards that follows state.cards; returns {element, refresh, stop}.
export function cardList(large = false) {
  const list = make("div", { class: large ? "cards large" : "cards" });
  const cards = new Map();
  let asking = null;

  async function refresh() {
    const names = state.cards.filter((name) => column(name));
    for (const [name, card] of cards) if (!names.includes(name)) { card.element.remove(); cards.delete(name); }
    names.forEach((name, k) => {
      if (!cards.has(name)) cards.set(name, makeCard(name, large));
      const element = cards.get(name).element;
      if (list.children[k] !== element) list.insertBefore(element, list.children[k] ?? null);
    });
    asking?.abort();
    asking = new AbortController();
    try {
      for (let k = 0; k < names.length; k += 40) {
        const words = { columns: names.slice(k, k + 40).join(","), q: query() };
        for (const histogram of await get("api/histograms", words, asking.signal)) cards.get(histogram.column)?.draw(histogram);
      }
    } catch (error) {
      if (error.name !== "AbortError") list.dataset.error = error.message;
    }
  }

  const off = onQuery(refresh);
  const onCards = (event) => {
    refresh();
    const card = event.detail && cards.get(event.detail);
    card?.element.scrollIntoView({ block: "nearest" });
    card?.element.querySelector("input")?.focus({ preventScroll: true });
  };
  document.addEventListener("columns", refresh);
  document.addEventListener("cards", onCards);
  refresh();
  return {
    element: list,
    stop() {
      off();
      asking?.abort();
      document.removeEventListener("columns", refresh);
      document.removeEventListener("cards", onCards);
    },
  };
}

function makeCard(name, large) {
  const row = column(name);
  const id = `card-${large ? "large-" : ""}${name.replace(/\W/g, "-")}`;
  const clear = make("button", { class: "clear", type: "button", hidden: true, onclick: () => ask(name, null) }, "Clear");
  const remove = make("button", { class: "remove", type: "button", "aria-label": `Take ${row.label} away`, title: "Take away",
    onclick: () => { toggleCard(name, false); document.dispatchEvent(new CustomEvent("cards")); } }, "×");
  const body = make("div", { class: "body" });
  const element = make("section", { class: "card", "aria-labelledby": id },
    make("header", {}, make("h3", { id, title: name }, row.label, row.unit ? make("small", {}, ` ${row.unit}`) : ""), clear, remove), body);
  const draw = row.choices ? drawChoices : drawNumbers;
  return {
    element,
    draw(histogram) {
      clear.hidden = !state.where.has(name);
      element.classList.toggle("asked", state.where.has(name));
      draw(body, histogram, large);
    },
  };
}

function ask(name, asked) {
  if (asked) state.where.set(name, asked);
  else state.where.delete(name);
  queryChanged();
}

function drawChoices(body, histogram) {
  const asked = new Set(state.where.get(histogram.column)?.choices ?? []);
  const most = Math.max(1, ...histogram.all);
  const focused = body.contains(document.activeElement) ? document.activeElement.value : null;
  const rows = histogram.names.map((name, k) => {
    const box = make("input", { type: "checkbox", value: name, checked: asked.has(name), onchange: () => {
      if (box.checked) asked.add(name);
      else asked.delete(name);
      ask(histogram.column, asked.size ? { choices: [...asked] } : null);
    } });
    return make("label", { class: histogram.all[k] ? "choice" : "choice empty", title: `${histogram.selected[k]} of ${histogram.all[k]} records` },
      box, make("span", {}, name.replaceAll("_", " ")),
      make("i", { style: `--all:${histogram.all[k] / most};--selected:${histogram.selected[k] / most}`, "aria-hidden": "true" }),
      make("output", {}, histogram.selected[k].toLocaleString("en")));
  });
  body.replaceChildren(make("fieldset", {}, make("legend", { class: "unseen" }, histogram.label), ...rows), ...gapLines(histogram));
  if (focused !== null) [...body.querySelectorAll("input")].find((input) => input.value === focused)?.focus();
}

function drawNumbers(body, histogram, large) {
  const { edges } = histogram;
  const asked = state.where.get(histogram.column) ?? {};
  if (!body.querySelector("input")) body.replaceChildren(...numberInputs(histogram), make("div", { class: "chart" }), make("div", { class: "gaps" }));
  const [low, high] = body.querySelectorAll("input");
  if (document.activeElement !== low) low.value = asked.low ?? "";
  if (document.activeElement !== high) high.value = asked.high ?? "";
  low.placeholder = short(edges[0]);
  high.placeholder = short(edges.at(-1));
  body.querySelector(".chart").replaceChildren(numberChart(histogram, asked, large));
  body.querySelector(".gaps").replaceChildren(...gapLines(histogram));
}

function gapLines(histogram) {
  return histogram.gaps.map((text) => make("p", { class: "gap" }, text));
}

function numberInputs(histogram) {
  const name = histogram.column;
  const change = () => {
    const [low, high] = inputs.map((input) => (input.value === "" || Number.isNaN(input.valueAsNumber) ? null : input.valueAsNumber));
    ask(name, low === null && high === null ? null : { low, high });
  };
  const inputs = ["from", "to"].map((word) =>
    make("input", { type: "number", step: "any", inputmode: "decimal", "aria-label": `${histogram.label} ${word}`, onchange: change }));
  return [make("div", { class: "range" }, inputs[0], make("span", { "aria-hidden": "true" }, "to"), inputs[1])];
}

// Bars of all records, and over them of those that are selected; dragging over them asks for a range.
function numberChart(histogram, asked, large) {
  const { edges, all, selected } = histogram;
  const height = large ? 120 : HEIGHT;
  const width = 240;
  const span = edges.at(-1) - edges[0] || 1;
  const x = (value) => ((value - edges[0]) / span) * width;
  const most = Math.max(1, ...all);
  const bar = (k, count, kind) => {
    const tall = count ? Math.max(1.2, (count / most) * (height - 2)) : 0;
    return svg("rect", { x: x(edges[k]) + 0.4, y: height - tall, width: Math.max(0.8, x(edges[k + 1]) - x(edges[k]) - 0.8), height: tall, class: kind });
  };
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${histogram.label}: ${all.reduce((a, b) => a + b, 0)} records from ${short(edges[0])} to ${short(edges.at(-1))}` });
  all.forEach((count, k) => {
    const target = svg("rect", { x: x(edges[k]), y: 0, width: Math.max(0.1, x(edges[k + 1]) - x(edges[k])), height, class: "target" });
    target.append(svg("title", {}));
    target.firstChild.textContent = `${histogram.names[k]}: ${selected[k].toLocaleString("en")} of ${count.toLocaleString("en")}`;
    chart.append(bar(k, count, "all"), bar(k, selected[k], "selected"), target);
  });
  if (asked.low !== undefined || asked.high !== undefined) {
    const a = Math.max(0, x(asked.low ?? edges[0])), b = Math.min(width, x(asked.high ?? edges.at(-1)));
    chart.append(svg("rect", { x: a, y: 0, width: Math.max(1, b - a), height, class: "brush" }));
  }
  brush(chart, histogram);
  return chart;
}

function brush(chart, histogram) {
  const { edges } = histogram;
  const binAt = (event) => {
    const box = chart.getBoundingClientRect();
    const value = edges[0] + ((event.clientX - box.left) / box.width) * (edges.at(-1) - edges[0]);
    return Math.max(0, Math.min(edges.length - 2, edges.findLastIndex((edge) => edge <= value)));
  };
  let from = null;
  chart.addEventListener("pointerdown", (event) => { from = binAt(event); chart.setPointerCapture(event.pointerId); });
  chart.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const bins = [from, binAt(event)].sort((a, b) => a - b);
    from = null;
    const asked = { low: edges[bins[0]], high: edges[bins[1] + 1] };
    const before = state.where.get(histogram.column);
    ask(histogram.column, before && before.low === asked.low && before.high === asked.high ? null : asked);
  });
}

export function showHistograms(main) {
  const list = cardList(true);
  const total = make("p", { class: "total", role: "status" });
  const count = async () => {
    const { total: n } = await get("api/records", { q: query(), limit: 0 });
    const all = state.dataset.count;
    total.textContent = n === all ? `${all.toLocaleString("en")} records` : `${n.toLocaleString("en")} of ${all.toLocaleString("en")} records`;
    reset.hidden = !state.where.size;
  };
  const reset = make("button", { type: "button", hidden: true, onclick: () => { state.where.clear(); queryChanged(); } }, "Clear all filters");
  const lead = make("p", { class: "lead" },
    "Click or drag over bars, or tick names, to filter. Pale bars are all records, full bars those that pass. ",
    "What the config allows and no record has is said below each.");
  main.replaceChildren(make("div", { class: "histograms" }, make("header", {}, make("h1", {}, "Histograms"), total, reset), lead, list.element));
  const off = onQuery(count);
  count();
  return () => { off(); list.stop(); };
}
