"""Distances between the distributions of real and generated images."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmrs.errors import InputError
from mmrs.evaluation.functional.image_features import (
    InceptionFeatures,
    RandomFeatures,
)
from mmrs.registry import METRICS

__all__ = ['FIDMetric', 'enlarge', 'frechet_distance', 'kernel_distance']

_BASELINES = ('nearest', 'bilinear', 'bicubic')


@METRICS.register_module()
class FIDMetric(BaseMetric):
    """FID and KID of generated images against the real ones of the same set.

    Of all images together, and of each resolution under ``FID_4m`` and so on
    where there are several: with `inception`, ``FID`` (arXiv 1706.08500) and
    ``KID`` (arXiv 1801.01401, the mean over subsets). Without, the same
    formulae on the features of a random network, as ``FID_substitute`` and
    ``KID_substitute``: no figure of others can be compared with these.

    FID needs some 10,000 images; of fewer it is too high, more so the fewer
    there are.

    Args:
        inception: Weights of the network, a local file as of
            :class:`~mmrs.evaluation.functional.image_features.InceptionFeatures`.
        baselines: Ways of enlarging the condition to score as well, under
            ``FID_bicubic`` and so on: ``'nearest'``, ``'bilinear'``,
            ``'bicubic'``.
        seed: Of the random network, and of KID's subsets.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'gen'

    def __init__(
        self,
        inception: str | None = None,
        baselines: Sequence[str] = ('bicubic',),
        seed: int = 0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        unknown = set(baselines) - set(_BASELINES)
        if unknown:
            raise InputError(
                f'FIDMetric(baselines=...): {unknown.pop()!r} is none of '
                f'{", ".join(_BASELINES)}'
            )
        self.baselines = tuple(baselines)
        self.seed = seed
        self.network = (
            InceptionFeatures(inception) if inception else RandomFeatures(seed)
        )

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compute the features of a batch.

        Args:
            data_batch: Not used.
            data_samples: With ``pred_img``, ``gt_img``, ``lr_img`` and
                ``resolution``.
        """
        check_samples(data_samples, 'FIDMetric')
        features = {}
        for key, name in (('', 'pred_img'), ('real', 'gt_img')):
            features[key] = self._features([s[name] for s in data_samples])
        for mode in self.baselines:
            features[mode] = self._features(
                [enlarge(s['lr_img'][None], mode)[0] for s in data_samples]
            )
        for i, sample in enumerate(data_samples):
            row = {key: values[i] for key, values in features.items()}
            self.results.append((float(sample['resolution']), row))

    def _features(self, images: list[Tensor]) -> np.ndarray:
        batch = torch.stack(images)
        self.network.to(batch.device)
        return self.network(batch).double().cpu().numpy()

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Score all images, and those of each resolution."""
        figures = self._score([row for _, row in results], '')
        resolutions = sorted({resolution for resolution, _ in results})
        if len(resolutions) > 1:
            for wanted in resolutions:
                rows = [row for r, row in results if r == wanted]
                figures |= self._score(rows, f'_{wanted:g}m')
        return figures

    def _score(self, rows: list[dict], end: str) -> dict[str, float]:
        if len(rows) < 2:
            raise InputError(
                f'FIDMetric has {len(rows)} image{end.replace("_", " of ")}; '
                'a distribution needs two or more: raise max_per_resolution '
                'of the data set'
            )
        kind = '_substitute' if self.network.is_substitute else ''
        real = np.stack([row['real'] for row in rows])
        figures = {}
        for key in ('', *self.baselines):
            made = np.stack([row[key] for row in rows])
            name = f'{kind}_{key}{end}' if key else f'{kind}{end}'
            figures[f'FID{name}'] = frechet_distance(real, made)
            figures[f'KID{name}'] = kernel_distance(real, made, self.seed)
        return figures


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Distance of two normal distributions of features (N, D)."""
    from torch_fidelity.metric_fid import (
        KEY_METRIC_FID,
        fid_features_to_statistics,
        fid_statistics_to_metric,
    )

    statistics = [
        fid_features_to_statistics(torch.from_numpy(x)) for x in (one, other)
    ]
    return fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]


def kernel_distance(one: np.ndarray, other: np.ndarray, seed: int) -> float:
    """Mean squared discrepancy over subsets of features (N, D)."""
    from torch_fidelity.metric_kid import (
        KEY_METRIC_KID_MEAN,
        kid_features_to_metric,
    )

    return kid_features_to_metric(
        torch.from_numpy(one),
        torch.from_numpy(other),
        kid_subsets=100,
        kid_subset_size=min(len(one), len(other), 1000),
        rng_seed=seed,
        verbose=False,
    )[KEY_METRIC_KID_MEAN]


def enlarge(images: Tensor, mode: str, scale: int = 4) -> Tensor:
    """Enlarge images (B, 3, H, W), uint8, by interpolation."""
    options = {} if mode == 'nearest' else dict(align_corners=False)
    large = F.interpolate(
        images.float(), scale_factor=scale, mode=mode, **options
    )
    return large.round().clamp(0, 255).to(torch.uint8)


def check_samples(data_samples: Sequence[dict], metric: str) -> None:
    """Say what a model or a pipeline has not given.

    Raises:
        InputError: A sample lacks an image.
    """
    for sample in data_samples:
        for key in ('pred_img', 'gt_img', 'lr_img'):
            if key not in sample:
                raise InputError(
                    f'{sample.get("sample_id", "an image")} has no {key}, '
                    f'which {metric} needs; test a MetaEarth with '
                    'PackGenInputs at the end of its test pipeline'
                )
