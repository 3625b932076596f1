"""Starts a training from weights of other bands and classes."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from mmrs.engine.fitting import fit_weights
from mmrs.registry import HOOKS
from mmrs.utils.checkpoint import as_checkpoint, check_weights


@HOOKS.register_module()
class FitWeightsHook(Hook):
    """Fit the checkpoint of ``load_from`` to the model that is to be trained.

    See :func:`mmrs.engine.fitting.fit_weights`. A checkpoint from which a run
    goes on must fit as it is, as must one that is tested; MMEngine would only
    warn. Strategies that shard the model load by themselves. Acts in
    ``after_load_checkpoint``.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace the weights of the checkpoint by fitting ones.

        Raises:
            InputError: They do not fit.
        """
        # The runner builds its training loop only when it trains.
        trains = isinstance(runner._train_loop, BaseLoop)
        if not trains or hasattr(runner, 'strategy'):
            return
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        weights = as_checkpoint(checkpoint, 'the file')['state_dict']
        if runner._resume:
            check_weights(model, weights, 'to go on from')
        else:
            checkpoint['state_dict'] = fit_weights(weights, model)
