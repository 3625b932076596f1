"""Class maps kept in a file, small and safe to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmrs.errors import InputError
from mmrs.registry import METRICS
from mmrs.utils.checkpoint_files import read_file

__all__ = ['DumpClassMaps', 'DumpedMaps', 'read_class_maps']

LEVELS = 255  # a confidence of 1


@dataclass(frozen=True)
class DumpedMaps:
    """What was kept of an image.

    Attributes:
        sample_id: Its name.
        subset: 'clean' or 'noisy', or None where this is not known.
        predicted: Class of each pixel, uint8 (H, W).
        confidence: Probability of that class, float32 (H, W).
        label: The given label, uint8 (H, W), or None.
        truth: The label before noise was injected, uint8 (H, W), or None.
    """

    sample_id: str
    subset: str | None
    predicted: np.ndarray
    confidence: np.ndarray
    label: np.ndarray | None
    truth: np.ndarray | None


@METRICS.register_module()
class DumpClassMaps(BaseMetric):
    """Write class maps, their confidence and the labels to a file.

    ``tools/test.py --out FILE.pkl`` takes it with
    ``dump_metric = dict(type='DumpClassMaps')`` in the config. A map has a
    byte a pixel, and so has the confidence, in 255 levels.

    Args:
        out_file_path: The file.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.
    """

    def __init__(self, out_file_path: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.out_file_path = out_file_path

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Pack each image.

        Args:
            data_batch: Not used.
            data_samples: With ``pred_sem_seg`` and ``sample_id``, and
                possibly ``seg_logits``, ``gt_sem_seg``,
                ``gt_true_seg_map`` and ``subset``.

        Raises:
            InputError: There is no ``sample_id``.
        """
        for sample in data_samples:
            if 'sample_id' not in sample:
                raise InputError(
                    f'{sample.get("img_path", "an image")} has no sample_id, '
                    "which DumpClassMaps needs; add 'sample_id' to meta_keys "
                    'of the packing transform'
                )
            maps = {
                key: _bytes(sample[name])
                for key, name in (
                    ('predicted', 'pred_sem_seg'),
                    ('label', 'gt_sem_seg'),
                    ('truth', 'gt_true_seg_map'),
                )
                if name in sample
            }
            maps['confidence'] = _confidence(sample, maps['predicted'])
            maps |= {k: sample.get(k) for k in ('sample_id', 'subset')}
            self.results.append(maps)

    def compute_metrics(self, results: list[dict]) -> dict:
        """Write the file."""
        Path(self.out_file_path).parent.mkdir(parents=True, exist_ok=True)
        torch.save(results, self.out_file_path)
        return {}


def read_class_maps(path: str | Path) -> dict[str, DumpedMaps]:
    """Read what :class:`DumpClassMaps` has written, by ``sample_id``.

    Raises:
        InputError: The file is missing, or is no such file.
    """
    if not Path(path).is_file():
        raise InputError(
            f'{path} does not exist; write it with tools/test.py CONFIG '
            'CHECKPOINT --out FILE.pkl'
        )
    try:
        return {item['sample_id']: _unpack(item) for item in read_file(path)}
    except (InputError, KeyError, TypeError) as error:
        raise InputError(
            f'{path} was not written by DumpClassMaps; set '
            "dump_metric=dict(type='DumpClassMaps') in the config and write "
            'it with tools/test.py --out again'
        ) from error


def _bytes(field: dict) -> torch.Tensor:
    return field['data'].squeeze(0).cpu().to(torch.uint8)


def _confidence(sample: dict, predicted: torch.Tensor) -> torch.Tensor:
    """Probability of the predicted class in ``LEVELS``; 1 without logits."""
    if 'seg_logits' not in sample:
        return torch.full_like(predicted, LEVELS)
    logits = sample['seg_logits']['data'].float().cpu()
    if len(logits) == 1:  # a single logit, of class 1
        logits = torch.cat([-logits / 2, logits / 2])
    share = logits.softmax(0).gather(0, predicted[None].long())[0]
    return (LEVELS * share).round().to(torch.uint8)


def _unpack(item: dict) -> DumpedMaps:
    maps = {
        key: item[key].numpy() if key in item else None
        for key in ('predicted', 'label', 'truth')
    }
    confidence = item['confidence'].numpy().astype(np.float32) / LEVELS
    return DumpedMaps(
        item['sample_id'], item['subset'], confidence=confidence, **maps
    )
