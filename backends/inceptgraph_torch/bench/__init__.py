"""What torch does for a bench beside comparing and timing: weights, peers, memory, peaks."""

from inceptgraph_torch.bench.lab import TorchBenchLab

__all__ = ["TorchBenchLab"]
