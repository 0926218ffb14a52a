// What a person does: one question to the server at a time, and how it went.

const meta = (name) => document.querySelector(`meta[name="mtc-keras-${name}"]`).content;
const server = new Server(meta("server"), meta("model"));
const answers = new Answers(server, askForToken);
let description = null;
let refused = null; // what was asked without a token that the server knows
let asking = null; // the controller of what is being asked

// === What is told ===

function tell(text, done = null, all = null) {
  part("status").textContent = text;
  if (done === null) return;
  part("progress").max = all;
  part("progress").value = done;
}

function askForToken() {
  part("access").hidden = false;
  part("token").focus();
}

// Below a refusal is what helps: a token, or the same once more.
function complain(error, again) {
  part("problem").replaceChildren(refusal(error));
  if (error.status === 401) {
    refused = again;
    askForToken();
  } else if ([0, 429, 502, 503, 504].includes(error.status)) {
    part("problem").append(button("Try again", again));
  }
}

function object(message) {
  tell("");
  part("problem").replaceChildren(element("p", { class: "refusal" }, message));
}

// Runs a question to the server; the one before it is given up, and so is its answer.
async function run(question, again) {
  asking?.abort();
  const own = new AbortController();
  asking = own;
  const isRetried = part("problem").contains(document.activeElement);
  part("problem").replaceChildren();
  part("cancel").hidden = part("progress").hidden = false;
  if (isRetried) part("cancel").focus(); // it must be somewhere
  part("progress").removeAttribute("value");
  part("answers").setAttribute("aria-busy", "true");
  tell("Asking …");
  try {
    await question(own.signal);
  } catch (error) {
    if (asking !== own) return;
    tell(error.name === "AbortError" ? "Cancelled." : "");
    if (error.name === "AbortError") return;
    answers.clear(); // they are not those to what was asked
    complain(error, again);
  } finally {
    if (asking === own) {
      asking = null;
      const isLost = document.activeElement === part("cancel");
      part("cancel").hidden = part("progress").hidden = true;
      if (isLost) (part("predict").hidden ? part("problem").querySelector("button") : part("predict"))?.focus();
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
  part("known").hidden = false;
  part("tasks").replaceChildren(...tasks.flatMap(known));
  drawFields(description);
}

// === What is asked ===

async function predict() {
  refused = null;
  const { rows, note, objection } = typed(description);
  if (objection !== undefined) return object(objection);
  const isTable = mode() === "lines";
  return run(async (signal) => {
    let predictions = await classified(server, description, rows, { signal, tell });
    // A new version is served: it may have other tasks, and what it said is asked for again.
    for (let tries = 1; predictions === null; tries += 1) {
      if (tries === TRIES) throw new Refused(503, "the model changes while it is asked");
      await learn(signal);
      predictions = await classified(server, description, rows, { signal, tell });
    }
    answers.show(description, rows, predictions, isTable);
    tell(isTable ? `${many(rows.length, "line")} predicted.${note}` : "");
    if (!isTable) part("status").append(...summary(description.tasks, predictions[0], answers.least));
  }, predict);
}

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
  if (event.key !== "Escape") return;
  asking?.abort();
  answers.stop();
});
for (const radio of document.querySelectorAll("input[name=mode]")) {
  radio.addEventListener("change", () => { if (description !== null) drawFields(description); });
}
part("access").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = part("token").value.trim();
  if (!/^[\x21-\x7e]+$/u.test(token)) return object("A token has letters, digits and signs, and no blanks.");
  server.token = token;
  part("token").value = "";
  part("access").hidden = true;
  if (refused !== null) return refused();
  part("predict").focus();
  return tell("From now on questions have the token.");
});
begin();
