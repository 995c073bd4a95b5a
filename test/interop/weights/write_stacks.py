"""Writes one network in the containers and layouts that there are, and prints its layers: python write_stacks.py FOLDER

PyTorch makes it and exports it to ONNX; the layers are its parameters, and for `normalized` those with the normalization
folded in by PyTorch itself."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

folder = Path(sys.argv[1])
torch.manual_seed(5)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.LeakyReLU(), nn.AvgPool2d(2)
        )
        self.classifier = nn.Sequential(nn.Linear(6 * 5 * 5, 12), nn.ReLU(), nn.Dropout(), nn.Linear(12, 10))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Normalized(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4 * 13 * 13, 3)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        return self.fc(x.view(x.size(0), -1))


def layers(modules):
    return [
        {"kernel": module.weight.detach().flatten().tolist(), "bias": module.bias.detach().flatten().tolist()}
        for module in modules
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]


def tensorflow(model):
    """Kernels as TensorFlow has them, under the names of Muniment's own runs."""
    arrays, maps = {}, None
    counts = {"conv": 0, "dense": 0}
    for module in model.modules():
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            continue
        kernel = module.weight.detach().numpy()
        if kernel.ndim == 4:
            kind, maps = "conv", kernel.shape[0]
            kernel = kernel.transpose(2, 3, 1, 0)
        else:
            kind = "dense"
            if maps is not None:
                side = int((kernel.shape[1] / maps) ** 0.5)
                kernel = kernel.reshape(-1, maps, side, side).transpose(0, 2, 3, 1).reshape(kernel.shape)
                maps = None
            kernel = kernel.T
        counts[kind] += 1
        name = f"{kind}{counts[kind]}"
        arrays[f"{name}/kernel"] = np.ascontiguousarray(kernel)
        arrays[f"{name}/bias"] = module.bias.detach().numpy()
    return arrays


def save(title, model):
    state = model.state_dict()
    torch.save(state, folder / f"{title}.pt")
    torch.save({"epoch": 3, "state_dict": state, "optimizer": {"momentum": torch.zeros(2)}}, folder / f"{title}.ckpt")
    save_file({name: tensor.numpy() for name, tensor in state.items()}, folder / f"{title}.safetensors")
    for name, options in {"": {}, "-plain": {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}}.items():
        torch.onnx.export(model, torch.zeros(1, 1, 28, 28), str(folder / f"{title}{name}.onnx"), **options)
    return [f"{title}{ending}" for ending in (".pt", ".ckpt", ".safetensors", ".onnx", "-plain.onnx")]


net = Net().eval()
save_file(tensorflow(net), folder / "tensorflow.safetensors")
np.savez(folder / "tensorflow.npz", **tensorflow(net))

normalized = Normalized()
for _ in range(20):
    normalized(torch.randn(8, 1, 28, 28) * 3 + 1)
normalized.eval()
with torch.no_grad():
    normalized.bn1.weight.uniform_(-2, 2)
    normalized.bn1.bias.uniform_(-2, 2)
folded = fuse_conv_bn_eval(normalized.conv1, normalized.bn1)

report = {
    "same": {"layers": layers(net.modules()), "files": [*save("net", net), "tensorflow.safetensors", "tensorflow.npz"]},
    "normalized": {"layers": layers([folded, normalized.fc]), "files": save("normalized", normalized)},
}
print(json.dumps(report))
