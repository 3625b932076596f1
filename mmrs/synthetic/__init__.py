"""A procedural Earth: one seeded world, pictures of it, and their labels.

``World(seed)`` is endless and the same for the same seed. A ``Window`` says
which part of it to look at and how closely; ``render_optical`` takes the
picture; ``layouts`` writes data sets of such pictures.
"""

from mmrs.synthetic.objects import Cover, WorldObject
from mmrs.synthetic.render import Look, Picture, render_optical
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import LandUse, Layout, World

__all__ = [
    'Cover',
    'LandUse',
    'Layout',
    'Look',
    'Picture',
    'Window',
    'World',
    'WorldObject',
    'render_optical',
]
