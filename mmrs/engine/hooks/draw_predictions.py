"""Draws what a model says of the images that it is tested on."""

from pathlib import Path

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer

from mmrs.registry import HOOKS


@HOOKS.register_module()
class DrawPredictionsHook(Hook):
    """Draw every tested sample with the visualizer of the run.

    For tools/test.py, which sets the arguments. The images are drawn as the
    pipeline gives them to the model. Acts in ``after_test_iter``.

    Args:
        draw: Without it the hook does nothing.
        show: Open a window for each sample.
        test_out_dir: Receives ``FOLDER/NAME.png`` for each image
            ``.../FOLDER/NAME.*``.
    """

    def __init__(
        self,
        draw: bool = False,
        show: bool = False,
        test_out_dir: str | None = None,
    ) -> None:
        self.draw = draw
        self.show = show
        self.test_out_dir = test_out_dir

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: list[BaseDataElement],
    ) -> None:
        """Draw the samples of a batch."""
        if not self.draw:
            return
        visualizer = Visualizer.get_current_instance()
        for bgr, sample in zip(data_batch['inputs'], outputs):
            image = bgr.permute(1, 2, 0).cpu().numpy()[..., ::-1]
            path = Path(sample.img_path)
            name = f'{path.parent.name}/{path.stem}'
            out_file = None
            if self.test_out_dir is not None:
                out_file = f'{self.test_out_dir}/{name}.png'
            visualizer.add_datasample(
                name,
                np.ascontiguousarray(image, dtype=np.uint8),
                sample,
                show=self.show,
                out_file=out_file,
                step=batch_idx,
            )
