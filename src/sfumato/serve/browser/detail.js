// One picture, large, with all that is said of it.

import { bars } from "./bars.js";
import { byId, make, named } from "./elements.js";
import { Where } from "./where.js";
import { answersOf, doubt, meant, verdict } from "./words.js";

let address = null;
let where = null;

export function showDetail(item, metadata, service) {
  const section = byId("detail");
  section.hidden = item === null;
  if (address) URL.revokeObjectURL(address);
  where?.close();
  address = where = null;
  if (item === null) section.replaceChildren();
  else section.replaceChildren(figure(item, service), words(item, metadata));
}

function figure(item, service) {
  const caption = named(item.name, "figcaption");
  caption.id = "detail-name";
  if (!item.file) return make("figure", {}, make("div", { className: "picture", textContent: item.text || "no picture" }), caption);
  address = URL.createObjectURL(item.file);
  const image = make("img", { src: address, alt: item.name });
  const frame = make("div", { className: "picture" }, image);
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth < 160));
  image.addEventListener("error", () => frame.replaceChildren("This browser can't show it"));
  const line = make("p", { className: "seen", ariaLive: "polite" });
  where = new Where(service, item, frame, line);
  return make("figure", {}, frame, caption, line);
}

function words(item, metadata) {
  if (item.state !== "done") return make("div", {}, make("p", { className: "answer", textContent: item.state === "failed" ? "No answer" : "…" }), problem(item.error ?? "waiting"));
  if (item.row.error) return make("div", {}, make("p", { className: "answer", textContent: "No answer" }), problem(item.row.error));
  if (item.row.path) return make("div", {}, ...item.row.path.flatMap((step) => told(answerOf(step, item.row), metadata.stages.find((one) => one.task === step.stage), item.row.without)));
  const answers = Object.entries(answersOf(item.row));
  return make("div", {}, ...answers.flatMap(([task, answer]) => told(answer, metadata.tasks.find((one) => one.task === task), item.row.without)));
}

// A step of a cascade in the form of an answer; what the whole withholds the last one does.
const answerOf = (step, row) => ({ ...step, calibrated: row.calibrated, abstained: step.stage === "products" && row.abstained, set: step.stage === "products" ? row.set : undefined });

function told(answer, task, without) {
  const title = task.task ? named(task.task, "h3") : null;
  const note = make("p", { className: answer.abstained ? "doubt withheld" : "doubt" }, named(doubt(answer, without)));
  const asked = task.explains ? where : null;
  return [title, named(verdict(answer), "p", "answer"), note, asked && whereButton(asked, task.task, meant(answer)), ...bars(answer, task, asked)].filter(Boolean);
}

function whereButton(asked, task, id) {
  const button = make("button", { type: "button", className: "where", textContent: "Where?", ariaLabel: `Where? What speaks for ${id}` });
  asked.on(button, task, id);
  return button;
}

const problem = (text) => make("p", { className: "doubt withheld", textContent: text });
