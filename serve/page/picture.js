/* The picture: dropped, pasted or chosen, and where the model looked in it. */
import { say } from "./api.js";

const $ = (id) => document.getElementById(id);
const image = $("image"), heat = $("heat"), note = $("picture-note");
const LONGEST = 640; /* pixels of the heat's longer side */

/* What is sent, as a data URL; null: none. */
export let picture = null;
const listeners = [];

export function onPicture(listener) {
  listeners.push(listener);
}

function read(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error("the file cannot be read"));
    reader.readAsDataURL(blob);
  });
}

async function show(file) {
  try {
    const url = await read(file);
    /* The server looks at the content; that a browser does not know its kind means nothing. */
    picture = url.startsWith("data:image/") ? url : `data:image/any;base64,${url.slice(url.indexOf(",") + 1)}`;
  } catch (failure) {
    say(note, failure);
    return;
  }
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(file);
  image.alt = file.name ? `The picture ${file.name}` : "The picture";
  image.hidden = false;
  document.querySelector(".invitation").hidden = true;
  say(note, file.name ?? "");
  clearHeat();
  listeners.forEach((listener) => listener());
}

image.addEventListener("error", () => say(note, "This browser cannot show such a picture; the model may read it all the same."));

const isFile = (event) => [...(event.dataTransfer ?? event.clipboardData).items].some((item) => item.kind === "file");

export function watchPictures() {
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    if ($("file").files.length)
      show($("file").files[0]);
    $("file").value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", isFile(event));
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget)
      document.body.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    if (event.dataTransfer.files.length)
      show(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length)
      return;
    event.preventDefault();
    show(event.clipboardData.files[0]);
  });
}

/* ---- heat ---- */

/* Those of lmvr attend's pictures, from least to most. */
const COLORS = [
  [41, 0, 115], [63, 0, 127], [87, 0, 135], [113, 0, 138], [139, 0, 136], [166, 0, 130],
  [192, 0, 121], [217, 1, 106], [238, 34, 87], [255, 60, 61], [255, 102, 54], [255, 132, 56],
  [255, 157, 66], [255, 180, 80], [255, 202, 96], [255, 223, 109], [255, 244, 100],
];

function colorAt(part) {
  const at = part * (COLORS.length - 1), low = Math.min(Math.floor(at), COLORS.length - 2), rest = at - low;
  return [0, 1, 2].map((c) => COLORS[low][c] * (1 - rest) + COLORS[low + 1][c] * rest);
}

/* The weight at a place of the grid, between the centers of its cells. */
function weightAt(map, rows, columns, x, y) {
  const column = Math.min(Math.max(x - 0.5, 0), columns - 1), row = Math.min(Math.max(y - 0.5, 0), rows - 1);
  const left = Math.floor(column), top = Math.floor(row);
  const right = Math.min(left + 1, columns - 1), bottom = Math.min(top + 1, rows - 1);
  const across = column - left, down = row - top;
  const upper = map[top * columns + left] * (1 - across) + map[top * columns + right] * across;
  const lower = map[bottom * columns + left] * (1 - across) + map[bottom * columns + right] * across;
  return upper * (1 - down) + lower * down;
}

/* The weights of the first and the last color, of the cells that show: a few that are always looked at leave colors for others. */
function rangeOf(map, rows, columns, view, width, height) {
  const shown = [...map].filter((_, i) => {
    const x = view.x + (i % columns + 0.5) * view.width / columns, y = view.y + (Math.floor(i / columns) + 0.5) * view.height / rows;
    return x >= 0 && x < width && y >= 0 && y < height;
  }).sort((a, b) => a - b);
  const weights = shown.length ? shown : [...map].sort((a, b) => a - b);
  const low = weights[0], peak = weights[weights.length - 1];
  return [low, Math.max(weights[Math.floor(0.99 * (weights.length - 1))], low + 0.1 * (peak - low))];
}

/* Draws a map of (rows, columns) that covers `view` of the picture, in its pixels. */
export function showHeat(map, [rows, columns], view) {
  const { naturalWidth: width, naturalHeight: height } = image;
  if (!width)
    return;
  const scale = LONGEST / Math.max(width, height);
  heat.width = Math.max(1, Math.round(width * scale));
  heat.height = Math.max(1, Math.round(height * scale));
  const context = heat.getContext("2d"), pixels = context.createImageData(heat.width, heat.height);
  const [low, high] = rangeOf(map, rows, columns, view, width, height);
  for (let y = 0, at = 0; y < heat.height; y++) {
    for (let x = 0; x < heat.width; x++, at += 4) {
      const across = ((x + 0.5) / scale - view.x) / view.width, down = ((y + 0.5) / scale - view.y) / view.height;
      if (across < 0 || across > 1 || down < 0 || down > 1) {
        pixels.data.set([255, 255, 255, 153], at); /* what the model did not see */
        continue;
      }
      const weight = weightAt(map, rows, columns, across * columns, down * rows);
      const part = high > low ? Math.min(Math.max((weight - low) / (high - low), 0), 1) : 0;
      pixels.data.set([...colorAt(part), 191 * part ** 0.7], at);
    }
  }
  context.putImageData(pixels, 0, 0);
  heat.hidden = false;
  image.classList.add("under");
}

export function clearHeat() {
  heat.hidden = true;
  image.classList.remove("under");
}
