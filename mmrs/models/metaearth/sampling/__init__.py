"""Unbounded sampling: noise of places, windows, merging, lazy stages."""

from .denoiser import Denoiser
from .merge import JOINT_RULES, MERGE_RULES, blend, merge_weights, support
from .noise import NOISE_RULES, NoiseField
from .settings import SamplingSettings
from .solvers import SOLVERS, make_solver
from .stages import (
    GeneratedImage,
    JointlyGeneratedImage,
    generated,
    overlaps,
)
from .windows import SCALE, ArrayImage, Axis, Image, read_reflected, reflect

__all__ = [
    'JOINT_RULES',
    'MERGE_RULES',
    'NOISE_RULES',
    'SCALE',
    'SOLVERS',
    'ArrayImage',
    'Axis',
    'Denoiser',
    'GeneratedImage',
    'Image',
    'JointlyGeneratedImage',
    'NoiseField',
    'SamplingSettings',
    'blend',
    'generated',
    'make_solver',
    'merge_weights',
    'overlaps',
    'read_reflected',
    'reflect',
    'support',
]
