/* The page: waits for the model, and then for what is asked. */
import { Failure, request, say } from "./api.js";
import { startMap } from "./map.js";
import { watchPictures } from "./picture.js";
import { startSearch } from "./search.js";
import { startVector } from "./vector.js";
import { startWords } from "./words.js";

const PAUSE_MS = 1000;
const server = document.getElementById("server");

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/* The model, when there is one. */
async function findModel() {
  for (;; await pause()) {
    try {
      return (await (await request("v1/models")).json()).data[0];
    } catch (failure) {
      const waiting = !(failure instanceof Failure) ? "The server does not answer …" : failure.status === 503 ? "The model is being loaded …" : null;
      say(server, waiting ?? failure);
    }
  }
}

watchPictures();
const model = await findModel();
say(server, model.index ? `${model.id} · ${model.index.rows.toLocaleString()} rows of ${model.index.feature}` : model.id);
startWords(model);
startVector(model);
if (model.index) {
  startSearch();
  startMap();
}
