// Above the steps: which run it is, what was found out about its record, what needs somebody, what it comes to.
(() => {
  const run = data.run;
  document.title = `Run ${visible(short(run.run_id))} \u00B7 durable report`;
  const fact = (name, value, title) => value && el("div", { title }, el("dt", {}, name), el("dd", {}, value));
  const ended = run.ended_at ? whenOf(Date.parse(run.ended_at) * 1000 - data.origin) : "";
  const counts = data.totals.status.map(([status, n]) => `${n.toLocaleString("en")} ${said(status)}`).join(", ");
  byId("head").append(
    el("div", { class: "over" }, el("span", {}, "durable report"), el("span", {}, run.project)),
    el("h1", {}, `Run ${run.run_id}`),
    el("dl", { class: "facts" },
      fact("status", run.status), fact("client", run.client),
      fact("began", `${dayOf(0)} ${clockOf(0)}`, `times are ${zone}`), fact("ended", ended),
      fact("lasted", `${span(data.end)}${data.folds.length ? `, ${span(data.folds.reduce((sum, [a, b]) => sum + b - a, 0))} of it idle` : ""}`),
      fact("sessions", data.sessions.length > 1 && String(data.sessions.length)),
      fact("sub-agents", data.lanes.length > 1 && String(data.lanes.length - 1)),
      fact("recoveries", run.recoveries > 0 && String(run.recoveries))),
    looks(),
    run.observed ? el("p", { class: "warning" }, `Observe mode: ${many(run.observed, "step")} ran whatever the ledger said. `
      + "Prepared first, fail closed and at most once do not hold for them.") : "",
    run.notes.length ? el("dl", { class: "facts notes", "aria-label": "Notes" },
      run.notes.map(([name, value, by]) => fact(`note ${name}`, value, `left by ${by}`))) : "");

  function looks() {
    return el("ul", { class: "looks", "aria-label": "What was found out about this record" }, data.looks.map((one) => {
      const line = [el("span", {}, one.name),
        el("span", { class: `verdict v-${one.verdict}` }, `${VERDICT_GLYPH[one.verdict]} ${one.verdict}`)];
      if (!one.findings.length) return el("li", {}, el("div", { class: "look", title: one.says }, line));
      const more = one.of > one.findings.length ? [el("li", {}, `and ${one.of - one.findings.length} more`)] : [];
      return el("li", {}, el("details", {}, el("summary", { class: "look", title: one.says }, line),
        el("ul", {}, one.findings.map(finding), more)));
    }));
  }

  function finding(one) {
    return el("li", {}, el("span", { class: `verdict v-${one.verdict}` }, `${VERDICT_GLYPH[one.verdict]} ${one.code} `), one.says, " ",
      one.step === null || one.step === undefined ? "" : el("button", { class: "link", onclick: () => list.go(one.step, true) }, steps[one.step].id.slice(0, 8)));
  }

  const needing = steps.map((step, place) => ({ step, place })).filter((one) => one.step.needs);
  if (needing.length) {
    const box = byId("attention");
    box.hidden = false;
    box.append(el("div", {}, el("h2", {}, `? ${many(needing.length, "step")} ${needing.length === 1 ? "needs" : "need"} somebody`),
      el("ul", {}, needing.map(({ step, place }) => el("li", {},
        el("button", { class: "link", onclick: () => list.go(place, true) }, `${step.tool}  ${step.says}`.slice(0, 120)),
        el("span", { class: "why" }, `${said(step.status)}: ${step.needs}`))))));
  }

  // ---- totals ----------------------------------------------------------------------------------

  function table(caption, columns, rows) {
    if (!rows.length) return "";
    return el("div", { class: "scroll" }, el("table", {}, el("caption", {}, caption),
      el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col" }, column)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell || cell === 0 ? String(cell) : "")))))));
  }
  function agents() {
    const found = new Map();
    data.lanes.forEach((lane) => {
      const [number, made] = found.get(lane.name) || [0, 0];
      found.set(lane.name, [number + 1, made + lane.steps]);
    });
    return [...found].map(([name, [number, made]]) => [name, n(number), n(made)]);
  }
  const n = (value) => (value ? value.toLocaleString("en") : "");
  const tokens = data.tokens.models || [];
  const used = tokens.reduce((sum, one) => sum + one.input + one.output + one.cache_read + one.cache_write, 0);
  const parts = [many(steps.length, "step"), counts, used ? `${used.toLocaleString("en")} tokens` : "", data.tokens.cost || ""];
  const totals = byId("totals");
  totals.querySelector("summary").append(el("span", { class: "part" }, `: ${parts.filter(Boolean).join(" \u00B7 ")}`));
  totals.querySelector(".cards").append(
    table("Status", ["", "steps"], data.totals.status.map(([name, count]) => [`${GLYPH[name]} ${said(name)}`, n(count)])),
    table("Effect", ["", "steps"], data.totals.effect.map(([name, count]) => [name, n(count)])),
    table("Tools", ["", "steps", "failed", "refused", "in doubt", "median", "p95"], data.totals.tools.map((one) =>
      [one.tool, n(one.steps), n(one.failed), n(one.refused), n(one.in_doubt), one.p50, one.p95])),
    table("Agents", ["", "agents", "steps"], data.lanes.length > 1 ? agents() : []),
    table("Tokens by model", ["", "input", "output", "cache read", "cache write"], tokens.map((one) =>
      [one.model, n(one.input), n(one.output), n(one.cache_read), n(one.cache_write)])),
    data.tokens.cost ? table("Cost", ["", "as the client says"], [["all sessions", data.tokens.cost]]) : "");

  byId("foot").append(
    el("p", {}, `${many(steps.length, "step")}, in the order in which the ledger recorded them. Times are ${zone}. `,
      data.left_out ? `${many(data.left_out, "input or output").replace("outputs", "outputs")} ${data.left_out === 1 ? "was" : "were"} left out for their size: durable step ID --full shows them. ` : "",
      data.folds.length ? `${many(data.folds.length, "pause")} without a call ${data.folds.length === 1 ? "is" : "are"} folded. ` : ""),
    el("p", {}, `Made ${dayOf(data.made_at - data.origin)} ${clockOf(data.made_at - data.origin)} by durable ${data.version}. This page loads nothing and sends nothing. `
      + "It shows what the ledger held then, and proves nothing by itself: durable verify does."));
})();
