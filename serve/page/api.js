/* Requests to the server, with its key. */

const KEPT = "lmvr-key"; /* in the tab's own storage */

export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/* The sentence of an error's JSON. */
async function sentence(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the server answered ${response.status}`;
  }
}

let asking = null;

/* Asks for a key, once for all requests that wait for it. */
function askForKey(why) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("key"), text = document.getElementById("key-text");
    document.getElementById("key-note").textContent = why;
    text.value = "";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      asking = null;
      if (dialog.returnValue === "use")
        sessionStorage.setItem(KEPT, text.value);
      resolve(dialog.returnValue === "use");
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

/* GETs a path, or POSTs `body` as JSON to it. Failures are thrown. */
export async function request(path, { body, signal } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEPT);
    const response = await fetch(path, {
      method: body ? "POST" : "GET",
      headers: { ...(body && { "Content-Type": "application/json" }), ...(key && { Authorization: `Bearer ${key}` }) },
      body: body && JSON.stringify(body),
      signal,
    });
    if (response.ok)
      return response;
    const failure = new Failure(response.status, await sentence(response));
    /* Another request may have been given a key meanwhile. */
    const changed = sessionStorage.getItem(KEPT) !== key;
    if (response.status !== 401 || !(changed || await askForKey(key ? failure.message : "")))
      throw failure;
  }
}

/* The objects of server-sent events. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "";;) {
    const { value, done } = await reader.read();
    if (done)
      return;
    const pieces = (rest + value).split("\n\n");
    rest = pieces.pop();
    for (const piece of pieces) {
      if (piece === "data: [DONE]")
        return;
      const event = JSON.parse(piece.slice("data: ".length));
      if (event.error)
        throw new Failure(event.error.code, event.error.message);
      yield event;
    }
  }
}

/* The floats of a text in base64, little-endian as all machines with a browser are. */
export function floats(base64) {
  return new Float32Array(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
}

const MOST_IMAGES = 500;
const images = new Map();

/* The address of a row's picture in this page. It is fetched, since an <img> sends no key. */
export async function imageOf(row) {
  if (!images.has(row)) {
    const coming = request(`v1/index/${row}/image`).then((response) => response.blob()).then((blob) => URL.createObjectURL(blob));
    images.set(row, coming);
    if (images.size > MOST_IMAGES) {
      const [oldest, address] = images.entries().next().value;
      images.delete(oldest);
      address.then(URL.revokeObjectURL, () => {});
    }
    coming.catch(() => images.delete(row));
  }
  return images.get(row);
}

/* Says something below a button; a failure in the color of one. */
export function say(note, what) {
  const failed = what instanceof Error;
  note.textContent = failed ? what.message : what;
  note.classList.toggle("error", failed);
}
