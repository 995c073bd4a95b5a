"""TensorFlow.js' own writer and reader of weights, from PyPI's tensorflowjs. Of TensorFlow it needs for that one function,
which opens a file."""

import importlib.util
import sys
import types

tensorflow = types.ModuleType("tensorflow")
tensorflow.io = types.SimpleNamespace(gfile=types.SimpleNamespace(GFile=open))
sys.modules["tensorflow"] = tensorflow
# The package's own __init__ would load its converters, and those all of TensorFlow.
package = types.ModuleType("tensorflowjs")
package.__path__ = importlib.util.find_spec("tensorflowjs").submodule_search_locations
sys.modules["tensorflowjs"] = package
from tensorflowjs import read_weights, write_weights  # noqa: E402, F401
