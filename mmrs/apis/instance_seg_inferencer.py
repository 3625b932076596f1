"""Instance segmentation of images, folders of them, or arrays."""

import copy
import csv
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmcv.image import bgr2rgb
from mmdet.structures import DetDataSample
from mmdet.structures.mask import encode_mask_results
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from PIL import Image
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from torch import nn

from mmrs.datasets import BadImageError
from mmrs.registry import DATASETS, INFERENCERS, MODELS, TRANSFORMS
from mmrs.utils.checkpoint import (
    forget_pretraining,
    load_weights,
    read_checkpoint,
)
from mmrs.utils.cli import check_device, innermost, load_config
from mmrs.visualization import draw_instances

from .inputs import ImageInput, Inputs, list_inputs


@INFERENCERS.register_module()
class InstanceSegInferencer:
    """Finds the instances in images with the model of a config.

    Example:
        >>> inferencer = InstanceSegInferencer('config.py', 'epoch_300.pth')
        >>> found = inferencer('data/NWPU/imgs', out_dir='found')
        >>> found['predictions'][0]['scores']

    Args:
        model: A config of any mmdet-style instance segmentation model, with
            a ``test_dataloader`` whose pipeline prepares the images.
        weights: Its checkpoint. Without one the model keeps the weights it
            is built with, which suits only models that need no training.
        device: ``'cpu'``, ``'cuda:0'``, ...; a GPU if there is one.

    Raises:
        InputError: The config or checkpoint cannot be used.
    """

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
        load, *prepare = _prediction_pipeline(cfg)
        self._load_file = TRANSFORMS.build(load)
        self._load_array = TRANSFORMS.build(
            dict(type='mmdet.LoadImageFromNDArray')
        )
        self._prepare = Compose(prepare)

    def __call__(
        self,
        inputs: Inputs,
        batch_size: int = 1,
        out_dir: str | Path | None = None,
        score_thr: float = 0.3,
        show_progress: bool = True,
    ) -> dict[str, list]:
        """Predict all images; those that cannot be read are skipped.

        Args:
            inputs: An image file, a folder (with its subfolders), an array
                (H, W, 3) of BGR uint8, or a list of files and arrays.
            batch_size: Images predicted at once.
            out_dir: Receives ``overlays/*.png``, ``tables/*.csv`` (class,
                score, box corners x1 to y2 and mask area in pixels) and
                ``predictions.json``: COCO annotations with scores and
                RLE masks, plus the lists `images` and `categories` that
                explain their ids. What was predicted is kept even when a
                later image ends the run.
            score_thr: Instances of lower scores are left out everywhere.
                Take 0 for files that shall be scored by COCO's AP.
            show_progress: Show a bar with the time left.

        Returns:
            ``predictions``, one dict an image with `image_id`, `path`,
            `height`, `width`, and for its N instances `labels`, `classes`,
            `scores`, `bboxes` (x1, y1, x2, y2 in pixels), `areas` in
            pixels and `masks` (COCO RLE); and ``skipped``, pairs of path
            and reason.

        Raises:
            InputError: There is nothing to predict.
        """
        images = list(enumerate(list_inputs(inputs)))
        out_dir = None if out_dir is None else Path(out_dir)
        predictions, skipped = [], []
        try:
            with _progress_bar(show_progress) as progress:
                task = progress.add_task('Segmenting', total=len(images))
                for start in range(0, len(images), batch_size):
                    batch = images[start : start + batch_size]
                    samples = self._load(batch, skipped)
                    predictions += self._predict(samples, out_dir, score_thr)
                    progress.advance(task, len(batch))
        finally:
            if out_dir is not None:
                _write_coco(
                    out_dir / 'predictions.json',
                    predictions,
                    self.dataset_meta['classes'],
                )
        for _, reason in skipped:
            print_log(f'skipped: {reason}', 'current', logging.WARNING)
        return dict(predictions=predictions, skipped=skipped)

    def _build_model(
        self, cfg: Config, weights: str | Path | None
    ) -> nn.Module:
        if weights is None:
            model = MODELS.build(cfg.model)
            model.init_weights()
            print_log(
                'no checkpoint was given: the model is used as it is built',
                'current',
                logging.WARNING,
            )
            return revert_sync_batchnorm(model)
        checkpoint = read_checkpoint(str(weights))
        model_cfg = copy.deepcopy(cfg.model)
        forget_pretraining(model_cfg)
        model = revert_sync_batchnorm(MODELS.build(model_cfg))
        load_weights(model, checkpoint, str(weights))
        trained_on = checkpoint.get('meta', {}).get('dataset_meta')
        self.dataset_meta = trained_on or self.dataset_meta
        return model

    def _load(
        self,
        batch: list[tuple[int, ImageInput]],
        skipped: list[tuple[str, str]],
    ) -> list['_Sample']:
        samples = []
        for image_id, image in batch:
            is_array = isinstance(image.source, np.ndarray)
            load = self._load_array if is_array else self._load_file
            key = 'img' if is_array else 'img_path'
            source = image.source if is_array else str(image.source)
            try:
                loaded = load({key: source, 'img_id': image_id})
            except BadImageError as error:
                skipped.append((image.name, str(error)))
                continue
            pixels = bgr2rgb(loaded['img']).astype(np.uint8)
            packed = self._prepare(loaded)
            samples.append(_Sample(image_id, image, pixels, packed))
        return samples

    @torch.no_grad()
    def _predict(
        self, samples: list['_Sample'], out_dir: Path | None, score_thr: float
    ) -> list[dict]:
        if not samples:
            return []
        outputs = self.model.test_step(
            pseudo_collate([sample.packed for sample in samples])
        )
        predictions = []
        for sample, output in zip(samples, outputs):
            found, masks = self._describe(output, score_thr)
            height, width = output.ori_shape
            prediction = dict(
                image_id=sample.image_id,
                path=sample.image.name,
                height=height,
                width=width,
                **found,
            )
            predictions.append(prediction)
            if out_dir is not None:
                stem = sample.image.stem
                _write_table(out_dir / f'tables/{stem}.csv', found)
                self._write_overlay(
                    out_dir / f'overlays/{stem}.png',
                    sample.pixels,
                    found,
                    masks,
                )
        return predictions

    def _describe(
        self, output: DetDataSample, score_thr: float
    ) -> tuple[dict, np.ndarray]:
        """Return the instances as plain values, and (N, H, W) bool masks."""
        found = output.pred_instances
        found = found[found.scores >= score_thr].cpu()
        masks = found.masks.numpy().astype(bool)
        rles = encode_mask_results(masks)
        for rle in rles:
            rle['counts'] = rle['counts'].decode('ascii')
        labels = found.labels.tolist()
        return (
            dict(
                labels=labels,
                classes=[self.dataset_meta['classes'][i] for i in labels],
                scores=found.scores.tolist(),
                bboxes=found.bboxes.tolist(),
                areas=masks.sum(axis=(1, 2)).tolist(),
                masks=rles,
            ),
            masks,
        )

    def _write_overlay(
        self, path: Path, pixels: np.ndarray, found: dict, masks: np.ndarray
    ) -> None:
        overlay = draw_instances(
            pixels,
            masks,
            found['labels'],
            found['scores'],
            self.dataset_meta['classes'],
            self.dataset_meta.get('palette'),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(overlay).save(path)


@dataclass
class _Sample:
    """An image that was read: RGB pixels, and the model's input."""

    image_id: int
    image: ImageInput
    pixels: np.ndarray
    packed: dict


def _dataset_meta(cfg: Config) -> dict:
    """Class names and colours of the data set that the config tests."""
    dataset = innermost(cfg.test_dataloader.dataset)
    with DATASETS.switch_scope_and_registry(None) as registry:
        kind = registry.get(dataset.type)
    return kind._load_metainfo(dataset.get('metainfo'))


def _prediction_pipeline(cfg: Config) -> list[ConfigDict]:
    """Take the test pipeline without annotations, and with checked loading."""
    pipeline = innermost(cfg.test_dataloader.dataset).pipeline
    steps = [s for s in pipeline if not s.type.endswith('LoadAnnotations')]
    if steps[0].type.endswith('LoadImageFromFile'):
        steps[0] = ConfigDict(type='mmrs.LoadRSImage')
    return steps


def _progress_bar(show: bool) -> Progress:
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        disable=not show,
    )


def _write_table(path: Path, found: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['class', 'score', 'x1', 'y1', 'x2', 'y2', 'area'])
        for name, score, box, area in zip(
            found['classes'], found['scores'], found['bboxes'], found['areas']
        ):
            corners = [f'{value:.1f}' for value in box]
            writer.writerow([name, f'{score:.4f}', *corners, area])


def _write_coco(
    path: Path, predictions: list[dict], classes: list[str]
) -> None:
    images = [
        dict(
            id=found['image_id'],
            file_name=found['path'],
            height=found['height'],
            width=found['width'],
        )
        for found in predictions
    ]
    annotations = [
        dict(
            image_id=found['image_id'],
            category_id=label + 1,
            bbox=[x1, y1, x2 - x1, y2 - y1],
            score=score,
            area=area,
            iscrowd=0,
            segmentation=mask,
        )
        for found in predictions
        for label, score, (x1, y1, x2, y2), area, mask in zip(
            found['labels'],
            found['scores'],
            found['bboxes'],
            found['areas'],
            found['masks'],
        )
    ]
    for number, annotation in enumerate(annotations, start=1):
        annotation['id'] = number
    categories = [
        dict(id=number, name=name)
        for number, name in enumerate(classes, start=1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            dict(images=images, annotations=annotations, categories=categories)
        )
    )
