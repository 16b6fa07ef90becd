// What is asked of the service, and how its refusals are told.

const TRIES = 60;

export class NoKey extends Error {}

export class Service {
  #key = null;

  set key(text) {
    this.#key = text;
  }

  async metadata() {
    const answer = await this.#fetch("/metadata");
    if (!answer.ok) throw new Error((await answer.json()).error);
    return answer.json();
  }

  // The decision on a picture with its text, or on a text alone.
  async decide({ file, name, text }) {
    const document = await this.#patiently(() => this.#ask("/predict", file, name, text), (said) => said.decisions);
    return document.decisions[0];
  }

  // Where in a picture is what speaks for a class: what is said of it, and the picture with the map laid over it.
  async explain({ file, name, text }, task, label) {
    const said = await this.#patiently(() => this.#ask("/explain", file, name, text, { task, label }), (one) => one.picture);
    const bytes = Uint8Array.from(atob(said.picture.split(",")[1]), (one) => one.charCodeAt(0));
    return { said, picture: new Blob([bytes], { type: "image/png" }) };
  }

  // An answer that is one; while the service is busy it is asked again.
  async #patiently(ask, isAnswer) {
    for (let left = TRIES; ; left -= 1) {
      const answer = await ask();
      const document = await answer.json();
      if (isAnswer(document)) return document;
      if (!(answer.status === 429 || answer.status === 503) || !left) throw new Error(document.error);
      await new Promise((go) => setTimeout(go, 1000 * Number(answer.headers.get("Retry-After") ?? 1)));
    }
  }

  #ask(path, file, name, text, more = {}) {
    if (!file) return this.#fetch(path, { method: "POST", body: JSON.stringify({ inputs: [{ text, name }], ...more }), headers: { "Content-Type": "application/json" } });
    const form = new FormData();
    form.append("files", file, name);
    if (text !== null) form.append("texts", text);
    for (const [field, value] of Object.entries(more)) form.append(field, value);
    return this.#fetch(path, { method: "POST", body: form });
  }

  async #fetch(path, options = {}) {
    const headers = { ...options.headers, ...(this.#key === null ? {} : { Authorization: `Bearer ${this.#key}` }) };
    const answer = await fetch(path, { ...options, headers }).catch(() => {
      throw new Error("the service can't be reached, or the file can't be read");
    });
    if (answer.status === 401) throw new NoKey();
    return answer;
  }
}
