// What stands below the form: the answers to one text, or to several.

class Answers {
  #section = document.getElementById("answers");
  #least = document.getElementById("least");
  #shares = document.getElementById("abstained");
  #table = document.getElementById("table");
  #detail = document.getElementById("detail");
  #redraws = []; // what changes with the slider
  #leaving = new AbortController(); // of explanations that nobody sees any more

  constructor(server, askForToken) {
    this.server = server;
    this.askForToken = askForToken;
    this.#least.addEventListener("input", () => this.#redraw());
  }

  get least() {
    return Number(this.#least.value);
  }

  clear() {
    this.#leave();
    this.#section.hidden = true;
    this.#redraws = [];
    this.#table.replaceChildren();
  }

  // Rows of texts with an answer each, as a table if they are lines, else as cards.
  show(description, rows, answers, isTable) {
    this.clear();
    const { tasks } = description;
    this.#section.hidden = false;
    document.getElementById("abstain").hidden = !tasks.some((task) => task.has_probabilities);
    this.#redraws.push(() => this.#tellAbstentions(tasks, answers, isTable));
    if (isTable) {
      const show = (index, open) => this.#showLine(description, rows[index], answers[index], open);
      const table = answerTable(description, rows, answers, show);
      this.#redraws.push(() => table.redraw(this.least));
      this.#table.append(...table.nodes, this.#downloads(description, rows, answers));
    } else {
      this.#showCards(description, rows[0], answers[0]);
    }
    this.#redraw();
  }

  #redraw() {
    document.getElementById("least-value").textContent = this.least.toFixed(2);
    for (const draw of this.#redraws) draw();
  }

  #tellAbstentions(tasks, answers, isTable) {
    const found = abstentions(tasks, answers, this.least);
    const told = found
      .filter(({ count }) => isTable || count > 0)
      .flatMap(({ task, count, share }) => {
        const shares = isTable ? ` ${count} of ${answers.length} (${(100 * share).toFixed(0)} %)` : "";
        return [element("span", { class: "abstained" }, nameOf(task.name), shares), " "];
      });
    const listed = told.length === 0 ? ["none"] : told;
    this.#shares.replaceChildren("Left out: ", ...listed);
  }

  // Gives up the explanations that are being asked for.
  stop() {
    this.#leaving.abort();
    this.#leaving = new AbortController();
  }

  #leave() {
    this.stop();
    this.#detail.replaceChildren();
  }

  async #explain(row, task, label, signal) {
    try {
      return await this.server.explain(row.texts, task, label, AbortSignal.any([signal, this.#leaving.signal]));
    } catch (error) {
      if (error.status === 401) this.askForToken();
      throw error;
    }
  }

  #showCards(description, row, answer) {
    const cards = description.tasks.map((task) =>
      taskCard(task, answer, {
        texts: row.texts,
        columns: description.inputs.map(({ column }) => column),
        least: this.least,
        explain: (name, label, signal) => this.#explain(row, name, label, signal),
      }),
    );
    this.#redraws.push(() => { for (const { redraw } of cards) redraw(this.least); });
    this.#detail.append(element("div", { class: "cards" }, ...cards.map(({ card }) => card)));
  }

  #showLine(description, row, answer, open) {
    this.#leave();
    this.#redraws = this.#redraws.slice(0, 2); // those of the table stay
    const title = element("h3", { tabindex: "-1" }, `Line ${row.line}`);
    const quoted = row.texts.map((text) => {
      const quoted = quote(text);
      quoted.append(seen(text));
      return quoted;
    });
    const back = button("Back to the table", () => (open.isConnected ? open : this.#table.firstChild).focus());
    this.#detail.append(element("div", { class: "row opened" }, title, back), ...quoted);
    this.#showCards(description, row, answer);
    title.focus();
  }

  #downloads(description, rows, answers) {
    const told = element("p", { class: "hint", role: "status" });
    const save = button("Download as CSV", () => {
      const { text, kept } = csv(description, rows, answers, this.least);
      download(text, `${description.name.replace(/[^\p{L}\p{N}._-]+/gu, "_")}.csv`);
      told.textContent = kept === 0 ? "" :
        `In ${many(kept, "cell")} an apostrophe stands before what a spreadsheet would compute.`;
    });
    return element("div", { class: "row" }, save, told);
  }
}
