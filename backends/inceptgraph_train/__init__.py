"""Training and evaluation on torch: what ``inceptgraph train`` runs."""

from inceptgraph_train.trainer import TorchTrainer

__all__ = ["TorchTrainer"]
