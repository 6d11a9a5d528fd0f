"""Images to vectors with a multimodal language model.

>>> import lmvr
>>> model = lmvr.Model("llava-hf/llava-1.5-7b-hf")
>>> vectors = model.encode(["a.jpg", "b.jpg"])  # float32, (2, 4096)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._error import Error
    from .model import Features, Model, Options, Result
    from .results import Results
    from .transformer import Transformer

    __version__: str

__all__ = ["Error", "Features", "Model", "Options", "Result", "Results", "Transformer", "__version__"]
_MODULES = {
    "Error": "_error",
    "Features": "model",
    "Model": "model",
    "Options": "model",
    "Result": "model",
    "Results": "results",
    "Transformer": "transformer",
}


def __getattr__(name: str) -> Any:
    """The library is loaded with the first name that needs it: what reads and writes files needs none."""
    if name == "__version__":
        library = importlib.import_module("._library", __name__)
        return library.text_of(library.library.lmvr_version())
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("." + _MODULES[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
