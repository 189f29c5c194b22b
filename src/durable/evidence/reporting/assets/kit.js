// The data, and what every other part builds with. Text goes onto the page through `textContent` alone.
const data = JSON.parse(document.getElementById("data").textContent);
const steps = data.steps;
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// Characters that nobody sees can turn the order of those around them: a command would read as another one.
const UNSEEN = /[\p{Cc}\p{Cf}]/gu;
const escaped = (char) => `\\u{${char.codePointAt(0).toString(16)}}`;
const visible = (text) => text.replace(UNSEEN, (char) => ("\n\t".includes(char) ? char : escaped(char)));

function put(node, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(typeof child === "string" ? visible(child) : child);
  }
  return node;
}
// A child that is a text becomes a text node: `append` never reads markup.
const el = (name, given = {}, ...children) => put(document.createElement(name), given, children);
const svg = (name, given = {}, ...children) => put(document.createElementNS(SVG, name), given, children);

const GLYPH = {
  prepared: "\u25CB", running: "\u25B8", succeeded: "\u2713", failed: "\u2715", in_doubt: "?",
  not_done: "\u2013", refused: "\u2298", replayed: "\u21BA",
};
const VERDICT_GLYPH = { PASS: "\u2713", WARN: "!", FAIL: "\u2715", UNKNOWN: "?" };
const said = (status) => status.replace("_", " ");
const short = (id) => (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(id) ? id.slice(0, 8) : id);
const many = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

// ---- times: microseconds since the run's first sign of life --------------------------------------

const two = (number) => String(number).padStart(2, "0");
const dateOf = (at) => new Date((data.origin + at) / 1000);
const dayOf = (at) => { const d = dateOf(at); return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`; };
const clockOf = (at) => { const d = dateOf(at); return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`; };
const preciseOf = (at) => `${clockOf(at)}.${String(dateOf(at).getMilliseconds()).padStart(3, "0")}`;
const isOneDay = dayOf(0) === dayOf(data.end);
const whenOf = (at) => (isOneDay ? clockOf(at) : `${dayOf(at).slice(5)} ${clockOf(at)}`);
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";

function span(us) {
  const ms = us / 1000;
  if (ms < 1) return `${us} \u00B5s`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  const pair = (n, unit, rest, smaller) => (rest ? `${n} ${unit} ${rest} ${smaller}` : `${n} ${unit}`);
  if (s < 60) return `${s} s`;
  if (s < 3600) return pair(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 86400) return pair(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return pair(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
