#!/bin/sh
# OpenVINO, told to use one thread, does not compile a linear layer of one feature to one that stands
# behind another to one; with two threads it does, and with a batch that is not fixed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import openvino
from openvino import opset13 as ops

ones = np.ones


def outcome(batch, features, threads):
    """Of 3 features to one, and that to some."""
    x = ops.parameter([batch, 3], np.float32)
    first = ops.add(ops.matmul(x, ones((1, 3), np.float32), False, True), ones(1, np.float32))
    weights = ones((features, 1), np.float32)
    second = ops.add(ops.matmul(first, weights, False, True), ones(features, np.float32))
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    try:
        compiled = openvino.compile_model(openvino.Model([second], [x]), "CPU", options)
    except RuntimeError as error:
        return str(error).split()[-7:]
    return compiled(ones((2, 3), np.float32))[0][0, 0]


print("openvino", openvino.__version__)
found = outcome(2, 1, 1)
print("3 → 1 → 1 on one thread:", found if isinstance(found, np.floating) else " ".join(found))
for case in ((2, 2, 1), (2, 1, 2), (-1, 1, 1)):
    print("batch, features, threads", case, "give", outcome(*case))
    assert outcome(*case) == 5
assert isinstance(found, list), "this behaviour has changed"
PY
