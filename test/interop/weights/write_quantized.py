"""Writes a safetensors model and what PyPI's gguf, NumPy and ml_dtypes make of it: python write_quantized.py FOLDER

Prints {file: the conversion that made it}."""

import json
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from safetensors.numpy import save_file

folder = Path(sys.argv[1])
rng = np.random.default_rng(7)

matrix = rng.standard_normal((96, 256)).astype(np.float32)
matrix[0] = 0
matrix[1] *= 1e-7
matrix[2] *= 3e4
matrix[3] = np.round(matrix[3] * 8) / 8  # ties
matrix[4, ::32] = -100
matrix[5] = np.float32(2) ** rng.integers(-24, 15, 256)
matrix[6] = matrix[6].astype(np.float16)
tensors = {"w": matrix, "v": (rng.standard_normal((300, 64)) * 0.02).astype(np.float32)}
save_file(tensors, folder / "parent.safetensors")

made = {}
for kind in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "F16", "BF16"):
    writer = GGUFWriter(folder / f"{kind}.gguf", "llama")
    for name, array in tensors.items():
        blocks = quantize(array, GGMLQuantizationType[kind])
        raw = None if kind == "F16" else GGMLQuantizationType[kind]
        # As llama.cpp calls them: other names than in the file they come from.
        writer.add_tensor(f"blk.0.{name}.weight", blocks, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    made[f"{kind}.gguf"] = f"F32 to {kind}"

halves = {name: array.astype(np.float16) for name, array in tensors.items()}
save_file(halves, folder / "half.safetensors")
made["half.safetensors"] = "F32 to F16"
np.savez(folder / "turned.npz", **{f"{name}/kernel": np.ascontiguousarray(array.T) for name, array in tensors.items()})
made["turned.npz"] = "axes turned"
np.savez(folder / "double.npz", **{name: array.astype(np.float64) for name, array in tensors.items()})
made["double.npz"] = "F32 to F64"
assert (matrix.astype(ml_dtypes.bfloat16).view(np.uint16) == quantize(matrix, GGMLQuantizationType.BF16).view(np.uint16)).all()
print(json.dumps(made))
