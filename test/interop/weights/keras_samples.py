"""Models saved by Keras 3, for test/vectors/weights/keras:  python keras_samples.py

Needs `pip install keras==3.15.1 scipy jax h5py` (250 MB with jaxlib; Keras' NumPy backend imports it). The digests are
those of the arrays that the model holds, under the names of docs/containers.md.
"""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "numpy"
import keras
import ml_dtypes
import numpy as np

from weight_digest import digests

DTYPES = {"float32": "F32", "bfloat16": "BF16", "int32": "I32"}
folder = Path(__file__).parents[2] / "vectors" / "weights" / "keras"
folder.mkdir(exist_ok=True)
keras.utils.set_random_seed(1)


def model_of(dtype):
    layers = [
        keras.Input((4,)),
        keras.layers.Dense(3, dtype=dtype, name="first"),
        keras.layers.BatchNormalization(dtype=dtype, name="norm"),
        keras.layers.Dense(2, dtype=dtype, name="last"),
    ]
    model = keras.Sequential(layers, name="net")
    for weight in model.weights:
        weight.assign(np.random.default_rng(len(weight.path)).random(weight.shape).astype("float32"))
    return model


def tensors(model, name_of):
    for layer in model.layers:
        for i, weight in enumerate(layer.weights):
            array = np.asarray(weight.value)
            yield name_of(layer, i, weight), DTYPES[array.dtype.name], list(array.shape), array.tobytes()


def by_number(layer, i, weight):
    # Keras names the folder of a layer after its class, and numbers those of one class.
    kind = {"first": "dense", "norm": "batch_normalization", "last": "dense_1"}[layer.name]
    return f"layers/{kind}/vars/{i}"


def by_path(layer, i, weight):
    return f"{layer.name}/{weight.path}"


model = model_of("float32")
model.compile("adam", "mse")
model.optimizer.build(model.trainable_variables)
model.save(folder / "model.keras")
model.save(folder / "model.h5")
model.save_weights(folder / "model.weights.h5")
halves = model_of("bfloat16")
halves.save(folder / "bfloat16.keras")
report = {
    "model.keras": digests(tensors(model, by_number)),
    "model.weights.h5": digests(tensors(model, by_number)),
    "model.h5": digests(tensors(model, by_path)),
    "bfloat16.keras": digests(tensors(halves, by_number)),
}
origin = f"Written by test/interop/weights/keras_samples.py with Keras {keras.__version__}"
(folder / "digests.json").write_text(json.dumps({"origin": origin, "files": report}, indent=2) + "\n")
