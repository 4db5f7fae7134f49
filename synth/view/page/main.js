// Start, routes, the search box and the keys that work everywhere.

import { get, make, mainCards, queryChanged, state, toggleCard } from "./state.js";
import { showGrid, toggleFilters } from "./grid.js";
import { showRecord } from "./record.js";
import { showHistograms } from "./filters.js";

const main = document.getElementById("main");
const search = document.getElementById("search");
const found = document.getElementById("found");
const help = document.getElementById("help");
let leave = null; // ends what is shown: takes its listeners away

async function start() {
  try {
    state.dataset = await get("api/dataset");
  } catch (error) {
    main.replaceChildren(make("p", { class: "message", role: "alert" }, `The server does not answer: ${error.message}`));
    return;
  }
  document.title = `${state.dataset.name} · synth`;
  document.getElementById("name").textContent = state.dataset.name;
  if (!state.dataset.pictures.includes("image")) state.picture = state.dataset.pictures[0] ?? "";
  addEventListener("hashchange", route);
  route();
  readColumns();
}

function route() {
  const [view, word] = location.hash.replace(/^#\//, "").split("/");
  leave?.();
  document.body.dataset.view = view || "grid";
  for (const link of document.querySelectorAll("[data-view][href]")) {
    if (link.dataset.view === (view || "grid")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "record") leave = showRecord(main, Number(word));
  else if (view === "histograms") leave = showHistograms(main);
  else leave = showGrid(main);
}

async function readColumns() {
  const progress = document.getElementById("progress");
  const answer = await get("api/columns");
  const first = !state.columns.length;
  state.columns = answer.columns;
  if (first || !answer.ready) state.cards = mainCards();
  else state.cards = [...new Set([...state.cards, ...mainCards()])];
  state.ready = answer.ready;
  progress.hidden = answer.ready;
  const done = answer.done.toLocaleString("en");
  progress.textContent = `Reading properties: ${done} of ${state.dataset.count.toLocaleString("en")} records; filters see these so far`;
  progress.style.setProperty("--done", answer.done / state.dataset.count);
  document.dispatchEvent(new CustomEvent("columns"));
  if (answer.ready && answer.unreadable.length) {
    progress.hidden = false;
    progress.textContent = `Some records cannot be read: ${answer.unreadable[0]}`;
  }
  if (!answer.ready) setTimeout(readColumns, answer.done < 2000 ? 300 : 1500);
}

// The search box: a record's number, a column's name, or a choice of one.
function suggestions(text) {
  const wanted = text.trim().toLowerCase();
  const rows = [];
  if (/^\d+$/.test(wanted)) {
    rows.push({ label: `Record ${wanted}`, hint: "open", act: () => (location.hash = `#/record/${wanted}`) });
  }
  const words = wanted.split(/\s+/);
  const fits = (label) => words.every((word) => label.toLowerCase().includes(word));
  for (const row of state.columns) {
    if (rows.length > 30) break;
    const name = `${row.label} ${row.name}`;
    if (fits(name)) rows.push({ label: row.label, hint: row.group, act: () => filterBy(row.name) });
    for (const choice of row.choices ?? []) {
      if (wanted && !fits(name) && fits(`${row.label} ${choice}`)) {
        rows.push({ label: `${row.label}: ${choice}`, hint: "filter", act: () => filterBy(row.name, { choices: [choice] }) });
      }
    }
  }
  return rows;
}

function filterBy(name, asked) {
  toggleCard(name);
  if (asked) state.where.set(name, asked);
  if (document.body.dataset.view === "record") location.hash = "#/";
  document.dispatchEvent(new CustomEvent("cards", { detail: name }));
  toggleFilters(true);
  queryChanged();
}

let active = -1;
let entered = false; // Enter came before the columns: the first suggestion is chosen when they are there
function showSuggestions() {
  const rows = suggestions(search.value);
  found.replaceChildren(
    ...rows.map((row, k) =>
      make("li", { role: "option", id: `found-${k}`, "aria-selected": String(k === active), onpointerdown: (event) => { event.preventDefault(); choose(row); } },
        make("span", {}, row.label), make("small", {}, row.hint))),
  );
  found.hidden = !rows.length;
  search.setAttribute("aria-expanded", String(rows.length > 0));
  if (active >= 0 && rows.length) search.setAttribute("aria-activedescendant", `found-${active}`);
  else search.removeAttribute("aria-activedescendant");
  found.children[active]?.scrollIntoView({ block: "nearest" });
  return rows;
}

function choose(row) {
  closeSearch();
  row.act();
}

function closeSearch() {
  entered = false;
  search.value = "";
  found.hidden = true;
  search.setAttribute("aria-expanded", "false");
  search.blur();
}

search.addEventListener("input", () => { active = 0; entered = false; showSuggestions(); });
search.addEventListener("focus", () => { active = -1; showSuggestions(); });
search.addEventListener("blur", () => { entered = false; found.hidden = true; search.setAttribute("aria-expanded", "false"); });
search.addEventListener("keydown", (event) => {
  const rows = suggestions(search.value);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    active = (active + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % Math.max(1, rows.length);
    showSuggestions();
    event.preventDefault();
  } else if (event.key === "Enter" && rows.length) choose(rows[Math.max(0, active)]);
  else if (event.key === "Enter") entered = !state.columns.length;
  else if (event.key === "Escape") closeSearch();
  event.stopPropagation();
});

document.addEventListener("columns", () => {
  if (document.activeElement !== search) return;
  const rows = showSuggestions();
  if (entered && rows.length) choose(rows[0]);
  entered = false;
});

document.getElementById("help-button").addEventListener("click", () => help.showModal());
help.addEventListener("click", (event) => event.target === help && help.close());

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help.open) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const acts = {
    "/": () => search.focus(),
    "?": () => help.showModal(),
    h: () => (location.hash = "#/histograms"),
    f: () => (document.body.dataset.view === "grid" ? toggleFilters() : (location.hash = "#/")),
  };
  if (event.key === "Escape" && document.body.dataset.view === "histograms") location.hash = "#/";
  else if (acts[event.key]) acts[event.key]();
  else return;
  event.preventDefault();
});

start();
