"""Image files in, georeferenced generated files out."""

from .job import NOMINAL_GSDS, generate_file, part_of, weights_hash
from .source import SourceImage, fill_gaps, metres_per_degree
from .strips import StripStore
from .target import Target, check_target, mark_gaps, write_image

__all__ = [
    'NOMINAL_GSDS',
    'SourceImage',
    'StripStore',
    'Target',
    'check_target',
    'fill_gaps',
    'generate_file',
    'mark_gaps',
    'metres_per_degree',
    'part_of',
    'weights_hash',
    'write_image',
]
