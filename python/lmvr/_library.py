"""lmvr.h as ctypes see it. tests/python compares every struct and constant with what a C compiler makes of the header."""

from __future__ import annotations

import ctypes
from ctypes import (
    POINTER,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any, NoReturn

from ._error import Error

LMVR_OK, LMVR_ERROR_INPUT, LMVR_ERROR_INVALID, LMVR_ERROR_RESOURCE, LMVR_STOPPED, LMVR_FULL = range(6)
DTYPES = {name: value for value, name in enumerate(["default", "f32", "bf16", "int8", "int4", "f16"])}
ASPECTS = {name: value for value, name in enumerate(["default", "crop", "pad", "stretch"])}
QUERIES = {name: value for value, name in enumerate(["default", "predicting", "own"])}
ABI_VERSION = 1


class lmvr_error(ctypes.Structure):
    _fields_ = [("message", c_char * 1024)]


notice_fn = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)


class lmvr_model_options(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("dtype", c_int),
        ("threads", c_int),
        ("device", c_char_p),
        ("cache_dtype", c_int),
        ("mmproj", c_char_p),
        ("fast", c_bool),
        ("notice", c_void_p),
        ("notice_user", c_void_p),
    ]


class lmvr_stack_info(ctypes.Structure):
    _fields_ = [
        ("blocks", c_int),
        ("width", c_int),
        ("heads", c_int),
        ("kv_heads", c_int),
        ("mlp_width", c_int),
        ("parameters", c_int64),
    ]


class lmvr_model_info(ctypes.Structure):
    _fields_ = [
        ("architecture", c_char * 96),
        ("stored_dtypes", c_char * 64),
        ("dtype", c_int),
        ("cache_dtype", c_int),
        ("vision", lmvr_stack_info),
        ("language", lmvr_stack_info),
        ("text", lmvr_stack_info),
        ("connector_parameters", c_int64),
        ("input_blocks", c_int),
        ("image_size", c_int),
        ("patch_size", c_int),
        ("joint_width", c_int),
        ("visual_tokens", c_int),
        ("vocabulary", c_int),
        ("max_positions", c_int),
        ("weights_bytes", c_uint64),
        ("kv_bytes_per_token", c_uint64),
        ("fingerprint", c_uint64),
        ("device", c_char * 16),
        ("gpu", c_char * 64),
        ("notice", c_char_p),
        ("fast", c_bool),
        ("lost", c_bool),
    ]


class lmvr_session_options(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("features", POINTER(c_char_p)),
        ("feature_count", c_size_t),
        ("describe", c_bool),
        ("before_generation", c_bool),
        ("prompt", c_char_p),
        ("system", c_char_p),
        ("template_name", c_char_p),
        ("max_new_tokens", c_int),
        ("temperature", c_float),
        ("top_p", c_float),
        ("seed", c_uint64),
        ("aspect", c_int),
        ("min_pixels", c_int),
        ("max_pixels", c_int),
        ("normalize", c_bool),
        ("dims", c_int),
        ("attention", c_bool),
        ("attention_query", c_int),
        ("attention_first", c_int),
        ("attention_last", c_int),
        ("filter", c_void_p),
        ("filter_user", c_void_p),
        ("batch", c_int),
        ("threads", c_int),
    ]


class lmvr_feature_info(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("spec", c_char_p), ("dim", c_size_t), ("multi_vector", c_bool)]


class lmvr_image(ctypes.Structure):
    _fields_ = [
        ("path", c_char_p),
        ("rgb", c_void_p),
        ("width", c_int),
        ("height", c_int),
        ("text", c_char_p),
        ("system", c_char_p),
        ("bytes", c_char_p),
        ("byte_count", c_size_t),
        ("max_new_tokens", c_int),
        ("stream", c_bool),
        ("sampling", c_void_p),
        ("user", c_void_p),
    ]


class lmvr_view(ctypes.Structure):
    _fields_ = [("x", c_double), ("y", c_double), ("width", c_double), ("height", c_double)]


class lmvr_result(ctypes.Structure):
    _fields_ = [
        ("index", c_size_t),
        ("status", c_int),
        ("error", c_char_p),
        ("features", POINTER(POINTER(c_float))),
        ("rows", POINTER(c_size_t)),
        ("response", c_char_p),
        ("tokens", POINTER(c_int32)),
        ("token_count", c_size_t),
        ("finished", c_bool),
        ("attention", POINTER(c_float)),
        ("grid_rows", c_int),
        ("grid_columns", c_int),
        ("view", lmvr_view),
        ("token_ends", POINTER(c_uint32)),
    ]


class lmvr_event(ctypes.Structure):
    _fields_ = [
        ("index", c_size_t),
        ("user", c_void_p),
        ("result", POINTER(lmvr_result)),
        ("tokens", POINTER(c_int32)),
        ("token_count", c_size_t),
        ("text", c_char_p),
    ]


class token_range(ctypes.Structure):
    _fields_ = [("first", c_size_t), ("count", c_size_t)]


def _load(name: str) -> ctypes.CDLL:
    """A library that the package carries; where it carries none, in a checkout, one that the system's loader finds."""
    own = Path(__file__).with_name(name)
    try:
        return ctypes.CDLL(str(own) if own.exists() else name)
    except OSError as error:
        raise ImportError(f"lmvr's library cannot be loaded: {error}; `pip install ./python` builds it") from None


_ERROR = POINTER(lmvr_error)
_PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "lmvr_version": (c_char_p, []),
    "lmvr_abi_version": (c_int, []),
    "lmvr_model_options_default_sized": (None, [POINTER(lmvr_model_options), c_size_t]),
    "lmvr_model_open_with": (c_int, [c_char_p, POINTER(lmvr_model_options), POINTER(c_void_p), _ERROR]),
    "lmvr_model_free": (None, [c_void_p]),
    "lmvr_model_get_info_sized": (None, [c_void_p, POINTER(lmvr_model_info), c_size_t]),
    "lmvr_session_options_default_sized": (None, [POINTER(lmvr_session_options), c_size_t]),
    "lmvr_session_create": (c_int, [c_void_p, POINTER(lmvr_session_options), POINTER(c_void_p), _ERROR]),
    "lmvr_session_free": (None, [c_void_p]),
    "lmvr_session_feature_count": (c_size_t, [c_void_p]),
    "lmvr_session_get_feature_sized": (None, [c_void_p, c_size_t, POINTER(lmvr_feature_info), c_size_t]),
    "lmvr_session_submit_sized": (c_int, [c_void_p, POINTER(lmvr_image), c_size_t, POINTER(c_size_t), _ERROR]),
    "lmvr_session_next": (c_int, [c_void_p, c_int, POINTER(POINTER(lmvr_event)), _ERROR]),
    "lmvr_session_cancel": (c_bool, [c_void_p, c_size_t]),
    "lmvr_session_capacity": (c_size_t, [c_void_p]),
}
_HELPERS: dict[str, tuple[Any, list[Any]]] = {
    "lmvr_python_find_model": (c_int, [c_char_p, c_char_p, c_size_t, _ERROR]),
    "lmvr_python_find_word": (c_int, [POINTER(lmvr_result), c_char_p, POINTER(token_range), _ERROR]),
}


def _declare(library: ctypes.CDLL, prototypes: dict[str, tuple[Any, list[Any]]]) -> ctypes.CDLL:
    for name, (result, arguments) in prototypes.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


library = _declare(_load(f"liblmvr.so.{ABI_VERSION}"), _PROTOTYPES)
helper = _declare(_load("lmvr-python.so"), _HELPERS)


def text_of(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def fail(error: lmvr_error) -> NoReturn:
    raise Error(text_of(error.message))


def call(function: Any, *arguments: Any) -> None:
    """Calls a function that returns a status and takes an error last; raises what is wrong."""
    error = lmvr_error()
    if function(*arguments, ctypes.byref(error)) != LMVR_OK:
        fail(error)
