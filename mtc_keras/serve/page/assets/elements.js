// What the page is built of. Texts and names from outside only ever become text nodes.

// What cannot be seen, or would turn the direction of what stands around it, stands as an escape.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/gu;

function seen(text) {
  return text.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function button(label, action, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", action);
  return made;
}

// A name from outside: its direction is its own, and it breaks after an underscore.
function nameOf(text) {
  const parts = seen(text).replace(/\s+/gu, " ").split(/(?<=_)(?=[^_])/u);
  return element("bdi", {}, ...parts.flatMap((part, index) => (index === 0 ? [part] : [element("wbr"), part])));
}

// Cut between characters, not within one.
function shortened(text, most) {
  const characters = Array.from(text.slice(0, 2 * most + 2));
  return characters.length <= most ? text : `${characters.slice(0, most).join("")}…`;
}

// For those who hear the page and do not see it.
const unseen = (text) => element("span", { class: "unseen" }, text);

// A text as it was given; a long one scrolls by itself, which needs to be reached by keyboard.
const TALL = 1_000; // characters
function quote(text, kind = "") {
  const isTall = text.length > TALL;
  const label = isTall ? { tabindex: "0", role: "region", "aria-label": "The text" } : {};
  return element("blockquote", { dir: "auto", class: isTall ? `${kind} tall` : kind, ...label });
}

// A length in per cent, set through the style's object, as the policy allows no style attributes.
function placed(made, property, share) {
  made.style.setProperty(property, `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`);
  return made;
}

let identifiers = 0;
const newId = (stem) => `${stem}-${++identifiers}`;

const DASH = "–";
const probability = (value) => (typeof value === "number" ? value.toFixed(3) : DASH);
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
const number = (value) => (typeof value === "number" ? significant.format(value).replace("-", "−") : DASH);
const counted = new Intl.NumberFormat("en");
const many = (count, one, more = `${one}s`) => `${counted.format(count)} ${count === 1 ? one : more}`;
