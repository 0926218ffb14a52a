// One task's answer to one text: what is decided, the bars, and what drove it.

// Whether a label is left out; in float32, as the server compares.
const isAbstained = (confidence, least) =>
  typeof confidence === "number" && Math.fround(confidence) < Math.fround(least);

const MOST_LABELS = 10; // of a task that are named where its bars stand below, or in a table

const asList = (label) => (Array.isArray(label) ? label : label === null ? [] : [String(label)]);

function kindOf(task) {
  if (!task.has_probabilities) return "a number";
  if (task.has_order) return "a step of a scale";
  return task.is_exclusive ? "one class" : "any number of classes";
}

function answerOf(row, task) {
  return {
    label: row[`predicted_${task.name}`] ?? null,
    confidence: row[`${task.name}_confidence`] ?? null,
    probabilities: row[`${task.name}_probabilities`] ?? {},
  };
}

// What is decided, as nodes: the labels in bold, or that there are none.
function decision(task, answer, least) {
  if (!task.has_probabilities) return [element("strong", {}, number(answer.label))];
  if (isAbstained(answer.confidence, least)) return [element("em", {}, "left out")];
  const labels = asList(answer.label);
  if (labels.length === 0) return [element("em", {}, "none of the classes")];
  const first = labels.slice(0, MOST_LABELS).flatMap((label, index) => [
    index === 0 ? "" : ", ",
    element("strong", {}, nameOf(label)),
  ]);
  const others = labels.length - MOST_LABELS;
  return others > 0 ? [...first, ` and ${counted.format(others)} more`] : first;
}

const inWords = (task, answer, least) =>
  `${seen(task.name)}: ${decision(task, answer, least).map((part) => part.textContent ?? part).join("")}`;

function taskCard(task, row, { texts, columns, least, explain }) {
  const answer = answerOf(row, task);
  const title = newId("task");
  const decided = element("p", { class: "decision" });
  const redraw = (value) => {
    const sure = task.has_probabilities
      ? element("span", { class: "sure" }, ` right with probability ${probability(answer.confidence)}`)
      : null;
    decided.replaceChildren(...decision(task, answer, value), ...(sure === null ? [] : [sure]));
  };
  redraw(least);
  const drawn = task.has_probabilities
    ? classBars(task, answer.probabilities, asList(answer.label))
    : numberLine(task, answer.label);
  const card = element(
    "section",
    { class: "task", "aria-labelledby": title },
    element("h3", { id: title }, nameOf(task.name), element("span", { class: "kind" }, ` ${kindOf(task)}`)),
    decided,
    ...drawn,
    driven(task, answer, texts, columns, explain),
  );
  return { card, redraw };
}

// A button that asks which words drove a label, the most probable one unless another is chosen.
function driven(task, answer, texts, columns, explain) {
  const shown = element("div", { role: "status" });
  const chosen = task.has_probabilities ? labelChoice(task, answer) : null;
  const ask = button("What drove it", async () => {
    if (ask.getAttribute("aria-disabled") === "true") return;
    ask.setAttribute("aria-disabled", "true");
    shown.replaceChildren(element("p", { class: "hint" }, "Asking without each word in turn …"));
    const label = chosen === null ? null : chosen.querySelector("select").value;
    const what = label === null ? "the number" : `the probability of “${seen(label)}”`;
    try {
      const found = await explain(task.name, label);
      shown.replaceChildren(explanation(found, texts, columns, what));
    } catch (error) {
      const isLeft = error.name === "AbortError";
      shown.replaceChildren(...(isLeft ? [] : [refusal(error)]));
    } finally {
      ask.removeAttribute("aria-disabled");
    }
  }, { "aria-label": `What drove ${seen(task.name)}` });
  return element("div", { class: "drove" }, element("div", { class: "row" }, ask, chosen), shown);
}

function labelChoice(task, answer) {
  const ranked = rankedClasses(task, answer.probabilities, asList(answer.label));
  const first = (ranked.find((found) => found.isChosen) ?? ranked[0])?.shown;
  const options = task.classes.map(({ shown }) =>
    element("option", { value: shown, selected: shown === first }, seen(shown)),
  );
  return element("label", {}, "towards ", element("select", {}, ...options));
}

// A refusal as a sentence of ours, and the server's.
function refusal(error) {
  if (!(error instanceof Refused)) throw error;
  const where = error.places === undefined ? "" : ` (of ${error.places})`;
  const told = error.message === "" ? [] : [" ", element("span", { class: "told" }, seen(error.message))];
  return element("p", { class: "refusal" }, meaning(error), ...told, where);
}
