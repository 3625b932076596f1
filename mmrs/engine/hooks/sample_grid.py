"""Pictures of what a generator makes, at each validation."""

from pathlib import Path

import cv2
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmrs.registry import HOOKS
from mmrs.structures import GenDataSample

_GAP = 4  # white pixels between images


@HOOKS.register_module()
class SampleGridHook(Hook):
    """Write a picture of some validation images.

    A row shows the condition with its pixels repeated, the generated and the
    real image; rows go from coarse to fine. The pictures are
    ``WORK_DIR/samples/iter_ITERATION.png``, of the main process. With an
    ``EMAHook`` they are made by the averaged weights, as all of validation.

    Acts in ``before_val_epoch``, ``after_val_iter`` and ``after_val_epoch``.

    Args:
        num: Rows for each resolution.
    """

    def __init__(self, num: int = 3) -> None:
        self.num = num
        self._rows: dict[float, list[np.ndarray]] = {}

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the last pictures."""
        self._rows = {}

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: list[GenDataSample] | None = None,
    ) -> None:
        """Keep the first images of each resolution."""
        for sample in outputs:
            rows = self._rows.setdefault(float(sample.resolution), [])
            if len(rows) < self.num:
                rows.append(_row(sample))

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Write the picture."""
        if runner.rank != 0 or not self._rows:
            return
        coarse_first = sorted(self._rows, reverse=True)
        rows = [row for r in coarse_first for row in self._rows[r]]
        picture = _stack(rows, 0)
        path = Path(runner.work_dir, 'samples', f'iter_{runner.iter}.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture[..., ::-1])


def _row(sample: GenDataSample) -> np.ndarray:
    real = _array(sample.gt_img)
    size = real.shape[1::-1]
    condition = cv2.resize(
        _array(sample.lr_img), size, interpolation=cv2.INTER_NEAREST
    )
    return _stack([condition, _array(sample.pred_img), real], 1)


def _array(image: Tensor) -> np.ndarray:
    return np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())


def _stack(images: list[np.ndarray], axis: int) -> np.ndarray:
    shape = list(images[0].shape)
    shape[axis] = _GAP
    gap = np.full(shape, 255, np.uint8)
    parts = [part for image in images for part in (image, gap)]
    return np.concatenate(parts[:-1], axis)
