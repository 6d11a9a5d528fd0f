"""Runs the notebook of examples/ in a kernel of its own."""

import sys
from pathlib import Path

import nbclient
import nbformat

examples = Path(__file__).resolve().parents[2] / "examples"
notebook = nbformat.read(examples / "vectors.ipynb", as_version=4)
nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(examples)}}).execute()
pictures = sum("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ()))
if pictures != 2:
    sys.exit(f"the notebook shows {pictures} pictures, not 2")
