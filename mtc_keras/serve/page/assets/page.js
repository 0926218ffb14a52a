// The form: what is asked of the server, one question at a time, and how it went.

const AT_ONCE = 64; // lines per request, so that progress is seen
const MOST_LINES = 10_000;
const TRIES = 5; // of lines at a server that is too busy

const told = (name) => document.querySelector(`meta[name="mtc-keras-${name}"]`).content;
const part = (id) => document.getElementById(id);
const server = new Server(told("server"), told("model"));
const answers = new Answers(server);
let description = null;
let asking = null; // the controller of what is being asked

// === What is told ===

function tell(text) {
  part("status").textContent = text;
}

// Below a refusal is what helps: a token, or the same once more.
function complain(error, again) {
  const nodes = [refusal(error)];
  if (error.status === 401) {
    part("access").hidden = false;
    part("token").focus();
  } else if ([0, 429, 503, 504].includes(error.status)) {
    nodes.push(button("Try again", again));
  }
  part("problem").replaceChildren(...nodes);
}

function object(message) {
  part("problem").replaceChildren(element("p", { class: "refusal" }, message));
}

// Runs a question to the server; the one before it is given up, and so is its answer.
async function run(question, again) {
  asking?.abort();
  const own = new AbortController();
  asking = own;
  part("problem").replaceChildren();
  part("cancel").hidden = part("progress").hidden = false;
  part("progress").removeAttribute("value");
  part("answers").setAttribute("aria-busy", "true");
  tell("Asking …");
  try {
    await question(own.signal);
  } catch (error) {
    if (asking !== own) return;
    tell(error.name === "AbortError" ? "Cancelled." : "");
    if (error.name !== "AbortError") complain(error, again);
  } finally {
    if (asking === own) {
      asking = null;
      if (document.activeElement === part("cancel")) part("predict").focus();
      part("cancel").hidden = part("progress").hidden = true;
      part("answers").removeAttribute("aria-busy");
    }
  }
}

// === What the server serves ===

const FORMATS = { run: "run", onnx: "ONNX", saved_model: "SavedModel" };

async function learn(signal) {
  description = await server.describe(signal);
  const { version, format, max_length: length, tasks, server: program } = description;
  const facts = [
    ["version", String(version ?? DASH)],
    ["format", FORMATS[format] ?? format],
    ["tasks", String(tasks.length)],
    ["reads", length === null ? DASH : many(length, "token")],
    ["server", program],
  ];
  part("ask").hidden = part("predict").hidden = false;
  part("facts").replaceChildren(
    ...facts.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, seen(value))),
    ),
  );
  drawFields();
}

// A box per text column; what is typed in it stays when a new version is served.
function drawFields() {
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

const mode = () => new FormData(part("ask")).get("mode");

// === What is asked ===

// Returns the rows that were typed, each as long as the model has text columns, or objects.
function typed() {
  const texts = description.inputs.map(({ name }) => part(`field-${name}`).value);
  const columns = description.inputs.map(({ column }) => `“${seen(column)}”`);
  if (mode() === "one") {
    const empty = texts.findIndex((text) => text.trim() === "");
    if (empty < 0) return { rows: [texts], note: "" };
    part(`field-${description.inputs[empty].name}`).focus();
    return object(`Type a text into ${columns[empty]} first.`);
  }
  const lines = texts.map((text) => text.replace(/\n+$/u, "").split("\n"));
  if (lines.some((column) => column.length !== lines[0].length)) {
    const counts = lines.map((column, index) => `${columns[index]} has ${many(column.length, "line")}`);
    return object(`${counts.join(", ")}: each line needs its partner.`);
  }
  const rows = lines[0].map((_, index) => lines.map((column) => column[index]));
  const full = rows.filter((row) => row.every((text) => text.trim() !== ""));
  if (full.length === 0) return object("Type some lines first.");
  if (full.length > MOST_LINES) {
    return object(
      `${counted.format(full.length)} lines are more than the ${counted.format(MOST_LINES)} that this ` +
        "page takes; “mtc-keras predict --data FILE” takes any number.",
    );
  }
  const { max_characters: most } = description.limits;
  const long = full.findIndex((row) => row.some((text) => Array.from(text).length > most));
  if (long >= 0) {
    return object(`Line ${long + 1} has more than the ${counted.format(most)} characters that the server takes.`);
  }
  const left = rows.length - full.length;
  return { rows: full, note: left === 0 ? "" : ` ${many(left, "line")} without a text left out.` };
}

async function predict() {
  const found = typed();
  if (found === undefined) return;
  const { rows, note } = found;
  const isTable = mode() === "lines";
  await run(async (signal) => {
    const { predictions, version } = await classified(rows, signal);
    if (version !== String(description.version)) await learn(signal); // a new one is served
    answers.show(description, rows, predictions, isTable);
    tell(isTable ? `${many(rows.length, "line")} predicted.${note}` : summary(predictions[0]));
  }, predict);
}

const summary = (row) =>
  description.tasks.map((task) => inWords(task, answerOf(row, task), answers.least)).join("; ");

// Asks for rows in portions that the server's limits allow.
async function classified(rows, signal) {
  const predictions = [];
  let version = String(description.version);
  for (const portion of portions(rows)) {
    const places = `lines ${predictions.length + 1} to ${predictions.length + portion.length}`;
    const answer = await patiently(() => server.classify(portion, signal), signal).catch((error) => {
      if (rows.length > 1) error.places = places; // those that the server counts from 0
      throw error;
    });
    predictions.push(...answer.predictions);
    version = answer.model_version;
    if (rows.length > portion.length) {
      part("progress").max = rows.length;
      part("progress").value = predictions.length;
      tell(`${counted.format(predictions.length)} of ${many(rows.length, "line")} …`);
    }
  }
  return { predictions, version };
}

function* portions(rows) {
  const { max_texts: mostTexts, max_body_bytes: mostBytes } = description.limits;
  const most = Math.min(AT_ONCE, mostTexts);
  const encoder = new TextEncoder();
  let portion = [], bytes = 0;
  for (const row of rows) {
    const size = encoder.encode(JSON.stringify(row)).length + 1;
    if (portion.length === most || (portion.length > 0 && bytes + size > mostBytes / 2)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(row);
    bytes += size;
  }
  yield portion;
}

// Waits as long as a busy server says, and asks again.
async function patiently(ask, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (error.status !== 429 || tries === TRIES || mode() === "one") throw error;
      const seconds = Math.min(error.retryAfter ?? 1, 30);
      tell(`The server is busy; asking again in ${many(seconds, "second")} …`);
      await waited(1000 * seconds, signal);
    }
  }
}

const waited = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); });
  });

// === Events ===

const begin = () =>
  run(async (signal) => {
    await learn(signal);
    tell("");
  }, begin);

part("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  predict();
});
part("cancel").addEventListener("click", () => asking?.abort());
part("ask").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) part("ask").requestSubmit();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") asking?.abort();
});
for (const radio of document.querySelectorAll("input[name=mode]")) {
  radio.addEventListener("change", () => { if (description !== null) drawFields(); });
}
part("access").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = part("token").value.trim();
  if (!/^[\x21-\x7e]+$/u.test(token)) return object("A token has letters, digits and signs, and no blanks.");
  server.token = token;
  part("token").value = "";
  part("access").hidden = true;
  return description === null ? begin() : predict();
});
begin();
