// What drove a label: the words of a text, coloured by what they add to its probability.

const MOST_WORDS_NAMED = 5;
const FAINT = 0.05; // of the greatest effect: what is smaller has no colour

// The words of one text and what stands between; places count characters, not UTF-16's halves.
function* pieces(text, words) {
  const characters = Array.from(text);
  let place = 0;
  for (const word of words) {
    if (word.start > place) yield [characters.slice(place, word.start).join(""), null];
    yield [characters.slice(word.start, word.end).join(""), word];
    place = word.end;
  }
  if (place < characters.length) yield [characters.slice(place).join(""), null];
}

function colouredText(text, words, most) {
  const shown = quote(text, "driven");
  for (const [piece, word] of pieces(text, words)) {
    const attribution = word?.attribution ?? 0;
    const isFaint = Math.abs(attribution) < FAINT * most;
    if (word === null || (word.attribution !== null && isFaint)) {
      shown.append(seen(piece));
    } else if (word.attribution === null) {
      shown.append(element("span", { class: "unread", title: "not read" }, seen(piece)));
    } else {
      const kind = attribution > 0 ? "for" : "against";
      const made = element("span", { class: kind, title: signed(attribution) }, seen(piece));
      shown.append(placed(made, "--strength", Math.abs(attribution) / most));
    }
  }
  return shown;
}

// The words with the greatest effect as a line, for those who tell no colours apart, too.
function greatest(words, sign) {
  const some = words
    .filter((word) => Math.sign(word.attribution ?? 0) === sign)
    .sort((one, other) => Math.abs(other.attribution) - Math.abs(one.attribution))
    .slice(0, MOST_WORDS_NAMED);
  const named = some.flatMap((word, index) => [
    index === 0 ? "“" : ", “",
    nameOf(word.text),
    `” ${signed(word.attribution)}`,
  ]);
  return some.length === 0 ? ["none"] : named;
}

function explanation(found, texts, columns, what) {
  const words = found.words;
  const most = Math.max(...words.map((word) => Math.abs(word.attribution ?? 0)), Number.MIN_VALUE);
  const shown = texts.flatMap((text, segment) => {
    const own = words.filter((word) => (word.segment ?? 0) === segment);
    const column = texts.length > 1 ? element("p", { class: "hint" }, nameOf(columns[segment])) : null;
    return [column, colouredText(text, own, most)];
  });
  const unread = words.filter((word) => word.attribution === null).length;
  const notes = [
    `Without a blue word ${what} falls, without an underlined one it rises.`,
    found.is_grouped ? "Words of a long text are taken together." : null,
    unread === 0 ? null : `${many(unread, "word")} not read, as the text is too long.`,
  ];
  return element(
    "div",
    { class: "explanation" },
    ...shown,
    element(
      "dl",
      { class: "facts" },
      element("div", {}, element("dt", {}, "For it"), element("dd", {}, ...greatest(words, 1))),
      element("div", {}, element("dt", {}, "Against it"), element("dd", {}, ...greatest(words, -1))),
    ),
    element("p", { class: "hint" }, notes.filter(Boolean).join(" ")),
  );
}
