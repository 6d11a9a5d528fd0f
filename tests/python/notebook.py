"""Runs the notebook of examples/ in a kernel of its own, or says why not."""

import importlib.util
import sys
from pathlib import Path

missing = [name for name in ("nbclient", "ipykernel", "matplotlib", "sklearn") if importlib.util.find_spec(name) is None]
if missing:
    print(f"skipped: Python has no {', '.join(missing)}, which setup.sh does not install")
    sys.exit(77)

import nbclient  # noqa: E402
import nbformat  # noqa: E402

examples = Path(__file__).resolve().parents[2] / "examples"
notebook = nbformat.read(examples / "vectors.ipynb", as_version=4)
nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(examples)}}).execute()
pictures = sum("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ()))
if pictures != 2:
    sys.exit(f"the notebook shows {pictures} pictures, not 2")
