"use strict";
// Tables that sort by the column whose head is pressed, and thresholds that can be moved. Without this script the page
// is whole: tables stand in their own order, and figures at the threshold in use.

function cells(row) {
  return [...row.cells].flatMap((cell) => [cell, ...Array(cell.colSpan - 1).fill(null)]);
}

function value(row, column) {
  const cell = cells(row)[column];
  const text = (cell?.dataset.value ?? cell?.textContent ?? "").trim();
  const number = /^[-+]?[\d,]*\.?\d+(e[-+]?\d+)?(\s*%)?$/i.test(text) ? parseFloat(text.replaceAll(",", "")) : NaN;
  return { text, number };
}

function compare(one, other, way) {
  if (!one.text || !other.text) return Boolean(other.text) - Boolean(one.text); // nothing comes last either way
  if (!Number.isNaN(one.number) && !Number.isNaN(other.number)) return way * (one.number - other.number);
  return way * one.text.localeCompare(other.text, undefined, { numeric: true });
}

function sortBy(table, head, column) {
  const rows = [...table.tBodies[0].rows];
  const numbers = rows.some((row) => !Number.isNaN(value(row, column).number));
  const former = head.getAttribute("aria-sort");
  const rising = former ? former === "descending" : !numbers;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const keyed = rows.map((row) => [value(row, column), row]);
  keyed.sort(([one], [other]) => compare(one, other, rising ? 1 : -1));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  cells(table.tHead.rows[0]).forEach((head, column) => {
    if (!head || head.classList.contains("strip") || !head.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, head, column));
    head.append(button);
  });
}

function share(part, whole) {
  return whole ? (part / whole).toFixed(3) : "–";
}

function figures({ name, bins }, step) {
  let [yes, named, positives, samples] = [0, 0, 0, 0];
  for (const [at, one, other] of bins) {
    positives += one;
    samples += one + other;
    if (at >= step) [yes, named] = [yes + one, named + one + other];
  }
  if (!name) return [share(yes, named), share(named, samples)];
  return [share(yes, named), share(yes, positives), share(2 * yes, named + positives), share(named, samples)];
}

for (const box of document.querySelectorAll(".slider")) {
  const counts = JSON.parse(box.dataset.counts);
  const [range, choice] = [box.querySelector("input"), box.querySelector("select")];
  const show = () => {
    const own = counts[choice ? choice.selectedIndex : 0];
    box.querySelector("output").textContent = (range.value / 1000).toFixed(3);
    const found = figures(own, Number(range.value));
    box.querySelectorAll("dd").forEach((cell, place) => (cell.textContent = found[place]));
  };
  const begin = () => {
    range.value = counts[choice ? choice.selectedIndex : 0].start;
    show();
  };
  range.addEventListener("input", show);
  choice?.addEventListener("change", begin);
  for (const control of box.querySelectorAll("[hidden]")) control.hidden = false;
  begin();
}
