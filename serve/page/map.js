/* The index as a map: each row a dot, near those that it is like. */
import { floats, imageOf, request, say } from "./api.js";
import { readLabels } from "./labels.js";

const $ = (id) => document.getElementById(id);
const canvas = $("points"), note = $("map-note"), progress = $("progress"), cancel = $("cancel"), legend = $("legend");
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8a6d00", "#8a5cd0"]; /* told apart by most eyes */
const MOST_FOLDERS = 200;
const NEAR = 14; /* pixels from a dot at which it is meant */

let set = null;    /* the server's answer, with `values` as floats */
let plane = null;  /* where the dots are: (count, 2) */
let planes = {};   /* by name */
let view = { zoom: 1, x: 0, y: 0 };
let selected = -1, worker = null;
let labels = [], names = [], only = -1; /* each row's label, as an index into the names, or -1; the one that is shown alone */

/* ---- drawing ---- */

const colorOf = (label) => label < 0 ? "#8a8a8a" : COLORS[label] ?? `hsl(${label * 137.5 % 360} 60% ${45 + label % 3 * 9}%)`;

/* The middle of all dots, and the pixels of a unit. */
function frame() {
  const least = [Infinity, Infinity], most = [-Infinity, -Infinity];
  for (let i = 0; i < plane.length; i++) {
    least[i % 2] = Math.min(least[i % 2], plane[i]);
    most[i % 2] = Math.max(most[i % 2], plane[i]);
  }
  const [width, height] = [canvas.clientWidth - 40, canvas.clientHeight - 40];
  const scale = Math.min(width / (most[0] - least[0] || 1), height / (most[1] - least[1] || 1)) * view.zoom;
  return { scale, x: (least[0] + most[0]) / 2, y: (least[1] + most[1]) / 2 };
}

/* Where each dot is on the canvas: (count, 2), in CSS pixels. */
function places() {
  const { scale, x, y } = frame();
  return plane.map((value, i) => i % 2 ? canvas.clientHeight / 2 + view.y - (value - y) * scale : canvas.clientWidth / 2 + view.x + (value - x) * scale);
}

function draw() {
  if (!plane || !canvas.clientWidth)
    return;
  const context = canvas.getContext("2d"), at = places(), radius = plane.length > 4000 ? 2.5 : 4;
  canvas.width = canvas.clientWidth * devicePixelRatio;
  canvas.height = canvas.clientHeight * devicePixelRatio;
  context.scale(devicePixelRatio, devicePixelRatio);
  const dot = (i, size) => {
    context.beginPath();
    context.arc(at[2 * i], at[2 * i + 1], size, 0, 2 * Math.PI);
  };
  for (let i = 0; i < set.rows.length; i++) {
    context.globalAlpha = only >= 0 && labels[i] !== only ? 0.12 : 0.85;
    context.fillStyle = colorOf(labels[i]);
    dot(i, radius);
    context.fill();
  }
  context.globalAlpha = 1;
  if (selected >= 0) {
    context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
    context.lineWidth = 2;
    dot(selected, radius + 4);
    context.stroke();
  }
}

let due = false;

function drawSoon() {
  if (due)
    return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    draw();
  });
}

/* ---- dots ---- */

async function select(i) {
  if (i === selected)
    return;
  selected = i;
  drawSoon();
  const image = $("point-image"), path = set.paths[i], label = labels[i] >= 0 ? `, ${names[labels[i]]}` : "";
  $("point-text").textContent = path.slice(path.lastIndexOf("/") + 1) + label;
  $("point-text").title = path;
  image.hidden = true;
  try {
    const address = await imageOf(set.rows[i]);
    if (i !== selected)
      return;
    image.src = address;
    image.alt = path;
    image.hidden = false;
  } catch (failure) {
    if (i === selected)
      $("point-text").textContent = failure.message;
  }
}

function nearest(x, y, within) {
  const at = places();
  let best = -1, least = within * within;
  for (let i = 0; i < set.rows.length; i++) {
    const square = (at[2 * i] - x) ** 2 + (at[2 * i + 1] - y) ** 2;
    if (square < least)
      [best, least] = [i, square];
  }
  return best;
}

/* The nearest dot in a direction; across it counts twice. */
function next([right, down]) {
  const at = places();
  let best = -1, least = Infinity;
  for (let i = 0; i < set.rows.length; i++) {
    const x = at[2 * i] - at[2 * selected], y = at[2 * i + 1] - at[2 * selected + 1];
    const along = x * right + y * down, across = Math.abs(x * down) + Math.abs(y * right), way = along + 2 * across;
    if (along > 0.5 && across <= 1.5 * along && way < least)
      [best, least] = [i, way];
  }
  return best;
}

/* ---- zooming ---- */

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const before = view.zoom;
  view.zoom = Math.min(Math.max(before * factor, 1), 200);
  const [right, down] = [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
  view.x = right - (right - view.x) * view.zoom / before;
  view.y = down - (down - view.y) * view.zoom / before;
  drawSoon();
}

function showAll() {
  view = { zoom: 1, x: 0, y: 0 };
  drawSoon();
}

/* Moves the view so that the selected dot is in it. */
function follow() {
  const at = places(), x = at[2 * selected], y = at[2 * selected + 1];
  view.x += Math.min(Math.max(x, 20), canvas.clientWidth - 20) - x;
  view.y += Math.min(Math.max(y, 20), canvas.clientHeight - 20) - y;
}

function watchCanvas() {
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX - view.x, y: event.clientY - view.y };
    canvas.setPointerCapture(event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => { from = null; });
  canvas.addEventListener("pointermove", (event) => {
    if (from && event.buttons) {
      [view.x, view.y] = [event.clientX - from.x, event.clientY - from.y];
      drawSoon();
    } else {
      point(event);
    }
  });
  canvas.addEventListener("click", point);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas)
      return; /* the page scrolls */
    event.preventDefault();
    zoom(2 ** (-event.deltaY / (event.ctrlKey ? 100 : 300)), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    const act = { "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: showAll }[event.key];
    if (!way && !act || event.ctrlKey || event.metaKey || event.altKey)
      return;
    event.preventDefault();
    if (act)
      return act();
    const to = selected < 0 ? nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, Infinity) : next(way);
    if (to >= 0) {
      select(to);
      follow();
    }
  });
}

function point(event) {
  const i = nearest(event.offsetX, event.offsetY, NEAR);
  if (i >= 0)
    select(i);
}

/* ---- labels ---- */

function showLegend() {
  legend.replaceChildren(...names.map((name, label) => {
    const item = document.createElement("li"), button = document.createElement("button"), dot = document.createElement("span");
    button.type = "button";
    button.ariaPressed = "false";
    dot.style.background = colorOf(label);
    button.append(dot, name);
    button.addEventListener("click", () => {
      only = only === label ? -1 : label;
      legend.querySelectorAll("button").forEach((other, i) => { other.ariaPressed = String(i === only); });
      drawSoon();
    });
    item.append(button);
    return item;
  }));
}

/* A label of each row, or null. */
function color(given) {
  names = [...new Set(given.filter((label) => label !== null))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  const numbers = new Map(names.map((name, i) => [name, i]));
  labels = given.map((label) => numbers.get(label) ?? -1);
  only = -1;
  showLegend();
  drawSoon();
}

/* Before a file is opened: the index's own labels, or else the folders, if these are neither one nor many. */
function colorAsIs() {
  const folders = set.paths.map((path) => path.split("/").at(-2) ?? null), count = new Set(folders).size;
  color(set.labels.some((label) => label !== null) ? set.labels : count > 1 && count <= MOST_FOLDERS ? folders : folders.map(() => null));
}

async function openLabels(file) {
  try {
    const { given, found } = readLabels(await file.text(), set);
    color(given);
    say(note, `${found.toLocaleString()} of ${set.rows.length.toLocaleString()} have a label in ${file.name}`);
  } catch (failure) {
    say(note, failure);
  }
}

/* ---- PCA and t-SNE ---- */

function show(name) {
  plane = planes[name];
  $("pca").ariaPressed = String(name === "pca");
  $("tsne").ariaPressed = String(name === "tsne");
  showAll();
}

function stop() {
  worker?.terminate();
  worker = null;
  cancel.disabled = true;
  progress.hidden = true;
  $("tsne").disabled = set.rows.length < 4;
}

function startTsne() {
  if (planes.tsne)
    return show("tsne");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  worker = new Worker("page/tsne.js");
  $("tsne").disabled = true;
  cancel.disabled = progress.hidden = false;
  progress.value = 0;
  say(note, "Computing t-SNE …");
  worker.onmessage = ({ data: { done, points } }) => {
    progress.value = done;
    if (points && (done === 1 || !still)) {
      planes.tsne = points;
      show("tsne");
    }
    if (done === 1) {
      stop();
      say(note, `t-SNE of ${set.rows.length.toLocaleString()} pictures`);
    }
  };
  worker.onerror = () => {
    stop();
    say(note, new Error("t-SNE could not be computed"));
  };
  worker.postMessage({ values: set.values, count: set.rows.length, dims: set.dims });
}

function cancelTsne() {
  stop();
  delete planes.tsne;
  show("pca");
  say(note, "Cancelled");
}

function sayPca() {
  const part = set.shares.slice(0, 2).reduce((sum, share) => sum + share, 0);
  const count = set.rows.length === set.total ? set.total.toLocaleString() : `${set.rows.length.toLocaleString()} of ${set.total.toLocaleString()}`;
  say(note, `${count} rows; the plane has ${(100 * part).toFixed(0)} % of their variance`);
}

async function load() {
  say(note, "Computing …");
  $("draw").disabled = true;
  try {
    set = await (await request("v1/index/map")).json();
    if (!set.rows.length)
      throw new Error("no row of the index has finite values");
    set.values = floats(set.values);
    planes = { pca: Float32Array.from({ length: 2 * set.rows.length }, (_, i) => i % 2 < set.dims ? set.values[Math.floor(i / 2) * set.dims + i % 2] : 0) };
    $("plane").hidden = false;
    $("draw").hidden = true;
    $("pca").disabled = $("open-labels").disabled = false;
    $("tsne").disabled = set.rows.length < 4;
    colorAsIs();
    show("pca");
    sayPca();
  } catch (failure) {
    $("draw").disabled = false;
    say(note, failure);
  }
}

export function startMap() {
  $("map").hidden = false;
  watchCanvas();
  new ResizeObserver(drawSoon).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawSoon);
  $("draw").addEventListener("click", load);
  $("pca").addEventListener("click", () => {
    if (worker)
      cancelTsne();
    show("pca");
    sayPca();
  });
  $("tsne").addEventListener("click", startTsne);
  cancel.addEventListener("click", cancelTsne);
  $("nearer").addEventListener("click", () => zoom(1.5));
  $("farther").addEventListener("click", () => zoom(1 / 1.5));
  $("all").addEventListener("click", showAll);
  $("open-labels").addEventListener("click", () => $("labels").click());
  $("labels").addEventListener("change", () => {
    if ($("labels").files.length)
      openLabels($("labels").files[0]);
    $("labels").value = "";
  });
}
