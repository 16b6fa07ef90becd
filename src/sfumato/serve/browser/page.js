// The page: what a person does, and what is shown of it.

import { csv } from "./csv.js";
import { showDetail } from "./detail.js";
import { byId, make } from "./elements.js";
import { filesOf } from "./given.js";
import { NoKey, Service } from "./service.js";
import { drawHead, drawRow, markShown } from "./table.js";
import { thumbnail } from "./thumbnail.js";
import { about, plural } from "./words.js";

const AT_ONCE = 4;
const service = new Service();
let metadata = null;
let items = [];
let shown = null;
let asking = 0;
let pasted = 0;

async function begin() {
  try {
    metadata = await service.metadata();
  } catch (problem) {
    byId("key").hidden = !(problem instanceof NoKey);
    if (problem instanceof NoKey) byId("key-text").focus();
    else byId("status").textContent = problem.message;
    return problem;
  }
  byId("key").hidden = true;
  byId("asking").hidden = false;
  byId("name").textContent = metadata.name;
  document.title = `${metadata.name} · sfumato`;
  byId("about").textContent = about(metadata);
  byId("with-text").hidden = !metadata.reads_texts;
  byId("drop-hint").textContent = `up to ${metadata.limits.megabytes} MB and ${metadata.limits.megapixels} megapixels each; they leave this browser only for this service`;
  drawHead(metadata);
  return null;
}

function add(files) {
  if (metadata === null || !files.length) return;
  const text = metadata.reads_texts ? byId("text").value.trim() : null;
  enqueue(files.map((file) => ({ file, name: file.name, text })));
}

function enqueue(asked) {
  const added = asked.map((one) => ({ ...one, state: "waiting", row: null, error: null, thumb: null, element: null }));
  items.push(...added);
  for (const item of added) drawRow(item, metadata, select);
  if (shown === null || added.length === 1) select(added[0]);
  update();
  for (let free = AT_ONCE - asking; free > 0; free -= 1) work();
}

async function work() {
  asking += 1;
  for (let item; (item = items.find((one) => one.state === "waiting")); ) await decide(item);
  asking -= 1;
}

async function decide(item) {
  item.state = "asking";
  item.thumb = item.file ? await thumbnail(item.file) : null;
  drawRow(item, metadata, select);
  try {
    if (item.file && item.file.size > metadata.limits.megabytes * 1e6) throw new Error(`more than ${metadata.limits.megabytes} MB`);
    item.row = await service.decide(item);
    item.state = "done";
  } catch (problem) {
    item.error = problem instanceof NoKey ? "the key is no longer accepted" : problem.message;
    item.state = "failed";
  }
  if (!items.includes(item)) return; // cleared meanwhile
  drawRow(item, metadata, select);
  if (item === shown) select(item);
  update();
}

function select(item) {
  if (shown !== null && shown.element) markShown(shown, false);
  shown = item;
  if (item !== null) markShown(item, true);
  showDetail(item, metadata, service);
}

function update() {
  const done = items.filter((item) => item.state === "done" || item.state === "failed");
  const bad = done.filter((item) => item.state === "failed" || item.row.error).length;
  const withheld = done.filter((item) => item.row && Object.values(item.row.answers ?? { "": item.row }).some((one) => one.abstained)).length;
  const said = [done.length < items.length ? `${done.length} of ${plural(items.length, "picture")} decided` : `${plural(items.length, "picture")} decided`];
  if (withheld) said.push(`${withheld} withheld`);
  if (bad) said.push(`${bad} could not be used`);
  byId("status").textContent = items.length ? said.join(", ") : "";
  byId("all").hidden = items.length < 2;
  byId("count").textContent = plural(items.length, "picture");
  byId("save").disabled = done.length < items.length;
}

function save() {
  const rows = items.map((item) => ({ ...(item.row ?? { error: item.error, calibrated: metadata.calibrated }), input: item.name })); // forms spoil quotes in names
  const address = URL.createObjectURL(new Blob(["\ufeff", csv(rows, metadata)], { type: "text/csv" })); // with a mark, or Excel reads Chinese names wrongly
  make("a", { href: address, download: `${metadata.name}-decisions.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function clear() {
  items = [];
  select(null);
  byId("rows").replaceChildren();
  update();
  byId("files").focus();
}

byId("files").addEventListener("change", (event) => {
  add([...event.target.files]);
  event.target.value = "";
});
byId("save").addEventListener("click", save);
byId("clear").addEventListener("click", clear);
byId("text-alone").addEventListener("click", () => {
  const text = byId("text").value.trim();
  if (text) enqueue([{ file: null, name: `text ${items.length + 1}`, text }]);
});
byId("key").addEventListener("submit", async (event) => {
  event.preventDefault();
  service.key = byId("key-text").value.trim();
  const problem = await begin();
  byId("key-problem").textContent = problem ? "That is not the key." : "";
  if (!problem) byId("files").focus();
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping");
});
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  add(await filesOf(event.dataTransfer));
});
document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (!files.length) return;
  event.preventDefault();
  add(files.map((file) => (file.name === "image.png" ? new File([file], `pasted ${(pasted += 1)}.png`, { type: file.type }) : file)));
});

begin();
