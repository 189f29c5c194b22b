// The steps, one row each, and their waterfall.
const list = (() => {
  const grid = byId("steps");
  const lines = el("div", { id: "lines", "aria-hidden": "true" });
  const widest = Math.min(Math.max(0, ...data.lanes.map((lane) => lane.column)), 9);
  document.documentElement.style.setProperty("--graph", `${widest * 10 + 20}px`);
  const rows = [];
  const again = new Map();
  steps.forEach((step, place) => {
    if (typeof step.twin === "number") again.set(step.twin, [...(again.get(step.twin) || []), place]);
  });
  let shown = steps.map((_, place) => place);
  let rank = new Map(shown.map((place, i) => [place, i]));
  let chosen = steps.length ? 0 : -1;
  let follows = steps.length > 60;

  // ---- building --------------------------------------------------------------------------------

  const columnOf = (lane) => 8 + Math.min(lane.column, 9) * 10;
  function laneOf(step, place) {
    const open = data.lanes.filter((lane, i) => i === 0 || (lane.first <= place && place <= lane.last));
    return svg("svg", { width: widest * 10 + 18, "aria-hidden": "true" },
      data.lanes.length > 1 && open.map((lane) => svg("line", {
        class: "lane-line", x1: columnOf(lane), x2: columnOf(lane),
        y1: lane.first === place && lane.column ? "50%" : 0, y2: lane.last === place && lane.column ? "50%" : "100%",
      })),
      svg("circle", { class: step.lane ? "lane-dot sub" : "lane-dot", cx: columnOf(data.lanes[step.lane]), cy: "50%", r: 3 }));
  }

  function barOf(step) {
    const bar = step.bar;
    const calm = bar.kind === "open" && step.status === "in_doubt" && !step.needs;
    const parts = [el("div", { class: `bar-of ${bar.kind} ${step.effect} ${step.status}${calm ? " calm" : ""}` })];
    if (bar.back !== undefined) parts[0].append(el("div", { class: "back" }));
    if (bar.wait !== undefined) parts.push(el("div", { class: "wait-of" }));
    if (bar.settled !== undefined) parts.push(el("div", { class: "settled-of" }));
    return parts;
  }

  function tellBar(step) {
    const bar = step.bar;
    const began = `began ${preciseOf(bar.from)}`;
    if (bar.kind === "mark") return `${preciseOf(bar.from)}, never began`;
    if (bar.kind === "open") return `${began}, nothing says how it ended`;
    return `${began}, under way for ${span(bar.to - bar.from)}${bar.back === undefined ? "" : ", in the background"}`;
  }

  function rowOf(step, place) {
    const agent = step.lane ? el("span", { class: "agent" }, data.lanes[step.lane].name) : "";
    const row = el("div", {
      class: `row${step.needs ? " needs" : step.status === "refused" ? " stopped" : ""}`, role: "row", id: `r${place}`,
      "aria-rowindex": place + 1, "aria-selected": "false", tabindex: place === chosen ? 0 : -1,
    },
      el("span", { class: "c-time", role: "gridcell", title: `${dayOf(step.bar.from)} ${preciseOf(step.bar.from)}` }, clockOf(step.bar.from)),
      el("span", { class: "c-lane", role: "gridcell", "aria-label": data.lanes[step.lane].name }, laneOf(step, place)),
      el("span", { class: "c-call", role: "gridcell" }, agent, el("span", { class: "tool" }, step.tool),
        step.effect === "once" && el("span", { class: "once-tag" }, "once"),
        el("span", { class: "says" }, step.says), step.notes.length > 0 && el("span", { class: "odd" }, step.notes.join(", "))),
      el("span", { class: `c-status s-${step.status}${step.status === "in_doubt" && !step.needs ? " calm" : ""}`, role: "gridcell" }, el("b", { "aria-hidden": "true" }, GLYPH[step.status]), said(step.status)),
      el("span", { class: "c-took", role: "gridcell" }, step.took),
      el("span", { class: "c-wave", role: "gridcell", "aria-label": tellBar(step), title: tellBar(step) }, barOf(step)));
    row.addEventListener("click", () => { choose(place, true); panel.open(place); });
    row.addEventListener("focus", () => choose(place, false));
    return row;
  }

  // ---- dividers: a session that begins, and a pause that is folded ---------------------------------

  const firsts = new Map(data.sessions.length > 1 ? data.sessions.filter((one) => one.first !== null).map((one) => [one.first, one]) : []);
  function dividers(place) {
    const found = [];
    const before = place ? steps[place - 1].bar.from : 0;
    for (const [from, to] of axis.folds) {
      if (before <= from && steps[place].bar.from >= to) found.push(["idle", [`${span(to - from)} without a call, folded`]]);
    }
    const session = firsts.get(place);
    if (session) {
      found.push(["", [el("b", {}, `Session ${short(session.id)}`), el("span", {}, session.source),
        session.continues && session.continues !== session.id && el("span", {}, `goes on from ${short(session.continues)}`), el("span", {}, `${dayOf(session.from)} ${clockOf(session.from)}`),
        el("span", {}, many(session.steps, "step"))]]);
    }
    return found.map(([kind, cells]) => el("div", { class: `divider ${kind}`, role: "row" }, el("span", { role: "gridcell", class: "divider-cell" }, cells.filter(Boolean).map((cell, i) => (i ? [" \u00B7 ", cell] : cell)))));
  }

  // ---- drawing -----------------------------------------------------------------------------------

  function lay(place, view) {
    const step = steps[place], bar = step.bar;
    const [main, ...beside] = rows[place].lastChild.children;
    const from = axis.share(bar.from, view);
    const to = axis.share(bar.to === undefined ? (step.status === "running" ? data.end : bar.from) : bar.to, view);
    const set = (node, left, right) => {
      const a = Math.max(left, -0.01), b = Math.min(right, 1.01);
      node.style.left = axis.percent(a);
      node.style.width = axis.percent(Math.max(b - a, 0));
    };
    const off = from > 1.005 || (bar.kind !== "mark" && to < -0.005) || (bar.kind === "mark" && from < -0.005);
    main.style.visibility = off ? "hidden" : "";
    set(main, Math.min(from, 0.994), to);
    if (bar.back !== undefined && to > from) main.firstChild.style.width = axis.percent((to - axis.share(bar.back, view)) / (to - from));
    for (const node of beside) {
      if (node.className === "wait-of") set(node, axis.share(bar.wait, view), from);
      else node.style.left = axis.percent(axis.share(bar.settled, view));
    }
  }

  function inSight() {
    const top = document.querySelector(".toolbar").getBoundingClientRect().bottom;
    let low = 0, high = shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[shown[middle]].getBoundingClientRect().bottom > top) high = middle; else low = middle + 1;
    }
    const found = [];
    for (let i = low; i < shown.length && rows[shown[i]].getBoundingClientRect().top < innerHeight; i += 1) found.push(shown[i]);
    return found;
  }

  function viewOf(places) {
    if (!places.length) return axis.whole;
    const starts = places.map((place) => (steps[place].bar.wait === undefined ? steps[place].bar.from : steps[place].bar.wait));
    const ends = places.map((place) => (steps[place].bar.to === undefined ? steps[place].bar.from : steps[place].bar.to));
    const from = Math.min(...starts);
    // One call of hours in the background must not press the others flat: what goes on beyond leaves the view.
    const last = Math.max(...starts), longest = Math.max(...ends);
    const to = Math.min(longest, last + Math.max(axis.over(from, last).length * 0.6, 1e6, ends[ends.length - 1] - starts[starts.length - 1]));
    const margin = Math.max(axis.over(from, to).length * 0.02, 1000);
    return axis.over(from - margin, to + margin);
  }

  function draw() {
    const sight = inSight();
    const view = follows ? viewOf(sight) : axis.whole;
    (follows ? sight : shown).forEach((place) => lay(place, view));
    const wave = byId("ticks");
    const { step, found } = axis.ticks(view, Math.max(2, wave.clientWidth / 88));
    const at = (share, node) => { node.style.left = axis.percent(share); return node; };
    wave.replaceChildren(...found.filter((tick) => (1 - tick.share) * wave.clientWidth > 62).map((tick) => at(tick.share, el("span", {}, axis.label(tick.at, step)))));
    lines.replaceChildren(...found.map((tick) => at(tick.share, el("div", { class: "line-of" }))), ...axis.folds.map(([from, to]) => {
      const strip = el("div", { class: "fold-of", title: `${span(to - from)} idle` });
      strip.style.width = axis.percent(axis.share(to, view) - axis.share(from, view));
      return at(axis.share(from, view), strip);
    }));
    map.frame(sight.length ? (follows ? view : viewOf(sight)) : view, sight.length === steps.length);
  }

  let waiting = false;
  function drawSoon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  }

  // ---- choosing ----------------------------------------------------------------------------------

  const kinOf = (place) => {
    const first = typeof steps[place].twin === "number" ? steps[place].twin : place;
    return [first, ...(again.get(first) || []), ...(again.get(place) || [])].filter((one, i, all) => one !== place && all.indexOf(one) === i);
  };

  function choose(place, focus) {
    if (place < 0) return;
    if (chosen >= 0 && rows[chosen]) { rows[chosen].tabIndex = -1; rows[chosen].setAttribute("aria-selected", "false"); }
    grid.querySelectorAll(".kin").forEach((row) => row.classList.remove("kin"));
    chosen = place;
    const row = rows[place];
    row.tabIndex = 0;
    row.setAttribute("aria-selected", "true");
    const kin = kinOf(place);
    kin.forEach((one) => rows[one].classList.add("kin"));
    map.tie(place, kin);
    if (focus) row.focus({ preventScroll: true });
    panel.follow(place);
  }

  function reveal(place) {
    const box = rows[place].getBoundingClientRect();
    const top = document.querySelector(".toolbar").getBoundingClientRect().height;
    if (box.top < top + 4) scrollBy(0, box.top - top - 60);
    else if (box.bottom > innerHeight - 8) scrollBy(0, box.bottom - innerHeight + 60);
  }

  function go(place, open) {
    if (!rank.has(place)) filter.clear();
    choose(place, true);
    const box = rows[place].getBoundingClientRect();
    if (box.top < 120 || box.bottom > innerHeight - 40) scrollBy(0, box.top - innerHeight / 2);
    if (open) panel.open(place);
  }

  function move(by) {
    if (!shown.length) return;
    const here = rank.has(chosen) ? rank.get(chosen) : by > 0 ? -1 : shown.length;
    const next = shown[Math.min(Math.max(here + by, 0), shown.length - 1)];
    choose(next, true);
    reveal(next);
  }

  // The next in this direction that somebody has to look at, was stopped, or failed.
  function moveToOdd(by) {
    const odd = (place) => steps[place].needs || ["failed", "refused", "replayed", "in_doubt"].includes(steps[place].status);
    for (let i = (rank.has(chosen) ? rank.get(chosen) : -1) + by; i >= 0 && i < shown.length; i += by) {
      if (odd(shown[i])) { choose(shown[i], true); reveal(shown[i]); return; }
    }
  }

  function show(places) {
    const wanted = new Set(places);
    shown = places;
    rank = new Map(shown.map((place, i) => [place, i]));
    rows.forEach((row, place) => { row.hidden = !wanted.has(place); });
    const whole = places.length === steps.length;
    grid.querySelectorAll(".divider").forEach((one) => { one.hidden = !whole; });
    if (shown.length && !rank.has(chosen)) { choose(shown[0], false); }
    map.dim((place) => wanted.has(place));
    drawSoon();
  }

  function follow(wanted) {
    follows = wanted;
    byId("range").setAttribute("aria-pressed", String(follows));
    draw();
  }

  function begin() {
    grid.setAttribute("aria-rowcount", steps.length);
    const all = document.createDocumentFragment();
    all.append(lines);
    steps.forEach((step, place) => {
      rows.push(rowOf(step, place));
      all.append(...dividers(place), rows[place]);
    });
    grid.append(all);
    shown.forEach((place) => lay(place, axis.whole));
    follow(follows);
    addEventListener("scroll", drawSoon, { passive: true });
    addEventListener("resize", () => { map.tell(); drawSoon(); });
    // On paper all rows share one scale: there is no part in view.
    let before = follows;
    addEventListener("beforeprint", () => { before = follows; follow(false); });
    addEventListener("afterprint", () => follow(before));
    byId("range").addEventListener("click", () => follow(!follows));
  }

  return {
    begin, go, move, moveToOdd, show, choose, kinOf, draw: drawSoon,
    toEnd: (last) => move(last ? steps.length : -steps.length),
    toggleRange: () => follow(!follows),
    page: () => Math.max(1, inSight().length - 2),
    isShown: (place) => rank.has(place),
    chosen: () => chosen,
    focus: () => chosen >= 0 && rows[chosen].focus({ preventScroll: true }),
  };
})();
