"""Writes ONNX models with PyPI's onnx into a folder and prints, for each, the digests computed from the arrays that went in:
python write_onnx.py FOLDER"""

import json
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from weight_digest import digests

rng = np.random.default_rng(1)

# The type's name here, and how NumPy calls it.
TYPES = {
    TensorProto.FLOAT: ("F32", np.float32),
    TensorProto.UINT8: ("U8", np.uint8),
    TensorProto.INT8: ("I8", np.int8),
    TensorProto.UINT16: ("U16", np.uint16),
    TensorProto.INT16: ("I16", np.int16),
    TensorProto.INT32: ("I32", np.int32),
    TensorProto.INT64: ("I64", np.int64),
    TensorProto.BOOL: ("BOOL", np.bool_),
    TensorProto.FLOAT16: ("F16", np.float16),
    TensorProto.DOUBLE: ("F64", np.float64),
    TensorProto.UINT32: ("U32", np.uint32),
    TensorProto.UINT64: ("U64", np.uint64),
    TensorProto.COMPLEX64: ("C64", np.complex64),
    TensorProto.BFLOAT16: ("BF16", ml_dtypes.bfloat16),
    TensorProto.FLOAT8E4M3FN: ("F8_E4M3", ml_dtypes.float8_e4m3fn),
    TensorProto.FLOAT8E4M3FNUZ: ("F8_E4M3FNUZ", ml_dtypes.float8_e4m3fnuz),
    TensorProto.FLOAT8E5M2: ("F8_E5M2", ml_dtypes.float8_e5m2),
    TensorProto.FLOAT8E5M2FNUZ: ("F8_E5M2FNUZ", ml_dtypes.float8_e5m2fnuz),
    TensorProto.FLOAT8E8M0: ("F8_E8M0", ml_dtypes.float8_e8m0fnu),
    TensorProto.UINT4: ("U4", ml_dtypes.uint4),
    TensorProto.INT4: ("I4", ml_dtypes.int4),
    TensorProto.FLOAT4E2M1: ("F4", ml_dtypes.float4_e2m1fn),
    TensorProto.UINT2: ("U2", ml_dtypes.uint2),
    TensorProto.INT2: ("I2", ml_dtypes.int2),
    TensorProto.FLOAT6E2M3: ("F6_E2M3", ml_dtypes.float6_e2m3fn),
    TensorProto.FLOAT6E3M2: ("F6_E3M2", ml_dtypes.float6_e3m2fn),
}
BITS = {"U4": 4, "I4": 4, "F4": 4, "U2": 2, "I2": 2, "F6_E2M3": 6, "F6_E3M2": 6}
NOT_IN_LISTS = {"F6_E2M3", "F6_E3M2"}


def bytes_of(name, array):
    """As the digest wants them: elements below a byte are packed from the low bits on, by way of Python's large integers."""
    if name not in BITS:
        return array.tobytes()
    bits, packed = BITS[name], 0
    for place, element in enumerate(array.ravel().view(np.uint8)):
        packed |= (int(element) & (1 << bits) - 1) << bits * place
    return packed.to_bytes(-(-array.size * bits // 8), "little")


def array_of(kind, shape):
    name, dtype = TYPES[kind]
    values = rng.standard_normal(shape) * 3
    if name.startswith("U"):
        values = abs(values)
    if name in ("U2", "I2"):
        values = np.clip(values, -2 if name == "I2" else 0, 1)
    if name == "F8_E8M0":
        values = 2.0 ** rng.integers(-5, 5, shape)
    if name in ("I64", "U64", "U32", "I32"):
        bits = int(name[1:])
        least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if name[0] == "I" else (0, 2**bits - 1)
        return rng.integers(least, most, shape, dtype, endpoint=True)
    if name == "BOOL":
        return values > 0
    if name in ("U4", "I4", "U2", "I2"):
        values = np.trunc(values)
    return values.astype(dtype)


def canonical(name, kind, array):
    return name, TYPES[kind][0], list(array.shape), bytes_of(TYPES[kind][0], array)


def listed(name, kind, array):
    """The tensor with its elements in the list of numbers of its type."""
    called = TYPES[kind][0]
    flat = array.ravel()
    if called in BITS:
        numbers = list(bytes_of(called, array))
    elif called in ("F16", "BF16"):
        numbers = flat.view(np.uint16).tolist()
    elif called.startswith("F8"):
        numbers = flat.view(np.uint8).tolist()
    elif called == "C64":
        numbers = flat.view(np.float32).tolist()
    else:
        numbers = (flat.astype(np.uint8) if called == "BOOL" else flat).tolist()
    tensor = TensorProto(name=name, data_type=kind, dims=array.shape)
    getattr(tensor, helper.tensor_dtype_to_field(kind)).extend(numbers)
    assert bytes_of(called, numpy_helper.to_array(tensor)) == bytes_of(called, array), called
    return tensor


def model_of(initializers, nodes=(), functions=(), **options):
    graph = helper.make_graph(list(nodes), "sample", [], [], list(initializers))
    model = helper.make_model(graph, functions=list(functions), producer_name="muniment ä", **options)
    helper.set_model_props(model, {"author": "me"})
    return model


folder = Path(sys.argv[1])
report = {}


def save(title, model, tensors, **options):
    onnx.save(model, str(folder / f"{title}.onnx"), **options)
    report[f"{title}.onnx"] = digests(tensors)


def samples(shape):
    arrays = {kind: array_of(kind, shape) for kind in TYPES}
    return [(TYPES[kind][0], kind, array) for kind, array in arrays.items()]


for title, shape in {"raw": (3, 5, 8), "odd": (3, 5), "scalars": (), "empty": (0, 4)}.items():
    made = samples(shape)
    save(title, model_of(numpy_helper.from_array(array, name) for name, _, array in made), [canonical(*one) for one in made])
    made = [one for one in made if one[0] not in NOT_IN_LISTS]
    save(f"{title}-lists", model_of(listed(*one) for one in made), [canonical(*one) for one in made])

big = ("big", TensorProto.INT64, rng.integers(-(2**63), 2**63 - 1, (700, 500), np.int64))
save("big-list", model_of([listed(*big)]), [canonical(*big)])
big = ("big", TensorProto.FLOAT, rng.standard_normal((1100, 1000)).astype(np.float32))
save("big-raw", model_of([numpy_helper.from_array(big[2], "big")]), [canonical(*big)])

# In other files.
layers = [(f"layer.{i}.weight", TensorProto.FLOAT, rng.standard_normal((300, 40 + i)).astype(np.float32)) for i in range(4)]
layers += [("small", TensorProto.INT64, np.arange(3))]
tensors = [canonical(*one) for one in layers]
for title, options in {
    "external": {"location": "external.data", "size_threshold": 0},
    "external-parts": {"all_tensors_to_one_file": False},
    "external-folder": {"location": "external-folder.onnx.data"},
}.items():
    model = model_of(numpy_helper.from_array(array, name) for name, _, array in layers)
    save(title, model, tensors, save_as_external_data=True, **options)

# In subgraphs, constants, functions.
def constant(name, array):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array, "value"))


one, two, three, four, five, six = [np.full((2, 2), i, np.float32) for i in range(6)]
branches = {
    key: helper.make_graph([constant("c", made), helper.make_node("Add", ["c", "w"], ["sum"])], key, [],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [2, 2])], [numpy_helper.from_array(five, "w")])
    for key, made in {"then_branch": three, "else_branch": four}.items()
}
function = helper.make_function("muniment", "Twice", ["x"], ["y"], [constant("k", six), helper.make_node("Mul", ["x", "k"], ["y"])],
    [helper.make_opsetid("", 21)])
nodes = [
    constant("c", two),
    constant("condition", np.array(True)),
    helper.make_node("If", ["condition"], ["result"], **branches),
    helper.make_node("ConstantOfShape", ["shape"], ["filled"], value=numpy_helper.from_array(np.array([7], np.int32))),
]
model = model_of([numpy_helper.from_array(one, "w")], nodes, [function])
training = model.training_info.add()
training.algorithm.CopyFrom(helper.make_graph([], "step", [], [], [numpy_helper.from_array(two, "momentum")]))
F = TensorProto.FLOAT
save(
    "graphs",
    model,
    [
        canonical("w", F, one),
        canonical("c", F, two),
        canonical("condition", TensorProto.BOOL, np.array(True)),
        canonical("result/then_branch/c", F, three),
        canonical("result/then_branch/w", F, five),
        canonical("result/else_branch/c", F, four),
        canonical("result/else_branch/w", F, five),
        canonical("filled/value", TensorProto.INT32, np.array([7], np.int32)),
        canonical("functions/muniment:Twice/k", F, six),
        canonical("training_info/0/algorithm/momentum", F, two),
    ],
)
print(json.dumps(report))
