"""What torch does to compare and time networks, for ``bench`` and for ``autotune``."""

from inceptgraph_torch.measure.lab import TorchLab

__all__ = ["TorchLab"]
