// The whole run in one strip: sessions as bands, agents as lanes, a tick for each step, the part in view framed.
const map = (() => {
  const LANE = 14, BAND = 16, WIDE = 1000;
  const lanes = 1 + Math.max(0, ...data.lanes.map((lane) => lane.column));
  const high = Math.min(lanes * LANE, 12 * LANE);
  const row = high / lanes;
  const many_sessions = data.sessions.length > 1;
  const top = many_sessions ? BAND : 0;
  const x = (at) => axis.share(at, axis.whole) * WIDE;
  const bands = el("div", { class: "bands", "aria-hidden": "true" });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${top + high + 4}`, height: top + high + 4, preserveAspectRatio: "none", "aria-hidden": "true" });

  if (many_sessions) {
    data.sessions.forEach((session) => {
      const last = session.to === null ? data.end : session.to;
      drawing.append(svg("rect", { class: "band", x: x(session.from), y: 1, width: Math.max(x(last) - x(session.from), 2), height: BAND - 3 },
        svg("title", {}, `session ${session.id}: ${session.source}, ${many(session.steps, "step")}`)));
      const name = el("span", { class: "band-name" }, `${short(session.id)} ${session.source}`);
      name.style.left = axis.percent(x(session.from) / WIDE);
      name.style.width = axis.percent((x(last) - x(session.from)) / WIDE);
      bands.append(name);
    });
  }
  axis.folds.forEach(([from, to]) => drawing.append(svg("rect", { class: "fold-strip", x: x(from), y: 0, width: x(to) - x(from), height: top + high + 4 },
    svg("title", {}, `${span(to - from)} without a call`))));
  const ticks = steps.map((step) => {
    const bar = step.bar;
    const to = bar.to === undefined ? bar.from : bar.to;
    const tall = step.needs || step.status === "refused" || step.status === "failed";
    const tick = svg("rect", {
      class: `m ${step.effect} ${step.status}${step.needs ? " needs" : ""}`, x: x(bar.from), width: Math.max(x(to) - x(bar.from), 1.2),
      y: top + 2 + data.lanes[step.lane].column * row + (tall ? 1 : 3.5) * (row / LANE), height: (tall ? 12 : 7) * (row / LANE),
    });
    drawing.append(tick);
    return tick;
  });
  const frame = svg("rect", { class: "window", y: 0, height: top + high + 4, x: 0, width: 0 });
  const tie = svg("path", { class: "tie" });
  drawing.append(frame, tie);

  const names = el("div", { class: "names", "aria-hidden": "true" });
  const label = (text, y, tall) => { const one = el("span", {}, text); one.style.top = `${y + tall / 2 - 7}px`; names.append(one); };
  if (many_sessions) label("sessions", 0, BAND);
  for (let column = 0; column < lanes && row >= 11; column += 1) {
    const those = data.lanes.filter((lane) => lane.column === column);
    label(those.length === 1 ? those[0].name : `${those.length} agents`, top + 2 + column * row, row);
  }
  const clock = el("div", { class: "clock", "aria-hidden": "true" });
  byId("map").append(el("div", { class: "frame" }, names, bands, drawing, clock));

  function tell() {
    const room = Math.max(2, Math.floor(clock.clientWidth / 96));
    const { step, found } = axis.ticks(axis.whole, room);
    const folds = axis.folds.map(([from, to]) => ({ share: (axis.share(from, axis.whole) + axis.share(to, axis.whole)) / 2, text: `${span(to - from)} idle` }));
    const near = (a, b) => Math.abs(a - b) * clock.clientWidth < 84;
    const kept = folds.filter((one, i) => !folds.slice(0, i).some((other) => near(other.share, one.share)));
    clock.replaceChildren(
      ...found.filter((tick) => (1 - tick.share) * clock.clientWidth > 44 && !kept.some((fold) => near(fold.share, tick.share))).map((tick) => at(tick.share, el("span", {}, axis.label(tick.at, step)))),
      ...kept.map((fold) => at(fold.share, el("span", { class: "fold" }, fold.text))));
  }
  function at(share, node) { node.style.left = axis.percent(share); return node; }

  // The nearest step in time of those shown, the lane of the pointer first.
  drawing.addEventListener("click", (event) => {
    const box = drawing.getBoundingClientRect();
    const wanted = ((event.clientX - box.left) / box.width) * WIDE;
    const column = Math.floor((event.clientY - box.top - top - 2) / row);
    let best = null, least = Infinity;
    steps.forEach((step, place) => {
      if (!list.isShown(place)) return;
      const away = Math.abs(x(step.bar.from) - wanted) + (data.lanes[step.lane].column === column ? 0 : 12);
      if (away < least) { least = away; best = place; }
    });
    if (best !== null) list.go(best, false);
  });

  return {
    tell,
    dim(isShown) { ticks.forEach((tick, place) => tick.classList.toggle("dim", !isShown(place))); },
    frame(view, everything) {
      frame.setAttribute("x", x(view.from));
      frame.setAttribute("width", everything ? 0 : Math.max(x(view.to) - x(view.from), 2));
    },
    tie(place, others) {
      const y = (one) => top + 2 + (data.lanes[steps[one].lane].column + 0.5) * row;
      const from = x(steps[place].bar.from);
      tie.setAttribute("d", others.map((other) => {
        const to = x(steps[other].bar.from);
        return `M${from} ${y(place)} Q${(from + to) / 2} ${Math.min(y(place), y(other)) - row} ${to} ${y(other)}`;
      }).join(" "));
    },
  };
})();
