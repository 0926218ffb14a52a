// Several texts: a table of their labels, and the same as a CSV file.

const FIRST_ROWS = 50;
const MOST_CHARACTERS = 300; // of a text in a table
// What a spreadsheet takes as the beginning of a formula, also where it divides cells at semicolons.
const FORMULA = /(^|[;\t\r\n])([^\S\r\n]*)([=+\-@＝＋－＠])/gu;

function answerTable(description, rows, answers, show) {
  const { tasks, inputs } = description;
  const heads = ["line", ...inputs.map(({ column }) => column), ...tasks.map(({ name }) => name)];
  const body = element("tbody");
  let all = answers.length <= FIRST_ROWS;
  let cells = [], least = 0;
  const more = button("", () => { all = !all; draw(); }, { class: "more", hidden: all });
  const draw = () => {
    const shown = all ? answers : answers.slice(0, FIRST_ROWS);
    const drawn = shown.map((answer, index) => tableRow(tasks, rows[index], answer, least, (open) => show(index, open)));
    cells = drawn.flatMap((row) => row.cells);
    body.replaceChildren(...drawn.map(({ made }) => made));
    more.textContent = all ? `Show ${FIRST_ROWS} rows` : `Show all ${counted.format(answers.length)} rows`;
  };
  draw();
  const table = element(
    "table",
    {},
    element("caption", { class: "unseen" }, "Predictions per line"),
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, nameOf(head))))),
    body,
  );
  const scroll = element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Predictions per line" },
    table,
  );
  const redraw = (value) => {
    least = value;
    for (const cell of cells) cell.redraw(value);
  };
  return { nodes: [scroll, more], redraw };
}

function tableRow(tasks, { texts, line }, answer, least, show) {
  const open = button(String(line), () => show(open), { class: "line", "aria-label": `Show line ${line}` });
  const cells = tasks.map((task) => decisionCell(task, answerOf(answer, task), least));
  const made = element(
    "tr",
    {},
    element("th", { scope: "row" }, open),
    ...texts.map((text) => element("td", { class: "text", dir: "auto" }, seen(shortened(text, MOST_CHARACTERS)))),
    ...cells.map(({ made }) => made),
  );
  return { made, cells };
}

// A cell is drawn anew only where the slider changes it, as a thousand rows have many.
function decisionCell(task, answer, least) {
  const sure = task.has_probabilities
    ? element("span", { class: "sure" }, ` ${probability(answer.confidence)}`)
    : "";
  const made = element("td", {});
  let was = null;
  const redraw = (value) => {
    const is = isAbstained(answer.confidence, value);
    if (is === was) return;
    was = is;
    made.replaceChildren(...decision(task, answer, value), sure);
  };
  redraw(least);
  return { made, redraw };
}

// How many of the lines have no label at this least probability, task by task.
function abstentions(tasks, answers, least) {
  return tasks
    .filter((task) => task.has_probabilities)
    .map((task) => {
      const count = answers.filter((row) => isAbstained(answerOf(row, task).confidence, least)).length;
      return { task, count, share: count / answers.length };
    });
}

// === CSV, with the columns of `mtc-keras predict --out FILE.csv` ===

// Returns the bytes' text, and in how many cells an apostrophe keeps a formula from being one.
function csv(description, rows, answers, least) {
  const { tasks, inputs } = description;
  let kept = 0;
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value !== "string") return String(value);
    const harmless = value.replace(FORMULA, "$1$2'$3");
    if (harmless !== value) kept += 1;
    return `"${harmless.replaceAll('"', '""')}"`;
  };
  const columns = tasks.flatMap((task) => csvColumns(task, least).map(([name]) => name));
  const lines = [[...inputs.map(({ column }) => column), ...columns].map(cell)];
  answers.forEach((answer, index) => {
    const found = tasks.flatMap((task) => csvColumns(task, least).map(([, value]) => value(answer)));
    lines.push([...rows[index].texts, ...found].map(cell));
  });
  return { text: `\ufeff${lines.map((line) => `${line.join(",")}\r\n`).join("")}`, kept };
}

function csvColumns(task, least) {
  const label = (row) => answerOf(row, task).label;
  if (!task.has_probabilities) return [[`predicted_${task.name}`, label]];
  const abstained = (row) => isAbstained(answerOf(row, task).confidence, least);
  const columns = [
    [`predicted_${task.name}`, (row) => (abstained(row) ? null : labelCell(task, label(row)))],
    [`${task.name}_confidence`, (row) => answerOf(row, task).confidence],
    [`${task.name}_probabilities`, (row) => JSON.stringify(answerOf(row, task).probabilities)],
  ];
  if (least > 0) columns.splice(1, 0, [`${task.name}_abstained`, abstained]);
  return columns;
}

// A list has the task's separator between its names, or is JSON if a class holds that.
function labelCell(task, label) {
  if (!Array.isArray(label)) return label;
  const { separator } = task;
  const separates = separator !== null && !task.classes.some(({ shown }) => shown.includes(separator));
  if (!separates) return JSON.stringify(label);
  const joined = label.join(separator);
  return separator === "><" && label.length > 0 ? `<${joined}>` : joined;
}

function download(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = element("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
