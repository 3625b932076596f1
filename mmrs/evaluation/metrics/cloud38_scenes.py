"""The scene protocol of 38-Cloud.

Patches are put together to scenes, cut to the size of the scenes' ground
truth, and scored scene by scene, as evaluation.m of SorourMo's 38-Cloud
repository does.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from rich import box
from rich.console import Console
from rich.table import Table

from mmrs.errors import InputError
from mmrs.evaluation.functional.confusion import known_mean
from mmrs.registry import METRICS

__all__ = ['Cloud38SceneMetric', 'parse_patch', 'score_scene', 'stitch_scene']

THRESHOLD = 12 / 255
_PATCH = re.compile(r'patch_(\d+)_(\d+)_by_(\d+)_(LC\w+)')


class Patch(NamedTuple):
    """What the name of a patch tells; rows and columns count from 1."""

    scene: str
    row: int
    column: int


def parse_patch(name: str) -> Patch:
    """Read ``patch_NUMBER_ROW_by_COLUMN_SCENE``, with any prefix.

    Raises:
        InputError: It is no such name.
    """
    found = _PATCH.search(name)
    if not found:
        raise InputError(
            f'{name} is no name of a patch of 38-Cloud, '
            'patch_NUMBER_ROW_by_COLUMN_SCENE'
        )
    return Patch(found[4], int(found[2]), int(found[3]))


def stitch_scene(
    patches: Mapping[tuple[int, int], np.ndarray], shape: tuple[int, int]
) -> np.ndarray:
    """Put patches together and cut away the margin about the scene.

    A scene was padded evenly on all sides before it was cut into patches.
    Patches that are not given are clear: those wholly in the margin may have
    been left out.

    Args:
        patches: Masks, bool (N, N), by row and column from 1.
        shape: Of the scene's ground truth, (H, W).

    Returns:
        bool (H, W).

    Raises:
        InputError: The patches are too few, or not of one square size.
    """
    sizes = {mask.shape for mask in patches.values()}
    if len(sizes) != 1 or len(set(*sizes)) != 1:
        raise InputError(
            f'patches of sizes {sorted(sizes)} make up no scene; predict all '
            'in the size of their files'
        )
    size = sizes.pop()[0]
    last = np.max(list(patches), axis=0)
    rows, columns = np.maximum(last, -(-np.array(shape) // size))
    whole = np.zeros((rows * size, columns * size), bool)
    for (row, column), mask in patches.items():
        bottom, right = row * size, column * size
        whole[bottom - size : bottom, right - size : right] = mask
    top, left = (np.array(whole.shape) - shape) // 2
    return whole[top : top + shape[0], left : left + shape[1]]


def score_scene(mask: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Score the cloud of a scene.

    Args:
        mask: Predicted cloud, bool (H, W).
        truth: True cloud, bool (H, W).

    Returns:
        precision, recall, specificity, Jaccard and OA (overall accuracy), 0
        to 1; NaN where nothing is divided by nothing.
    """
    hit = float((mask & truth).sum())
    false, missed = (mask & ~truth).sum(), (~mask & truth).sum()
    clear = (~mask & ~truth).sum()
    with np.errstate(invalid='ignore', divide='ignore'):
        return dict(
            precision=float(np.divide(hit, hit + false)),
            recall=float(np.divide(hit, hit + missed)),
            specificity=float(np.divide(clear, clear + false)),
            Jaccard=float(np.divide(hit, hit + missed + false)),
            OA=float(np.divide(hit + clear, mask.size)),
        )


@METRICS.register_module()
class Cloud38SceneMetric(BaseMetric):
    """Scores of the cloud of whole scenes of 38-Cloud and 95-Cloud.

    In percent, means over the scenes: ``precision``, ``recall``,
    ``specificity``, ``Jaccard`` and ``OA``. A scene for which a figure is not
    defined (no cloud in it) is left out of that mean; the original gives NaN
    then.

    Args:
        data_root: Folder with ``38-Cloud_test/Entire_scene_gts``.
        threshold: A pixel is cloud where its probability is above it; 12/255
            in the original. None: where cloud is the most probable class.
        cloud: Number of the class.
        truth_folder: Folder below `data_root` of the scenes' truth,
            ``edited_corrected_gts_SCENE.TIF``.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'scenes'

    def __init__(
        self,
        data_root: str,
        threshold: float | None = THRESHOLD,
        cloud: int = 1,
        truth_folder: str = '38-Cloud_test/Entire_scene_gts',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.truth_folder = Path(data_root) / truth_folder
        if not self.truth_folder.is_dir():
            raise InputError(
                f'{self.truth_folder} does not exist; give '
                'Cloud38SceneMetric the data_root of the test set'
            )
        self.threshold = threshold
        self.cloud = cloud

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the mask of each patch.

        Args:
            data_batch: Not used.
            data_samples: With ``sample_id``, the name of the patch, and
                ``seg_logits`` or ``pred_sem_seg``.
        """
        for sample in data_samples:
            if 'sample_id' not in sample:
                raise InputError(
                    'Cloud38SceneMetric needs sample_id; add it to meta_keys '
                    'of the packing transform'
                )
            mask = self._mask(sample).cpu().numpy()
            self.results.append(
                (
                    parse_patch(sample['sample_id']),
                    np.packbits(mask),
                    mask.shape,
                )
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Put the scenes together, and score them."""
        scenes = defaultdict(dict)
        for (scene, *place), packed, shape in results:
            mask = np.unpackbits(packed, count=np.prod(shape)).astype(bool)
            scenes[scene][tuple(place)] = mask.reshape(shape)
        scores = {}
        for scene, patches in sorted(scenes.items()):
            truth = self._read_truth(scene)
            mask = stitch_scene(patches, truth.shape)
            scores[scene] = score_scene(mask, truth)
        MMLogger.get_current_instance().info('scenes\n' + _table(scores))
        names = next(iter(scores.values()))
        return {
            name: 100
            * known_mean(np.array([s[name] for s in scores.values()]))
            for name in names
        }

    def _mask(self, sample: dict) -> torch.Tensor:
        """Predicted cloud, bool (H, W)."""
        if self.threshold is None:
            return sample['pred_sem_seg']['data'].squeeze(0) == self.cloud
        logits = sample['seg_logits']['data'].float()
        if len(logits) == 1:
            return logits[0].sigmoid() > self.threshold
        return logits.softmax(0)[self.cloud] > self.threshold

    def _read_truth(self, scene: str) -> np.ndarray:
        from PIL import Image

        path = self.truth_folder / f'edited_corrected_gts_{scene}.TIF'
        if not path.is_file():
            raise InputError(f'{path} does not exist; complete the test set')
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return np.array(Image.open(path)) > 0
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _table(scores: dict[str, dict[str, float]]) -> str:
    names = list(next(iter(scores.values())))
    table = Table('scene', *names, box=box.ASCII)
    for scene, figures in scores.items():
        table.add_row(scene, *(f'{100 * figures[x]:.2f}' for x in names))
    console = Console(width=130)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
