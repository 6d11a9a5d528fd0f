"""Models, and what they make of images."""

from __future__ import annotations

import ctypes
import operator
import os
import threading
import warnings
import weakref
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, TypedDict, Union

import numpy as np

from . import _library as c
from ._error import Error
from ._image import c_text, image_of, is_one
from ._library import call, helper, library, text_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    Floats = NDArray[np.float32]

_POLL = 100  # milliseconds between two looks for Ctrl-C


class Options(TypedDict, total=False):
    """What all methods of a `Model` take besides their own arguments; `man lmvr-embed` has more on each."""

    prompt: str  # in place of the model's own
    system: str  # the system turn
    template: str  # such as "vicuna_v1", "qwen2_vl", "plain" or "none"
    max_new_tokens: int  # default 128
    before_generation: bool  # generate nothing
    temperature: float  # default 0: greedy
    top_p: float
    seed: int
    aspect: str  # "crop", "pad" or "stretch"
    min_pixels: int
    max_pixels: int
    describe: bool  # generate a response even if no feature needs one
    attention: bool  # Result.attention is wanted
    query: str  # "predicting" or "own": whose attention it is
    layers: Tuple[int, int]  # the blocks that it is averaged over, counted from 1
    threads: int


class Features(Dict[str, "Floats"]):
    """A feature's name -> what belongs to it. A name is NAME of "NAME=SPEC", else the SPEC with ":" as "_"; the SPEC itself
    finds it, too."""

    def __missing__(self, key: str) -> Floats:
        name = key.replace(":", "_")
        if name == key:
            raise KeyError(key)
        return self[name]


@dataclass(frozen=True, eq=False)
class Result:
    """What became of one image."""

    index: int
    """Of the image among those given."""
    error: Optional[str] = None
    """Why the image cannot be used; then there is nothing else."""
    features: Features = field(default_factory=Features)
    """name -> float32 (d,), or (positions, d) where the pool is "none"."""
    response: Optional[str] = None
    """What the model says of it; None: nothing was generated."""
    tokens: Optional[NDArray[np.int32]] = None
    """int32 (tokens,): all ids that were generated, with the end token."""
    finish: Optional[str] = None
    """ "end": by the end token; "length": at the limit."""
    attention: Optional[Floats] = None
    """float32 (tokens, grid rows, grid columns), with attention=True: each token's weights on the image, not rescaled."""
    token_ends: Optional[NDArray[np.uint32]] = None
    """With it, uint32 (tokens,): where each token's part of the response ends, in bytes of its UTF-8."""
    view: Optional[Tuple[float, float, float, float]] = None
    """With it, what the grid covers of the upright image, in its pixels: x, y, width, height."""


def _copy(pointer: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    array = np.empty(shape, dtype)
    ctypes.memmove(array.ctypes.data, pointer, array.nbytes)
    return array


def _choose(option: str, name: Optional[str], values: dict[str, int]) -> int:
    if name is None:
        return 0
    if name not in values:
        raise Error(f'{option} is "{name}", and should be one of {", ".join(values)}')
    return values[name]


def _fill(struct: Any, values: dict[str, Any]) -> None:
    """Sets members of options; numbers that a member cannot hold are refused, where ctypes would cut them."""
    for name, value in values.items():
        if isinstance(value, str):
            value = c_text(value)
        elif hasattr(value, "__index__"):
            value = operator.index(value)
        setattr(struct, name, value)
        if isinstance(value, int) and getattr(struct, name) != value:
            raise Error(f"{name} is {value}, which is out of range")


def _asked(features: Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
    """lmvr_session_options' members of what was asked for."""
    asked = {name: value for name, value in options.items() if value is not None}
    unknown = set(asked) - set(Options.__annotations__) - {"batch", "normalize", "dims"}
    if unknown:
        raise TypeError(f"there is no option {sorted(unknown)[0]!r}")
    if "template" in asked:
        asked["template_name"] = asked.pop("template")
    if "aspect" in asked:
        asked["aspect"] = _choose("aspect", asked["aspect"], c.ASPECTS)
    if "query" in asked:
        asked["attention_query"] = _choose("query", asked.pop("query"), c.QUERIES)
    if "layers" in asked:
        asked["attention_first"], asked["attention_last"] = asked.pop("layers")
    return {"features": tuple(features), **asked}


def _open(path: bytes, options: c.lmvr_model_options) -> ctypes.c_void_p:
    """Opens a model in a thread: Ctrl-C does not wait for it, and what it has opened then is closed."""
    lock, wanted, opened = threading.Lock(), [True], []

    def work() -> None:
        pointer = ctypes.c_void_p()
        call(library.lmvr_model_open_with, path, ctypes.byref(options), ctypes.byref(pointer))
        with lock:
            opened.append(pointer)
            left = not wanted
        if left:
            library.lmvr_model_free(opened.pop())

    pool = ThreadPoolExecutor(1, "lmvr")
    try:
        opening = pool.submit(work)
        pool.shutdown(wait=False)
        opening.result()
        return opened[0]
    except KeyboardInterrupt:
        with lock:
            wanted.clear()
            done = list(opened)
        for pointer in done:
            library.lmvr_model_free(pointer)
        raise


class _Handle:
    """An open model of the library; its sessions keep it."""

    def __init__(self, path: bytes, options: c.lmvr_model_options) -> None:
        self.pointer = _open(path, options)
        weakref.finalize(self, library.lmvr_model_free, self.pointer)


class _Session:
    """A session of the library, which is fed."""

    def __init__(self, model: _Handle, asked: dict[str, Any]) -> None:
        self.model = model
        self.pointer = ctypes.c_void_p()
        options = c.lmvr_session_options()
        library.lmvr_session_options_default_sized(ctypes.byref(options), ctypes.sizeof(options))
        specs = [c_text(spec) for spec in asked["features"]]
        options.features = (ctypes.c_char_p * len(specs))(*specs)
        options.feature_count = len(specs)
        _fill(options, {name: value for name, value in asked.items() if name != "features"})
        call(library.lmvr_session_create, model.pointer, ctypes.byref(options), ctypes.byref(self.pointer))
        self.free = weakref.finalize(self, library.lmvr_session_free, self.pointer)
        self.features = [self._feature(i) for i in range(library.lmvr_session_feature_count(self.pointer))]
        self.room: int = library.lmvr_session_capacity(self.pointer)

    def _feature(self, index: int) -> tuple[str, int, bool]:
        info = c.lmvr_feature_info()
        library.lmvr_session_get_feature_sized(self.pointer, index, ctypes.byref(info), ctypes.sizeof(info))
        return text_of(info.name), info.dim, info.multi_vector

    def _submit(self, image: c.lmvr_image) -> int:
        index, error = ctypes.c_size_t(), c.lmvr_error()
        status = library.lmvr_session_submit_sized(self.pointer, image, ctypes.sizeof(image), index, error)
        if status == c.LMVR_ERROR_INVALID:
            raise ValueError(text_of(error.message))
        if status != c.LMVR_OK:
            raise Error(text_of(error.message))
        return index.value

    def _next(self) -> Optional[c.lmvr_result]:
        event = ctypes.POINTER(c.lmvr_event)()
        call(library.lmvr_session_next, self.pointer, _POLL, ctypes.byref(event))
        return event.contents.result.contents if event else None

    def _result(self, index: int, result: c.lmvr_result) -> Result:
        if result.status == c.LMVR_ERROR_INPUT:
            return Result(index, error=text_of(result.error))
        if result.status != c.LMVR_OK:  # memory or the device: not of this image alone
            raise Error(text_of(result.error))
        features = Features()
        for i, (name, dim, multi_vector) in enumerate(self.features):
            rows = _copy(result.features[i], (result.rows[i], dim), np.float32)
            features[name] = rows if multi_vector else rows[0]
        if result.response is None:
            return Result(index, features=features)
        count = result.token_count
        return Result(
            index,
            features=features,
            response=text_of(result.response),
            tokens=_copy(result.tokens, (count,), np.int32),
            finish="end" if result.finished else "length",
            **(self._seen(result) if result.attention else {}),
        )

    @staticmethod
    def _seen(result: c.lmvr_result) -> dict[str, Any]:
        count, view = result.token_count, result.view
        return {
            "token_ends": _copy(result.token_ends, (count,), np.uint32),
            "attention": _copy(result.attention, (count, result.grid_rows, result.grid_columns), np.float32),
            "view": (view.x, view.y, view.width, view.height),
        }

    def run(self, images: Iterable[Any]) -> Iterator[Result]:
        """Results in the order of the images, of which no more are read than keep the model busy."""
        source = enumerate(images)
        inside: dict[int, c.lmvr_image] = {}  # what the library may read, by its place among the images
        places: dict[int, int] = {}  # the library's numbers -> those places
        done: dict[int, Result] = {}
        read = given = 0
        try:
            while True:
                while len(inside) < self.room and read - given < 2 * self.room:
                    place, image = next(source, (-1, None))
                    if place < 0:
                        break
                    read += 1
                    try:
                        inside[place] = image_of(image, f"image {place}")
                        places[self._submit(inside[place])] = place
                    except Error:
                        raise
                    except Exception as error:  # of this image, whatever a picture's convert() raises
                        inside.pop(place, None)
                        done[place] = Result(place, error=f"image {place}: {error}")
                if given in done:
                    given += 1
                    yield done.pop(given - 1)
                elif inside:
                    result = self._next()
                    if result:
                        place = places.pop(result.index)
                        done[place] = self._result(place, result)
                        del inside[place]
                else:
                    return
        finally:
            if inside:  # an error, Ctrl-C, or nobody wants the rest
                self._abandon(inside)

    def _abandon(self, inside: dict[int, c.lmvr_image]) -> None:
        """Frees the session, which waits until a step of the model ends, without waiting for that."""
        self.free.detach()

        def free(_kept: Any = (self.model, inside), pointer: ctypes.c_void_p = self.pointer) -> None:
            library.lmvr_session_free(pointer)

        try:
            threading.Thread(target=free, name="lmvr").start()
        except RuntimeError:  # the interpreter ends
            free()


@c.notice_fn
def _warn(_notice: int, sentence: bytes, _user: Any) -> None:
    """What happens while sessions go on, such as that one of several GPUs is lost; called from a thread of the library."""
    warnings.warn(text_of(sentence), stacklevel=2)


def _shipped_model() -> Path:
    here = Path(__file__).resolve().parent
    for folder in (here / "model", here.parents[1] / "models" / "lmvr-small"):
        if (folder / "config.json").exists():
            return folder
    raise Error("no model came with this package: Model() takes a Hugging Face folder or its name on the hub")


def _find(path: Union[str, os.PathLike[str]]) -> bytes:
    given, found = os.fsencode(path), ctypes.create_string_buffer(4096)
    call(helper.lmvr_python_find_model, given, found, len(found))
    return found.value


class Model:
    """A model, read-only: threads can share it.

    path: a Hugging Face folder, its name as "llava-hf/llava-1.5-7b-hf" where it is in the Hugging Face cache, or a GGUF file
        (with `mmproj`, the encoder's); None: the small model that comes along, which knows drawn scenes only.
    dtype: of weights, "f32", "bf16", "int8" or "int4"; None: bf16 where the device computes in it, else f32.
    device: "cpu", "cuda", "cuda:N" or "cuda:all"; None: a GPU if one can be used, else the processor.
    cache_dtype: of keys and values, "f32", "bf16" or "int8".
    fast: a GPU multiplies as is fastest for the number of rows, and results depend on their company in their last bits.
    threads: 0: one per processor.

    Images are paths (str, Path), a file's bytes, PIL.Image, or uint8 arrays (height, width, 3). A file's orientation is
    applied, a PIL.Image is taken as it is. {"image": ..., "text": ..., "system": ...} asks a text of its own, and with "text"
    alone is one, for models that take texts. Further arguments of methods are those of `Options`. A call that cannot be done
    raises `Error`. Ctrl-C stops it; a step of the model that has begun ends in the background.
    """

    def __init__(
        self,
        path: Union[str, os.PathLike[str], None] = None,
        dtype: Optional[str] = None,
        device: Optional[str] = None,
        *,
        cache_dtype: Optional[str] = None,
        mmproj: Union[str, os.PathLike[str], None] = None,
        threads: int = 0,
        fast: bool = False,
    ) -> None:
        self._opened = (path, dtype, device, cache_dtype, mmproj, threads, fast)
        options = c.lmvr_model_options()
        library.lmvr_model_options_default_sized(ctypes.byref(options), ctypes.sizeof(options))
        asked: dict[str, Any] = {
            "dtype": _choose("dtype", dtype, c.DTYPES),
            "cache_dtype": _choose("cache_dtype", cache_dtype, c.DTYPES),
            "device": device,
            "mmproj": None if mmproj is None else os.fspath(mmproj),
            "threads": threads,
            "fast": fast,
            "notice": ctypes.cast(_warn, ctypes.c_void_p),
        }
        _fill(options, asked)
        self._handle = _Handle(_find(_shipped_model() if path is None else path), options)
        self._idle: dict[Any, _Session] = {}  # the last one that was used, for calls alike
        if self.info["notice"]:
            warnings.warn(self.info["notice"], stacklevel=2)

    def __deepcopy__(self, memo: Any) -> Model:
        return self  # as scikit-learn's clone() wants it, and nothing can change it

    def __reduce__(self) -> Any:
        return _reopen, self._opened  # as joblib's processes want it

    def __repr__(self) -> str:
        info = self.info
        return f"<lmvr.Model {info['architecture']} {info['dtype']} on {info['device']}>"

    @property
    def info(self) -> dict[str, Any]:
        """What the model is: lmvr_model_info of lmvr.h, with types by name, and "vision", "language" and "text" as dicts."""
        info = c.lmvr_model_info()
        library.lmvr_model_get_info_sized(self._handle.pointer, ctypes.byref(info), ctypes.sizeof(info))
        names = list(c.DTYPES)

        def plain(name: str, value: Any) -> Any:
            if isinstance(value, ctypes.Structure):
                return {member[0]: getattr(value, member[0]) for member in value._fields_}
            if name in ("dtype", "cache_dtype"):
                return names[value]
            return text_of(value) if isinstance(value, bytes) else value

        return {member[0]: plain(member[0], getattr(info, member[0])) for member in info._fields_}

    def embed(
        self,
        images: Iterable[Any],
        features: Union[str, Sequence[str], None] = None,
        *,
        batch_size: Optional[int] = None,
        normalize_embeddings: bool = False,
        truncate_dim: Optional[int] = None,
        **options: Unpack[Options],
    ) -> Iterator[Result]:
        """A `Result` an image, in their order, as soon as it is there.

        `images` may be an iterator without end. An image that cannot be used has a result with `error`, and the others go on.
        `features`: "[NAME=]source[:tokens[:pool[:layer]]]", one or several, as of `encode`.
        """
        specs = [features] if isinstance(features, str) else list(features or ())
        given: dict[str, Any] = {"batch": batch_size, "normalize": normalize_embeddings, "dims": truncate_dim, **options}
        asked = _asked(specs, given)
        session = self._session(asked)
        return self._run(session, [images] if is_one(images) else images, asked)

    def _session(self, asked: dict[str, Any]) -> _Session:
        key = tuple(sorted(asked.items()))
        session = self._idle.pop(key, None)
        if session:
            return session
        self._idle.clear()
        return _Session(self._handle, asked)

    def _run(self, session: _Session, images: Iterable[Any], asked: dict[str, Any]) -> Iterator[Result]:
        yield from session.run(images)
        self._idle.clear()
        self._idle[tuple(sorted(asked.items()))] = session

    def encode(
        self,
        images: Any,
        features: Union[str, Sequence[str], None] = None,
        *,
        batch_size: Optional[int] = None,
        normalize_embeddings: bool = False,
        truncate_dim: Optional[int] = None,
        **options: Unpack[Options],
    ) -> Any:
        """Vectors of images: float32 (n, d), of one image (d,).

        features: a SPEC "source[:tokens[:pool[:layer]]]", such as "llm:all:mean:-1", the default ("encoder:patches:mean:-2" of
            a CLIP model, an embedding model's own), "llm:generated", "encoder:cls" or "joint". Several: the answer is a dict of
            name -> array, all from one pass. With the pool "none" an array is a list of n arrays (positions, d).
        batch_size: responses that are generated together; None: by model and memory. It changes no bit of the vectors.
        normalize_embeddings: divide each row by its L2 norm.
        truncate_dim: keep the first numbers of each row, before that.

        An image that cannot be used has a row of NaN (an empty one with the pool "none"), and a warning says so; `embed` says
        why, image by image. If it is the only one, `Error` is raised.
        """
        one = is_one(images)
        several = features is not None and not isinstance(features, str)
        images = [images] if one else images if hasattr(images, "__len__") else list(images)
        specs: Sequence[str] = [features] if isinstance(features, str) else list(features or ())
        given: dict[str, Any] = {"batch": batch_size, "normalize": normalize_embeddings, "dims": truncate_dim, **options}
        asked = _asked(specs, given)
        session = self._session(asked)
        vectors: dict[str, Any] = {}
        for name, dim, multi_vector in session.features:
            if multi_vector:
                vectors[name] = [np.empty((0, dim), np.float32) for _ in range(len(images))]
            else:
                vectors[name] = np.full((len(images), dim), np.nan, np.float32)
        failed = []
        for result in self._run(session, images, asked):
            if result.error is not None:
                failed.append(result)
            for name, rows in result.features.items():
                vectors[name][result.index] = rows
        if failed and one:
            raise Error(failed[0].error)
        _warn_of(failed, len(images), "have rows of NaN")
        answer = Features({name: rows[0] if one else rows for name, rows in vectors.items()})
        return answer if several else next(iter(answer.values()))

    def describe(self, images: Any, **options: Unpack[Options]) -> Any:
        """What the model says of an image, a str; of several, a list of str, with None and a warning for what is no image."""
        options["describe"] = True
        results = list(self.embed(images, (), **options))
        failed = [result for result in results if result.error is not None]
        if is_one(images):
            if failed:
                raise Error(failed[0].error)
            return results[0].response
        _warn_of(failed, len(results), "have no response")
        return [result.response for result in results]

    def attend(self, image: Any, words: Optional[Sequence[str]] = None, **options: Unpack[Options]) -> Floats:
        """Where the model looks in an image when it chooses words of its response: float32 (words, grid rows, grid columns).

        A word's map is that of its first occurrence, the mean over its tokens, over heads and over `layers`, of the softmax
        weights on the visual tokens; not rescaled. A word that the response does not have has a map of NaN, and a warning says
        so. Without `words`, a map of every token of the response. `embed(image, attention=True)` gives response and maps.
        """
        options["attention"] = True
        [result] = self.embed([image], (), **options)
        if result.error is not None:
            raise Error(result.error)
        if result.attention is None:
            raise Error("the model has no attention maps: it generates no response to an image")
        if words is None:
            return result.attention
        if isinstance(words, str):
            words = [words]
        maps = np.full((len(words), *result.attention.shape[1:]), np.nan, np.float32)
        for i, word in enumerate(words):
            tokens = _tokens_of(result, word)
            if tokens is None:
                warnings.warn(f'"{word}" is not in the response: "{result.response}"', stacklevel=2)
            else:
                maps[i] = result.attention[tokens].mean(axis=0, dtype=np.float64)
        return maps


def _reopen(path: Any, dtype: Any, device: Any, cache_dtype: Any, mmproj: Any, threads: Any, fast: Any) -> Model:
    return Model(path, dtype, device, cache_dtype=cache_dtype, mmproj=mmproj, threads=threads, fast=fast)


def _tokens_of(result: Result, word: str) -> Optional[slice]:
    assert result.response is not None and result.token_ends is not None
    ends = result.token_ends.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32))
    native = c.lmvr_result(response=c_text(result.response), token_ends=ends, token_count=len(result.token_ends))
    found = c.token_range()
    call(helper.lmvr_python_find_word, ctypes.byref(native), c_text(word), ctypes.byref(found))
    return slice(found.first, found.first + found.count) if found.count else None


def _warn_of(failed: list[Result], count: int, what: str) -> None:
    if failed:
        warnings.warn(f"{len(failed)} of {count} inputs failed and {what}; the first: {failed[0].error}", stacklevel=3)
