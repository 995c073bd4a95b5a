"""Writes GGUF files with PyPI's gguf into a folder and prints, for each, the digests computed from the arrays that went in:
python write_gguf.py FOLDER"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFEndian, GGUFWriter, quantize
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import quant_shape_from_byte_shape

from weight_digest import digests

rng = np.random.default_rng(1)
ELEMENTS = {"F32": "f4", "F16": "f2", "F64": "f8", "I8": "i1", "I16": "i2", "I32": "i4", "I64": "i8"}
BLOCKS = [kind for kind, (elements, _) in GGML_QUANT_SIZES.items() if elements > 1]


def plain(kind, shape):
    """(dtype, shape, data) as the digest wants them, and how the writer wants them"""
    array = (rng.standard_normal(shape) * 50).astype(ELEMENTS[kind])
    return (kind, list(shape), array.tobytes()), array, None


def quantized(kind, shape):
    values = rng.standard_normal(shape).astype(np.float32)
    try:
        blocks = quantize(values, kind)
    except NotImplementedError:  # a type that only llama.cpp itself can make: blocks of any bytes
        elements, size = GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (*shape[:-1], shape[-1] // elements * size), np.uint8)
    shape_again = quant_shape_from_byte_shape(blocks.shape, kind)
    assert list(shape_again) == list(shape)
    return (kind.name, list(shape), blocks.tobytes()), blocks, kind


SAMPLES = {
    "plain": {kind: plain(kind, (2, 3, 5)) for kind in ELEMENTS},
    "bf16": {"b": quantized(GGMLQuantizationType.BF16, (3, 7))},
    "blocks": {f"blk.0.{kind.name}": quantized(kind, (3, 512)) for kind in BLOCKS},
    "names": {name: plain("I8", (1 + i,)) for i, name in enumerate(["\U0001f600", "｡", 'q"\\\n', "a/b"])},
    "one-million": {"big": plain("F32", (1024, 1100)), "small": quantized(GGMLQuantizationType.Q8_0, (1, 32))},
    "aligned": {"a": plain("I8", (3,)), "b": plain("F32", (3, 3)), "c": plain("I16", (7,))},
    "shards": {f"layer.{i}": plain("F32", (4, i + 1)) for i in range(5)},
}


def write(folder, title, tensors, **options):
    writer = GGUFWriter(None, "llama", **options)
    if title == "aligned":
        writer.add_custom_alignment(256)
    writer.add_name(f"Sample ä {title}")
    writer.add_block_count(2)
    writer.add_rope_freq_base(10000.5)
    writer.add_token_list([f"token {i}" for i in range(30_000)])
    writer.add_token_scores([0.5] * 100)
    writer.add_bool("sample.true", True)
    for name, (_, array, kind) in tensors.items():
        writer.add_tensor(name, array, raw_dtype=kind)
    writer.write_header_to_file(path=Path(folder) / f"{title}.gguf")
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


folder = sys.argv[1]
report = {}
for title, tensors in SAMPLES.items():
    write(folder, title, tensors, **({"split_max_tensors": 2} if title == "shards" else {}))
    name = "shards-00001-of-00003.gguf" if title == "shards" else f"{title}.gguf"
    report[name] = digests((name, *canonical) for name, (canonical, _, _) in tensors.items())

# As the refusal of a big-endian file advises.
turned = {kind: SAMPLES["plain"][kind] for kind in ["F32", "F16"]}
for title in ["big-endian", "turned"]:
    write(folder, title, turned, endianess=GGUFEndian.BIG)
command = [sys.executable, "-m", "gguf.scripts.gguf_convert_endian", f"{folder}/turned.gguf", "little"]
subprocess.run(command, input=b"YES\n", check=True, capture_output=True)
report["turned.gguf"] = digests((name, *canonical) for name, (canonical, _, _) in turned.items())
print(json.dumps(report))
