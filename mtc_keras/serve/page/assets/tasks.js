// One task's answer to one text: what is decided, the bars, and what drove it.

// Whether a label is left out; in float32, as the server compares.
const isAbstained = (confidence, least) =>
  typeof confidence === "number" && Math.fround(confidence) < Math.fround(least);

const MOST_NAMED = 160; // characters of a task's labels where its bars stand below, or in a table
const MOST_HEARD = 60; // the same where every task's stand in one line, of so many tasks
const MOST_TASKS = 10;

const asList = (label) => (Array.isArray(label) ? label : label === null ? [] : [String(label)]);

function kindOf(task) {
  if (!task.has_probabilities) return "a number";
  if (task.has_order) return "a step of a scale";
  return task.is_exclusive ? "one class" : "any number of classes";
}

// A task's classes by both of their names, before a text is asked about.
function known(task) {
  const { classes, mean, scale } = task;
  const range = mean === null || scale === null
    ? DASH
    : `in training ${number(mean)} on average, with a standard deviation of ${number(scale)}`;
  const isLong = classes.some(({ shown }) => shown.length > LONG_NAME);
  const names = classes.map(({ name, shown }) => {
    const key = name === shown ? null : element("span", { class: "key" }, " ", nameOf(name));
    return element("li", {}, nameOf(shown), key);
  });
  return [
    element("dt", {}, nameOf(task.name), element("span", { class: "kind" }, ` ${kindOf(task)}`)),
    element("dd", {}, task.has_probabilities ? element("ul", { class: isLong ? "long" : null }, ...names) : range),
  ];
}

function answerOf(row, task) {
  return {
    label: row[`predicted_${task.name}`] ?? null,
    confidence: row[`${task.name}_confidence`] ?? null,
    probabilities: row[`${task.name}_probabilities`] ?? {},
  };
}

// What is decided, as nodes: the labels in bold, or that there are none.
function decision(task, answer, least, most = MOST_NAMED) {
  if (!task.has_probabilities) return [element("strong", {}, number(answer.label))];
  if (isAbstained(answer.confidence, least)) return [element("em", { class: "left" }, "left out")];
  const labels = asList(answer.label);
  if (labels.length === 0) return [element("em", {}, "none of the classes")];
  let left = most;
  const named = labels.filter((label, index) => (left -= label.length + 2) >= 0 || index === 0);
  const first = named.flatMap((label, index) => [
    index === 0 ? "" : ", ",
    element("strong", {}, nameOf(shortened(label, most))),
  ]);
  const others = labels.length - named.length;
  return others > 0 ? [...first, ` and ${counted.format(others)} more`] : first;
}

// All answers in one line, above all for those who hear it: as much of it as one can listen to.
function summary(tasks, row, least) {
  const parts = tasks.slice(0, MOST_TASKS).flatMap((task, index) => {
    const decided = decision(task, answerOf(row, task), least, MOST_HEARD);
    return [index === 0 ? "" : "; ", nameOf(task.name), ": ", ...decided];
  });
  const others = tasks.length - MOST_TASKS;
  return others > 0 ? [...parts, `; and ${many(others, "task")} more`] : parts;
}

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
  const hint = (text) => shown.replaceChildren(element("p", { class: "hint" }, text));
  const chosen = task.has_probabilities ? labelChoice(task, answer) : null;
  const name = (doing) => {
    ask.textContent = doing ? "Cancel" : "What drove it";
    ask.setAttribute("aria-label", `${doing ? "Cancel what" : "What"} drove ${seen(task.name)}`);
  };
  let asking = null; // while it is asked
  const ask = button("", async () => {
    if (asking !== null) return asking.abort();
    asking = new AbortController();
    name(true);
    hint("Asking without each word in turn …");
    const label = chosen === null ? null : chosen.querySelector("select").value;
    const what = label === null ? "the number" : `the probability of “${seen(label)}”`;
    try {
      const found = await explain(task.name, label, asking.signal);
      shown.replaceChildren(explanation(found, texts, columns, what));
    } catch (error) {
      if (error.name === "AbortError") hint("Cancelled.");
      else shown.replaceChildren(refusal(error));
    } finally {
      asking = null;
      name(false);
    }
  });
  name(false);
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
  const told = error.message === "" ? [] : [" ", element("span", { class: "told" }, `The server says: ${seen(error.message)}.`)];
  return element("p", { class: "refusal" }, meaning(error), ...told);
}
