"""Engines beside torch eager on one thread, in the processor time that this process takes.

    python benchmarks/one_thread.py [--batch B,…] [--rounds N] [--train] [--engine E,…]

A busy machine disturbs that less than the time of a clock. Under ``hide_avx512.c`` it measures
engines as they are on a processor with AVX2 alone; `native` is then compiled for x86-64-v3.
"""

from __future__ import annotations

import argparse
import os
import time

import torch

from inceptgraph.bench import Plan, bench, find_lab
from inceptgraph.engine import Setting
from inceptgraph.pipeline import to_graph
from inceptgraph_native import processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", default="1,16")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--engine", default="eager,onnxruntime,openvino,native")
    chosen = parser.parse_args()
    if os.environ.pop("LD_PRELOAD", None):  # for this process, not for the compiler
        assert torch.backends.cpu.get_cpu_capability() == "AVX2"
        processor._NATIVE = (("-march=x86-64-v3",),)
    torch.set_num_threads(1)
    os.cpu_count = lambda: 1
    graph, lab = to_graph("googlenet_torchvision"), find_lab()
    plan = Plan(
        engines=chosen.engine.split(","),
        batches=[int(batch) for batch in chosen.batch.split(",")],
        setting=Setting(train=chosen.train, keep_memory=True),
        rounds=chosen.rounds,
    )
    tensors = lab.weights(graph, None, 0)
    for row in bench(graph, tensors, plan, lab, clock=time.process_time).rows:
        if (seconds := row.seconds) is None or (times := row.speedup) is None:
            print(f"{row.job}: {row.status}: {row.reason}")
        else:
            spread = f"{times.median:.2f} ({times.low:.2f} … {times.high:.2f})"
            print(f"{row.job}: {1e3 * seconds.median:.1f} ms, {spread}")


if __name__ == "__main__":
    main()
