// Everything works without a mouse.
const KEYS = [
  ["j  \u2193", "the next step", () => list.move(1), ["j", "ArrowDown"]],
  ["k  \u2191", "the step before", () => list.move(-1), ["k", "ArrowUp"]],
  ["n", "the next that failed, was stopped or is in doubt", () => list.moveToOdd(1), ["n"]],
  ["p", "the one before that", () => list.moveToOdd(-1), ["p"]],
  ["Page down", "a page on", () => list.move(list.page()), ["PageDown"]],
  ["Page up", "a page back", () => list.move(-list.page()), ["PageUp"]],
  ["g  Home", "the first step", () => list.toEnd(false), ["g", "Home"]],
  ["G  End", "the last step", () => list.toEnd(true), ["G", "End"]],
  ["Enter", "open the step; once more: go into it", () => enter(), ["Enter"]],
  ["Escape", "close it", () => panel.isOpen() && panel.close(), ["Escape"]],
  ["/", "filter", () => filter.focus(), ["/"]],
  ["z", "fit time to what is in view, or show the whole run", () => list.toggleRange(), ["z"]],
  ["?", "these keys", () => byId("keys").showModal(), ["?"]],
];

function enter() {
  const place = list.chosen();
  if (place < 0) return;
  if (panel.isOpen()) byId("step").focus();
  else panel.open(place);
}

const dialog = byId("keys");
dialog.append(el("h2", {}, "Keys"), el("dl", {}, KEYS.map(([keys, what]) => [
  el("dt", {}, keys.split("  ").flatMap((key, i) => (i ? [" ", el("kbd", {}, key)] : [el("kbd", {}, key)]))), el("dd", {}, what)])),
  el("button", { type: "button", onclick: () => dialog.close() }, "Close"));
byId("help").addEventListener("click", () => dialog.showModal());

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  const inField = event.target.closest("input, select, textarea");
  // A button, a link or a summary has an Enter of its own; a text that scrolls has its arrows.
  const inControl = event.target.closest("button, a, summary");
  const inPanel = event.target.closest("#step");
  if (inField || (inControl && event.key === "Enter")) return;
  if (inPanel && !["Escape", "j", "k", "n", "p", "/", "?", "z"].includes(event.key)) return;
  const found = KEYS.find(([, , , keys]) => keys.includes(event.key));
  if (found) { event.preventDefault(); found[2](); }
});

list.begin();
filter.apply();
map.tell();
const named = steps.findIndex((step) => step.id === location.hash.slice(1));
if (named >= 0) list.go(named, true);
