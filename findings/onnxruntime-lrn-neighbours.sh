#!/bin/sh
# ONNX Runtime's LRN keeps rounding of large channels that are no longer in the window.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 1, 1]) for name in "xy")
node = helper.make_node("LRN", ["x"], ["y"], size=1, alpha=1.0, beta=0.75, bias=1.0)
graph = helper.make_graph([node], "lrn", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.checker.check_model(model)
session = onnxruntime.InferenceSession(model.SerializeToString())


def last(first):
    """The third of three channels that have windows of their own, behind a first one."""
    image = np.array([first, 1, 1], np.float32).reshape(1, 3, 1, 1)
    return session.run(None, {"x": image})[0].ravel()[2]


print("onnxruntime", onnxruntime.__version__)
expected = 2**-0.75
for first in (1, 100, 10_000):
    print(f"a first channel of {first}: the third is {last(first):.7f}, right is {expected:.7f}")
assert abs(last(1) - expected) < 1e-6
assert abs(last(10_000) - expected) > 1e-2, "this behaviour has changed"
PY
