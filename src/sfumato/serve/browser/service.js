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

  // The decision on a picture with its text, or on a text alone; while the service is busy it is asked again.
  async decide({ file, name, text }) {
    for (let left = TRIES; ; left -= 1) {
      const answer = await this.#ask(file, name, text);
      const document = await answer.json();
      if (document.decisions) return document.decisions[0];
      if (!(answer.status === 429 || answer.status === 503) || !left) throw new Error(document.error);
      await new Promise((go) => setTimeout(go, 1000 * Number(answer.headers.get("Retry-After") ?? 1)));
    }
  }

  #ask(file, name, text) {
    if (!file) return this.#fetch("/predict", { method: "POST", body: JSON.stringify({ inputs: [{ text, name }] }), headers: { "Content-Type": "application/json" } });
    const form = new FormData();
    form.append("files", file, name);
    if (text !== null) form.append("texts", text);
    return this.#fetch("/predict", { method: "POST", body: form });
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
