"""Training: torch's module of a network, in which compiled kernels do what torch is slow at."""

from inceptgraph_native.training.engine import TORCH, prepare

__all__ = ["TORCH", "prepare"]
