"""Instance segmentation of images, folders of them, or arrays."""

import csv
import json
from pathlib import Path

import numpy as np
from mmdet.structures import DetDataSample
from mmdet.structures.mask import encode_mask_results
from PIL import Image

from mmrs.registry import INFERENCERS
from mmrs.visualization import draw_instances

from .base_inferencer import BaseInferencer, Sample
from .inputs import Inputs


@INFERENCERS.register_module()
class InstanceSegInferencer(BaseInferencer):
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

    DOING = 'Segmenting'

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
        out_dir = None if out_dir is None else Path(out_dir)

        def finish(predictions: list[dict]) -> None:
            if out_dir is not None:
                _write_coco(
                    out_dir / 'predictions.json',
                    predictions,
                    self.dataset_meta['classes'],
                )

        return self._run(
            inputs,
            batch_size,
            show_progress,
            lambda samples: self._predict(samples, out_dir, score_thr),
            finish,
        )

    def _predict(
        self, samples: list[Sample], out_dir: Path | None, score_thr: float
    ) -> list[dict]:
        predictions = []
        for sample, output in zip(samples, self._forward(samples)):
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
