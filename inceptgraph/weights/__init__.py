"""Weights from elsewhere: which tensor of a file is which of a network's.

This package works on names and shapes alone. A backend reads the numbers.
"""
