// The rows as `sfumato predict --out decisions.csv` would write them.

export function csv(rows, metadata) {
  const columns = columnsOf(metadata);
  const lines = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, value]) => value(row)))];
  return lines.map((line) => line.map(cell).join(",") + "\r\n").join("");
}

function columnsOf(metadata) {
  const several = metadata.several_tasks;
  const of = (name, task) => (task ? `${name}.${task}` : name);
  const answer = (row, task) => (row.error ? null : several ? row.answers?.[task] : row);
  const each = (names) => metadata.tasks.flatMap(({ task }) => names.map((name) => [of(name, task), (row) => answer(row, task)?.[name]]));
  const always = several ? each(["label", "confidence", "calibrated", "abstained"]) : (metadata.multilabel ? ["labels", "calibrated"] : ["label", "confidence", "calibrated", "abstained"]).map((name) => [name, (row) => row[name]]);
  const more = each([...(metadata.names_sets ? ["set"] : []), ...(metadata.tells_familiarity ? ["familiarity"] : [])]);
  const shares = metadata.tasks.flatMap(({ task, classes }) => classes.map(({ id }) => [`p${several ? "." : ""}${task}:${id}`, (row) => answer(row, task)?.probabilities[id]]));
  const step = (row, stage) => row.path?.find((one) => one.stage === stage);
  const stages = (metadata.stages ?? []).flatMap(({ task, classes }) => {
    if (task === "gate") return [["going", (row) => step(row, "gate")?.probabilities[classes.find((one) => one.threshold !== null).id]]];
    if (task === "elements") return [["elements", (row) => step(row, "elements")?.labels], ...classes.map(({ id }) => [`p.elements:${id}`, (row) => step(row, "elements")?.probabilities[id]])];
    return [];
  });
  const path = metadata.stages ? [["stage", (row) => row.stage], ...stages] : [];
  const lacking = metadata.reads_texts ? [["without", (row) => row.without]] : [];
  return [["input", (row) => row.input], ...always, ["error", (row) => row.error], ...lacking, ...path, ...more, ...shares];
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (value === true || value === false) return value ? "True" : "False";
  const text = Array.isArray(value) ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
