"""The engines that come with torch."""

from inceptgraph_torch.engines.cudagraph import CudaGraphEngine
from inceptgraph_torch.engines.eager import EagerEngine
from inceptgraph_torch.engines.inductor import InductorEngine
from inceptgraph_torch.engines.tensorrt import TensorRTEngine

__all__ = ["CudaGraphEngine", "EagerEngine", "InductorEngine", "TensorRTEngine"]
