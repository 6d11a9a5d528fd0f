"""Images to vectors with a multimodal language model.

>>> import lmvr
>>> model = lmvr.Model("llava-hf/llava-1.5-7b-hf")
>>> vectors = model.encode(["a.jpg", "b.jpg"])  # float32, (2, 4096)
"""

from ._library import Error, library, text_of
from .model import Features, Model, Options, Result
from .transformer import Transformer

__version__ = text_of(library.lmvr_version())
__all__ = ["Error", "Features", "Model", "Options", "Result", "Transformer", "__version__"]
