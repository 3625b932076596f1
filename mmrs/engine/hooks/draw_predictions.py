"""Draws what a model says of the images that it is tested on."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer
from torch import Tensor

from mmrs.registry import HOOKS
from mmrs.visualization.model_inputs import first_path, inputs_to_rgb


@HOOKS.register_module()
class DrawPredictionsHook(Hook):
    """Draw every tested sample with the visualizer of the run.

    For tools/test.py, which sets the arguments. The images are drawn as the
    pipeline gives them to the model. Acts in ``after_test_iter``.

    Args:
        draw: Without it the hook does nothing.
        show: Open a window for each sample.
        test_out_dir: Receives ``FOLDER/NAME.png`` for each image
            ``.../FOLDER/NAME.*``; for a pair of two dates, those of the
            earlier one.
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
        for inputs, sample in zip(_samples(data_batch['inputs']), outputs):
            path = first_path(sample)
            name = f'{path.parent.name}/{path.stem}'
            out_file = None
            if self.test_out_dir is not None:
                out_file = f'{self.test_out_dir}/{name}.png'
            visualizer.add_datasample(
                name,
                inputs_to_rgb(inputs),
                sample,
                show=self.show,
                out_file=out_file,
                step=batch_idx,
            )


def _samples(
    inputs: Sequence[Tensor] | dict[str, Sequence[Tensor]],
) -> list[Tensor | dict[str, Tensor]]:
    """Take a batch apart; one of pairs is a dict of both dates."""
    if isinstance(inputs, dict):
        return [dict(zip(inputs, dates)) for dates in zip(*inputs.values())]
    return list(inputs)
