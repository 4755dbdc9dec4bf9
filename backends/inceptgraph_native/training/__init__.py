"""Training: torch's module of a network, in which compiled kernels do what torch is slow at."""

from inceptgraph_native.training.replace import accelerate

__all__ = ["accelerate"]
