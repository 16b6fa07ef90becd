// Where in a picture is what speaks for a class: asked for by a button, laid over the picture, and taken off again.

import { make, named } from "./elements.js";
import { seenWhere } from "./words.js";

export class Where {
  #service;
  #item;
  #frame;
  #line;
  #buttons = [];
  #wanted = null;
  #image = null;
  #address = null;

  // What is shown lies in the frame, and what is said of it in the line below.
  constructor(service, item, frame, line) {
    [this.#service, this.#item, this.#frame, this.#line] = [service, item, frame, line];
    item.maps ??= new Map();
  }

  // Has a button lay the map of a class over the picture, and take it off again.
  on(button, task, id) {
    const key = JSON.stringify([task, id]);
    button.ariaPressed = "false";
    button.addEventListener("click", () => this.#show(this.#wanted === key ? null : key, task, id));
    this.#buttons.push([button, key]);
  }

  close() {
    this.#wanted = null;
    this.#takeOff();
  }

  async #show(key, task, id) {
    this.#want(key);
    this.#takeOff();
    this.#say(key === null ? "" : "…");
    if (key === null) return;
    try {
      if (!this.#item.maps.has(key)) this.#item.maps.set(key, await this.#service.explain(this.#item, task, id));
    } catch (problem) {
      if (this.#wanted !== key) return;
      this.#want(null);
      this.#say(problem.message || "the key is no longer accepted", true);
      return;
    }
    if (this.#wanted === key && this.#frame.isConnected) this.#layOver(this.#item.maps.get(key));
  }

  #want(key) {
    this.#wanted = key;
    for (const [button, own] of this.#buttons) button.ariaPressed = String(own === key);
  }

  #layOver({ said, picture }) {
    this.#address = URL.createObjectURL(picture);
    this.#image = make("img", { src: this.#address, className: "map", alt: `${said.input}: ${seenWhere(said)}` });
    this.#image.addEventListener("load", ({ target }) => target.classList.toggle("small", target.naturalWidth < 160));
    this.#frame.append(this.#image);
    this.#say(seenWhere(said));
  }

  #takeOff() {
    this.#image?.remove();
    if (this.#address) URL.revokeObjectURL(this.#address);
    [this.#image, this.#address] = [null, null];
  }

  #say(text, bad = false) {
    this.#line.replaceChildren(named(text));
    this.#line.classList.toggle("problem", bad);
  }
}
