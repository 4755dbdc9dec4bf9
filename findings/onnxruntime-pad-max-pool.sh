#!/bin/sh
# ONNX Runtime moves a Pad of zeros into MaxPool, whose own padding never wins: the zeros are lost.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import parser

model = parser.parse_model("""
<ir_version: 8, opset_import: ["": 18]>
pool (float[1, 1, 2, 2] x) => (float[1, 1, 2, 2] y)
<int64[8] pads = {0, 0, 1, 1, 0, 0, 1, 1}, float zero = {0.0}> {
  padded = Pad (x, pads, zero)
  y = MaxPool <kernel_shape = [3, 3]> (padded)
}""")
onnx.checker.check_model(model, full_check=True)
x = np.full((1, 1, 2, 2), -1, np.float32)


def run(level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0].ravel()


levels = onnxruntime.GraphOptimizationLevel
plain, optimised = run(levels.ORT_DISABLE_ALL), run(levels.ORT_ENABLE_ALL)
print("onnxruntime", onnxruntime.__version__)
print("without optimisation:", plain)
print("by default:          ", optimised)
assert np.array_equal(plain, np.zeros(4))  # each window of the padded map holds a zero
assert np.array_equal(optimised, -np.ones(4)), "this behaviour has changed"
PY
