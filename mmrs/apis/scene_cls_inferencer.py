"""Scene classification of images, folders of them, or arrays."""

import csv
import json
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image

from mmrs.errors import InputError
from mmrs.registry import INFERENCERS
from mmrs.visualization import draw_scene

from .base_inferencer import BaseInferencer, Sample
from .inputs import Inputs


@INFERENCERS.register_module()
class SceneClassificationInferencer(BaseInferencer):
    """Says of images what scene they show, with the model of a config.

    Example:
        >>> inferencer = SceneClassificationInferencer('config.py', 'best.pth')
        >>> found = inferencer('data/UC/beach', out_dir='found')
        >>> found['predictions'][0]['classes'][0]

    Args:
        model: A config of any mmpretrain-style image classifier, with a
            ``test_dataloader`` whose pipeline prepares the images.
        weights: Its checkpoint. Without one the model keeps the weights it
            is built with, which suits only models that need no training.
        device: ``'cpu'``, ``'cuda:0'``, ...; a GPU if there is one.

    Raises:
        InputError: The config or checkpoint cannot be used.
    """

    DOING = 'Classifying'

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(model, weights, device)
        if not self.dataset_meta.get('classes'):
            raise InputError(
                'neither the checkpoint nor the config names the classes; '
                'set metainfo=dict(classes=...) in the data set of '
                'test_dataloader'
            )

    def __call__(
        self,
        inputs: Inputs,
        batch_size: int = 1,
        out_dir: str | Path | None = None,
        top_k: int = 5,
        activation: bool = False,
        draw: bool = True,
        show_progress: bool = True,
    ) -> dict[str, list]:
        """Predict all images; those that cannot be read are skipped.

        Args:
            inputs: An image file, a folder (with its subfolders), an array
                (H, W, 3) of BGR uint8, or a list of files and arrays.
            batch_size: Images predicted at once.
            out_dir: Receives ``predictions/*.json``, one file an image,
                ``predictions.csv``, one line an image, and
                ``pictures/*.png``. What was predicted is kept even when a
                later image ends the run.
            top_k: How many of the most probable classes are told; all of
                them if there are fewer.
            activation: Show also which parts of the image speak for the most
                probable class. Takes a second pass through the network.
            draw: Write the pictures.
            show_progress: Show a bar with the time left.

        Returns:
            ``predictions``, one dict an image with `image_id`, `path`,
            `height`, `width`, and for its K most probable classes, the best
            first, `labels`, `classes` and `scores` (probabilities, 0 to 1);
            with `activation` also an array of that name (h, w), the
            contribution of each part of what the model saw (after resizing
            and cropping) to the score of the first class; and ``skipped``,
            pairs of path and reason.

        Raises:
            InputError: There is nothing to predict, or the model cannot tell
                its activation.
        """
        if top_k < 1:
            raise InputError(f'top_k is {top_k}; ask for one class at least')
        if activation:
            self._check_activation()
        out_dir = None if out_dir is None else Path(out_dir)

        def describe(samples: list[Sample]) -> list[dict]:
            predictions = self._predict(samples, top_k)
            if activation:
                self._add_activations(samples, predictions)
            if out_dir is not None:
                for sample, prediction in zip(samples, predictions):
                    _write(out_dir, sample, prediction, draw)
            return predictions

        def finish(predictions: list[dict]) -> None:
            if out_dir is not None:
                _write_table(out_dir / 'predictions.csv', predictions)

        return self._run(inputs, batch_size, show_progress, describe, finish)

    def _predict(self, samples: list[Sample], top_k: int) -> list[dict]:
        outputs = self._forward(samples)
        scores = torch.stack([output.pred_score for output in outputs]).cpu()
        names = self.dataset_meta['classes']
        if scores.shape[1] != len(names):
            raise InputError(
                f'the model gives {scores.shape[1]} scores an image, but '
                f'there are {len(names)} classes; correct num_classes of the '
                "model's head, or metainfo=dict(classes=...) of the data set"
            )
        best = scores.topk(min(top_k, len(names)))
        return [
            dict(
                image_id=sample.image_id,
                path=sample.image.name,
                height=sample.pixels.shape[0],
                width=sample.pixels.shape[1],
                labels=labels,
                classes=[names[label] for label in labels],
                scores=values,
            )
            for sample, labels, values in zip(
                samples, best.indices.tolist(), best.values.tolist()
            )
        ]

    def _check_activation(self) -> None:
        backbone = self.model.backbone
        if not hasattr(backbone, 'class_activation'):
            raise InputError(
                f'the backbone {type(backbone).__name__} cannot tell which '
                'parts of an image speak for a class: it has no method '
                'class_activation; leave out activation'
            )
        if not hasattr(self.model.head, 'fc'):
            raise InputError(
                f'the head {type(self.model.head).__name__} has no linear '
                'layer fc, whose weights activation needs; leave it out'
            )

    @torch.no_grad()
    def _add_activations(
        self, samples: list[Sample], predictions: list[dict]
    ) -> None:
        data = pseudo_collate([sample.packed for sample in samples])
        inputs = self.model.data_preprocessor(data, False)['inputs']
        labels = [prediction['labels'][0] for prediction in predictions]
        weight = self.model.head.fc.weight[labels]
        maps = self.model.backbone.class_activation(inputs, weight)
        for prediction, activation in zip(predictions, maps.float().cpu()):
            prediction['activation'] = activation.numpy()


def _write(
    out_dir: Path, sample: Sample, prediction: dict, draw: bool
) -> None:
    """Write the files of one image."""
    told = {k: v for k, v in prediction.items() if k != 'activation'}
    path = out_dir / f'predictions/{sample.image.stem}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=2))
    if not draw:
        return
    picture = draw_scene(
        sample.pixels,
        prediction['classes'],
        prediction['scores'],
        prediction.get('activation'),
        _seen(sample),
    )
    path = out_dir / f'pictures/{sample.image.stem}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def _seen(sample: Sample) -> np.ndarray:
    """RGB pixels (H, W, 3) of what the pipeline gives the model."""
    bgr = sample.packed['inputs'].permute(1, 2, 0).numpy()
    return bgr[..., ::-1].astype(np.uint8)


def _write_table(path: Path, predictions: list[dict]) -> None:
    """Write a line an image: its path, then class and score by rank."""
    count = len(predictions[0]['classes']) if predictions else 0
    ranks = [(f'class_{k}', f'score_{k}') for k in range(1, count + 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['path', *sum(ranks, ())])
        for found in predictions:
            pairs = zip(found['classes'], found['scores'])
            cells = [cell for name, s in pairs for cell in (name, f'{s:.4f}')]
            writer.writerow([found['path'], *cells])
