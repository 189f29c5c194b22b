// Time on the page. A view is a part of the run; a folded pause in it takes a small part of its width, whatever its
// length, so that a night does not push all work into a corner.
const axis = (() => {
  const folds = data.folds;
  const FOLD = 0.035;

  function over(from, to) {
    const inside = folds.filter(([a, b]) => b > from && a < to).map(([a, b]) => [Math.max(a, from), Math.min(b, to)]);
    const worked = Math.max(to - from - inside.reduce((sum, [a, b]) => sum + b - a, 0), 1);
    const width = worked * Math.min(FOLD, 0.4 / Math.max(inside.length, 1));
    return { from, to, inside, width, length: worked + inside.length * width };
  }

  // Where a time lies in a view: 0 at its beginning, 1 at its end, beyond both outside of it.
  function share(at, view) {
    if (at > view.to) return 1 + (at - view.to) / view.length;
    let taken = view.from;
    for (const [a, b] of view.inside) {
      if (at <= a) break;
      if (at < b) return (a - taken + (view.width * (at - a)) / (b - a)) / view.length;
      taken += b - a - view.width;
    }
    return (at - taken) / view.length;
  }

  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000,
    600000, 900000, 1800000, 3600000, 7200000, 10800000, 21600000, 43200000, 86400000].map((ms) => ms * 1000);

  // Clock times at round distances, none inside of a fold, about `most` of them.
  function ticks(view, most) {
    const step = STEPS.find((one) => view.length / one <= most) || STEPS[STEPS.length - 1];
    const offset = data.origin - dateOf(0).getTimezoneOffset() * 60e6;
    const edges = [view.from, ...view.inside.flat(), view.to];
    const found = [];
    for (let i = 0; i < edges.length; i += 2) {
      for (let at = Math.ceil((edges[i] + offset) / step) * step - offset; at <= edges[i + 1] && found.length < 200; at += step) {
        found.push({ at, share: share(at, view) });
      }
    }
    return { step, found };
  }

  const label = (at, step) => (step < 1e6 ? preciseOf(at) : step < 60e6 ? clockOf(at) : clockOf(at).slice(0, 5));
  const percent = (part) => `${(part * 100).toFixed(4)}%`;
  return { whole: over(0, Math.max(data.end, 1)), folds, over, share, ticks, label, percent };
})();
