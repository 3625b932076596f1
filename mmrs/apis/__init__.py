"""One inferencer a task: images in, results and pictures out."""

from .instance_seg_inferencer import InstanceSegInferencer

__all__ = ['InstanceSegInferencer']
