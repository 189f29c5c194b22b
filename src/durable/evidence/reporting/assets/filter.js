// What is shown: every word must be in the step or in what it read and said, and tool and status must fit.
const filter = (() => {
  const words = byId("words"), status = byId("by-status"), tool = byId("by-tool");
  const choices = (node, all, names) => node.append(el("option", { value: "" }, all), ...names.map(([value, text]) => el("option", { value }, text)));
  choices(status, "any status", [...data.totals.status.map(([name, count]) => [name, `${said(name)} (${count})`]), ["!", "needs somebody"]]);
  choices(tool, "any tool", [...new Set(steps.map((step) => step.tool))].sort().map((name) => [name, name]));

  const kept = [];
  const textOf = (place) => {
    if (kept[place] === undefined) kept[place] = (data.texts[place].fields || []).map((pair) => pair.join(" ")).join("\n").toLowerCase();
    return kept[place];
  };
  const own = steps.map((step) => [step.id, step.tool, step.says, said(step.status), step.effect, step.notes.join(" "), step.needs,
    data.lanes[step.lane].name, data.lanes[step.lane].id, step.facts.tool_use_id, step.facts.rule].join("\n").toLowerCase());
  const holds = (place, word) => own[place].includes(word) || Object.values(steps[place].texts).some((text) => textOf(text).includes(word));

  function apply() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const places = [];
    steps.forEach((step, place) => {
      const fits = (!status.value || (status.value === "!" ? step.needs : step.status === status.value)) && (!tool.value || step.tool === tool.value);
      if (fits && wanted.every((word) => holds(place, word))) places.push(place);
    });
    list.show(places);
    byId("count").textContent = places.length === steps.length ? many(steps.length, "step") : `${places.length.toLocaleString("en")} of ${many(steps.length, "step")}`;
    const none = byId("nothing");
    none.hidden = places.length > 0;
    none.textContent = steps.length ? "No step fits. Escape in the filter shows all again." : "This run has no step yet.";
  }

  function clear() {
    words.value = status.value = tool.value = "";
    apply();
  }

  words.addEventListener("input", apply);
  status.addEventListener("change", apply);
  tool.addEventListener("change", apply);
  byId("filter").addEventListener("submit", (event) => { event.preventDefault(); list.focus(); });
  words.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { clear(); list.focus(); event.stopPropagation(); event.preventDefault(); }
    if (event.key === "ArrowDown") { list.focus(); event.preventDefault(); event.stopPropagation(); }
  });
  return { apply, clear, focus: () => { words.focus(); words.select(); } };
})();
