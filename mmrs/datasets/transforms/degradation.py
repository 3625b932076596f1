"""Random degradation of images, after Real-ESRGAN (arXiv 2107.10833).

MetaEarth conditions on images that were degraded in two rounds, so that the
output of one stage will do as input of the next. Its ranges are not
published: those of Real-ESRGAN are offered, and softer ones (ours).
"""

import math
from collections.abc import Mapping

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmrs.errors import InputError
from mmrs.registry import TRANSFORMS

from .generation import resize

__all__ = ['ROUNDS', 'RealESRGANDegradation']

_SIDES = (7, 9, 11, 13, 15, 17, 19, 21)  # of kernels, pixels
_RESIZERS = ('area', 'bilinear', 'bicubic')
_ALL_KERNELS = dict(
    iso=0.45,
    aniso=0.25,
    generalized_iso=0.12,
    generalized_aniso=0.03,
    plateau_iso=0.12,
    plateau_aniso=0.03,
)
_GAUSSIAN_KERNELS = dict(iso=0.65, aniso=0.35)

#: Two rounds of each strength. `resize_prob` is of enlarging, of reducing and
#: of neither; Gaussian noise is in grey levels; `poisson` scales shot noise.
ROUNDS = {
    'soft': (
        dict(
            kernels=_GAUSSIAN_KERNELS,
            blur_prob=1.0,
            sinc_prob=0.0,
            sigma=(0.2, 2.0),
            resize_prob=(0.2, 0.7, 0.1),
            resize_range=(0.25, 1.2),
            gaussian=(1.0, 10.0),
            poisson=(0.05, 1.0),
            jpeg=(60, 95),
        ),
        dict(
            kernels=_GAUSSIAN_KERNELS,
            blur_prob=0.8,
            sinc_prob=0.0,
            sigma=(0.2, 1.0),
            resize_prob=(0.3, 0.4, 0.3),
            resize_range=(0.5, 1.2),
            gaussian=(1.0, 6.0),
            poisson=(0.05, 0.6),
            jpeg=(60, 95),
            final_sinc_prob=0.0,
        ),
    ),
    'real-esrgan': (
        dict(
            kernels=_ALL_KERNELS,
            blur_prob=1.0,
            sinc_prob=0.1,
            sigma=(0.2, 3.0),
            resize_prob=(0.2, 0.7, 0.1),
            resize_range=(0.15, 1.5),
            gaussian=(1.0, 30.0),
            poisson=(0.05, 3.0),
            jpeg=(30, 95),
        ),
        dict(
            kernels=_ALL_KERNELS,
            blur_prob=0.8,
            sinc_prob=0.1,
            sigma=(0.2, 1.5),
            resize_prob=(0.3, 0.4, 0.3),
            resize_range=(0.3, 1.2),
            gaussian=(1.0, 25.0),
            poisson=(0.05, 2.5),
            jpeg=(30, 95),
            final_sinc_prob=0.8,
        ),
    ),
}
_GAUSSIAN_SHARE, _GREY_SHARE = 0.5, 0.4  # of the noise, in all rounds
_GENERALIZED, _PLATEAU = (0.5, 4.0), (1.0, 2.0)  # ranges of their exponents


@TRANSFORMS.register_module()
class RealESRGANDegradation(BaseTransform):
    """Make a condition that looks like a network's output.

    Two rounds of blur, resizing, noise and JPEG. Sizes of the first are
    relative to the image, those of the second to the condition.

    Required key: ``img`` (H, W, 3), BGR, uint8; ``sample_idx`` with `seed`.

    Added key: ``lr_img`` (H / scale, W / scale, 3), uint8.

    Args:
        scale: How many times smaller the condition is.
        strength: ``'soft'`` (ours) or ``'real-esrgan'``.
        first: What differs in the first round, keys as in ``ROUNDS``.
        second: Likewise in the second.
        prob_clean: Share of images that are reduced by means of areas alone,
            so that real images will do as condition as well (ours).
        seed: None: degrade as chance will have it. Else a function of seed
            and sample, for validation.
    """

    def __init__(
        self,
        scale: int = 4,
        strength: str = 'soft',
        first: Mapping | None = None,
        second: Mapping | None = None,
        prob_clean: float = 0.1,
        seed: int | None = None,
    ) -> None:
        if strength not in ROUNDS:
            raise InputError(
                f'RealESRGANDegradation(strength={strength!r}): must be one '
                f'of {", ".join(ROUNDS)}'
            )
        self.scale = scale
        self.strength = strength
        self.rounds = tuple(
            _merge(default, given, name)
            for default, given, name in zip(
                ROUNDS[strength], (first, second), ('first', 'second')
            )
        )
        self.prob_clean = prob_clean
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Degrade ``img`` to ``lr_img``."""
        key = np.random.randint(2**31)  # noqa: NPY002
        if self.seed is not None:
            key = [self.seed, results['sample_idx']]
        rng = np.random.default_rng(key)
        image = results['img']
        size = tuple(side // self.scale for side in image.shape[:2])
        if rng.random() < self.prob_clean:
            results['lr_img'] = resize(image, size, 'area')
        else:
            results['lr_img'] = self._degrade(image, size, rng)
        return results

    def _degrade(
        self,
        image: np.ndarray,
        size: tuple[int, int],
        rng: np.random.Generator,
    ) -> np.ndarray:
        first, second = self.rounds
        x = image.astype(np.float32) / 255
        x = degrade_once(x, x.shape[:2], first, rng)
        x = compress(x, rng.uniform(*first['jpeg']))
        x = degrade_once(x, size, second, rng)
        # Which comes last leaves other traces.
        resize_first = rng.random() < 0.5
        quality = rng.uniform(*second['jpeg'])
        if not resize_first:
            x = compress(x, quality)
        x = resize(x, size, rng.choice(_RESIZERS))
        if rng.random() < second['final_sinc_prob']:
            x = _filter(x, draw_sinc(rng))
        if resize_first:
            x = compress(x, quality)
        return _to_uint8(x)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scale={self.scale}, '
            f'strength={self.strength!r}, prob_clean={self.prob_clean}, '
            f'seed={self.seed})'
        )


def _merge(default: dict, given: Mapping | None, name: str) -> dict:
    unknown = set(given or ()) - set(default)
    if unknown:
        raise InputError(
            f'RealESRGANDegradation({name}=...): {unknown.pop()!r} is none '
            f'of {", ".join(default)}'
        )
    return default | dict(given or {})


def degrade_once(
    image: np.ndarray,
    size: tuple[int, int],
    ranges: dict,
    rng: np.random.Generator,
) -> np.ndarray:
    """Blur, resize and add noise.

    Args:
        image: (H, W, 3), float32, 0 to 1.
        size: What the resizing is relative to.
        ranges: One of the rounds in ``ROUNDS``.
        rng: Of all that is random.

    Returns:
        float32, 0 to 1, of a random size.
    """
    if rng.random() < ranges['blur_prob']:
        image = _filter(image, draw_kernel(ranges, rng))
    factor = _draw_factor(ranges, rng)
    size = tuple(max(1, round(side * factor)) for side in size)
    # Bicubic interpolation overshoots.
    image = np.clip(resize(image, size, rng.choice(_RESIZERS)), 0, 1)
    if rng.random() < _GAUSSIAN_SHARE:
        noise = _gaussian_noise(image, rng.uniform(*ranges['gaussian']), rng)
    else:
        noise = _poisson_noise(image, rng.uniform(*ranges['poisson']), rng)
    return np.clip(image + noise, 0, 1)


def _draw_factor(ranges: dict, rng: np.random.Generator) -> float:
    least, most = ranges['resize_range']
    way = rng.choice(3, p=ranges['resize_prob'])
    return (rng.uniform(1, most), rng.uniform(least, 1), 1.0)[way]


def draw_kernel(ranges: dict, rng: np.random.Generator) -> np.ndarray:
    """Draw a kernel (K, K) of sum 1."""
    if rng.random() < ranges['sinc_prob']:
        return draw_sinc(rng)
    kinds = list(ranges['kernels'])
    shares = np.array([ranges['kernels'][kind] for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
    sigma = rng.uniform(*ranges['sigma'], 2)
    angle = rng.uniform(-math.pi, math.pi)
    if not kind.endswith('aniso'):
        sigma, angle = sigma[[0, 0]], 0.0
    distance = _squared_distance(rng.choice(_SIDES), sigma, angle)
    if kind.startswith('plateau'):
        kernel = 1 / (distance ** _draw_exponent(_PLATEAU, rng) + 1)
    else:
        exponent = 1.0
        if kind.startswith('generalized'):
            exponent = _draw_exponent(_GENERALIZED, rng)
        kernel = np.exp(-0.5 * distance**exponent)
    return kernel / kernel.sum()


def _draw_exponent(
    span: tuple[float, float], rng: np.random.Generator
) -> float:
    """Draw from below 1 as often as from above."""
    if rng.random() < 0.5:
        return rng.uniform(span[0], 1)
    return rng.uniform(1, span[1])


def _squared_distance(
    side: int, sigma: np.ndarray, angle: float
) -> np.ndarray:
    """Squared distance from the centre in deviations, (side, side)."""
    at = np.arange(side) - side // 2
    x, y = np.meshgrid(at, at)
    cos, sin = math.cos(angle), math.sin(angle)
    along, across = cos * x + sin * y, cos * y - sin * x
    return (along / sigma[0]) ** 2 + (across / sigma[1]) ** 2


def draw_sinc(rng: np.random.Generator) -> np.ndarray:
    """Draw a circular low-pass filter (K, K), which leaves rings."""
    side = rng.choice(_SIDES)
    cutoff = rng.uniform(math.pi / (3 if side < 13 else 5), math.pi)
    at = torch.arange(int(side), dtype=torch.float64) - side // 2
    radius = torch.hypot(at[:, None], at[None])
    bessel = torch.special.bessel_j1(cutoff * radius)
    kernel = cutoff * bessel / (2 * math.pi * radius)
    kernel[side // 2, side // 2] = cutoff**2 / (4 * math.pi)
    return (kernel / kernel.sum()).numpy()


def _filter(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    image = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.clip(image, 0, 1)


def _gaussian_noise(
    image: np.ndarray, sigma: float, rng: np.random.Generator
) -> np.ndarray:
    shape = image.shape
    if rng.random() < _GREY_SHARE:
        shape = (*shape[:2], 1)
    return rng.standard_normal(shape, np.float32) * np.float32(sigma / 255)


def _poisson_noise(
    image: np.ndarray, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """Shot noise; an image of few grey levels has had less light."""
    if rng.random() < _GREY_SHARE:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    image = np.round(image * 255) / 255
    photons = 2 ** math.ceil(math.log2(len(np.unique(image))))
    noise = rng.poisson(image * photons) / photons - image
    return (scale * noise).astype(np.float32)


def compress(image: np.ndarray, quality: float) -> np.ndarray:
    """Save as JPEG and load, float32 0 to 1."""
    options = [cv2.IMWRITE_JPEG_QUALITY, round(quality)]
    data = cv2.imencode('.jpg', _to_uint8(image), options)[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32) / 255


def _to_uint8(image: np.ndarray) -> np.ndarray:
    return np.clip(np.round(image * 255), 0, 255).astype(np.uint8)
