"""Writes models of TensorFlow.js, each with the same weights as .npz, into a folder, and prints their names:
python write_tfjs.py FOLDER

PyPI's tensorflowjs writes and quantizes the weights.
"""

import json
import sys
from pathlib import Path

import numpy as np

from tfjs_package import read_weights, write_weights


folder = Path(sys.argv[1])
rng = np.random.default_rng(3)


def entry(name, shape, dtype="float32"):
    return {"name": name, "data": np.asarray(rng.standard_normal(shape) * 40).astype(dtype)}


def dense():
    return [entry("dense/kernel", (300, 70)), entry("dense/bias", (70,)), entry("steps", (5,), "int32")]


MODELS = {
    "one-file": ([dense()], {}),
    "cut-anywhere": ([dense()], {"shard_size_bytes": 1001}),
    "groups": ([dense()[:1], [entry("head/kernel", (70, 3)), entry("flags", (9,), "bool")]], {"shard_size_bytes": 50_000}),
    "complex": ([[entry("spectrum", (7, 2), "complex64"), entry("scalar", ())]], {}),
    "uint8": ([dense()], {"quantization_dtype_map": {"uint8": "*"}, "shard_size_bytes": 1000}),
    "uint16": ([dense()], {"quantization_dtype_map": {"uint16": ["dense/*"]}}),
    "float16": ([dense()[:2]], {"quantization_dtype_map": {"float16": True}}),
    "constant": ([[{"name": "ones", "data": np.ones((4, 4), np.float32)}]], {"quantization_dtype_map": {"uint8": "*"}}),
}

for title, (groups, options) in MODELS.items():
    model = folder / title
    model.mkdir()
    manifest = write_weights.write_weights(groups, str(model), write_manifest=False, **options)
    (model / "model.json").write_text(json.dumps({"format": "graph-model", "modelTopology": {}, "weightsManifest": manifest}))
    arrays = {}
    for group in manifest:
        for weight in group["weights"]:
            quantization = weight.pop("quantization", None)
            if quantization is None:
                continue
            # As it is stored: with no quantization, the reader of the package hands it out so.
            weight["dtype"] = quantization["dtype"]
            for number in {"scale", "min"} & quantization.keys():
                arrays[f"{weight['name']}/{number}"] = np.float64(quantization[number])
    for weight in read_weights.read_weights(manifest, str(model), flatten=True):
        arrays[weight["name"]] = weight["data"]
    np.savez(folder / f"{title}.npz", **arrays)

print(json.dumps(list(MODELS)))
