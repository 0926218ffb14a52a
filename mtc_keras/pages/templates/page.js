"use strict";
// Everything is there without this script; it sorts tables, folds long ones and opens all in print.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const shown = Number(table.dataset.shown);
  const first = Array.from(body.rows);
  let all = first.length <= shown;

  const fold = () => {
    Array.from(body.rows).forEach((row, index) => { row.hidden = !all && index >= shown; });
  };
  if (!all) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    const name = () => {
      button.textContent = all ? `Show ${shown} rows` : `Show all ${first.length} rows`;
    };
    button.addEventListener("click", () => { all = !all; name(); fold(); });
    name();
    table.parentElement.after(button);
    fold();
    addEventListener("beforeprint", () => { for (const row of first) row.hidden = false; });
    addEventListener("afterprint", fold);
  }

  const value = (row, index) => {
    const cell = row.cells[index];
    if (cell.dataset.sort === undefined) return cell.textContent;
    return cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
  };
  const compare = (left, right) =>
    typeof left === "number" ? left - right : left.localeCompare(right, undefined, { numeric: true });
  Array.from(table.tHead.rows[0].cells).forEach((head, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      const numbers = !head.classList.contains("text");
      // Numbers from the greatest, names from the first; a third click gives the first order back.
      const orders = numbers ? ["descending", "ascending"] : ["ascending", "descending"];
      const order = was === null ? orders[0] : was === orders[0] ? orders[1] : null;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      if (order !== null) head.setAttribute("aria-sort", order);
      const sign = order === "descending" ? -1 : 1;
      const rows = first.map((row) => [value(row, index), row]);
      if (order !== null) {
        rows.sort(([left], [right]) =>
          left === null || right === null
            ? (left === null) - (right === null)
            : sign * compare(left, right));
      }
      body.append(...rows.map(([, row]) => row));
      fold();
    });
  });
}
const folded = [];
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    folded.push(details);
  }
});
addEventListener("afterprint", () => { for (const details of folded.splice(0)) details.open = false; });
