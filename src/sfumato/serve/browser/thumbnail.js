// A small copy of a picture: a table of thousands would not bear the pictures themselves.

import { make } from "./elements.js";

const SIDE = 112;

export async function thumbnail(file) {
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    return null; // a format that this browser does not know, or no picture
  }
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const canvas = make("canvas", { width: Math.max(1, Math.round(image.width * scale)), height: Math.max(1, Math.round(image.height * scale)) });
  canvas.ariaHidden = "true";
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return canvas;
}
