/* The pictures of the index that are nearest to the picture, or to a text. */
import { imageOf, request, say } from "./api.js";
import { onPicture, picture } from "./picture.js";

const $ = (id) => document.getElementById(id);
const note = $("search-note"), found = $("found");
const TOP = 12;

let running = null;

function line(text, kind) {
  const part = document.createElement("p");
  part.className = kind;
  part.textContent = text;
  return part;
}

/* A neighbor, whose picture comes when it comes. */
function show(result) {
  const item = document.createElement("li"), frame = document.createElement("div"), image = new Image();
  const name = result.path ?? result.text;
  frame.className = "frame";
  frame.append(image);
  image.hidden = true;
  image.alt = name;
  item.append(frame, line(result.score.toFixed(4), "score"), line(name.slice(name.lastIndexOf("/") + 1), "name"));
  item.title = name;
  if (result.response)
    item.append(line(result.response, "said"));
  imageOf(result.row).then((address) => {
    image.src = address;
    image.hidden = false;
  }, (failure) => frame.append(line(failure.message, "missing")));
  return item;
}

async function search(input, what) {
  running?.abort();
  const controller = running = new AbortController();
  say(note, "Searching …");
  try {
    const answer = await (await request("v1/search", { body: { input: [input], top: TOP }, signal: controller.signal })).json();
    found.replaceChildren(...answer.data[0].results.map(show));
    say(note, `Nearest to ${what}, with their cosines`);
  } catch (failure) {
    if (running === controller)
      say(note, failure);
  }
}

export function startSearch() {
  $("search").hidden = false;
  $("by-picture").addEventListener("click", () => {
    if (picture)
      search({ image: picture }, "the picture");
    else
      say(note, "Choose a picture first.");
  });
  document.querySelector("#search form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("query").value.trim();
    if (text)
      search({ text }, `“${text}”`);
  });
  onPicture(() => {
    running?.abort();
    running = null;
    found.replaceChildren();
    say(note, "");
  });
}
