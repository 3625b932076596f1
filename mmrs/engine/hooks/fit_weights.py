"""Starts a training from weights of other bands and classes."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from mmrs.engine.fitting import fit_weights
from mmrs.registry import HOOKS
from mmrs.utils.checkpoint import as_checkpoint


@HOOKS.register_module()
class FitWeightsHook(Hook):
    """Fit the checkpoint of ``load_from`` to the model that is to be trained.

    See :func:`mmrs.engine.fitting.fit_weights`. A checkpoint that is tested,
    or from which a run goes on, must fit as it is, and so must one for a
    strategy that shards the model. Acts in ``after_load_checkpoint``.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace the weights of the checkpoint by fitting ones."""
        # The runner builds its training loop only when it trains.
        trains = isinstance(runner._train_loop, BaseLoop)
        if not trains or runner._resume or hasattr(runner, 'strategy'):
            return
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        weights = as_checkpoint(checkpoint, 'load_from: the file')
        checkpoint['state_dict'] = fit_weights(weights['state_dict'], model)
