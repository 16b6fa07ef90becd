// Elements of the page, made without markup: no text that comes from elsewhere is ever read as HTML.

export function make(tag, options = {}, ...children) {
  const { dataset, style, ...rest } = options;
  const element = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(style ?? {})) element.style.setProperty(name, value);
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

// A text in its language, so that fonts are chosen for it: Chinese characters alone would take those of Japanese.
export function named(text, tag = "span", className = "") {
  return make(tag, { textContent: text, className, lang: /\p{Script=Han}/u.test(text) ? "zh" : "" });
}
