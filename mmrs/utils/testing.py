"""A run that tests a checkpoint."""

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import EMAHook, LoggerHook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmrs.utils.checkpoint import (
    forget_pretraining,
    load_weights,
    read_checkpoint,
)
from mmrs.utils.machine import fit_to_machine


def build_test_runner(cfg: Config, checkpoint_path: str) -> Runner:
    """Build a runner whose model has the weights of a checkpoint.

    Args:
        cfg: The config of the run; changed to fit the machine.
        checkpoint_path: Checkpoint file or URL.

    Raises:
        InputError: The checkpoint is missing or does not fit the model.
    """
    checkpoint = read_checkpoint(checkpoint_path)
    cfg.load_from, cfg.resume = None, False
    forget_pretraining(cfg.model)
    fit_to_machine(cfg)
    runner = Runner.from_cfg(cfg)
    # Where weights were averaged, the checkpoint's weights are the average.
    _remove_hooks(runner, EMAHook)
    if not is_main_process():
        # It writes the scores, and its own times, over the first process's.
        _remove_hooks(runner, LoggerHook)
    runner.call_hook('after_load_checkpoint', checkpoint=checkpoint)
    model = runner.model
    if is_model_wrapper(model):
        model = model.module
    unused = load_weights(model, checkpoint, checkpoint_path)
    if unused:
        print_log(
            f'{checkpoint_path} holds {len(unused)} weights that the model '
            f'does not have, first: {unused[0]}',
            logger='current',
        )
    return runner


def _remove_hooks(runner: Runner, kind: type) -> None:
    runner.hooks[:] = [
        hook for hook in runner.hooks if not isinstance(hook, kind)
    ]
