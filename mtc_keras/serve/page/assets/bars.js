// One task's classes as bars, and a number on the range of those that it was trained on.

const MOST_BARS = 10;
const LONG_NAME = 24; // characters; names of more have a line of their own

// Classes with their probabilities, in the order in which they are shown.
function rankedClasses(task, probabilities, labels) {
  const found = task.classes.map((known) => ({
    ...known,
    probability: Object.hasOwn(probabilities, known.shown) ? probabilities[known.shown] : null,
    isChosen: labels.includes(known.shown),
  }));
  if (task.has_order) return found;
  return found.sort(
    (one, other) => other.isChosen - one.isChosen || (other.probability ?? -1) - (one.probability ?? -1),
  );
}

// The first of them, of a scale the steps around the chosen one.
function firstClasses(task, ranked) {
  if (ranked.length <= MOST_BARS) return ranked;
  if (!task.has_order) return ranked.slice(0, MOST_BARS);
  const middle = Math.max(0, ranked.findIndex((found) => found.isChosen));
  const start = Math.min(Math.max(0, middle - MOST_BARS / 2), ranked.length - MOST_BARS);
  return ranked.slice(start, start + MOST_BARS);
}

function classBar(found) {
  const { name, shown, threshold } = found;
  const meter = element("span", { class: "meter", "aria-hidden": "true" });
  meter.append(placed(element("span", { class: "level" }), "inline-size", found.probability ?? 0));
  if (threshold !== null) {
    meter.append(placed(element("span", { class: "tick" }), "inset-inline-start", threshold));
  }
  return element(
    "li",
    { class: found.isChosen ? "choice chosen" : "choice" },
    element(
      "span",
      { class: "name" },
      found.isChosen ? unseen("chosen: ") : null,
      nameOf(shown),
      name === shown ? null : element("span", { class: "key" }, " ", nameOf(name)),
    ),
    meter,
    element("span", { class: "value" }, unseen(", probability "), probability(found.probability)),
    threshold === null
      ? null
      : element("span", { class: "threshold" }, unseen(", chosen "), `from ${probability(threshold)}`),
  );
}

function classBars(task, probabilities, labels) {
  const ranked = rankedClasses(task, probabilities, labels);
  const first = firstClasses(task, ranked);
  const list = element(task.has_order ? "ol" : "ul", {
    class: task.has_order ? "choices steps" : "choices",
    "aria-label": `Classes of ${seen(task.name)}`,
  });
  list.classList.toggle("thresholds", task.classes.some((known) => known.threshold !== null));
  list.classList.toggle("long", task.classes.some((known) => known.shown.length > LONG_NAME));
  if (first.length === ranked.length) {
    list.append(...ranked.map(classBar));
    return [list];
  }
  const filter = element("input", {
    type: "search",
    "aria-label": `Find a class of ${seen(task.name)}`,
    placeholder: `Find one of ${counted.format(ranked.length)} classes`,
    autocomplete: "off",
  });
  const told = element("p", { class: "hint", role: "status" });
  let all = false;
  const draw = () => {
    const wanted = filter.value.trim().toLocaleLowerCase();
    const matches = ranked.filter((found) =>
      `${found.shown}\n${found.name}`.toLocaleLowerCase().includes(wanted),
    );
    const rows = wanted === "" ? (all ? ranked : first) : matches;
    list.replaceChildren(...rows.map(classBar));
    list.hidden = rows.length === 0; // an empty list is none
    told.textContent = wanted === "" ? "" : `${many(rows.length, "class", "classes")} found`;
    more.hidden = wanted !== "";
    more.textContent = all ? `Show ${first.length} classes` : `Show all ${ranked.length} classes`;
  };
  const more = button("", () => { all = !all; draw(); }, { class: "more" });
  filter.addEventListener("input", draw);
  draw();
  return [element("div", { class: "find" }, filter, told), list, more];
}

// From three standard deviations below the mean of the training's numbers to three above.
function numberLine(task, value) {
  const { mean, scale } = task;
  if (mean === null || scale === null || typeof value !== "number") return [];
  const share = (at) => (at - (mean - 3 * scale)) / (6 * scale);
  const beyond = Math.abs(value - mean) > 3 * scale;
  const usual = placed(element("span", { class: "usual" }), "inset-inline-start", share(mean - scale));
  const line = element(
    "div",
    { class: "range", "aria-hidden": "true" },
    placed(usual, "inline-size", 1 / 3),
    placed(element("span", { class: "tick" }), "inset-inline-start", share(mean)),
    placed(element("span", { class: "at" }), "inset-inline-start", share(value)),
  );
  const ends = [mean - 3 * scale, mean, mean + 3 * scale].map((at) => element("span", {}, number(at)));
  return [
    line,
    element("div", { class: "ends", "aria-hidden": "true" }, ...ends),
    element(
      "p",
      { class: "hint" },
      `In training: mean ${number(mean)}, standard deviation ${number(scale)} (shaded).`,
      beyond ? " This is farther from the mean than three of them." : "",
    ),
  ];
}
