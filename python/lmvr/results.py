"""What `lmvr embed` has written (docs/formats.md), as arrays and dicts. The library is not needed for it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

import numpy as np

from ._error import Error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Line = Dict[str, Any]
DEPTH = 10000  # of calls: lmvr takes JSON that is nested 2,048 deep, which is more than Python's own limit may allow


def _parse(text: str) -> Line:
    try:
        line: Line = json.loads(text)
    except RecursionError:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, DEPTH))
        try:
            line = json.loads(text)
        finally:
            sys.setrecursionlimit(limit)
    return line


class Results:
    """results = lmvr.Results("features"): what `lmvr embed -o features` has written, in one or in parts, in whatever type.

    results.rows("llm")  # (rows, D)
    for line in results.lines(): ...  # {"path": "a.jpg", "row": 0, "response": ...}: rows("llm")[line["row"]] is its vector
    """

    def __init__(self, place: Union[str, os.PathLike[str]]) -> None:
        place = Path(place)
        self._single = place.suffix == ".npy" and not place.is_dir()
        self._place = place
        try:
            text = (place.with_suffix(".run.json") if self._single else place / "run.json").read_text("utf-8")
            self.run: dict[str, Any] = json.loads(text)
            """run.json: what the rows depend on."""
            self.names: List[str] = [feature["name"] for feature in self.run["features"]]
            """Of the features."""
            count = self.run.get("parts")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Error(f"{place}: holds no results of lmvr embed ({error})") from None
        self._width = len(str(count)) if self.run.get("layout") == "clip-retrieval" else 0
        self.parts: Optional[List[int]] = None
        """The numbers of the parts that are finished; None: the results are in no parts."""
        if count is not None:
            self.parts = [part for part in range(count) if self._path("index", part, ".json").exists()]

    def __repr__(self) -> str:
        return f"lmvr.Results({os.fspath(self._place)!r})"

    def rows(self, name: Optional[str] = None, part: Optional[int] = None) -> Array:
        """A feature's rows (rows, D), by default of the first and of all finished parts. Float32 or float16, as they are in
        the file: a memory map, as long as they are in one file. Of int8, floats are computed."""
        name = self._name(name)
        arrays = [self._one_rows(name, one) for one in self._parts(part)]
        if not arrays:
            raise Error(f"{self._place}: none of its parts is finished")
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def offsets(self, name: Optional[str] = None, part: Optional[int] = None) -> Array:
        """For a feature with the pool "none", int64 (inputs + 1): rows(name)[offsets[i]:offsets[i + 1]] are of input i."""
        name = self._name(name)
        if part is not None or self.parts is None:
            self._parts(part)  # that it is finished
            offsets: Array = np.load(self._file(name, part, ".offsets.npy"))
            return offsets
        ends = [np.zeros(1, np.int64)]
        for one in self.parts:
            ends.append(self.offsets(name, one)[1:] + ends[-1][-1])
        return np.concatenate(ends)

    def lines(self, part: Optional[int] = None) -> Iterator[Line]:
        """The index, an input a line; "row" (None: it failed) counts in rows(name, part)."""
        before = 0
        for one in self._parts(part):
            row = -1
            path = self._file("index", one, ".jsonl")
            with open(path, encoding="utf-8") as lines:
                for text in lines:
                    if not text.endswith("\n"):
                        break  # a run is writing it, or was killed
                    line = _parse(text)
                    if line["row"] is not None:
                        row = line["row"]
                        line["row"] += before
                    yield line
            before += row + 1

    # ---- files ----

    def _name(self, name: Optional[str]) -> str:
        if name is None:
            return self.names[0]
        plain = name.replace(":", "_")
        if plain not in self.names:
            raise Error(f"{self._place}: has no feature {name!r}; it has {', '.join(self.names)}")
        return plain

    def _parts(self, part: Optional[int]) -> List[Optional[int]]:
        if part is None:
            return [None] if self.parts is None else [*self.parts]
        if part not in (self.parts or ()):
            raise Error(f"{self._place}: has no part {part} that is finished")
        return [part]

    def _path(self, name: str, part: int, ending: str) -> Path:
        own = not self._width or name == "index"
        return self._place / name / (f"part-{part:05}{ending}" if own else f"{name}_{part:0{self._width}}{ending}")

    def _file(self, name: str, part: Optional[int], ending: str) -> Path:
        if part is not None:
            return self._path(name, part, ending)
        return self._place.with_suffix(ending) if self._single else self._place / (name + ending)

    def _one_rows(self, name: str, part: Optional[int]) -> Array:
        rows: Array = np.load(self._file(name, part, ".npy"), mmap_mode="r")
        return rows if rows.dtype != np.int8 else rows * np.load(self._file(name, part, ".scale.npy"))
