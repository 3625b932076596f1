"""Draws the samples of scene classification in the tools and in a run."""

from pathlib import Path

import numpy as np
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer
from PIL import Image

from mmrs.registry import VISUALIZERS

from .scene_cls import draw_scene

_TOP_K = 5


@VISUALIZERS.register_module()
class SceneClsVisualizer(Visualizer):
    """Draws an image above its true and its most probable classes.

    Takes the arguments of :class:`mmengine.visualization.Visualizer`;
    ``dataset_meta`` gives the class names.
    """

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: BaseDataElement,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        step: int = 0,
    ) -> None:
        """Draw a sample; show it, write it to a file or to the back-ends.

        Args:
            name: What the back-ends call the picture.
            image: (H, W, 3), RGB, uint8.
            data_sample: With ``gt_label`` (1,), ``pred_score`` (C,) or both.
            draw_gt: Write the true class.
            draw_pred: Draw the probabilities, where there are some.
            show: Open a window.
            wait_time: Seconds that it stays open; 0 is until a key.
            out_file: Write to this file instead of the back-ends.
            step: What the back-ends count.
        """
        classes = self.dataset_meta['classes']
        names, scores, truth = [], [], None
        if draw_gt and 'gt_label' in data_sample:
            truth = classes[int(data_sample.gt_label)]
        if draw_pred and 'pred_score' in data_sample:
            best = data_sample.pred_score.topk(min(_TOP_K, len(classes)))
            names = [classes[label] for label in best.indices.tolist()]
            scores = best.values.tolist()
        picture = draw_scene(image, names, scores, truth=truth)
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        if out_file is not None:
            Path(out_file).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(out_file)
        else:
            self.add_image(name, picture, step)
