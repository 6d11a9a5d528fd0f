/* The response, word by word, and where the model looked for each. */
import { events, floats, request, say } from "./api.js";
import { clearHeat, onPicture, picture, showHeat } from "./picture.js";

const $ = (id) => document.getElementById(id);
const prompt = $("prompt"), response = $("response"), note = $("ask-note"), stop = $("stop");
const ask = document.querySelector("#describe .main");

let running = null; /* the AbortController of what is being computed */
let asked = null;   /* the messages that the response answers */
let maps = null;    /* a promise of their attention */

const messages = () => [{
  role: "user",
  content: [...(picture ? [{ type: "image_url", image_url: { url: picture } }] : []), { type: "text", text: prompt.value }],
}];

/* Whether something is computed, which can be stopped. */
function setRunning(controller) {
  running = controller;
  stop.disabled = !controller;
  response.setAttribute("aria-busy", String(!!controller));
}

/* ---- words ---- */

/* Where words are in a text: runs of letters, as lmvr attend has them, in bytes too. */
function wordsOf(text) {
  const bytes = (part) => new TextEncoder().encode(part).length;
  return [...text.matchAll(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu)].map(({ 0: word, index }) => {
    const begin = bytes(text.slice(0, index));
    return { word, index, begin, end: begin + bytes(word) };
  });
}

/* Makes buttons of the words, between which arrow keys go: one stop for Tab. */
function showWords(text) {
  let at = 0;
  response.replaceChildren();
  for (const word of wordsOf(text)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word.word;
    button.tabIndex = response.querySelector("button") ? -1 : 0;
    button.ariaPressed = "false";
    button.addEventListener("click", () => look(button, word));
    response.append(text.slice(at, word.index), button);
    at = word.index + word.word.length;
  }
  response.append(text.slice(at));
}

response.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
  const buttons = [...response.querySelectorAll("button")];
  if (!step || !buttons.length)
    return;
  event.preventDefault();
  const at = buttons.indexOf(document.activeElement);
  const next = buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)];
  buttons.forEach((button) => { button.tabIndex = button === next ? 0 : -1; });
  next.focus();
});

function press(button) {
  response.querySelectorAll("button").forEach((other) => { other.ariaPressed = String(other === button); });
}

/* ---- attention ---- */

async function fetchMaps() {
  const controller = new AbortController();
  setRunning(controller);
  try {
    const body = { messages: asked, encoding_format: "base64" };
    return await (await request("v1/attention", { body, signal: controller.signal })).json();
  } finally {
    if (running === controller)
      setRunning(null);
  }
}

/* Shows where the model looked for a word; a second click takes it away. */
async function look(button, word) {
  if (button.ariaPressed === "true") {
    press(null);
    clearHeat();
    say(note, "");
    return;
  }
  press(button);
  try {
    if (!maps) {
      say(note, "Computing where it looked …");
      maps = fetchMaps();
    }
    const of = maps, attention = await of;
    if (of !== maps || button.ariaPressed !== "true")
      return;
    const found = attention.words.find(({ bytes: [begin, end] }) => begin < word.end && end > word.begin);
    if (!found)
      throw new Error(`no tokens have made “${word.word}”`);
    showHeat(floats(found.map), attention.grid, attention.view);
    say(note, `Where it looked for “${found.word}”`);
  } catch (failure) {
    maps = null;
    press(null);
    clearHeat();
    say(note, failure.name === "AbortError" ? "Stopped" : failure);
  }
}

/* ---- the response ---- */

async function run() {
  running?.abort();
  const controller = new AbortController(), text = document.createTextNode("");
  setRunning(controller);
  asked = messages();
  maps = null;
  clearHeat();
  response.replaceChildren(text);
  say(note, "Reading …");
  let said = "", last = null;
  try {
    const body = { messages: asked, stream: true };
    for await (const event of events(await request("v1/chat/completions", { body, signal: controller.signal }))) {
      controller.signal.throwIfAborted(); /* what had come before is left */
      const choice = event.choices[0];
      said += choice.delta.content ?? "";
      text.data = said;
      last = choice.finish_reason ?? last;
      if (said)
        say(note, "");
    }
    say(note, last === "length" ? "Ended at the most tokens" : picture ? "A word shows where it looked" : "");
  } catch (failure) {
    if (running === controller)
      say(note, failure.name === "AbortError" ? "Stopped" : failure);
  }
  if (running !== controller)
    return;
  setRunning(null);
  if (picture && asked[0].content.length > 1)
    showWords(said);
}

export function startWords(model) {
  prompt.value = model.prompt ?? "";
  ask.disabled = !model.chat;
  if (!model.chat)
    say(note, "This model only makes vectors.");
  onPicture(() => {
    running?.abort();
    maps = null;
    response.replaceChildren();
    say(note, "");
  });
  stop.addEventListener("click", () => running?.abort());
  document.querySelector("#describe form").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  prompt.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing)
      return;
    event.preventDefault();
    if (!ask.disabled)
      run();
  });
}
