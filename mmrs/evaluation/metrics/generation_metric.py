"""How generated images agree with their condition and with reality."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mmrs.evaluation.functional.image_features import Perceptual
from mmrs.registry import METRICS

from .fid import check_samples, enlarge

__all__ = ['GenerationMetric', 'gradient_energy', 'psnr', 'reduce_by_area']

# So that a perfect image has a figure: less than any rounding leaves.
_LEAST_ERROR = 1e-3


@METRICS.register_module()
class GenerationMetric(BaseMetric):
    """Fidelity and sharpness of images that were generated four times finer.

    PSNR is in dB of 255 grey levels, from the mean squared error over all
    images. *Reduced* means the mean of each 4 x 4 pixels (ours, as the
    condition of a clean image is made).

    - ``psnr``: output and real image. A generator invents detail: it is not
      meant to win here.
    - ``psnr_nearest``: the condition, enlarged by repeating pixels, and the
      real image.
    - ``lr_psnr``: reduced output and condition, the low-resolution
      consistency. Repeating pixels is perfect here, so that it has no
      baseline of that kind.
    - ``lr_gain``: ``lr_psnr - psnr_nearest``: by how much the output agrees
      better with its condition than the condition, enlarged by repeating
      pixels, agrees with reality.
    - ``lr_psnr_real``: reduced output and reduced real image; where the
      condition is degraded, this is whether the degradation was undone.
    - ``lr_psnr_condition``: condition and reduced real image, which that is
      to be compared with.
    - ``gradient_ratio``: energy of the gradient of the output over that of
      the real image; 1 is as sharp. ``gradient_ratio_bicubic``: likewise of
      the condition, enlarged by bicubic interpolation.
    - With `lpips`: ``lpips``, output and real image; ``lpips_condition``,
      output and the condition, enlarged by bicubic interpolation. With random
      weights both end in ``_substitute``.

    All are of all images, and of each resolution under ``psnr_4m`` and so on
    where there are several.

    Args:
        lpips: Arguments of :class:`~mmrs.evaluation.Perceptual`. None:
            without.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'gen'

    def __init__(self, lpips: dict | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.lpips = None if lpips is None else Perceptual(**lpips)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare each image.

        Args:
            data_batch: Not used.
            data_samples: With ``pred_img`` and ``gt_img`` (3, H, W),
                ``lr_img`` (3, H / 4, W / 4), all uint8, and ``resolution``.
        """
        check_samples(data_samples, 'GenerationMetric')
        for sample in data_samples:
            row = self._compare(
                sample['pred_img'], sample['gt_img'], sample['lr_img']
            )
            self.results.append((float(sample['resolution']), row))

    def _compare(
        self, pred: Tensor, real: Tensor, lr: Tensor
    ) -> dict[str, float]:
        """Squared errors, energies and distances of an image."""
        condition = lr.float()
        reduced, reduced_real = reduce_by_area(pred), reduce_by_area(real)
        bicubic = enlarge(lr[None], 'bicubic')[0]
        row = dict(
            psnr=_squared_error(pred, real),
            psnr_nearest=_squared_error(enlarge(lr[None], 'nearest')[0], real),
            lr_psnr=_squared_error(reduced, condition),
            lr_psnr_real=_squared_error(reduced, reduced_real),
            lr_psnr_condition=_squared_error(condition, reduced_real),
            energy=gradient_energy(pred),
            energy_real=gradient_energy(real),
            energy_bicubic=gradient_energy(bicubic),
        )
        if self.lpips is not None:
            self.lpips.to(pred.device)
            end = '_substitute' if self.lpips.is_substitute else ''
            for name, other in (('', real), ('_condition', bicubic)):
                distance = self.lpips(pred[None], other[None]).item()
                row[f'lpips{name}{end}'] = distance
        return row

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Average over all images, and over those of each resolution."""
        figures = _summarise([row for _, row in results])
        resolutions = sorted({r for r, _ in results}, reverse=True)
        table = Table('', 'all', *(f'{r:g} m' for r in resolutions))
        table.box = box.ASCII
        by_resolution = [
            _summarise([row for r, row in results if r == wanted])
            for wanted in resolutions
        ]
        for name, value in figures.items():
            values = (value, *(part[name] for part in by_resolution))
            table.add_row(name, *(f'{x:.3f}' for x in values))
        _log(table)
        if len(resolutions) > 1:
            for resolution, part in zip(resolutions, by_resolution):
                for name, value in part.items():
                    figures[f'{name}_{resolution:g}m'] = value
        return figures


def _summarise(rows: list[dict[str, float]]) -> dict[str, float]:
    means = {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}
    figures = {
        key: psnr(value) for key, value in means.items() if 'psnr' in key
    }
    figures['lr_gain'] = figures['lr_psnr'] - figures['psnr_nearest']
    real = max(means['energy_real'], _LEAST_ERROR)
    figures['gradient_ratio'] = means['energy'] / real
    figures['gradient_ratio_bicubic'] = means['energy_bicubic'] / real
    return figures | {k: v for k, v in means.items() if 'lpips' in k}


def psnr(squared_error: float) -> float:
    """PSNR in dB of a mean squared error in squared grey levels."""
    return float(10 * np.log10(255**2 / max(squared_error, _LEAST_ERROR)))


def reduce_by_area(image: Tensor, scale: int = 4) -> Tensor:
    """Mean of each `scale` x `scale` pixels of (3, H, W), float32."""
    return F.avg_pool2d(image.float(), scale)


def gradient_energy(image: Tensor) -> float:
    """Mean squared difference of neighbours, in squared grey levels.

    The sum of that along rows and that along columns, of (3, H, W).
    """
    image = image.float()
    return sum(image.diff(dim=axis).square().mean().item() for axis in (1, 2))


def _squared_error(one: Tensor, other: Tensor) -> float:
    return torch.mean((one.float() - other.float()) ** 2).item()


def _log(table: Table) -> None:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    MMLogger.get_current_instance().info('generation\n' + capture.get())
