"""What torch does for a bench."""

from inceptgraph_torch.bench.lab import TorchLab

__all__ = ["TorchLab"]
