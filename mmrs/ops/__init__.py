"""Operators: PyTorch forms of compiled kernels of other libraries."""
