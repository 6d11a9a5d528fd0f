"""Embeds the images of a webdataset with Ray Data: actors, each with a model of its own, from tars to Parquet.

    pip install ./python 'ray[data]'
    python3 examples/ray_embed.py -m MODEL -f llm -o OUTPUT --workers 4 shards/*.tar

Each row of the Parquet files is an image: `path` (TAR/NAME, as `lmvr embed` has it), `vector` (a list of D floats, null where
the image cannot be used), `response` and `error`. The vectors are those of `lmvr embed` on the same tars, to the last bit,
whichever actor makes them. An actor that dies is started again, and what it had in hand is done again.

Ray takes as a sample what is named alike up to its first period; of its files those are embedded that have only the kind of an
image behind that, such as 000123.jpg. On a cluster (RAY_ADDRESS) tars and OUTPUT have to be where all nodes see them; with
GPUs, --gpus 1.
"""

from __future__ import annotations

import argparse
from typing import Any, List, Type

import lmvr
import pyarrow
import ray.data

IMAGES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"]


class Embed:
    """What an actor does: it opens its model once, and then takes batches of images."""

    def __init__(self, model: str, feature: str, threads: int, options: dict[str, Any]) -> None:
        self.model = lmvr.Model(model)
        self.feature = feature
        self.options = {**options, "threads": threads}

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        images = []
        for sample in batch.to_pylist():
            for name in IMAGES:
                if isinstance(sample.get(name), bytes):  # what a sample has not is None or NaN here
                    images.append((f"{sample['__url__']}/{sample['__key__']}.{name}", sample[name]))
        results = list(self.model.embed([image for _, image in images], features=[f"it={self.feature}"], **self.options))
        vectors = [None if r.error else r.features["it"] for r in results]
        return pyarrow.table(
            {
                "path": pyarrow.array([path for path, _ in images], pyarrow.string()),
                "vector": pyarrow.array(vectors, pyarrow.list_(pyarrow.float32())),
                "response": pyarrow.array([r.response for r in results], pyarrow.string()),
                "error": pyarrow.array([r.error for r in results], pyarrow.string()),
            }
        )


def embed(
    tars: List[str], output: str, model: str, feature: str = "llm", workers: int = 1, threads: int = 1, gpus: float = 0,
    batch: int = 64, actor: Type[Embed] = Embed, **options: Any,
) -> None:  # fmt: skip
    """Writes Parquet files into the folder `output`; `options` are those of lmvr.Model.embed()."""
    samples = ray.data.read_webdataset(tars, decoder=None, suffixes=IMAGES, include_paths=True)
    samples.map_batches(
        actor,
        fn_constructor_args=(model, feature, threads, options),
        batch_format="pyarrow",
        batch_size=batch,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=threads,
        num_gpus=gpus,
    ).write_parquet(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", required=True, help="a Hugging Face folder or name")
    parser.add_argument("-f", "--feature", default="llm", help="as in lmvr embed -f; one row an image")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--workers", type=int, default=1, help="actors")
    parser.add_argument("--threads", type=int, default=1, help="of each actor")
    parser.add_argument("--gpus", type=float, default=0, help="of each actor")
    parser.add_argument("--prompt")
    parser.add_argument("tars", nargs="+")
    arguments = vars(parser.parse_args())
    embed(**{name: value for name, value in arguments.items() if value is not None})


if __name__ == "__main__":
    main()
