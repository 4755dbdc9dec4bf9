"""The engines that come with torch."""

from inceptgraph_torch.engines.eager import EagerEngine
from inceptgraph_torch.engines.inductor import InductorEngine
from inceptgraph_torch.engines.tensorrt import TensorRTEngine

__all__ = ["EagerEngine", "InductorEngine", "TensorRTEngine"]
