#!/bin/sh
# The reference evaluator of ONNX normalises only as many channels in LRN as the batch is long.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnx
from onnx import parser
from onnx.reference import ReferenceEvaluator

model = parser.parse_model("""
<ir_version: 8, opset_import: ["": 18]>
lrn (float[batch, 4, 1, 1] x) => (float[batch, 4, 1, 1] y) {
  y = LRN <size = 3, alpha = 3.0, beta = 1.0, bias = 1.0> (x)
}""")
onnx.checker.check_model(model, full_check=True)
x = np.ones((1, 4, 1, 1), np.float32)
window = np.array([2, 3, 3, 2])  # channels that each window of three covers
expected = 1 / (1 + window)  # ONNX: x / (bias + alpha / size * sum of squares) ** beta
alone = ReferenceEvaluator(model).run(None, {"x": x})[0].ravel()
among = ReferenceEvaluator(model).run(None, {"x": np.repeat(x, 4, axis=0)})[0][0].ravel()
print("onnx", onnx.__version__)
print("one image:            ", alone)
print("the same among four:  ", among)
print("by ONNX's definition: ", expected)
assert np.allclose(among, expected)
assert np.allclose(alone, [expected[0], 1, 1, 1]), "this behaviour has changed"
PY
