"""Writes files with PyTorch into a folder, in both of its formats, and prints for each its name and the digests of what
PyTorch loads from it, by the path of each tensor:  python write_torch.py FOLDER

Nothing of what is expected comes from Muniment: the file is loaded again, and weight_digest.py hashes the tensors.
"""

import argparse
import collections
import json
import pathlib
import sys

import numpy as np
import torch

from weight_digest import digests

torch.manual_seed(1)

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
}
for name, dtype in [
    ("uint16", "U16"),
    ("uint32", "U32"),
    ("uint64", "U64"),
    ("float8_e4m3fn", "F8_E4M3"),
    ("float8_e4m3fnuz", "F8_E4M3FNUZ"),
    ("float8_e5m2", "F8_E5M2"),
    ("float8_e5m2fnuz", "F8_E5M2FNUZ"),
    ("float8_e8m0fnu", "F8_E8M0"),
]:
    if hasattr(torch, name):
        DTYPES[getattr(torch, name)] = dtype


class Cnn(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 5), torch.nn.BatchNorm2d(6), torch.nn.ReLU())
        self.fc = torch.nn.Linear(6 * 24 * 24, 10)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(50, 16)
        self.head = torch.nn.Linear(16, 50, bias=False)
        self.head.weight = self.embed.weight


def checkpoint():
    model = Cnn()
    optimizer = torch.optim.Adam(model.parameters())
    torch.nn.functional.cross_entropy(model(torch.randn(4, 1, 28, 28)), torch.arange(4)).backward()
    optimizer.step()
    return {
        "epoch": 3,
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("runs/1"), seeds=[1, 2], hidden=(3, 4)),
        "best": np.float64(0.93),
        "rng": np.random.RandomState(1).get_state(),
        "history": collections.defaultdict(list, loss=[torch.tensor(0.5), 0.25]),
        "device": torch.device("cpu"),
        "size": torch.Size([2, 3]),
        "dtype": torch.float32,
        "tags": {"a", "b"},
        "huge": 2**70,
        "none": None,
        "parameter": torch.nn.Parameter(torch.randn(3)),
    }


base = torch.arange(240, dtype=torch.float32).reshape(4, 5, 12)
large = torch.arange(24 * 2**20, dtype=torch.int32).reshape(4096, 6144)

SAMPLES = {
    "cnn": Cnn().state_dict(),
    "tied": Tied().state_dict(),
    "views": {
        "whole": base,
        "transposed": base.transpose(0, 2),
        "permuted": base.permute(1, 2, 0),
        "sliced": base[1:3, ::2, 3:],
        "column": base[:, 2, 7],
        "expanded": base[0, 0, :3].expand(5, 3),
        "last": base[3, 4, 11],
        "flat": base.view(-1)[17:],
        "overlapping": base.view(-1).unfold(0, 8, 3),
        "nothing": base[2:2],
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(base.transpose(0, 1)),
        "diagonal": base[0, :5, :5].diagonal(),
    },
    "large-views": {"transposed": large.t(), "thin": large[:, 5:7], "thin.t": large[:, 5:7].t(), "wide": large[::2]},
    "dtypes": {
        name: (torch.randn(3, 5) * 100).to(dtype) if dtype is not torch.bool else torch.randn(3, 5) > 0
        for dtype, name in DTYPES.items()
    },
    "dtypes-transposed": {name: (torch.randn(3, 5) * 100).to(torch.float32).to(dtype).t() for dtype, name in DTYPES.items()},
    "checkpoint": checkpoint(),
    "bare": torch.randn(3, 4),
    "list": [torch.randn(2), (torch.randn(3), {"x": torch.randn(4)}), collections.OrderedDict({7: torch.randn(1)})],
    "shared": (lambda shared: {"a": shared, "b": {"c": shared}})({"w": torch.randn(3)}),
}


def tensors_in(value, path=()):
    if isinstance(value, torch.Tensor):
        yield ".".join(path), value.detach()
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from tensors_in(one, path + (str(key),))
    elif isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            yield from tensors_in(one, path + (str(i),))


def row_major_bytes(tensor):
    flat = tensor.contiguous()
    if sys.byteorder != "little":
        raise SystemExit("written for little endian machines")
    if flat.numel() == 0:
        return b""
    return flat.reshape(-1).view(torch.uint8).numpy().tobytes()


def load(path):
    try:
        return torch.load(path, weights_only=False)
    except TypeError:  # before 1.13
        return torch.load(path)


for title, value in SAMPLES.items():
    for form, options in [("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False}), ("protocol4", {"pickle_protocol": 4})]:
        path = str(pathlib.Path(sys.argv[1]) / f"{title}-{form}.{'bin' if form == 'zip' else 'pt'}")
        torch.save(value, path, **options)
        found = [
            (name, DTYPES[tensor.dtype], list(tensor.shape), row_major_bytes(tensor)) for name, tensor in tensors_in(load(path))
        ]
        print(json.dumps({"path": path, "form": form, "names": sorted(name for name, *_ in found), **digests(found)}), flush=True)
