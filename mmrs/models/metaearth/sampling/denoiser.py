"""The reverse diffusion of windows."""

import copy
import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmrs.errors import InputError

from .noise import NoiseField
from .settings import SamplingSettings
from .windows import SCALE

Place = tuple[int, int]
#: From conditions (B, p, p, 3) and places to windows (B, 3, 4p, 4p).
WindowFunction = Callable[[np.ndarray, Sequence[Place]], Tensor]


class Denoiser:
    """Turns noise into windows of a resolution.

    On a CPU each window is computed by itself in one thread, as many windows
    at a time as PyTorch has threads: convolutions round otherwise for other
    batch sizes and thread counts, and so a window is the same to the last bit
    in whatever company it is asked for (ours). On other devices batches are
    padded to `tile_batch`, so that compiled graphs are used again.

    Args:
        unet: Predicts noise, or v: ``unet(cat([x, features], 1), t,
            class_labels=resolution).sample``.
        lr_encoder: Conditions (B, 3, p, p) in [-1, 1] to features
            (B, C, 4p, 4p).
        scheduler: One of diffusers; it is copied, never changed.
        resolution: Of the output, in metres a pixel.
        level: The stage, which has noise of its own.
        settings: Of sampling.
        device: Where the networks are.

    Raises:
        InputError: The scheduler does not fit the settings, or the networks
            do not fit the tile.
    """

    def __init__(
        self,
        unet: nn.Module,
        lr_encoder: nn.Module,
        scheduler,
        resolution: float,
        level: int,
        settings: SamplingSettings,
        device: torch.device | str = 'cpu',
    ) -> None:
        self.unet = unet
        self.lr_encoder = lr_encoder
        self.resolution = resolution
        # What is told to the network, which may have learned the input's.
        of_input = unet.config.get('resolution_of') == 'input'
        self._label = float(resolution * SCALE if of_input else resolution)
        self.settings = settings
        self.device = torch.device(device)
        self.stochastic = _is_stochastic(scheduler, settings.eta)
        _check_scheduler(scheduler, settings, self.stochastic)
        _check_tile(unet, settings.tile)
        self._scheduler = copy.deepcopy(scheduler)
        self._scheduler.set_timesteps(settings.num_inference_steps)
        self._options = dict(eta=settings.eta) if settings.eta else {}
        self._noise = NoiseField(
            settings.noise,
            settings.seed,
            level,
            settings.tile,
            settings.stride,
        )
        # The world is counted in pixels of this level.
        self._origin = [at * SCALE**level for at in settings.origin]

    def windows(self, lr: np.ndarray, places: Sequence[Place]) -> np.ndarray:
        """Generate windows that know nothing of each other.

        Args:
            lr: Their conditions, (B, p, p, 3), uint8; at most `tile_batch`.
            places: Top and left of each, in output pixels.

        Returns:
            (B, 4p, 4p, 3), uint8.
        """
        return to_grey_levels(self.in_batch(self._denoise, lr, places))

    def in_batch(
        self, function: WindowFunction, lr: np.ndarray, places: Sequence[Place]
    ) -> Tensor:
        """Apply a function to a batch as suits the device.

        Args:
            function: From conditions and places to windows.
            lr: (B, p, p, 3), uint8; at most `tile_batch`.
            places: Of the windows.

        Returns:
            (B, 3, 4p, 4p), float32.
        """
        function = torch.no_grad()(function)  # which a thread does not inherit
        if self.device.type == 'cpu':
            return _one_by_one(function, lr, places)
        missing = self.settings.tile_batch - len(places)
        lr = np.concatenate([lr, np.repeat(lr[-1:], missing, axis=0)])
        padded = [*places, *[places[-1]] * missing]
        return function(lr, padded)[: len(places)]

    def noise(self, places: Sequence[Place], step: int = 0) -> Tensor:
        """Noise of windows: the initial one, or that of a step from 1.

        Returns:
            (B, 3, 4p, 4p), float32.
        """
        row, col = self._origin
        windows = [
            self._noise.window(top + row, left + col, step)
            for top, left in places
        ]
        return torch.from_numpy(np.stack(windows)).to(self.device)

    def start(self):
        """Make a solver at its first step, with ``timesteps``."""
        return copy.deepcopy(self._scheduler)

    def encode(self, lr: np.ndarray) -> tuple[Tensor, Tensor]:
        """Prepare conditions for :meth:`predict`.

        Args:
            lr: (B, p, p, 3), uint8.

        Returns:
            The conditions (B, 3, p, p), float32 in [-1, 1], and their
            features (B, C, 4p, 4p). Features do not depend on the step.
        """
        images = torch.from_numpy(lr).to(self.device).permute(0, 3, 1, 2)
        condition = images.float() / 127.5 - 1
        return condition, self.lr_encoder(condition.to(self.lr_encoder.dtype))

    def predict(
        self, x: Tensor, encoded: tuple[Tensor, Tensor], t: Tensor
    ) -> Tensor:
        """Predict the noise in windows, or v, as the network does.

        Args:
            x: Noisy windows, (B, 3, 4p, 4p), float32.
            encoded: What :meth:`encode` gave.
            t: The timestep.

        Returns:
            (B, 3, 4p, 4p), float32.
        """
        condition, features = encoded
        dtype = self.unet.dtype
        inputs = torch.cat([x.to(dtype), features.to(dtype)], dim=1)
        resolution = torch.full((len(x),), self._label)
        output = self.unet(
            inputs,
            t.to(self.device),
            class_labels=resolution.to(self.device),
        ).sample.float()
        if self.settings.consistency:
            alpha = self._scheduler.alphas_cumprod[t].item()
            output = self._keep_consistent(output, x, condition, alpha)
        return output

    def step(
        self, solver, noise: Tensor, t: Tensor, x: Tensor, extra: Tensor | None
    ) -> Tensor:
        """Go one step back.

        Args:
            solver: What :meth:`start` made.
            noise: Predicted, (B, 3, H, W).
            t: The timestep.
            x: (B, 3, H, W).
            extra: Noise to add where the solver is stochastic.

        Returns:
            Less noisy windows, (B, 3, H, W).
        """
        options = dict(self._options)
        if extra is not None:
            options['variance_noise'] = extra
        return solver.step(noise, t, x, **options).prev_sample

    def _denoise(self, lr: np.ndarray, places: Sequence[Place]) -> Tensor:
        solver, encoded = self.start(), self.encode(lr)
        x = self.noise(places) * solver.init_noise_sigma
        for number, t in enumerate(solver.timesteps, start=1):
            extra = self.noise(places, number) if self.stochastic else None
            noise = self.predict(x, encoded, t)
            x = self.step(solver, noise, t, x, extra)
        return x

    def _keep_consistent(
        self, output: Tensor, x: Tensor, condition: Tensor, alpha: float
    ) -> Tensor:
        """Change a prediction so that its image agrees with the condition.

        Back-projection (ours): what the estimated image lacks, as coarse as
        the condition, is added to it.
        """
        signal, spread = alpha**0.5, (1 - alpha) ** 0.5
        predicts_noise = self._scheduler.config.prediction_type == 'epsilon'
        if predicts_noise:
            image = (x - spread * output) / signal
        else:
            image = signal * x - spread * output
        image = image.clamp(-1, 1)
        lack = condition - functional.avg_pool2d(image, SCALE)
        lack = functional.interpolate(
            lack, scale_factor=SCALE, mode='bilinear', align_corners=False
        )
        image = image + self.settings.consistency * lack
        if predicts_noise:
            return (x - signal * image) / spread
        return (signal * x - image) / spread


def to_grey_levels(images: Tensor) -> np.ndarray:
    """Round images in [-1, 1] to grey levels.

    Args:
        images: (B, 3, H, W).

    Returns:
        (B, H, W, 3), uint8.
    """
    levels = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu().numpy()


def _one_by_one(
    function: WindowFunction, lr: np.ndarray, places: Sequence[Place]
) -> Tensor:
    def one(i: int) -> Tensor:
        return function(lr[i : i + 1], places[i : i + 1])

    threads, indices = torch.get_num_threads(), range(len(places))
    torch.set_num_threads(1)  # also of the threads that are made now
    try:
        if min(threads, len(places)) == 1:
            # Another thread has memory of its own, which gets fragmented.
            return torch.cat([*map(one, indices)])
        with ThreadPoolExecutor(min(threads, len(places))) as pool:
            return torch.cat([*pool.map(one, indices)])
    finally:
        torch.set_num_threads(threads)


def _is_stochastic(scheduler, eta: float) -> bool:
    kind = scheduler.config.get('algorithm_type') or ''
    return eta > 0 or kind.startswith('sde')


def _check_scheduler(
    scheduler, settings: SamplingSettings, stochastic: bool
) -> None:
    name = type(scheduler).__name__
    takes = inspect.signature(scheduler.step).parameters
    if settings.eta > 0 and 'eta' not in takes:
        raise InputError(
            f'eta is {settings.eta:g}, but {name} has none; take '
            'DDIMScheduler, or eta=0'
        )
    if 'generator' in takes and 'variance_noise' not in takes:
        raise InputError(
            f'{name} draws its noise in order, so that no window could be '
            'made alone; take DDIMScheduler or DPMSolverMultistepScheduler'
        )
    if stochastic and settings.noise.startswith('shared'):
        raise InputError(
            f"{name} adds noise at each step, but noise='{settings.noise}' "
            "is one block for all places: take noise='world' or "
            "'independent', or a deterministic solver"
        )
    predicts = scheduler.config.get('prediction_type', 'epsilon')
    if settings.consistency and predicts == 'sample':
        raise InputError(
            f'consistency is {settings.consistency:g}, which needs a network '
            f'that predicts the noise or v, but it predicts {predicts!r}; '
            'take consistency=0'
        )


def _check_tile(unet: nn.Module, tile: int) -> None:
    levels = len(unet.config.get('block_out_channels', (0,)))
    factor = 2 ** (levels - 1)
    if tile % factor:
        raise InputError(
            f'tile is {tile}, but the U-Net of {levels} levels needs a '
            f'multiple of {factor}'
        )
