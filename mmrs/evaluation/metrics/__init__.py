"""Metrics that configs name, one file each."""
