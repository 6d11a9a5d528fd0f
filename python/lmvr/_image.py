"""What users call an image, as the library takes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._library import lmvr_image


def is_one(images: Any) -> bool:
    """Whether this is one input, not several."""
    kinds = (str, bytes, bytearray, memoryview, os.PathLike, Mapping)
    return isinstance(images, kinds) or hasattr(images, "convert") or getattr(images, "ndim", None) == 3


def c_text(text: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"a text is expected, not {type(text).__name__}")
    if "\0" in text:
        raise ValueError("a text has a NUL character")
    return text.encode("utf-8", "surrogateescape")


def _put_pixels(image: lmvr_image, pixels: Any) -> None:
    if not isinstance(pixels, np.ndarray) and not hasattr(pixels, "__array__") and not hasattr(pixels, "__array_interface__"):
        raise TypeError(f"an image is a path, bytes, a PIL.Image or an array, not {type(pixels).__name__}")
    array = np.asarray(pixels)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"an image's array is uint8 and (height, width, 3), not {array.dtype} and {array.shape}")
    if max(array.shape) > 2**31 - 1:
        raise ValueError(f"an image of {array.shape[1]} x {array.shape[0]} pixels is too large")
    array = np.ascontiguousarray(array)
    image.height, image.width = array.shape[:2]
    image.rgb = array.ctypes.data
    image.array = array  # ctypes lets a struct have attributes: these pixels live as long as it does


def _put_picture(image: lmvr_image, picture: Any) -> None:
    if isinstance(picture, (str, os.PathLike)):
        path = os.fsencode(picture)
        if b"\0" in path:
            raise ValueError("a path has a NUL character")
        image.path = path
    elif isinstance(picture, (bytes, bytearray, memoryview)):
        file = bytes(picture)
        image.bytes, image.byte_count = file, len(file)
    else:
        _put_pixels(image, picture.convert("RGB") if hasattr(picture, "convert") else picture)


def image_of(given: Any, name: str) -> lmvr_image:
    """The library's struct, which keeps alive what it points to. Raises what is wrong with `given`; `name` is for sentences."""
    image = lmvr_image(path=c_text(name))
    if not isinstance(given, Mapping):
        _put_picture(image, given)
        return image
    unknown = set(given) - {"image", "text", "system"}
    if unknown:
        raise ValueError(f'an input has "image", "text" and "system", not {sorted(map(str, unknown))}')
    if given.get("image") is None and given.get("text") is None:
        raise ValueError('an input has an "image", a "text", or both')
    if given.get("image") is not None:
        _put_picture(image, given["image"])
    else:
        image.path = None
    for part in ("text", "system"):
        if given.get(part) is not None:
            setattr(image, part, c_text(given[part]))
    return image
