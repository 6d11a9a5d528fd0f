/* A vector of the picture: which states, of which layer, and their numbers. */
import { floats, request, say } from "./api.js";
import { onPicture, picture } from "./picture.js";

const $ = (id) => document.getElementById(id);
const choices = ["source", "tokens", "pool", "layer"].map($);
const [source, tokens, pool, layer] = choices;
const spec = $("spec"), note = $("vector-note"), bars = $("bars"), save = $("save");
const form = document.querySelector("#vector form");

let model = null, values = null, running = null;

function fill(select, options, chosen) {
  const kept = options.some(([value]) => value === select.value) ? select.value : chosen;
  select.replaceChildren(...options.map(([value, text = value]) => new Option(text, value, false, value === kept)));
  select.disabled = options.length < 2;
}

const offered = () => model.sources.find((one) => one.source === source.value);

/* Fills the choices that the source has. */
function fillRest() {
  const { tokens: groups = [], layers = 0 } = offered();
  fill(tokens, groups.map((group) => [group]), groups[0]);
  fill(pool, groups.length ? [["mean"], ["max"], ["last"]] : [], "mean");
  const numbers = [...Array(layers).keys()].reverse().map((i) => [String(i - layers), `${i - layers} (${i})`]);
  fill(layer, layers ? [["", "usual"], ...numbers] : [], "");
  showSpec();
}

/* source:tokens:pool:layer, as far as the source has these */
function showSpec() {
  spec.value = choices.map((select) => select.value).filter((value) => value).join(":");
}

function clear() {
  running?.abort();
  values = null;
  save.hidden = true;
  bars.getContext("2d").clearRect(0, 0, bars.width, bars.height);
  say(note, "");
}

/* ---- numbers ---- */

/* A bar for each value, or for the largest of a few where there is no room. */
function drawBars() {
  if (!values)
    return;
  const ratio = devicePixelRatio, width = bars.width = bars.clientWidth * ratio, height = bars.height = bars.clientHeight * ratio;
  const context = bars.getContext("2d"), most = Math.max(...values.map(Math.abs)) || 1;
  const count = Math.min(values.length, Math.floor(width / ratio)), step = width / count;
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  for (let i = 0; i < count; i++) {
    const part = values.slice(Math.floor(i * values.length / count), Math.floor((i + 1) * values.length / count));
    const value = part.reduce((best, one) => Math.abs(one) > Math.abs(best) ? one : best, 0);
    const size = value / most * height / 2;
    context.fillRect(i * step, height / 2 - Math.max(size, 0), Math.max(step - (step > 3 ? 1 : 0), 1), Math.max(Math.abs(size), 1));
  }
}

function showValues(item, feature) {
  values = floats(item.embedding);
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  save.hidden = false;
  drawBars();
  say(note, `${values.length} values of length ${length.toPrecision(4)}: ${[...values.slice(0, 4)].map((v) => v.toPrecision(3)).join(", ")}, …`);
  const json = JSON.stringify({ model: model.id, feature, dim: values.length, embedding: [...values] });
  URL.revokeObjectURL(save.href);
  save.href = URL.createObjectURL(new Blob([json], { type: "application/json" }));
  save.download = `${feature.replaceAll(":", "_")}.json`;
}

async function compute() {
  clear();
  if (!picture) {
    say(note, "Choose a picture first.");
    return;
  }
  const controller = running = new AbortController(), feature = spec.value;
  say(note, "Computing …");
  try {
    const text = $("prompt").value;
    const input = { image: picture, ...(text && offered().source === "llm" && { text }) };
    const body = { input: [input], features: [feature], encoding_format: "base64" };
    const answer = await (await request("v1/embeddings", { body, signal: controller.signal })).json();
    if (running === controller)
      showValues(answer.data[0], feature);
  } catch (failure) {
    if (running === controller && failure.name !== "AbortError")
      say(note, failure);
  }
}

export function startVector(offer) {
  model = offer;
  const usual = model.features[0].split("=").pop().split(":");
  fill(source, model.sources.map((one) => [one.source]), usual[0]);
  fillRest();
  choices.slice(1).forEach((select, i) => {
    if (usual[i + 1] && [...select.options].some((option) => option.value === usual[i + 1]))
      select.value = usual[i + 1];
  });
  showSpec();
  source.addEventListener("change", fillRest);
  choices.forEach((select) => select.addEventListener("change", () => { showSpec(); clear(); }));
  onPicture(clear);
  new ResizeObserver(drawBars).observe(bars);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawBars);
  form.querySelector(".main").disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    compute();
  });
}
