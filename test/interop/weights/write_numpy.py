"""Writes NumPy files into a folder, and prints which must be read and which refused:  python write_numpy.py FOLDER"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

folder = Path(sys.argv[1])
rng = np.random.default_rng(2)
TYPES = ["bool", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8", "c8"]


def array(dtype, shape=(3, 4, 5)):
    return (rng.random(shape) * 200 - (0 if np.dtype(dtype).kind in "ub" else 100)).astype(dtype)


read = []
for dtype in TYPES:
    for order in "<>":
        for layout in "CF":
            value = np.asarray(array(dtype).astype(np.dtype(dtype).newbyteorder(order)), order=layout)
            read.append(f"{dtype}{'le' if order == '<' else 'be'}{layout}.npy")
            np.save(folder / read[-1], value)

for version in [(1, 0), (2, 0), (3, 0)]:
    read.append(f"version{version[0]}.npy")
    with open(folder / read[-1], "wb") as file:
        npy.write_array(file, array("f4"), version=version)

for title, value in {
    "scalar": np.array(1.5),
    "empty": np.zeros((0, 7), np.int64),
    "vector-fortran": np.asfortranarray(array("f4", (7,))),
    "strided": array("f4", (9, 8))[::2, ::3],
    "transposed": array("f4", (9, 8, 7)).transpose(2, 0, 1),
    "special": np.array([np.nan, -np.nan, np.inf, -0.0], np.float32),
    "chunks": array("f4", (1100, 1000)),
    "chunks-fortran": np.asfortranarray(array("f4", (1100, 1000))),
}.items():
    read.append(f"{title}.npy")
    np.save(folder / read[-1], value)

mixed = {dtype: array(dtype) for dtype in TYPES}
mixed |= {"layer/ü😀": np.asfortranarray(array(">f4", (4, 6))), "a.b.npy": array(">i2"), "big": array("f4", (600, 1000))}
for title, save in {"stored": np.savez, "deflated": np.savez_compressed}.items():
    read.append(f"{title}.npz")
    save(folder / read[-1], **mixed)
    read.append(f"{title}-unnamed.npz")
    save(folder / read[-1], array("f4"))

refused = []
for title, value in {
    "objects": np.array([{"a": 1}, None], object),
    "structured": np.zeros(3, [("a", "<f4"), ("b", "<i2")]),
    "strings": np.array(["a", "bc"]),
    "bytes": np.array([b"a", b"bc"]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "complex128": array("c16"),
    "longdouble": array(np.longdouble),
}.items():
    refused.append(f"{title}.npy")
    np.save(folder / refused[-1], value, allow_pickle=True)
    refused.append(f"{title}.npz")
    np.savez(folder / refused[-1], good=array("f4"), bad=value)

print(json.dumps({"read": read, "refused": refused}))
