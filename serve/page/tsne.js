/*
 * t-SNE, in a worker: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE" (2008). Points attract their nearest
 * neighbors alone, and repel all others, exactly; this is enough for a few thousand. Values, momentum and learning rate are
 * scikit-learn's defaults, and so is the beginning, which is PCA's plane.
 *
 * It takes {values: (count, dims), count, dims}, and posts {done: 0 to 1, points: (count, 2)} now and then, at last with done 1.
 */

const PERPLEXITY = 30;
const FIRST_STEPS = 250; /* in which neighbors attract more */
const STEPS = 750;
const MORE = 12;
const SEARCH = 0.1;      /* the part of the progress that finding neighbors is */
const PAUSE_MS = 150;    /* between two posts */

let posted = 0;

function post(done, points) {
  const now = performance.now();
  if (done < 1 && now < posted + PAUSE_MS)
    return;
  posted = now;
  postMessage({ done, points: points && Float32Array.from(points) });
}

/* The nearest `most` of each point, with their squared distances: (count, most) each. */
function findNeighbors(values, count, dims, most) {
  const neighbors = new Int32Array(count * most), squares = new Float64Array(count * most).fill(Infinity);
  for (let i = 0; i < count; i++) {
    const first = i * most, last = first + most - 1;
    for (let j = 0; j < count; j++) {
      let square = 0;
      for (let k = 0, a = i * dims, b = j * dims; k < dims; k++) {
        const part = values[a + k] - values[b + k];
        square += part * part;
      }
      if (j === i || !(square < squares[last]))
        continue;
      let at = last;
      for (; at > first && squares[at - 1] > square; at--) {
        squares[at] = squares[at - 1];
        neighbors[at] = neighbors[at - 1];
      }
      squares[at] = square;
      neighbors[at] = j;
    }
    post(SEARCH * (i + 1) / count);
  }
  return { neighbors, squares };
}

/* The weights of one point's neighbors, whose entropy is that of as many equal ones as the perplexity says; they add up to 1. */
function weigh(squares, perplexity) {
  const weights = new Float64Array(squares.length);
  let low = 0, high = Infinity, beta = 1 / (squares.reduce((sum, square) => sum + square, 0) / squares.length || 1);
  for (let step = 0; step < 100; step++) {
    let sum = 0, entropy = 0;
    squares.forEach((square, i) => {
      weights[i] = Math.exp(-beta * (square - squares[0]));
      sum += weights[i];
      entropy += weights[i] * beta * (square - squares[0]);
    });
    weights.forEach((weight, i) => { weights[i] = weight / sum; });
    const surplus = entropy / sum + Math.log(sum) - Math.log(perplexity);
    if (Math.abs(surplus) < 1e-5)
      break;
    if (surplus > 0) {
      low = beta;
      beta = high === Infinity ? 2 * beta : (low + high) / 2;
    } else {
      high = beta;
      beta = (low + high) / 2;
    }
  }
  return weights;
}

/* PCA's plane, tiny. */
function begin(values, count, dims) {
  const points = new Float64Array(2 * count);
  let square = 0;
  for (let i = 0; i < count; i++)
    square += values[i * dims] ** 2;
  const scale = 1e-4 / (Math.sqrt(square / count) || 1);
  for (let i = 0; i < count; i++) {
    points[2 * i] = values[i * dims] * scale;
    points[2 * i + 1] = dims > 1 ? values[i * dims + 1] * scale : 0;
  }
  return points;
}

/* Adds up how neighbors attract. */
function attract(points, graph, most, factor, forces) {
  for (let e = 0; e < graph.neighbors.length; e++) {
    const i = Math.floor(e / most), j = graph.neighbors[e];
    const x = points[2 * i] - points[2 * j], y = points[2 * i + 1] - points[2 * j + 1];
    const pull = factor * graph.weights[e] / (1 + x * x + y * y);
    forces[2 * i] += pull * x;
    forces[2 * i + 1] += pull * y;
    forces[2 * j] -= pull * x;
    forces[2 * j + 1] -= pull * y;
  }
}

/* Adds up how all repel each other. `pushes` is for work. */
function repel(points, count, forces, pushes) {
  let total = 0;
  pushes.fill(0);
  for (let i = 0; i < count; i++) {
    const x = points[2 * i], y = points[2 * i + 1];
    let across = 0, down = 0;
    for (let j = i + 1; j < count; j++) {
      const dx = x - points[2 * j], dy = y - points[2 * j + 1], q = 1 / (1 + dx * dx + dy * dy), push = q * q;
      total += 2 * q;
      across += push * dx;
      down += push * dy;
      pushes[2 * j] -= push * dx;
      pushes[2 * j + 1] -= push * dy;
    }
    pushes[2 * i] += across;
    pushes[2 * i + 1] += down;
  }
  for (let i = 0; i < forces.length; i++)
    forces[i] -= pushes[i] / total;
}

function run({ values, count, dims }) {
  const most = Math.min(3 * PERPLEXITY, count - 1), perplexity = Math.min(PERPLEXITY, Math.max(most / 3, 1));
  const points = begin(values, count, dims), forces = new Float64Array(2 * count), pushes = new Float64Array(2 * count);
  const speeds = new Float64Array(2 * count), gains = new Float64Array(2 * count).fill(1);
  const graph = findNeighbors(values, count, dims, most), rate = Math.max(count / MORE / 4, 50);
  graph.weights = new Float64Array(count * most);
  for (let i = 0; i < count; i++)
    graph.weights.set(weigh(graph.squares.subarray(i * most, (i + 1) * most), perplexity), i * most);
  for (let step = 0; step < STEPS; step++) {
    forces.fill(0);
    attract(points, graph, most, (step < FIRST_STEPS ? MORE : 1) / (2 * count), forces);
    repel(points, count, forces, pushes);
    for (let i = 0; i < points.length; i++) {
      gains[i] = Math.max(forces[i] * speeds[i] < 0 ? gains[i] + 0.2 : gains[i] * 0.8, 0.01);
      speeds[i] = (step < FIRST_STEPS ? 0.5 : 0.8) * speeds[i] - rate * gains[i] * 4 * forces[i];
      points[i] += speeds[i];
    }
    post(SEARCH + (1 - SEARCH) * step / STEPS, points);
  }
  post(1, points);
}

onmessage = (event) => run(event.data);
