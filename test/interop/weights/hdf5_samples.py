"""HDF5 files written by h5py, and the digests of their arrays:  python hdf5_samples.py FOLDER [LIBVER]

Prints {file: {weightDigest, namelessDigest}} as JSON. The arrays are hashed as they were handed to h5py, none is read back.
With --vector it writes the one file of test/vectors/weights, h5py.h5 and h5py.json.
"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np

from weight_digest import digests

DTYPES = {
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "bool": "BOOL",
    "complex64": "C64",
}
rng = np.random.default_rng(1)


def tensor(name, array):
    array = np.asarray(array)
    little = array.astype(array.dtype.newbyteorder("<"))
    return name, DTYPES[array.dtype.newbyteorder("=").name], list(array.shape), little.tobytes()


class Sample:
    """Writes datasets, and remembers the arrays"""

    def __init__(self, file):
        self.file = file
        self.tensors = []

    def add(self, name, array, **options):
        array = np.asarray(array)
        self.file.create_dataset(name, data=array, **options)
        self.tensors.append(tensor(name, array))


def numbers(*shape):
    return rng.random(shape) * 100


def types(sample):
    for name in DTYPES:
        sample.add(f"little/{name}", numbers(5, 7).astype(name))
    for name in [">f2", ">f4", ">f8", ">i2", ">i4", ">u8", ">c8"]:
        sample.add(f"big/{name[1:]}", numbers(3, 4).astype(name))
    sample.add("scalar", np.float32(3.5))
    sample.add("empty", np.zeros((0, 3), np.float32))
    # bfloat16 as Keras 3 stores it
    half = (numbers(4).astype("<f4").view("<u4") >> 16).astype("<u2")
    stored = sample.file.create_dataset("bfloat16", data=half.view("V2"))
    stored.attrs["dtype"] = "bfloat16"
    sample.tensors.append(("bfloat16", "BF16", [4], half.tobytes()))
    sample.file["text"] = "hello"
    sample.file["texts"] = np.array([b"a", b"bc"])
    sample.file["null"] = h5py.Empty("f4")
    sample.file["committed"] = np.dtype("<f4")
    array = np.arange(4, dtype="f4")
    sample.add("of-committed", array, dtype=sample.file["committed"])


def never_written(sample):
    sample.file.create_dataset("zeros", shape=(3, 5), dtype="i4")
    sample.tensors.append(tensor("zeros", np.zeros((3, 5), "i4")))
    sample.file.create_dataset("sevens", shape=(3, 5), dtype=">i4", fillvalue=7)
    sample.tensors.append(tensor("sevens", np.full((3, 5), 7, "i4")))
    partly = sample.file.create_dataset("partly", shape=(30, 5), dtype="i4", fillvalue=7, chunks=(7, 2))
    partly[3:9, 1:3] = 5
    expected = np.full((30, 5), 7, "i4")
    expected[3:9, 1:3] = 5
    sample.tensors.append(tensor("partly", expected))


OPTIONS = {
    "plain": {},
    "gzip": {"compression": "gzip"},
    "shuffle": {"shuffle": True},
    "checksum": {"fletcher32": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
}
CHUNKS = [
    ((100, 1000), (30, 300)),
    ((7,), (3,)),
    ((5, 6, 7), (2, 4, 3)),
    ((5, 6, 7), (1, 4, 3)),
    ((3, 4, 5, 6), (1, 1, 2, 4)),
    ((1000,), (1000,)),
    ((600, 3000), (100, 3000)),
    ((10,), (64,)),
    ((12, 12, 12, 4), (1, 1, 1, 1)),
]


def chunks(sample):
    for title, options in OPTIONS.items():
        for i, (shape, chunk) in enumerate(CHUNKS):
            array = rng.integers(0, 300, shape).astype(">i4" if i % 2 else "f8")
            sample.add(f"{title}/{i}", array, chunks=chunk, maxshape=tuple(None for _ in shape), **options)


def many(sample):
    for i in range(3000):
        sample.add(f"group{i % 40}/d{i}", np.arange(i % 7 + 1, dtype="f4"))


def large(sample):
    sample.add("layer/kernel", rng.standard_normal((1500, 1000)))


def names(sample):
    for i, name in enumerate(["\U0001f600", "\uff61", 'q"\\', "a b", "kernel:0", "é"]):
        sample.add(name, np.full(1, i, np.uint8))


SAMPLES = {"types": types, "never-written": never_written, "chunks": chunks, "many": many, "large": large, "names": names}


def keras_like(sample):
    sample.file.attrs["keras_version"] = "3.0.0"
    sample.file.attrs["backend"] = np.bytes_(b"numpy")
    sample.add("dense/bias", np.arange(3, dtype="f4"))
    sample.add("dense/kernel", np.arange(6, dtype=">f4").reshape(2, 3))
    sample.add("gz", np.arange(10, dtype="i2"), chunks=(6,), compression="gzip", shuffle=True)


def write(path, build, libver=None):
    with h5py.File(path, "w", libver=libver) as file:
        sample = Sample(file)
        build(sample)
    return digests(sample.tensors)


if __name__ == "__main__":
    if sys.argv[1] == "--vector":
        folder = Path(__file__).parents[2] / "vectors" / "weights"
        origin = "Written by test/interop/weights/hdf5_samples.py --vector with h5py " + h5py.__version__
        report = {"origin": origin, "digests": write(folder / "h5py.h5", keras_like)}
        (folder / "h5py.json").write_text(json.dumps(report, indent=2) + "\n")
    else:
        folder, *libver = sys.argv[1:]
        report = {f"{name}.h5": write(Path(folder) / f"{name}.h5", build, *libver) for name, build in SAMPLES.items()}
        print(json.dumps(report))
