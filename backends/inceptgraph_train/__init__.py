"""Training and evaluation on torch: what ``inceptgraph train`` runs."""
