#!/bin/sh
# OpenVINO counts a border before a transposed convolution with a stride as pixels of its output.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import openvino
from openvino import opset13 as ops

kernel = np.ones((1, 1, 3, 3), np.float32)
image = np.ones((1, 1, 4, 4), np.float32)


def shape(border):
    x = ops.parameter([1, 1, 4, 4], np.float32)
    begin, end = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    y = ops.pad(x, begin, end, "constant", np.float32(0)) if border else x
    y = ops.convolution_backprop_data(y, kernel, [2, 2], pads_begin=[1, 1], pads_end=[1, 1])
    model = openvino.Model([y], [x])
    told = list(model.output(0).shape)
    return told, list(openvino.compile_model(model, "CPU")(image)[0].shape)


print("openvino", openvino.__version__)
for border in (False, True):
    told, found = shape(border)
    print("with a border of 1:" if border else "without a border: ", "told", told, "computed", found)
assert told == [1, 1, 11, 11] and found != told, "this behaviour has changed"
PY
