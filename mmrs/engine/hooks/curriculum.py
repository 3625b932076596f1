"""Keeps a curriculum in step with the training, and writes it to the log."""

import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmrs.datasets.samplers.curriculum import CurriculumSampler
from mmrs.errors import InputError
from mmrs.evaluation.functional.difficulty import ranks, score_images
from mmrs.registry import HOOKS

KEPT = 'curriculum_difficulty'


@HOOKS.register_module()
class CurriculumHook(Hook):
    """Plan the draws, tell the model its progress, and log the stage.

    Works with a `CurriculumSampler`, with a model that follows the progress
    of its training, or both. Such a model has ``set_progress(share)`` and
    ``ramp``, and possibly ``update_teacher()``.

    Logs ``curriculum_stage`` and ``curriculum_share``, the share of noisy
    images that take part, and ``curriculum_ramp``, how much the teacher's
    doubts count, to the message hub and so to the log.

    With `rescore_interval` the difficulty of the images becomes the rank of
    their loss under the model, every so many epochs. Rank 0 computes it, and
    the checkpoint keeps it, so that a resumed run draws the same images.

    Acts in ``before_train``, before and after each training iteration, and
    for new scores after an epoch.

    Args:
        rescore_interval: Epochs between two scorings; 0 for none.
        rescore_dataloader: Loader of the training set as for testing, with
            labels.
    """

    # Draws must be planned before DistSamplerSeedHook and the loop use them.
    priority = 'ABOVE_NORMAL'

    def __init__(
        self,
        rescore_interval: int = 0,
        rescore_dataloader: dict | None = None,
    ) -> None:
        if rescore_interval and rescore_dataloader is None:
            raise InputError(
                'CurriculumHook: rescore_interval needs rescore_dataloader'
            )
        self.rescore_interval = rescore_interval
        self.rescore_dataloader = rescore_dataloader
        self.difficulty: list[float] | None = None

    def before_train(self, runner: Runner) -> None:
        """Plan the draws of the whole training.

        Raises:
            InputError: There is nothing to keep in step, or images are to be
                scored anew in a loop that has no epochs.
        """
        self.sampler = runner.train_dataloader.sampler
        self.model = runner.model
        if is_model_wrapper(self.model):
            self.model = self.model.module
        if not isinstance(self.sampler, CurriculumSampler):
            self.sampler = None
            if not hasattr(self.model, 'set_progress'):
                raise InputError(
                    'CurriculumHook: there is neither a CurriculumSampler in '
                    'train_dataloader nor a model that follows the progress '
                    '(set_progress)'
                )
            return
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        if self.rescore_interval and not by_epoch:
            raise InputError(
                'CurriculumHook: rescore_interval counts epochs; set '
                "train_cfg.type='EpochBasedTrainLoop'"
            )
        if self.difficulty is not None:
            self.sampler.set_difficulty(self.difficulty)
        self.sampler.plan(
            runner.train_dataloader.batch_size,
            max_epochs=runner.max_epochs if by_epoch else None,
            max_iters=None if by_epoch else runner.max_iters,
        )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Tell the model and the log how far the training is."""
        progress = runner.iter / runner.max_iters
        logs = {}
        if hasattr(self.model, 'set_progress'):
            self.model.set_progress(progress)
            logs['ramp'] = self.model.ramp
        if self.sampler is not None:
            curriculum = self.sampler.curriculum
            logs['stage'] = curriculum.stage(progress)
            logs['share'] = curriculum.share(progress)
        for name, value in logs.items():
            runner.message_hub.update_scalar(f'train/curriculum_{name}', value)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Move the teacher."""
        if hasattr(self.model, 'update_teacher'):
            self.model.update_teacher()

    def after_train_epoch(self, runner: Runner) -> None:
        """Score the images anew, where it is time."""
        if self.sampler is None or not self.every_n_epochs(
            runner, self.rescore_interval
        ):
            return
        scores = [self._score(runner) if is_main_process() else None]
        broadcast_object_list(scores)
        self.difficulty = scores[0]
        self.sampler.set_difficulty(self.difficulty)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the scores."""
        if self.difficulty is not None:
            scores = torch.tensor(self.difficulty, dtype=torch.float64)
            checkpoint[KEPT] = scores

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take the scores of a run that goes on."""
        if KEPT in checkpoint and self.rescore_interval:
            self.difficulty = checkpoint[KEPT].tolist()

    def _score(self, runner: Runner) -> list[float]:
        loader = runner.build_dataloader(self.rescore_dataloader)
        losses = score_images(self.model, loader)
        dataset = runner.train_dataloader.dataset
        names = [
            dataset.get_data_info(i)['sample_id'] for i in range(len(dataset))
        ]
        missing = [name for name in names if name not in losses]
        if missing:
            raise InputError(
                f'CurriculumHook: rescore_dataloader lacks {len(missing)} of '
                f'the {len(names)} training images, first: {missing[0]}'
            )
        return ranks([losses[name] for name in names]).tolist()
