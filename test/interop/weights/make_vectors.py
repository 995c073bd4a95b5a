"""Writes test/vectors/weights/digest.json from weight_digest.py:  python make_vectors.py > ../../vectors/weights/digest.json"""

import hashlib
import json

from weight_digest import CHUNK, chunk_root, digests, leaf_input, nameless_leaf_input


def counted(length):
    """Data too long to be written down: byte i is i * 7 + i // 251, modulo 256."""
    return bytes((i * 7 + i // 251) % 256 for i in range(length))


def inline(name, dtype, shape, data):
    return {"name": name, "dtype": dtype, "shape": shape, "hex": data.hex()}, data


def long(name, dtype, shape, length):
    return {"name": name, "dtype": dtype, "shape": shape, "counted": length}, counted(length)


ONE = bytes.fromhex("0000803f")

CASES = {
    "a scalar": [inline("s", "F32", [], ONE)],
    "the same value as a vector of one is another tensor": [inline("s", "F32", [1], ONE)],
    "the same bytes as another dtype are another tensor": [inline("s", "U32", [], ONE)],
    "an empty tensor beside a full one": [inline("empty", "F32", [0, 3], b""), inline("full", "U8", [2], b"\x01\x02")],
    "an empty name": [inline("", "BOOL", [2], b"\x00\x01")],
    "names in the order of their UTF-8 bytes, not of UTF-16": [
        inline("\U0001f600", "U8", [1], b"\x01"),
        inline("\uff61", "U8", [1], b"\x02"),
        inline("z", "U8", [1], b"\x03"),
        inline("a/b", "U8", [1], b"\x04"),
        inline("a", "U8", [1], b"\x05"),
    ],
    "two tensors that differ by name only": [inline("x", "I64", [1], bytes(8)), inline("y", "I64", [1], bytes(8))],
    "minus zero": [inline("s", "F32", [], bytes.fromhex("00000080"))],
    "four-bit floats, two in a byte": [inline("q", "F4", [2, 3], b"\x12\x34\x56")],
    "one byte less than a chunk": [long("t", "U8", [CHUNK - 1], CHUNK - 1)],
    "exactly one chunk": [long("t", "U8", [CHUNK], CHUNK)],
    "one byte more than a chunk": [long("t", "U8", [CHUNK + 1], CHUNK + 1)],
    "five chunks and a half, and a neighbor": [
        long("big", "F16", [11, CHUNK // 4], 11 * CHUNK // 2),
        inline("small", "BF16", [1], b"\x80\x3f"),
    ],
    "a small network": [
        long("dense1/kernel", "F32", [20, 6], 480),
        long("dense1/bias", "F32", [6], 24),
        long("dense2/kernel", "F32", [6, 3], 72),
        long("dense2/bias", "F32", [3], 12),
    ],
}


def vector(title, tensors):
    described = []
    for tensor, data in tensors:
        name, dtype, shape = tensor["name"], tensor["dtype"], tensor["shape"]
        leaf = leaf_input(name, dtype, shape, data)
        nameless = nameless_leaf_input(dtype, shape, data)
        described.append(
            {
                **tensor,
                "chunkRoot": chunk_root(data).hex(),
                "leafInput": leaf.hex(),
                "leaf": hashlib.sha256(b"\x00" + leaf).hexdigest(),
                "namelessLeafInput": nameless.hex(),
                "namelessLeaf": hashlib.sha256(b"\x00" + nameless).hexdigest(),
            }
        )
    whole = digests((t["name"], t["dtype"], t["shape"], data) for t, data in tensors)
    return {"title": title, "tensors": described, **whole}


print(
    json.dumps(
        {
            "origin": "Written by test/interop/weights/make_vectors.py, a second implementation of the definition at the head "
            "of src/core/weights/digest.ts that shares no code with it. Tensor data is given in hex or, where long, "
            "as 'counted': that many bytes, byte i being (i * 7 + floor(i / 251)) mod 256.",
            "vectors": [vector(title, tensors) for title, tensors in CASES.items()],
        },
        indent=1,
        ensure_ascii=True,
    )
)
