"""Comparison with what the authors' networks compute."""
