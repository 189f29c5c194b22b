// One step, with what went into it and what came out.
const panel = (() => {
  const box = byId("step");
  const NAMES = { input: "Input", effective_input: "Input it was given instead", output: "Output", error: "Error" };
  const TIMES = {
    prepared_at: "recorded", deferred_at: "deferred", asked_at: "asked", running_at: "permitted", returned_at: "returned",
    doubted_at: "in doubt since", closed_at: "closed",
  };
  const FACTS = {
    rule: "rule", verdict: "answered", doubt: "doubt", closed_by: "closed by", exit_code: "exit code", flag: "flag", attempt: "attempt",
    approval: "approval", approval_by: "by", nonce: "nonce", task_id: "task", permission_mode: "permissions", cwd: "directory",
    tool_use_id: "call id", fingerprint: "fingerprint", idempotency_key: "key",
  };
  let current = -1;

  const stepLink = (place, text) => el("button", { class: "link", type: "button", onclick: () => list.go(place, true) }, text);

  function stands(step) {
    const texts = {
      prepared: "Recorded, not permitted yet.", running: "Permitted. When this page was made nothing said how it ended.",
      succeeded: "Done, with a receipt.", failed: "The tool said that it failed.", in_doubt: "Permitted, and nothing says how it ended.",
      not_done: "It was in doubt, and evidence says that it did not happen.", refused: "Not run.", replayed: "Not run: an earlier call's receipt was handed over.",
    };
    return el("p", { class: step.needs ? "stands alarm" : "stands" }, el("b", { class: `glyph s-${step.status}`, "aria-hidden": "true" }, GLYPH[step.status]),
      el("b", {}, said(step.status)), ` \u00B7 ${texts[step.status]}`, step.needs ? ` ${step.needs[0].toUpperCase()}${step.needs.slice(1)}.` : "");
  }

  function links(step, place) {
    const found = [];
    const handed = step.status === "replayed" || (step.status === "refused" && step.facts.verdict === "duplicate");
    if (typeof step.twin === "number") {
      const twin = steps[step.twin];
      found.push([handed ? "its receipt is that of" : "the same call as", step.twin, twin]);
    } else if (step.twin) {
      found.push([handed ? "its receipt is that of" : "the same call as", null, step.twin]);
    }
    list.kinOf(place).filter((other) => other !== step.twin).forEach((other) => found.push(["the same call again", other, steps[other]]));
    if (!found.length) return "";
    return [el("h3", {}, "Linked"), el("ul", {}, found.map(([how, other, what]) => el("li", {}, `${how} `,
      other === null ? el("span", { class: "mono" }, `${what} (of another run)`) : [stepLink(other, what.id.slice(0, 8)), ` ${clockOf(what.bar.from)}, ${said(what.status)}`])))];
  }

  function text(name, place) {
    const kept = data.texts[place];
    const isAnswer = name === "error" && steps[current].status === "refused";
    const title = el("h3", {}, isAnswer ? "What it was told" : NAMES[name]);
    if (kept.mark === "damaged") return [title, el("p", {}, "It was changed after it was recorded, and is not shown.")];
    if (kept.mark) return [title, el("p", {}, `Not there any more: ${kept.mark.replace("_", " ")}${kept.at ? ` on ${kept.at.slice(0, 10)}` : ""}. Its hash stays on record.`)];
    if (!kept.fields) return [title, el("p", {}, `${size(kept.bytes)}, left out of this page. `, el("code", {}, `durable step ${steps[current].id} --full`))];
    if (!kept.fields.length) return [title, el("p", { class: "field" }, "empty")];
    return [title, kept.fields.map(([field, value]) => [field && el("div", { class: "field" }, field), el("pre", { tabindex: 0, "aria-label": field || NAMES[name] }, value === "" ? " " : value)])];
  }

  function pairs(given) {
    return el("dl", {}, given.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }

  function fill(place) {
    const step = steps[place];
    const lane = data.lanes[step.lane], session = data.sessions[step.session];
    current = place;
    box.replaceChildren(
      el("div", { class: "top" }, el("h2", {}, step.tool), el("button", { type: "button", "aria-label": "Close (Escape)", onclick: close }, "Close")),
      el("p", { class: "says" }, step.says), stands(step),
      pairs([["effect", step.effect], ["took", step.took], ["agent", lane.id ? `${lane.name} (${lane.id})` : ""],
        ["redacted", step.redacted.length ? "parts of it were taken out before it was recorded" : ""]]),
      ...[links(step, place), Object.keys(NAMES).filter((name) => step.texts[name] !== undefined).map((name) => text(name, step.texts[name]))].flat(4).filter(Boolean),
      el("h3", {}, "Times"),
      pairs(Object.entries(TIMES).filter(([name]) => step.times[name] !== undefined).map(([name, word]) => [word, `${dayOf(step.times[name])} ${preciseOf(step.times[name])}`])),
      el("h3", {}, "On record"),
      pairs([["step", step.id], ["session", session ? session.id : ""], ...Object.entries(FACTS).map(([name, word]) => [word, step.facts[name] === undefined ? "" : String(step.facts[name])])]));
    box.scrollTop = 0;
  }

  function open(place) {
    fill(place);
    box.hidden = false;
    history.replaceState(null, "", `#${steps[place].id}`);
    makeRoom(true);
  }

  function close() {
    box.hidden = true;
    current = -1;
    history.replaceState(null, "", "#");
    list.focus();
    makeRoom(false);
  }

  function makeRoom(isOpen) {
    const page = document.querySelector(".page");
    if (page.classList.contains("open") === isOpen) return;
    page.classList.toggle("open", isOpen);
    map.tell();
    list.draw();
  }

  return { open, close, isOpen: () => !box.hidden, follow: (place) => { if (!box.hidden && place !== current) open(place); } };
})();
