"""What the inferencers of all tasks do: build, read, run, report."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmcv.image import bgr2rgb
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.structures import BaseDataElement
from torch import nn

from mmrs.config import check_device, innermost, load_config, model_config
from mmrs.errors import BadImageError
from mmrs.registry import DATASETS, MODELS, TRANSFORMS
from mmrs.utils.checkpoint import (
    forget_pretraining,
    load_weights,
    read_checkpoint,
)

from .inputs import ImageInput, Inputs, PairInput, PairInputs, list_inputs
from .progress import progress_bar

Input = ImageInput | PairInput
# Steps of a pipeline that read what is known of an image, by how they end.
_TRUTH_STEPS = (
    'LoadAnnotations',
    'LoadChangeMask',
    'LoadCloudMask',
    'LoadPseudoMask',
    'EncodeCaption',
)


@dataclass
class Sample:
    """An image, or a pair of two dates, that was read.

    Attributes:
        image_id: Its place among the inputs.
        image: Where it comes from, and what its results are called.
        pixels: (H, W, 3), RGB, uint8; of a pair, a tuple of two.
        packed: The model's input.
        valid: Where it has data, (H, W) bool; None: everywhere.
    """

    image_id: int
    image: Input
    pixels: np.ndarray | tuple[np.ndarray, np.ndarray]
    packed: dict
    valid: np.ndarray | None = None


class BaseInferencer(ABC):
    """Applies the model of a config to images, skipping unreadable ones.

    A subclass says what its predictions are: its ``__call__`` hands its own
    settings to :meth:`_run`. One that compares two dates says also how pairs
    are listed, read and shown.

    Args:
        model: A config with a ``test_dataloader`` whose pipeline prepares the
            images.
        weights: The model's checkpoint. Without one the model keeps the
            weights it is built with, which suits only models that need no
            training.
        device: ``'cpu'``, ``'cuda:0'``, ...; a GPU if there is one.

    Raises:
        InputError: The config or checkpoint cannot be used.
    """

    #: What is done to the images, said beside the progress bar.
    DOING = 'Predicting'
    #: Whether every input is a pair: an earlier and a later image.
    TAKES_PAIRS = False

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path | None = None,
        device: str | None = None,
    ) -> None:
        cfg = model if isinstance(model, Config) else load_config(str(model))
        check_device(device)
        init_default_scope(cfg.get('default_scope', 'mmrs'))
        self.dataset_meta = _dataset_meta(cfg)
        self.model = self._build_model(cfg, weights)
        self.model.to(device or get_device()).eval()
        load, *prepare = prediction_pipeline(cfg)
        self._load_file = TRANSFORMS.build(load)
        self._prepare = Compose(prepare)

    @abstractmethod
    def __call__(
        self, inputs: Inputs | PairInputs, **settings
    ) -> dict[str, list]:
        """Predict all images."""

    def _build_model(
        self, cfg: Config, weights: str | Path | None
    ) -> nn.Module:
        model_cfg = model_config(cfg)
        if weights is None:
            model = MODELS.build(model_cfg)
            model.init_weights()
            print_log(
                'no checkpoint was given: the model is used as it is built',
                'current',
                logging.WARNING,
            )
            return revert_sync_batchnorm(model)
        checkpoint = read_checkpoint(str(weights))
        forget_pretraining(model_cfg)
        model = revert_sync_batchnorm(MODELS.build(model_cfg))
        load_weights(model, checkpoint, str(weights))
        trained_on = checkpoint.get('meta', {}).get('dataset_meta')
        self.dataset_meta = trained_on or self.dataset_meta
        return model

    def _run(
        self,
        inputs: Inputs | PairInputs,
        batch_size: int,
        show_progress: bool,
        describe: Callable[[list[Sample]], list[dict]],
        finish: Callable[[list[dict]], None],
    ) -> dict[str, list]:
        """Read and predict all images, batch by batch.

        Args:
            inputs: As :meth:`_list` takes them.
            batch_size: Images predicted at once.
            show_progress: Show a bar with the time left.
            describe: Predicts one batch of images, one dict an image.
            finish: Receives all predictions, or, when an error ends the run,
                those made until then.

        Returns:
            ``predictions``, and ``skipped``: pairs of path and reason.
        """
        images = list(enumerate(self._list(inputs)))
        predictions, skipped = [], []
        try:
            with progress_bar(show_progress) as progress:
                task = progress.add_task(self.DOING, total=len(images))
                for start in range(0, len(images), batch_size):
                    batch = images[start : start + batch_size]
                    samples = self._load(batch, skipped)
                    if samples:
                        predictions += describe(samples)
                    progress.advance(task, len(batch))
        finally:
            finish(predictions)
        for _, reason in skipped:
            print_log(f'skipped: {reason}', 'current', logging.WARNING)
        return dict(predictions=predictions, skipped=skipped)

    def _load(
        self,
        batch: list[tuple[int, Input]],
        skipped: list[tuple[str, str]],
    ) -> list[Sample]:
        samples = []
        for image_id, image in batch:
            try:
                loaded = self._load_one(image)
            except BadImageError as error:
                skipped.append((image.name, str(error)))
                continue
            pixels = self._pixels(loaded)
            packed = self._prepare(loaded | dict(img_id=image_id))
            valid = loaded.get('valid')
            samples.append(Sample(image_id, image, pixels, packed, valid))
        return samples

    def _list(self, inputs: Inputs | PairInputs) -> list[Input]:
        """List what shall be predicted."""
        return list_inputs(inputs)

    def _load_one(self, image: Input) -> dict:
        """Read one input, as the first step of a pipeline does.

        Raises:
            BadImageError: It cannot be used.
        """
        if not isinstance(image.source, np.ndarray):
            return self._load_file(dict(img_path=str(image.source)))
        shape = image.source.shape[:2]
        return dict(
            img=image.source, img_path=None, img_shape=shape, ori_shape=shape
        )

    def _pixels(
        self, loaded: dict
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Take the pixels to be shown of what was loaded."""
        return bgr2rgb(loaded['img']).astype(np.uint8)

    def _forward(self, samples: list[Sample]) -> list[BaseDataElement]:
        with torch.no_grad():
            return self.model.test_step(
                pseudo_collate([sample.packed for sample in samples])
            )


def _dataset_meta(cfg: Config) -> dict:
    """Class names and colours of the data set that the config tests."""
    dataset = innermost(cfg.test_dataloader.dataset)
    with DATASETS.switch_scope_and_registry(None) as registry:
        kind = registry.get(dataset.type)
    return kind._load_metainfo(dataset.get('metainfo'))


def prediction_pipeline(cfg: Config) -> list[ConfigDict]:
    """Take the test pipeline without annotations, and with checked loading."""
    pipeline = innermost(cfg.test_dataloader.dataset).pipeline
    steps = [s for s in pipeline if not s['type'].endswith(_TRUTH_STEPS)]
    if steps[0]['type'].endswith('LoadImageFromFile'):
        steps[0] = ConfigDict(type='mmrs.LoadRSImage')
    return steps
