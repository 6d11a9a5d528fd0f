#!/usr/bin/env python3
"""Times scikit-learn for comparison with lmvr probe (docs/SPEED.md).

    probe_reference.py make DIR [--rows 5011] [--dim 4096] [--classes 20]   makes features and labels of that size
    probe_reference.py fit DIR --c 0.01                                     times scikit-learn's fits
    probe_reference.py compare DIR --c 0.01 P.safetensors                   compares lmvr's probe with those

Features are random but structured: factors with a spectrum like that of image features, a few dimensions with far larger means,
and labels from noisy linear functions of the factors, at VOC's class frequencies. The test split has half as many rows.
"""
import argparse
import json
import pathlib
import struct
import time

import numpy as np


def made(rows, dim, classes, seed):
    rng = np.random.default_rng(seed)
    factors = min(dim, 512)
    mixing = rng.standard_normal((factors, dim), dtype=np.float32)
    mixing *= (1 / np.sqrt(1 + np.arange(factors, dtype=np.float32)))[:, None]
    means = rng.standard_normal(dim, dtype=np.float32)
    means[:: max(1, dim // 4)] *= 100
    directions = rng.standard_normal((factors, classes), dtype=np.float32)
    rates = np.linspace(0.03, 0.4, classes, dtype=np.float32) ** 1.5

    def part(count):
        latent = rng.standard_normal((count, factors), dtype=np.float32)
        features = latent @ mixing + means
        features += 0.5 * rng.standard_normal(features.shape, dtype=np.float32)
        scores = latent @ directions / np.sqrt(factors) + 0.3 * rng.standard_normal((count, classes), dtype=np.float32)
        thresholds = [np.quantile(column, 1 - rate) for column, rate in zip(scores.T, rates)]
        labels = np.where(scores > thresholds, 1, -1)
        labels[rng.random(labels.shape) < 0.02] = 0
        return features, labels

    return part(rows), part(rows // 2)


def make(folder, rows, dim, classes):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (features, labels) in zip(("train", "test"), made(rows, dim, classes, 0)):
        np.save(folder / f"{name}.npy", features)
        np.savetxt(folder / f"{name}.csv", labels, "%d", ",", header=",".join(f"class{k}" for k in range(classes)), comments="")


def load(folder, name):
    return np.load(folder / f"{name}.npy"), np.loadtxt(folder / f"{name}.csv", np.int8, delimiter=",", skiprows=1, ndmin=2)


def loss_of(weights, intercepts, c, features, labels):
    scores = features.astype(np.float64) @ weights.astype(np.float64).T + intercepts
    return (weights.astype(np.float64) ** 2).sum() / 2 + c * np.where(labels == 0, 0, np.logaddexp(0, -labels * scores)).sum()


def mean_ap(weights, intercepts, features, labels):
    from sklearn.metrics import average_precision_score

    scores = features @ weights.T + intercepts
    return np.mean([average_precision_score(y[y != 0] > 0, s[y != 0]) for y, s in zip(labels.T, scores.T)])


def standardized(folder):
    from sklearn.preprocessing import StandardScaler

    (train, train_labels), (test, test_labels) = load(folder, "train"), load(folder, "test")
    scaler = StandardScaler().fit(train.astype(np.float64))
    train, test = [((x - scaler.mean_) / scaler.scale_).astype(np.float32) for x in (train, test)]
    return train, train_labels, test, test_labels


def fit(folder, c, tolerance):
    from sklearn.linear_model import LogisticRegression

    train, train_labels, test, test_labels = standardized(folder)
    weights, intercepts, iterations = [], [], []
    kept = [(train[y != 0], y[y != 0]) if (y == 0).any() else (train, y) for y in train_labels.T]
    begun = time.perf_counter()
    for x, y in kept:
        model = LogisticRegression(C=c, solver="lbfgs", tol=tolerance, max_iter=10000).fit(x, y)
        weights.append(model.coef_[0])
        intercepts.append(model.intercept_[0])
        iterations.append(int(model.n_iter_[0]))
    seconds = time.perf_counter() - begun
    weights, intercepts = np.array(weights), np.array(intercepts)
    np.savez(folder / f"sklearn-{c:g}.npz", weights=weights, intercepts=intercepts)
    print(json.dumps({"seconds": seconds, "iterations": [min(iterations), max(iterations)],
                      "loss": loss_of(weights, intercepts, c, train, train_labels),
                      "map": mean_ap(weights, intercepts, test, test_labels)}))


def read_probe(path):
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    read = lambda t: np.frombuffer(data[8 + length :][t["data_offsets"][0] : t["data_offsets"][1]], "<f4").reshape(t["shape"])
    return {name: read(tensor) for name, tensor in header.items() if name != "__metadata__"}


def compare(folder, c, path):
    train, train_labels, test, test_labels = standardized(folder)
    theirs, ours = np.load(folder / f"sklearn-{c:g}.npz"), read_probe(path)
    losses = [loss_of(w, b, c, train, train_labels) for w, b in
              ((theirs["weights"], theirs["intercepts"]), (ours["weights"], ours["intercepts"]))]
    maps = [mean_ap(w, b, test, test_labels) for w, b in
            ((theirs["weights"], theirs["intercepts"]), (ours["weights"], ours["intercepts"]))]
    print(json.dumps({"loss": losses, "relative": losses[1] / losses[0] - 1, "map": maps, "points": 100 * (maps[1] - maps[0])}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("make", "fit", "compare"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("probe", nargs="?")
    parser.add_argument("--rows", type=int, default=5011)
    parser.add_argument("--dim", type=int, default=4096)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--c", type=float, default=0.01)
    parser.add_argument("--tol", type=float, default=1e-6)
    options = parser.parse_args()
    if options.what == "make":
        make(options.folder, options.rows, options.dim, options.classes)
    elif options.what == "fit":
        fit(options.folder, options.c, options.tol)
    else:
        compare(options.folder, options.c, options.probe)


if __name__ == "__main__":
    main()
