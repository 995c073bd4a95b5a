"""Writes the same weights with the packages of many formats into a folder, and prints the digests of each file as they are
computed from the arrays that went in: python write_same.py FOLDER

`same` has names and shapes that all formats can hold; `renamed` has the same arrays under other names; `transposed` is the
dense layer as TensorFlow would have it, [in, out] where PyTorch has [out, in]."""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import onnx
import torch
from gguf import GGUFWriter
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

from tfjs_package import write_weights
from weight_digest import digests

folder = Path(sys.argv[1])
rng = np.random.default_rng(7)
same = {
    "dense.weight": rng.standard_normal((10, 16)).astype(np.float32),
    "dense.bias": rng.standard_normal(10).astype(np.float32),
    "conv.weight": rng.standard_normal((4, 1, 3, 3)).astype(np.float32),
    "steps": np.arange(5, dtype=np.int32),
}
renamed = {f"other.{i}": array for i, array in enumerate(same.values())}
transposed = {**same, "dense.weight": np.ascontiguousarray(same["dense.weight"].T)}


def safetensors(path, arrays):
    save_file(arrays, f"{path}.safetensors")
    return f"{path}.safetensors"


def npz(path, arrays):
    np.savez(f"{path}.npz", **arrays)
    return f"{path}.npz"


def pytorch(path, arrays):
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, f"{path}.pt")
    return f"{path}.pt"


def pytorch_legacy(path, arrays):
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    torch.save(tensors, f"{path}-legacy.pt", _use_new_zipfile_serialization=False)
    return f"{path}-legacy.pt"


def write_onnx(path, arrays):
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    onnx.save(helper.make_model(helper.make_graph([], "same", [], [], tensors)), f"{path}.onnx")
    return f"{path}.onnx"


def gguf(path, arrays):
    writer = GGUFWriter(f"{path}.gguf", "none")
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return f"{path}.gguf"


def hdf5(path, arrays):
    with h5py.File(f"{path}.h5", "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    return f"{path}.h5"


def tfjs(path, arrays):
    below = Path(f"{path}-tfjs")
    below.mkdir()
    groups = [[{"name": name, "data": array} for name, array in arrays.items()]]
    manifest = write_weights.write_weights(groups, str(below), write_manifest=False)
    (below / "model.json").write_text(json.dumps({"format": "graph-model", "weightsManifest": manifest}))
    return str(below / "model.json")


WRITERS = [safetensors, npz, pytorch, pytorch_legacy, write_onnx, gguf, hdf5, tfjs]
DTYPES = {"float32": "F32", "int32": "I32"}

report = {}
for title, arrays in {"same": same, "renamed": renamed, "transposed": transposed}.items():
    expected = digests((name, DTYPES[str(a.dtype)], list(a.shape), a.tobytes()) for name, a in arrays.items())
    files = [Path(write(folder / title, arrays)).relative_to(folder).as_posix() for write in WRITERS]
    report[title] = {"files": files, **expected}
print(json.dumps(report))
