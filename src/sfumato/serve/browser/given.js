// The files that are dropped or pasted, those in dropped folders too.

export async function filesOf(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = await Promise.all(entries.filter(Boolean).map(below));
  return found.flat();
}

async function below(entry) {
  if (entry instanceof File) return [entry];
  if (entry.isFile) return [await new Promise((give, fail) => entry.file(give, fail))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((give, fail) => reader.readEntries(give, fail)); // a hundred at a time
    if (!some.length) break;
    found.push(...some.filter((one) => !one.name.startsWith(".")));
  }
  found.sort((one, other) => one.name.localeCompare(other.name));
  return (await Promise.all(found.map(below))).flat();
}
