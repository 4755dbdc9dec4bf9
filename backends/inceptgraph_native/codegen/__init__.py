"""The program of a graph for inference: planned, laid out and written as C++."""
