// The form: a box per text column, and the rows that were typed into them.

const MOST_LINES = 1_000;

const part = (id) => document.getElementById(id);
const mode = () => new FormData(part("ask")).get("mode");

// A box per text column. They stand in the page itself, so that a browser keeps what was typed when
// it is reloaded or gone back to; and when a new version is served, it stays, too.
function drawFields({ inputs }) {
  const isLines = mode() === "lines";
  for (const name of ["text", "text_pair"]) {
    const box = part(`field-${name}`);
    const input = inputs.find((found) => found.name === name);
    box.parentElement.hidden = input === undefined;
    box.rows = isLines ? 8 : 4;
    const label = input === undefined ? [] : [nameOf(input.column), isLines ? ", one per line" : ""];
    box.labels[0].replaceChildren(...label);
  }
  part("pairing").textContent = isLines && inputs.length > 1 ? "Line by line, the boxes belong together. " : "";
}

// Returns the rows that were typed, each with as many texts as the model has columns, or an objection.
function typed(description) {
  const texts = description.inputs.map(({ name }) => part(`field-${name}`).value);
  const columns = description.inputs.map(({ column }) => `“${seen(column)}”`);
  if (mode() === "one") {
    const empty = texts.findIndex((text) => text.trim() === "");
    if (empty >= 0) {
      part(`field-${description.inputs[empty].name}`).focus();
      return { objection: `Type a text into ${columns[empty]} first.` };
    }
    const rows = [{ texts, line: null }];
    return { rows, note: "", objection: tooLong(rows, description.limits) };
  }
  const lines = texts.map((text) => text.replace(/\n+$/u, "").split("\n"));
  if (lines.some((column) => column.length !== lines[0].length)) {
    const counts = lines.map((column, index) => `${columns[index]} has ${many(column.length, "line")}`);
    return { objection: `${counts.join(", ")}: each line needs its partner.` };
  }
  const rows = lines[0].map((_, index) => ({ texts: lines.map((column) => column[index]), line: index + 1 }));
  const full = rows.filter(({ texts }) => texts.every((text) => text.trim() !== ""));
  if (full.length === 0) return { objection: "Type some lines first." };
  if (full.length > MOST_LINES) {
    const objection =
      `${counted.format(full.length)} lines are more than the ${counted.format(MOST_LINES)} that this ` +
      "page takes; “mtc-keras predict --data FILE” takes any number.";
    return { objection };
  }
  const left = rows.length - full.length;
  const note = left === 0 ? "" : ` ${many(left, "line")} without a text left out.`;
  return { rows: full, note, objection: tooLong(full, description.limits) };
}

function tooLong(rows, { max_characters: most }) {
  const long = rows.find(({ texts }) => texts.some((text) => Array.from(text).length > most));
  if (long === undefined) return undefined;
  const where = long.line === null ? "This text" : `Line ${long.line}`;
  return `${where} has more than the ${counted.format(most)} characters that the server takes.`;
}
