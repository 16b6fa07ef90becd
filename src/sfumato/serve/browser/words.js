// What is said of a decision, in words.

export function percent(share) {
  if (share >= 0.9995 && share < 1) return "> 99.9 %";
  return share > 0 && share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : word.endsWith("s") ? "es" : "s"}`;

// The answers of a row: task -> answer; an only task has the empty name.
export const answersOf = (row) => row.answers ?? { "": row };

export const likeliest = (answer) => Object.keys(answer.probabilities)[0];

// The answer itself: a class, several, or that there is none.
export function verdict(answer) {
  if (answer.labels) return answer.labels.length ? answer.labels.join(", ") : "None of the classes";
  return answer.label ?? "Not sure";
}

// How sure it is, and what it would have said.
export function doubt(answer, without) {
  const said = [];
  const strange = answer.familiarity === undefined ? "" : ", or too strange a picture";
  if (answer.abstained) said.push(`Withheld: not sure enough${strange}. Likeliest is ${likeliest(answer)}, ${percent(answer.confidence)}`);
  else if (!answer.labels) said.push(`${percent(answer.confidence)} sure`);
  if (answer.set) said.push(answer.set.length ? `${answer.labels ? "may also be" : "one of"}: ${answer.set.join(", ")}` : "no class is likely enough");
  if (answer.familiarity !== undefined) said.push(`familiarity ${answer.familiarity.toPrecision(3)}, 0 is the most`);
  if (without) said.push(`decided without ${without}`);
  if (!answer.calibrated) said.push("not calibrated");
  return said.join(" · ");
}

// The class that an answer is of, or would be.
export const meant = (answer) => answer.label ?? answer.labels?.[0] ?? likeliest(answer);

// What a map of places shows.
export function seenWhere({ label, map, box, networks }) {
  const by = networks > 1 ? `, for the first of ${networks} networks` : "";
  if (!map.flat().some((one) => one > 0)) return `No place speaks for ${label}${by}`;
  const unseen = box.some((one, side) => (side < 2 ? one > 0 : one < 1)) ? "; what is faded is not looked at" : "";
  return `Tinted is what speaks for ${label}${by}${unseen}`;
}

// What a bundle is, in a line.
export function about(metadata) {
  const classes = metadata.tasks.reduce((sum, task) => sum + task.classes.length, 0);
  const said = [plural(classes, "class")];
  if (metadata.several_tasks) said.push(plural(metadata.tasks.length, "question"));
  if (metadata.multilabel) said.push("any number of them a picture");
  if (metadata.reads_texts) said.push("reads texts");
  said.push(metadata.calibrated ? "calibrated" : "not calibrated");
  for (const { task, abstention } of metadata.tasks) {
    if (abstention?.by === "confidence" && abstention.threshold > 0) said.push(`${task ? `${task}: ` : ""}withholds answers below ${percent(abstention.threshold)}`);
    else if (abstention && abstention.by !== "confidence") said.push(`${task ? `${task}: ` : ""}withholds answers by ${abstention.by}`);
  }
  return said.join(" · ");
}
