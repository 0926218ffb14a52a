// What the page asks: the documented endpoints of a server, and nothing else.

const COLUMNS = ["labels", "confidence", "probabilities"];

class Refused extends Error {
  constructor(status, message = "", { retryAfter = null, hadToken = false } = {}) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter; // seconds
    this.hadToken = hadToken;
  }

  // The same, of rows that the server counts from 0 and people by their lines.
  about(rows, inputs) {
    const columns = Object.fromEntries(inputs.map(({ name, column }) => [name, `“${column}”`]));
    const message = this.message.replace(/\btexts\[(\d+)\](?:\.(\w+))?/gu, (_, index, name) => {
      const line = rows[index]?.line ?? null;
      const column = columns[name] ?? null;
      return line === null ? (column ?? "the text") : `line ${line}${column === null ? "" : `, ${column},`}`;
    });
    const [first, last] = [rows[0].line, rows.at(-1).line];
    const isSomewhere = message === this.message && first !== last;
    const places = isSomewhere ? ` (lines ${first} to ${last})` : "";
    return new Refused(this.status, `${message}${places}`.trim(), this);
  }
}

class Server {
  #token = null; // in memory alone: it is gone with the page

  constructor(address, model) {
    const root = address === "" ? "" : `${address}/`;
    this.model = `${root}v1/models/${encodeURIComponent(model)}`;
  }

  set token(token) {
    this.#token = token;
  }

  describe(signal) {
    return this.#ask(`${this.model}/describe`, undefined, signal);
  }

  // Rows of one text each, or of two: an object of predictions per row, as `predict` has them.
  classify(rows, signal) {
    const texts = rows.map((row) => (row.length === 1 ? row[0] : row));
    return this.#ask(`${this.model}:classify`, { texts, columns: COLUMNS }, signal);
  }

  explain(row, task, label, signal) {
    const text = row.length === 1 ? row[0] : row;
    return this.#ask(`${this.model}:explain`, { text, task, label }, signal);
  }

  async #ask(address, question, signal) {
    const headers = { Accept: "application/json" };
    if (this.#token !== null) headers.Authorization = `Bearer ${this.#token}`;
    const options = { headers, signal, cache: "no-store" };
    if (question !== undefined) {
      headers["Content-Type"] = "application/json";
      Object.assign(options, { method: "POST", body: JSON.stringify(question) });
    }
    let response, answer;
    try {
      response = await fetch(address, options);
      answer = await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      // No answer at all, or one that is no JSON and so of something between.
      throw new Refused(response === undefined ? 0 : response.status);
    }
    if (response.ok) return answer;
    const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    const told = typeof answer?.error === "string" ? answer.error : "";
    const retryAfter = Number.isFinite(seconds) ? seconds : null;
    throw new Refused(response.status, told, { retryAfter, hadToken: this.#token !== null });
  }
}

// What a refusal means for the person, the server's own sentence behind it.
function meaning(refused) {
  const wait = refused.retryAfter === null ? "" : ` Try again in ${many(refused.retryAfter, "second")}.`;
  const known = {
    0: "The server does not answer. Is it still running?",
    400: "The server cannot read this.",
    401: refused.hadToken ? "The server does not know this token." : "The server asks for a token.",
    403: "The server does not allow this.",
    404: "The server does not know this model, or this address.",
    413: "This is more than the server takes at once.",
    422: "The server cannot take this text.",
    429: `The server has more to do than it can hold.${wait}`,
    500: "The model failed at this text.",
    503: `The model is not ready, or had to be started again.${wait || " Try again in a moment."}`,
    504: "The answer took longer than the server allows. A shorter text may help.",
  };
  return known[refused.status] ?? `The server answered with the status ${refused.status}.`;
}
