// The classes of a task as bars, likeliest first, with the thresholds they are measured by.

import { make, named } from "./elements.js";
import { percent } from "./words.js";

const FIRST = 8;

// Where there is a `where`, each class is a button that shows where in the picture it is seen.
export function bars(answer, task, where) {
  const known = new Map(task.classes.map((one) => [one.id, one]));
  const given = answer.labels ?? (answer.label === null ? [] : [answer.label]);
  const rows = Object.entries(answer.probabilities).map(([id, share]) => bar(known.get(id), share, given.includes(id), markOf(known.get(id), answer, task), where && ((button) => where.on(button, task.task, id))));
  const list = make("ol", { className: "bars", ariaLabel: task.task ? `Classes of ${task.task}` : "Classes" }, ...rows);
  const parts = [list];
  if (rows.length > FIRST) parts.push(folded(list, rows.slice(FIRST)));
  if (rows.some((row) => row.querySelector(".mark"))) {
    const what = answer.labels ? "from here on a class is named" : answer.stage === "gate" ? "from here on it goes on" : "from here on it is answered";
    parts.push(make("p", { className: "legend" }, make("span", { className: "tick" }), what));
  }
  return parts;
}

function bar(one, share, isNamed, mark, ask) {
  const fill = make("span", { className: "fill", style: { "--share": share } });
  const tick = mark === null ? null : make("span", { className: "mark", style: { "--at": mark } });
  const name = named(one.id, ask ? "button" : "span", isNamed ? "class named" : "class");
  name.title = one.id;
  for (const other of [one.zh, one.en]) if (other && other !== one.id) name.append(named(other, "span", "other"));
  const shown = make("span", { className: "share", textContent: percent(share) });
  const track = make("span", { className: "track", ariaHidden: "true" }, fill, tick);
  if (mark !== null) shown.ariaLabel = `${percent(share)}, threshold ${percent(mark)}`;
  const row = make("li", { className: isNamed ? "named" : "" }, name, track, shown);
  if (!ask) return row;
  Object.assign(name, { type: "button", ariaLabel: `${one.id}, where?` });
  ask(name);
  row.addEventListener("click", (event) => event.target.closest("button") ?? name.click());
  return row;
}

// A class's own threshold, or, for the likeliest, the confidence below which answers are withheld.
function markOf(one, answer, task) {
  if (one.threshold !== null) return one.threshold;
  const by = task.abstention;
  return by?.by === "confidence" && by.threshold > 0 && one.id === Object.keys(answer.probabilities)[0] ? by.threshold : null;
}

function folded(list, rows) {
  for (const row of rows) row.hidden = true;
  const button = make("button", { type: "button", className: "more", textContent: `${rows.length} more`, ariaExpanded: "false" });
  button.addEventListener("click", () => {
    const open = button.ariaExpanded === "true";
    for (const row of rows) row.hidden = open;
    button.ariaExpanded = String(!open);
    button.textContent = open ? `${rows.length} more` : "fewer";
  });
  return button;
}
