"""The weight digest, written from the definition at the head of src/core/weights/digest.ts and nothing else.

It shares no code with Muniment: hashlib hashes, and PyPI's safetensors and NumPy take the containers apart. As a program
it prints the digests of each file named, one JSON document a line:  python weight_digest.py FILE...
"""

import hashlib
import json
import struct
import sys

CHUNK = 1_048_576


def sha256(data):
    return hashlib.sha256(data).digest()


def merkle_root(leaf_hashes):
    """MTH of RFC 6962, section 2.1, over hashes of leaves."""
    if not leaf_hashes:
        return sha256(b"")
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    k = 1
    while k * 2 < len(leaf_hashes):
        k *= 2
    return sha256(b"\x01" + merkle_root(leaf_hashes[:k]) + merkle_root(leaf_hashes[k:]))


def chunk_root(data):
    return merkle_root([sha256(b"\x00" + data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)])


def text(value):
    encoded = value.encode("utf-8")
    return struct.pack("<I", len(encoded)) + encoded


def shape_field(shape):
    return struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", dimension) for dimension in shape)


def leaf_input(name, dtype, shape, data):
    return b"muniment tensor v1\x00" + text(name) + text(dtype) + shape_field(shape) + chunk_root(data)


def nameless_leaf_input(dtype, shape, data):
    return b"muniment nameless tensor v1\x00" + text(dtype) + shape_field(shape) + chunk_root(data)


def digests(tensors):
    """tensors: (name, dtype, shape, data) each"""
    tensors = list(tensors)
    if not tensors or len({name for name, *_ in tensors}) != len(tensors):
        raise ValueError("no tensor, or two of one name")
    in_order = sorted(tensors, key=lambda tensor: tensor[0].encode("utf-8"))
    named = [sha256(b"\x00" + leaf_input(*tensor)) for tensor in in_order]
    nameless = sorted(sha256(b"\x00" + nameless_leaf_input(*tensor[1:])) for tensor in tensors)
    return {
        "weightDigest": "sha256:" + merkle_root(named).hex(),
        "namelessDigest": "sha256:" + merkle_root(nameless).hex(),
    }


def of_array(name, array):
    """An array of NumPy as (name, dtype, shape, data), row-major and little endian"""
    kind = {"b": "BOOL", "u": "U", "i": "I", "f": "F", "c": "C"}[array.dtype.kind]
    dtype = kind if kind == "BOOL" else f"{kind}{8 * array.dtype.itemsize}"
    data = array.astype(array.dtype.newbyteorder("<")).tobytes(order="C")
    return name, dtype, list(array.shape), data


def tensors_of(path, file_bytes):
    if path.endswith(".npy"):
        import numpy

        yield of_array("arr_0", numpy.load(path, allow_pickle=False))
        return
    if path.endswith(".npz"):
        import numpy

        with numpy.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                yield of_array(name, archive[name])
        return
    import safetensors

    for name, tensor in safetensors.deserialize(file_bytes):
        yield name, tensor["dtype"], list(tensor["shape"]), bytes(tensor["data"])


def main(paths):
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        report = {"fileDigest": "sha256:" + hashlib.sha256(content).hexdigest()}
        try:
            report.update(digests(tensors_of(path, content)))
        except Exception as error:  # the reader's own error classes differ between its versions
            report["error"] = str(error)
        print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
