// All pictures as a table, a row each; a row is drawn anew when something becomes known of it.

import { byId, make, named } from "./elements.js";
import { answersOf, likeliest, percent, verdict } from "./words.js";

export function drawHead(metadata) {
  const titles = metadata.several_tasks ? metadata.tasks.map((task) => task.task) : ["Answer", ...(metadata.multilabel ? [] : ["Sure"])];
  const cells = ["Picture", "Name", ...titles, "Note"].map((title) => {
    const cell = named(title, "th", title === "Sure" ? "number" : title === "Picture" ? "thumb" : "");
    cell.scope = "col";
    return cell;
  });
  byId("columns").replaceChildren(...cells);
}

export function drawRow(item, metadata, select) {
  const button = named(item.name, "button");
  Object.assign(button, { type: "button", title: item.name });
  const row = make("tr", { role: "row" }, make("td", { className: "thumb" }, item.thumb ?? make("span", { className: "none" })), make("td", { className: "name" }, button), ...said(item, metadata), noteOf(item));
  row.addEventListener("click", () => select(item));
  if (item.element) item.element.replaceWith(row);
  else byId("rows").append(row);
  item.element = row;
}

export function markShown(item, shown) {
  item.element.classList.toggle("shown", shown);
  item.element.querySelector("button").ariaCurrent = shown ? "true" : null;
}

function said(item, metadata) {
  const known = item.state === "done" && !item.row.error;
  if (metadata.several_tasks) return metadata.tasks.map(({ task }) => named(known ? short(item.row.answers[task]) : "", "td"));
  const answer = named(known ? verdict(item.row) : "", "td", known && item.row.abstained ? "unsure" : "");
  if (metadata.multilabel) return [answer];
  return [answer, make("td", { className: "number", textContent: known ? percent(item.row.confidence) : "" })];
}

const short = (answer) => `${verdict(answer)} ${answer.confidence === null ? "" : percent(answer.confidence)}`;

function noteOf(item) {
  if (item.state !== "done") return make("td", { className: item.state === "failed" ? "note bad" : "note", textContent: item.error ?? "…" });
  if (item.row.error) return make("td", { className: "note bad", textContent: item.row.error });
  const withheld = Object.entries(answersOf(item.row)).filter(([, answer]) => answer.abstained);
  const text = withheld.map(([task, answer]) => `${task ? `${task}: ` : ""}withheld, likeliest ${likeliest(answer)}`).join("; ");
  if (!text && item.row.path) return named(item.row.stage === "gate" ? "stopped by the gate" : item.row.path.find((one) => one.stage === "elements")?.labels.join(", ") ?? "", "td", "note");
  return named(text || (item.row.without ? `without ${item.row.without}` : ""), "td", text ? "note withheld" : "note");
}
