"""The test accuracy of a Muniment artifact in PyTorch:  python accuracy.py ARTIFACT.safetensors FOLDER_WITH_IDX_FILES

Takes the tensors by their names, lays the network out again from their shapes (TensorFlow's order: kernels are
[in, out] or [height, width, in, out], pictures have their channels last) and classifies the test images. Prints
{"arch", "images", "hits", "accuracy"} as JSON.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file


def read_idx(folder, prefix, dimensions):
    (path,) = sorted(Path(folder).glob(prefix + "*"))
    content = path.read_bytes()
    assert content[:4] == bytes([0, 0, 8, dimensions]), f"{path} is no IDX file of bytes"
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def dense(tensors, x):
    layer = 1
    while f"dense{layer}/kernel" in tensors:
        if layer > 1:
            x = F.relu(x)
        x = x @ tensors[f"dense{layer}/kernel"] + tensors[f"dense{layer}/bias"]
        layer += 1
    return x


def convolve(tensors, name, x, padding):
    kernel = tensors[f"{name}/kernel"].permute(3, 2, 0, 1)
    return F.avg_pool2d(F.relu(F.conv2d(x, kernel, tensors[f"{name}/bias"], padding=padding)), 2)


def mlp(tensors, images):
    return dense(tensors, images.reshape(len(images), -1))


def cnn(tensors, images):
    x = convolve(tensors, "conv1", images.unsqueeze(1), padding=2)
    x = convolve(tensors, "conv2", x, padding=0)
    return dense(tensors, x.permute(0, 2, 3, 1).reshape(len(images), -1))


def main(artifact, folder):
    tensors = load_file(artifact)
    network = cnn if "conv1/kernel" in tensors else mlp
    images = torch.from_numpy(read_idx(folder, "t10k-images", 3).astype(np.float32) / 255)
    labels = torch.from_numpy(read_idx(folder, "t10k-labels", 1).astype(np.int64))
    with torch.no_grad():
        hits = sum(
            int((network(tensors, images[at : at + 1000]).argmax(1) == labels[at : at + 1000]).sum())
            for at in range(0, len(images), 1000)
        )
    print(
        json.dumps(
            {"arch": network.__name__, "images": len(images), "hits": hits, "accuracy": hits / len(images)}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
