// The form: a box per text column, and the rows that were typed into them.

const MOST_LINES = 1_000;

const part = (id) => document.getElementById(id);
const mode = () => new FormData(part("ask")).get("mode");

// A box per text column; what is typed in it stays when a new version is served.
function drawFields(description) {
  const isLines = mode() === "lines";
  const { inputs } = description;
  const boxes = inputs.map(({ name, column }) => {
    const box = part(`field-${name}`) ?? element("textarea", { id: `field-${name}`, dir: "auto", spellcheck: "false" });
    box.rows = isLines ? 8 : 4;
    box.setAttribute("aria-describedby", "how");
    const label = element("label", { for: box.id }, nameOf(column), isLines ? ", one per line" : "");
    return element("div", {}, label, box);
  });
  const focused = document.activeElement;
  const how = isLines && inputs.length > 1 ? "Line by line, the boxes belong together. " : "";
  const hint = element("p", { class: "hint", id: "how" }, `${how}Ctrl + Enter predicts, Escape cancels.`);
  part("fields").replaceChildren(element("div", { class: "boxes" }, ...boxes), hint);
  if (focused instanceof HTMLTextAreaElement) focused.focus();
}

// Returns the rows that were typed, each as long as the model has text columns, or an objection.
function typed(description) {
  const texts = description.inputs.map(({ name }) => part(`field-${name}`).value);
  const columns = description.inputs.map(({ column }) => `“${seen(column)}”`);
  if (mode() === "one") {
    const empty = texts.findIndex((text) => text.trim() === "");
    if (empty < 0) return { rows: [texts], note: "" };
    part(`field-${description.inputs[empty].name}`).focus();
    return { objection: `Type a text into ${columns[empty]} first.` };
  }
  const lines = texts.map((text) => text.replace(/\n+$/u, "").split("\n"));
  if (lines.some((column) => column.length !== lines[0].length)) {
    const counts = lines.map((column, index) => `${columns[index]} has ${many(column.length, "line")}`);
    return { objection: `${counts.join(", ")}: each line needs its partner.` };
  }
  const rows = lines[0].map((_, index) => lines.map((column) => column[index]));
  const full = rows.filter((row) => row.every((text) => text.trim() !== ""));
  if (full.length === 0) return { objection: "Type some lines first." };
  if (full.length > MOST_LINES) {
    const objection =
      `${counted.format(full.length)} lines are more than the ${counted.format(MOST_LINES)} that this ` +
      "page takes; “mtc-keras predict --data FILE” takes any number.";
    return { objection };
  }
  const { max_characters: most } = description.limits;
  const long = full.findIndex((row) => row.some((text) => Array.from(text).length > most));
  if (long >= 0) {
    const objection = `Line ${long + 1} has more than the ${counted.format(most)} characters that the server takes.`;
    return { objection };
  }
  const left = rows.length - full.length;
  return { rows: full, note: left === 0 ? "" : ` ${many(left, "line")} without a text left out.` };
}
