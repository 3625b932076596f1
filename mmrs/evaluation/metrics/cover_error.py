"""How well the share of cloud in a scene is told."""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from mmengine.logging import MMLogger

from mmrs.errors import InputError
from mmrs.registry import METRICS

from .seg_metric import ClassMaps, SegMetric


@METRICS.register_module()
class CoverError(SegMetric):
    """Error of the cover of each class in a scene.

    The cover is the share of the labelled pixels; its errors are in
    percentage points (our choice of figures). For each class but the first:

    - ``error_CLASS``: mean over the scenes of the absolute error.
    - ``bias_CLASS``: mean error, above 0 where too much is told.
    - ``within5_CLASS``, ``within10_CLASS``: percent of the scenes with an
      absolute error below 5 and 10 points.

    Args:
        limits: Errors in points for the ``within`` figures.
        scene_pattern: Regular expression whose first group is the scene in
            the ``sample_id`` of a tile. By default each image is a scene.
        **kwargs: Of :class:`SegMetric`.
    """

    default_prefix = 'cover'

    def __init__(
        self,
        limits: Sequence[float] = (5, 10),
        scene_pattern: str = '(.*)',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.limits = tuple(limits)
        self.scene_pattern = re.compile(scene_pattern)

    def measure(self, maps: ClassMaps) -> tuple[str, np.ndarray]:
        """Count the pixels of each class, predicted and labelled (2, C)."""
        valid = maps.label != self.ignore_index
        counts = [
            np.bincount(x[valid], minlength=len(self.classes))
            for x in (maps.predicted, maps.label)
        ]
        return self._scene(maps.sample_id), np.stack(counts)

    def summarise(self, results: list) -> dict[str, float]:
        """Compare the covers of the scenes."""
        scenes = defaultdict(int)
        for scene, counts in results:
            scenes[scene] = scenes[scene] + counts
        counts = np.stack([x for x in scenes.values() if x.sum()])
        cover = 100 * counts / counts.sum(-1, keepdims=True)
        error = cover[:, 0] - cover[:, 1]
        figures = {}
        for i, name in list(enumerate(self.classes))[1:]:
            size = np.abs(error[:, i])
            figures[f'error_{name}'] = float(size.mean())
            figures[f'bias_{name}'] = float(error[:, i].mean())
            for limit in self.limits:
                share = 100 * float((size < limit).mean())
                figures[f'within{limit:g}_{name}'] = share
        MMLogger.get_current_instance().info(
            f'cover of {len(counts)} scenes: '
            + ', '.join(f'{k} {v:.2f}' for k, v in figures.items())
        )
        return figures

    def _scene(self, sample_id: str) -> str:
        found = self.scene_pattern.search(sample_id)
        if not found:
            raise InputError(
                f'scene_pattern {self.scene_pattern.pattern!r} of CoverError '
                f'does not match {sample_id}; its first group must be the '
                'scene'
            )
        return found[1]
