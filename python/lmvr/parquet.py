"""Parquet files for the program `lmvr`, which runs this module; by pyarrow (`pip install 'lmvr[parquet]'`).

    python3 -m lmvr.parquet write
    python3 -m lmvr.parquet lines TABLE.parquet

The first writes a file for each call on standard input, KIND INDEX.jsonl OUT.parquet, each word with a zero behind it, and
answers with a line, `12 rows` or what is wrong; KIND is `index` or `metadata`. The second prints a table's rows as lines of
JSON. Both begin with the line `ready`.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import signal
import sys
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

try:
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]
except ImportError as error:
    sys.exit(f"{sys.executable} has no pyarrow ({error})")

Line = Dict[str, Any]
BATCH = 16384  # lines in memory
DEPTH = 10000  # of calls: lmvr takes JSON that is nested 2,048 deep, which is more than Python's own limit allows

# The same columns whatever the lines have, so that the parts of a run are one table.
INDEX = pyarrow.schema(
    [
        ("path", pyarrow.string()),
        ("text", pyarrow.string()),
        ("row", pyarrow.int64()),
        ("error", pyarrow.string()),
        ("response", pyarrow.string()),
        ("response_tokens", pyarrow.list_(pyarrow.int32())),
        ("finish", pyarrow.string()),
        ("json", pyarrow.string()),
        ("txt", pyarrow.string()),
        ("cls", pyarrow.string()),
    ]
)


def read_lines(path: str) -> Iterator[Line]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def index_row(line: Line) -> Line:
    """The line, with what has no type of its own as text: `json` as JSON, a whole number of `cls` as its digits."""
    row = {name: line.get(name) for name in INDEX.names}
    if "json" in line:
        row["json"] = json.dumps(line["json"], ensure_ascii=False)
    if "cls" in line:
        row["cls"] = str(line["cls"])
    return row


# ---- clip-retrieval's metadata ----------------------------------------------------------------------------------------


def flatten(value: Line, prefix: str = "") -> Iterator[Tuple[str, Any]]:
    """The values in an object; those of an object in it are named `outer.inner`."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from flatten(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, inner


def metadata_row(line: Line) -> Line:
    """What clip-retrieval has of an input: its path, its caption, and what its JSON says besides."""
    said = line.get("json")
    row = dict(flatten(said)) if isinstance(said, dict) else {}
    caption = line.get("txt", line.get("text", row.get("caption")))
    row.pop("metadata", None)
    for name in ("cls", "response"):
        if name in line:
            row[name] = line[name]
    return {**row, "image_path": line.get("path"), "caption": caption if isinstance(caption, str) else None}


def metadata_rows(path: str) -> Iterator[Line]:
    return (metadata_row(line) for line in read_lines(path) if line["row"] is not None)


INT64 = range(-(2**63), 2**63)


def type_of(value: Any) -> pyarrow.DataType:
    if isinstance(value, bool):
        return pyarrow.bool_()
    if isinstance(value, int) and value in INT64:
        return pyarrow.int64()
    return pyarrow.float64() if isinstance(value, float) else pyarrow.string()


def common_type(types: Set[pyarrow.DataType]) -> pyarrow.DataType:
    """Of numbers floats, of what has nothing in common text."""
    if len(types) == 1:
        return next(iter(types))
    return pyarrow.float64() if types == {pyarrow.int64(), pyarrow.float64()} else pyarrow.string()


def metadata_schema(path: str) -> pyarrow.Schema:
    found: Dict[str, Set[pyarrow.DataType]] = {"image_path": {pyarrow.string()}, "caption": {pyarrow.string()}}
    for row in metadata_rows(path):
        for name, value in row.items():
            types = found.setdefault(name, set())
            if value is not None:
                types.add(type_of(value))
    return pyarrow.schema([(name, common_type(types)) for name, types in found.items()])


def as_type(value: Any, wanted: pyarrow.DataType) -> Any:
    if value is not None and wanted == pyarrow.float64():
        return float(value)  # which pyarrow does not do for whole numbers that are rounded by it
    if value is None or isinstance(value, str) or wanted != pyarrow.string():
        return value
    return json.dumps(value, ensure_ascii=False)


def write_metadata(index: str, path: str) -> int:
    schema = metadata_schema(index)
    types = {field.name: field.type for field in schema}
    rows = ({name: as_type(value, types[name]) for name, value in row.items()} for row in metadata_rows(index))
    return write(path, schema, rows)


# ---- writing ----------------------------------------------------------------------------------------------------------


def in_batches(rows: Iterable[Line]) -> Iterator[List[Line]]:
    batch: List[Line] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def write(path: str, schema: pyarrow.Schema, rows: Iterable[Line]) -> int:
    """Writes the rows, a batch at a time, and returns how many."""
    count = 0
    with open(path, "wb") as file:
        with pyarrow.parquet.ParquetWriter(file, schema) as writer:
            for batch in in_batches(rows):
                writer.write_table(pyarrow.Table.from_pylist(batch, schema))
                count += len(batch)
        file.flush()
        os.fsync(file.fileno())
    return count


# ---- tables as lists of inputs ----------------------------------------------------------------------------------------

PATHS = ("path", "image_path")


def is_binary(column: pyarrow.DataType) -> bool:
    types = pyarrow.types
    return bool(types.is_binary(column) or types.is_large_binary(column) or types.is_fixed_size_binary(column))


def plain(value: Any) -> Any:
    """A value as JSON has it: a number that is not finite is null, what JSON (or lmvr, which reads whole numbers of 64 bits
    with a sign) has no type for is text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and value not in INT64:
        return str(value)
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, (str, int)) else str(value)


def table_lines(path: str) -> Iterator[str]:
    """The table's rows, a batch at a time. Columns of bytes, such as of images, are left out."""
    file = pyarrow.parquet.ParquetFile(path, pre_buffer=False)
    columns = [field.name for field in file.schema_arrow if not is_binary(field.type)]
    named = next((name for name in PATHS if name in columns), None)
    if named is None:
        sys.exit(f"it has no column path or image_path, but {', '.join(columns)}")
    for batch in file.iter_batches(batch_size=1024, columns=columns):
        for row in batch.to_pylist():
            yield json.dumps({"path": row.pop(named), **plain(row)}, ensure_ascii=False)


# ---- the program ------------------------------------------------------------------------------------------------------


def calls() -> Iterator[List[str]]:
    """What standard input asks for: three words, each with a zero behind it."""
    pending = b""
    while chunk := os.read(0, 1 << 16):
        pending += chunk
        while pending.count(b"\0") >= 3:
            *words, pending = pending.split(b"\0", 3)
            yield [os.fsdecode(word) for word in words]


def answer(kind: str, index: str, path: str) -> str:
    try:
        count = write_metadata(index, path) if kind == "metadata" else write(path, INDEX, map(index_row, read_lines(index)))
        return f"{count} rows"
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        return " ".join(str(error).split())


def main(arguments: List[str]) -> None:
    """A run that is killed leaves no writer behind: a resumed one writes to the same place. `ready` cannot be said to one that
    has ended already."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    sys.setrecursionlimit(DEPTH)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    print("ready", flush=True)
    try:
        if arguments == ["write"]:
            for call in calls():
                print(answer(*call), flush=True)
        elif len(arguments) == 2 and arguments[0] == "lines":
            for line in table_lines(arguments[1]):
                print(line)
            sys.stdout.flush()
        else:
            sys.exit(__doc__)
    except (OSError, pyarrow.ArrowException) as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    main(sys.argv[1:])
