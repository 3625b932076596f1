"""Windows that are merged at each step, in one image held in memory."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from mmrs.errors import InputError

from .denoiser import Denoiser, Place, to_grey_levels
from .merge import merge_weights
from .windows import Axis

# About 40 bytes a pixel are needed: the noisy image, its sum and weights, and
# of 'multidiffusion' the past of each window.
_MAX_PIXELS = 2**26


@torch.no_grad()
def denoise_area(
    denoiser: Denoiser,
    lr_at: Callable[[Place], np.ndarray],
    rows: Axis,
    cols: Axis,
) -> np.ndarray:
    """Generate a whole image by MultiDiffusion or Mixture of Diffusers.

    MultiDiffusion (arXiv 2302.08113) averages the less noisy windows of each
    step, Mixture of Diffusers (arXiv 2302.02412) the noise that is predicted,
    with Gaussian weights.

    Args:
        denoiser: Of the stage; its settings name the rule.
        lr_at: The condition (p, p, 3) of the window at a place, uint8.
        rows: Windows from top to bottom.
        cols: Windows from left to right.

    Returns:
        (rows.size, cols.size, 3), uint8.

    Raises:
        InputError: The image is too large to be held.
    """
    _check_size(rows.size * cols.size, denoiser.settings.merge)
    area = _Area(denoiser, rows, cols)
    whole = denoiser.start()
    # What a batch's solver remembers is its own, since the average of noisy
    # windows is no step of any solver.
    own = [denoiser.start() for _ in area.batches]
    averages_noise = denoiser.settings.merge == 'mixture'
    x = area.noise(0) * whole.init_noise_sigma
    for number, t in enumerate(whole.timesteps, start=1):
        extra = area.noise(number) if denoiser.stochastic else None
        found = []
        for solver, places in zip(own, area.batches):
            now = _predict(denoiser, area, x, places, lr_at, t)
            if not averages_noise:
                cut = None if extra is None else area.cut(extra, places)
                windows = area.cut(x, places)
                now = denoiser.step(solver, now, t, windows, cut)
            found.append(now)
        merged = area.merge(found)
        if averages_noise:
            more = None if extra is None else extra[None]
            merged = denoiser.step(whole, merged[None], t, x[None], more)[0]
        x = merged
    return to_grey_levels(area.inside(x)[None])[0]


def _predict(
    denoiser: Denoiser,
    area: '_Area',
    x: Tensor,
    places: Sequence[Place],
    lr_at: Callable[[Place], np.ndarray],
    t: Tensor,
) -> Tensor:
    def function(lr: np.ndarray, places: Sequence[Place]) -> Tensor:
        return denoiser.predict(area.cut(x, places), denoiser.encode(lr), t)

    lr = np.stack([lr_at(place) for place in places])
    return denoiser.in_batch(function, lr, places)


class _Area:
    """All that the windows of an image cover, its margins included."""

    def __init__(self, denoiser: Denoiser, rows: Axis, cols: Axis) -> None:
        self._denoiser = denoiser
        self._rows, self._cols = rows, cols
        settings = denoiser.settings
        self._tile, self._margin = rows.tile, rows.margin
        places = [
            (rows.start(i), cols.start(j))
            for i in range(rows.count)
            for j in range(cols.count)
        ]
        batch = settings.tile_batch
        self.batches = [
            places[first : first + batch]
            for first in range(0, len(places), batch)
        ]
        side = merge_weights(settings.merge, rows.tile, rows.stride)
        weights = torch.from_numpy(np.outer(side, side))
        self._weights = weights.to(denoiser.device)
        self._total_weight = self._empty(1)
        for place in places:
            self._at(self._total_weight, place).add_(self._weights)

    def _empty(self, channels: int) -> Tensor:
        sides = [
            axis.count * axis.stride + 2 * axis.margin
            for axis in (self._rows, self._cols)
        ]
        return torch.zeros(channels, *sides, device=self._denoiser.device)

    def _at(self, x: Tensor, place: Place) -> Tensor:
        top, left = (at + self._margin for at in place)
        return x[:, top : top + self._tile, left : left + self._tile]

    def cut(self, x: Tensor, places: Sequence[Place]) -> Tensor:
        """Windows (B, 3, tile, tile) of an area (3, H, W)."""
        return torch.stack([self._at(x, place) for place in places])

    def merge(self, batches: Sequence[Tensor]) -> Tensor:
        """Average windows by their weights to an area (3, H, W)."""
        total = self._empty(3)
        for windows, places in zip(batches, self.batches):
            for window, place in zip(windows, places):
                self._at(total, place).add_(self._weights * window)
        return total / self._total_weight

    def noise(self, step: int) -> Tensor:
        """Noise (3, H, W): of each cell that of its own window."""
        area = self._empty(3)
        cell = slice(self._margin, self._tile - self._margin)
        # Windows first lay what is in no cell, the margin of the area.
        for part in (slice(None), cell):
            for places in self.batches:
                for place in places:
                    (window,) = self._denoiser.noise([place], step)
                    at = self._at(area, place)
                    at[:, part, part] = window[:, part, part]
        return area

    def inside(self, x: Tensor) -> Tensor:
        """The image (3, rows.size, cols.size) without its margins."""
        margin = self._margin
        return x[
            :,
            margin : margin + self._rows.size,
            margin : margin + self._cols.size,
        ]


def _check_size(pixels: int, merge: str) -> None:
    if pixels > _MAX_PIXELS:
        raise InputError(
            f'merge is {merge!r}, which holds the whole image in memory, and '
            f'{pixels / 2**20:.0f} Mpx are more than {_MAX_PIXELS >> 20}; '
            "take merge='crop' or 'feather'"
        )
