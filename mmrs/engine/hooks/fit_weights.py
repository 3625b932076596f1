"""Starts a training from weights of other bands and classes."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from mmrs.registry import HOOKS


@HOOKS.register_module()
class FitWeightsHook(Hook):
    """Fit the checkpoint of ``load_from`` to the model that is to be trained.

    See :func:`mmrs.models.cloud_snow.inflate.fit_weights`. A checkpoint that
    is tested must fit as it is. Acts in ``after_load_checkpoint``.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace the weights of the checkpoint by fitting ones."""
        from mmrs.models.cloud_snow.inflate import fit_weights

        # The runner builds its training loop only when it trains.
        if not isinstance(runner._train_loop, BaseLoop):
            return
        weights = checkpoint.get('state_dict', checkpoint)
        checkpoint['state_dict'] = fit_weights(weights, runner.model)
