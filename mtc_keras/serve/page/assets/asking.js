// Many rows asked of a server, in portions that it takes, and as fast as it takes them.

const AT_ONCE = 64; // rows per request, so that progress is seen
const TRIES = 5; // at a server that is too busy, or changes

// Asks for rows in portions that the server's limits allow; null if another version has answered.
// A row has its `texts`, and the `line` at which they stand, which is null for one text alone.
async function classified(server, description, rows, { signal, tell }) {
  const predictions = [];
  for (const portion of portions(rows, description.limits)) {
    const ask = () => server.classify(portion.map(({ texts }) => texts), signal);
    const answer = await (rows.length > 1 ? patiently(ask, signal, tell) : ask()).catch((error) => {
      throw error instanceof Refused ? error.about(portion, description.inputs) : error;
    });
    if (answer.model_version !== String(description.version)) return null;
    predictions.push(...answer.predictions);
    if (rows.length > portion.length) {
      const done = predictions.length;
      tell(`${counted.format(done)} of ${many(rows.length, "line")} …`, done, rows.length);
    }
  }
  return predictions;
}

function* portions(rows, { max_texts: mostTexts, max_body_bytes: mostBytes }) {
  const most = Math.min(AT_ONCE, mostTexts);
  const encoder = new TextEncoder();
  let portion = [], bytes = 0;
  for (const row of rows) {
    const size = encoder.encode(JSON.stringify(row.texts)).length + 1;
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
async function patiently(ask, signal, tell) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (error.status !== 429 || tries === TRIES) throw error;
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
