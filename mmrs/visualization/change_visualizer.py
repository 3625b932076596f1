"""Draws the pairs of change interpretation in the tools and in a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.visualization import Visualizer
from PIL import Image

from mmrs.errors import InputError
from mmrs.registry import VISUALIZERS
from mmrs.structures import ChangeDataSample, Vocabulary

from .change import draw_change


@VISUALIZERS.register_module()
class ChangeVisualizer(Visualizer):
    """Draws two dates, true and predicted change, and sentences.

    Takes the arguments of :class:`mmengine.visualization.Visualizer`;
    ``dataset_meta`` gives the classes, their colours and the vocabulary.
    """

    def add_datasample(
        self,
        name: str,
        image: Sequence[np.ndarray],
        data_sample: ChangeDataSample,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        step: int = 0,
    ) -> None:
        """Draw a pair; show it, write it to a file or to the back-ends.

        Args:
            name: What the back-ends call the picture.
            image: The earlier and the later date, (H, W, 3), RGB, uint8.
            data_sample: What is true and predicted of the pair. Masks of
                another size than the images are resized for the picture.
            draw_gt: Draw the true mask and the true sentences.
            draw_pred: Draw what is predicted.
            show: Open a window.
            wait_time: Seconds that it stays open; 0 is until a key.
            out_file: Write to this file instead of the back-ends.
            step: What the back-ends count.
        """
        earlier, later = image
        shown = {}
        if draw_pred:
            shown['mask'] = _mask(data_sample, 'pred_mask', later)
            if 'pred_ids' in data_sample:
                shown['caption'] = self._decode(data_sample.pred_ids)
        if draw_gt:
            shown['true_mask'] = _mask(data_sample, 'gt_mask', later)
            shown['references'] = data_sample.get('captions', ())
        picture = draw_change(
            earlier,
            later,
            classes=self.dataset_meta.get('classes', ()),
            palette=self.dataset_meta.get('palette'),
            **shown,
        )
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        if out_file is not None:
            Path(out_file).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(out_file)
        else:
            self.add_image(name, picture, step)

    def _decode(self, numbers: Sequence[int]) -> str:
        words = self.dataset_meta.get('vocabulary')
        if words is None:
            raise InputError(
                'the data set names no vocabulary to write captions with; '
                'set its ann_file or vocabulary'
            )
        return Vocabulary(words).decode(numbers)


def _mask(
    sample: ChangeDataSample, field: str, image: np.ndarray
) -> np.ndarray | None:
    """Take a mask (H, W) of the sample in the size of the image."""
    if field not in sample:
        return None
    mask = sample.get(field).cpu().numpy().astype(np.uint8)
    height, width = image.shape[:2]
    resized = Image.fromarray(mask).resize(
        (width, height), Image.Resampling.NEAREST
    )
    return np.asarray(resized)
