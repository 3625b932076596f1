"""A procedural Earth: one seeded world, pictures of it, and their labels.

``World(seed)`` is endless and the same for the same seed. A ``Window`` says
which part of it to look at and how closely; ``survey`` tells what is there;
``render_optical`` and ``render_sar`` take pictures; ``compare`` tells what
changed between two dates; ``layouts`` writes data sets of such pictures.
"""

from mmrs.synthetic.change import Change, compare
from mmrs.synthetic.objects import Cover, WorldObject
from mmrs.synthetic.optical import Look, render_optical
from mmrs.synthetic.sar import render_sar
from mmrs.synthetic.survey import Survey, survey
from mmrs.synthetic.terrain import LandUse
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import Layout, World

__all__ = [
    'Change',
    'Cover',
    'LandUse',
    'Layout',
    'Look',
    'Survey',
    'Window',
    'World',
    'WorldObject',
    'compare',
    'render_optical',
    'render_sar',
    'survey',
]
