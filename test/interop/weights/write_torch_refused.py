"""Writes files with PyTorch that must not be read, and prints for each its name and the global for which it is refused:
python write_torch_refused.py FOLDER

One of them, when it is loaded, makes the file `ran` in the folder.
"""

import json
import os
import pathlib
import sys

import torch

folder = pathlib.Path(sys.argv[1])


class Malicious:
    def __reduce__(self):
        return os.system, (f"touch '{folder / 'ran'}'",)


SAMPLES = {
    "malicious": ({"w": torch.randn(3), "x": Malicious()}, f"{os.system.__module__}.system"),
    "model": (torch.nn.Linear(2, 3), "torch.nn.modules.linear.Linear"),
    "quantized": (
        {"w": torch.quantize_per_tensor(torch.randn(3), 0.1, 0, torch.qint8)},
        "torch._utils._rebuild_qtensor",
    ),
    "sparse": ({"w": torch.eye(3).to_sparse()}, "torch._utils._rebuild_sparse_tensor"),
    "complex128": ({"w": torch.zeros(3, dtype=torch.complex128)}, "torch.ComplexDoubleStorage"),
}

for title, (value, field) in SAMPLES.items():
    for form in ["zip", "legacy"]:
        path = str(folder / f"{title}-{form}.pt")
        torch.save(value, path, _use_new_zipfile_serialization=form == "zip")
        print(json.dumps({"path": path, "field": field}))
