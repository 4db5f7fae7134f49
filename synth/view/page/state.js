// What is asked of the server, and what the page knows: the dataset, its columns, the query.

export const state = {
  dataset: null,
  columns: [],
  ready: false,
  where: new Map(), // column name -> {low, high} or {choices}
  cards: [], // names of the columns whose histograms are shown as filters
  sort: "",
  descending: false,
  picture: "image",
  tile: 148, // px
};

const listeners = new Set();
export function onQuery(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
let queued = 0;
export function queryChanged() {
  clearTimeout(queued);
  queued = setTimeout(() => listeners.forEach((listener) => listener()), 60);
}

export function query() {
  const where = [...state.where].map(([column, asked]) => ({ column, ...asked }));
  return JSON.stringify({ where, sort: state.sort, descending: state.descending });
}

export async function get(path, words = {}, signal) {
  const answer = await fetch(url(path, words), { signal });
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.json();
}

export function url(path, words = {}) {
  const text = new URLSearchParams(words).toString();
  return text ? `${path}?${text}` : path;
}

// The dataset's version in the URL: another dataset on the same port is not served from the browser's cache.
export const recordUrl = (index, rest, words = {}) =>
  url(`api/records/${index}/${rest}`, { ...words, v: state.dataset.version });

const KINDS = {
  float32: Float32Array, float64: Float64Array, uint8: Uint8Array, int8: Int8Array,
  uint16: Uint16Array, int16: Int16Array, uint32: Uint32Array, int32: Int32Array,
};

// Exact numbers of a pass: {data, shape}.
export async function getArray(path, signal) {
  const answer = await fetch(path, { signal });
  if (!answer.ok) throw new Error((await answer.json()).error);
  const shape = answer.headers.get("X-Shape").split(",").map(Number);
  return { data: new KINDS[answer.headers.get("X-Dtype")](await answer.arrayBuffer()), shape };
}

export function column(name) {
  return state.columns.find((row) => row.name === name);
}

export function toggleCard(name, shown = true) {
  if (shown && !state.cards.includes(name)) state.cards.unshift(name);
  if (!shown) {
    state.cards = state.cards.filter((other) => other !== name);
    if (state.where.delete(name)) queryChanged();
  }
}

export function mainCards() {
  return state.columns.filter((row) => row.main).map((row) => row.name);
}

// Four digits that matter.
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(4)));
}

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (value === false || value === null || value === undefined) continue;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
