#!/usr/bin/env python3
"""References for lab/probe, from scikit-learn and from VOC2007's devkit as NumPy. Run where scikit-learn is, with this folder
as the argument.

reference.safetensors, tensors of three groups:

    metrics/NAME/...   scores (rows, classes) and labels; ap (scikit-learn's average_precision_score) and ap_11point, a class each
    accuracy/...       scores, labels and groups; accuracy, and accuracy by group (accuracy_score)
    fit/NAME/C/...     weights, intercepts and loss of LogisticRegression on standardized features; fit/NAME/features and labels
"""
import json
import pathlib
import struct
import sys
import warnings
from fractions import Fraction

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score
from sklearn.preprocessing import StandardScaler

TYPES = {"float32": "F32", "float64": "F64", "int8": "I8", "int32": "I32"}


def voc_ap_11point(scores, labels):
    """VOCdevkit/VOCcode/VOCevalcls.m: sort, count, and the best precision at eleven recalls; with ties, at their ends only.
    Recalls are compared as fractions: MATLAB's 0:0.1:1 has 0.30000000000000004."""
    kept = labels != 0
    scores, labels = scores[kept], labels[kept]
    order = np.argsort(-scores, kind="stable")
    scores, found = scores[order], np.cumsum(labels[order] > 0)
    ends = np.append(scores[1:] != scores[:-1], True)
    precisions = (found / np.arange(1, len(found) + 1))[ends]
    recalls = [Fraction(int(f), int(found[-1])) for f in found[ends]]
    best = [max((p for p, r in zip(precisions, recalls) if r >= Fraction(t, 10)), default=0) for t in range(11)]
    return float(np.mean(best))


def metrics_cases(rng, tensors):
    rows, classes = 83, 6
    labels = rng.choice([-1, 0, 1], (rows, classes), p=[0.6, 0.1, 0.3]).astype(np.int8)
    labels[:, 4] = np.where(labels[:, 4] > 0, -1, labels[:, 4])  # no positives
    labels[:, 5] = 1  # no negatives
    labels[:20, 3] = 1
    labels[20:, 3] = -1  # 20 positives: recalls of exactly 0.3
    scores = (rng.standard_normal((rows, classes)) + 0.7 * labels).astype(np.float32)
    cases = {"random": scores, "tied": np.round(scores).astype(np.float32), "equal": np.ones_like(scores)}
    for name, values in cases.items():
        ap = [average_precision_score(y[y != 0] > 0, s[y != 0]) if (y > 0).any() else np.nan for s, y in zip(values.T, labels.T)]
        ap_11point = [voc_ap_11point(s, y) if (y > 0).any() else np.nan for s, y in zip(values.T, labels.T)]
        tensors |= {f"metrics/{name}/scores": values, f"metrics/{name}/labels": labels,
                    f"metrics/{name}/ap": np.array(ap), f"metrics/{name}/ap_11point": np.array(ap_11point)}


def accuracy_case(rng, tensors):
    rows, classes, groups = 90, 5, 3
    labels = rng.integers(-1, classes, rows).astype(np.int32)
    scores = rng.standard_normal((rows, classes)) + np.eye(classes)[labels] * (labels >= 0)[:, None]
    scores = np.round(scores, 1).astype(np.float32)
    group = rng.integers(-1, groups, rows).astype(np.int32)
    predicted, kept = scores.argmax(1), labels >= 0
    by_group = [accuracy_score(labels[kept & (group == g)], predicted[kept & (group == g)]) for g in range(groups)]
    tensors |= {"accuracy/scores": scores, "accuracy/labels": labels, "accuracy/groups": group,
                "accuracy/accuracy": np.array([accuracy_score(labels[kept], predicted[kept])]),
                "accuracy/by_group": np.array(by_group)}


def binary_loss(w, b, c, x, y):
    return w @ w / 2 + c * np.logaddexp(0, -y * (x @ w + b)).sum()


def multinomial_loss(w, b, c, x, y):
    scores = x @ w.T + b
    return (w**2).sum() / 2 + c * (np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(y)), y]).sum()


def fit(c, x, y):
    return LogisticRegression(C=c, solver="lbfgs", tol=1e-9, max_iter=100000).fit(x, y)


def fit_cases(rng, tensors):
    rows, dim = 200, 30
    features = rng.standard_normal((rows, dim)) @ rng.standard_normal((dim, dim)) * np.geomspace(0.01, 100, dim)
    features += 50 * rng.standard_normal(dim)
    features[:, 7] = 3.25  # constant
    features = features.astype(np.float32)
    x = StandardScaler().fit_transform(features.astype(np.float64))
    signal = x @ rng.standard_normal((dim, 4)) / 3 + 0.8 * rng.standard_normal((rows, 4))
    multi = np.where(signal[:, :3] > [0, 1, 2], 1, -1).astype(np.int8)
    multi[rng.random(multi.shape) < 0.1] = 0
    multi[5] = 0  # difficult in every class, and still one of the rows whose mean is taken
    labels = {"multi": multi, "single": signal.argmax(1).astype(np.int32), "two": (signal[:, 0] > 0.5).astype(np.int32)}
    for name, y in labels.items():
        tensors |= {f"fit/{name}/features": features, f"fit/{name}/labels": y}
        for c in (0.01, 1, 100):
            if name == "multi":
                models = [fit(c, x[k != 0], k[k != 0]) for k in y.T]
                loss = sum(binary_loss(m.coef_[0], m.intercept_[0], c, x[k != 0], k[k != 0]) for m, k in zip(models, y.T))
            else:
                models = [fit(c, x, y)]
                m = models[0]
                loss = (multinomial_loss(m.coef_, m.intercept_, c, x, y) if name == "single" else
                        binary_loss(m.coef_[0], m.intercept_[0], c, x, 2 * y - 1))
            tensors |= {f"fit/{name}/{c:g}/weights": np.concatenate([m.coef_ for m in models]),
                        f"fit/{name}/{c:g}/intercepts": np.concatenate([m.intercept_ for m in models]),
                        f"fit/{name}/{c:g}/loss": np.array([loss])}


def write(path, tensors):
    header, data = {}, b""
    for name, values in tensors.items():
        values = np.ascontiguousarray(values)
        header[name] = {"dtype": TYPES[str(values.dtype)], "shape": list(values.shape),
                        "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    warnings.simplefilter("error")
    rng, tensors = np.random.default_rng(20070), {}
    metrics_cases(rng, tensors)
    accuracy_case(rng, tensors)
    fit_cases(rng, tensors)
    write(pathlib.Path(sys.argv[1]) / "reference.safetensors", tensors)


main()
