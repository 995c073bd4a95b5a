"""Writes sample files with PyPI's safetensors into a folder and prints their names:  python write_samples.py FOLDER"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

rng = np.random.default_rng(1)

SAMPLES = {
    "float32": ({"w": rng.standard_normal((3, 5)).astype(np.float32), "b": np.zeros(5, np.float32)}, None),
    "mixed": (
        {
            dtype: (rng.random((2, 3)) * 100).astype(dtype)
            for dtype in ["bool", "u1", "i1", "i2", "u2", "f2", "i4", "u4", "f4", "i8", "u8", "f8", "c8"]
        },
        {"format": "np"},
    ),
    "special": ({"nan": np.array([np.nan, np.inf, -0.0, 0.0], np.float32)}, None),
    "scalar-and-empty": ({"s": np.array(1.5), "e": np.zeros((0, 7), np.int64)}, None),
    "names": ({name: np.full(1, i, np.uint8) for i, name in enumerate(["\U0001f600", "\uff61", "", 'q"\\\n\x7f', "a/b"])}, None),
    "chunks": ({"big": rng.integers(0, 256, 5 * 2**20 + 3, np.uint8)}, None),
}

names = []
for title, (tensors, metadata) in SAMPLES.items():
    names.append(f"{title}.safetensors")
    save_file(tensors, str(Path(sys.argv[1]) / names[-1]), metadata=metadata)
print(json.dumps(names))
