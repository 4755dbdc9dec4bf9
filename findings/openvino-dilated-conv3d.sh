#!/bin/sh
# OpenVINO 2026.4.1: a 3-D convolution from one channel to one is wrong where its frames are dilated
# and its rows are not, by as much as the result is large. With two channels on either side, or
# dilated alike along both, it is right. (oneDNN has no kernel for it; told for AVX2, which every
# processor of today with OpenVINO has.)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet openvino==2026.4.1 numpy==2.4.0
OV_CPU_MAX_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 "$folder/env/bin/python" - <<'EOF'
EOF
