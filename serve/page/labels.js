/*
 * Files of labels: what lmvr probe reads, which is a CSV with a header and a column `label`, or a column a class with 1 for those
 * that are there; lines are matched to rows by a column `path`, or by their order. Or, without a header, lines of a path, a tab
 * or space, and a label.
 */

/* The fields of a CSV's lines, as in RFC 4180. */
function fieldsOf(text) {
  const lines = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const line = lines.at(-1), c = text[i];
    if (quoted && c === '"' && text[i + 1] === '"') {
      line[line.length - 1] += '"';
      i++;
    } else if (c === '"' && (quoted || line.at(-1) === "")) {
      quoted = !quoted;
    } else if (!quoted && c === ",") {
      line.push("");
    } else if (!quoted && c === "\n") {
      lines.push([""]);
    } else {
      line[line.length - 1] += c;
    }
  }
  return lines.filter((line) => line.length > 1 || line[0]);
}

/* Pairs of a path, or null, and a label, which a line that is too short has not. */
function readTable(text) {
  const [header, ...lines] = fieldsOf(text);
  const path = header.indexOf("path"), label = header.indexOf("label");
  return lines.map((line) => {
    const one = label >= 0 ? label : line.findIndex((field, i) => i !== path && field === "1");
    return [path >= 0 ? line[path] ?? "" : null, (one < 0 ? null : (label >= 0 ? line : header)[one]) ?? null];
  });
}

const readLines = (text) => text.split("\n").filter((line) => line.trim()).map((line, i) => {
  const [, path, label] = /^(.*?)\t(.*)$/.exec(line) ?? /^(.*\S)\s+(\S+)$/.exec(line) ?? [];
  if (!path)
    throw new Error(`line ${i + 1} of the labels has no tab or space between a path and a label`);
  return [path, label];
});

/* "./a//b.jpg" as "a/b.jpg" */
const plain = (path) => path.replace(/\/+(\.\/+)*/g, "/").replace(/^\.\//, "");

/* A label for each row of a set, or null, and how many have one. A path may be the end of the index's, from a slash on. */
export function readLabels(text, set) {
  const clean = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const pairs = /^("?(path|label)"?|[^\t\n]*,[^\t\n]*)(,|\n)/.test(clean) ? readTable(clean) : readLines(clean);
  let given;
  if (pairs.length && pairs[0][0] === null) {
    if (pairs.length !== set.total)
      throw new Error(`the file has ${pairs.length} labels, and the index ${set.total} rows`);
    given = set.rows.map((row) => pairs[row][1]);
  } else {
    const byPath = new Map(pairs.map(([path, label]) => [plain(path), label]));
    given = set.paths.map((whole) => {
      for (let path = plain(whole); ; path = path.slice(path.indexOf("/") + 1))
        if (byPath.has(path) || !path.includes("/"))
          return byPath.get(path) ?? null;
    });
  }
  const found = given.filter((label) => label !== null).length;
  if (!found)
    throw new Error("no label in the file is of a row of the map");
  return { given, found };
}
