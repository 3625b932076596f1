"""Training and testing of MetaEarth on tiles of one size."""

from collections.abc import Sequence

import torch
from diffusers import DDIMScheduler
from mmengine.model import BaseModel
from torch import Tensor

from mmrs.errors import InputError
from mmrs.registry import MODELS
from mmrs.structures import GenDataSample

from .encoder import RRDBEncoder
from .pipeline import MetaEarthPipeline
from .presets import get_preset
from .sampling import SCALE, Denoiser, SamplingSettings, make_solver
from .unet import ResolutionUNet

__all__ = ['SCHEDULER', 'MetaEarth']

#: 1000 steps between 0.0015 and 0.0155 are the paper's. It calls them linear,
#: which in the code that it builds on means a linear square root (inferred).
SCHEDULER = dict(
    num_train_timesteps=1000,
    beta_start=0.0015,
    beta_end=0.0155,
    beta_schedule='scaled_linear',
    prediction_type='epsilon',
    clip_sample=True,
    timestep_spacing='leading',
)


@MODELS.register_module()
class MetaEarth(BaseModel):
    """One diffusion network for all resolutions (arXiv 2405.13570).

    Predicts the noise in a tile from its low-resolution image, the diffusion
    step and the resolution. The encoder of the low-resolution image is
    trained with it (ours).

    Args:
        preset: Sizes of the networks, a key of
            :data:`~mmrs.models.metaearth.PRESETS` (ours; the paper has one of
            over 600 M parameters).
        unet: What differs from the preset, as of
            :class:`~mmrs.models.metaearth.ResolutionUNet`.
        lr_encoder: Likewise, of :class:`~mmrs.models.metaearth.RRDBEncoder`.
        scheduler: What differs from ``SCHEDULER``, as of
            :class:`diffusers.DDIMScheduler`. With ``prediction_type=
            'v_prediction', rescale_betas_zero_snr=True, timestep_spacing=
            'trailing'`` sampling starts from the noise that training ends
            with (ours, an option).
        loss: The loss, of (prediction, target, a_t).
        gradient_checkpointing: Compute the U-Net's activations twice instead
            of keeping them.
        channels_last: Lay the weights out for tensor cores.
        test_cfg: Settings of sampling in testing, as of
            :class:`~.sampling.settings.SamplingSettings`, and ``solver``, as
            of :func:`~.sampling.solvers.make_solver`, by default
            `scheduler`. The paper takes DDIM of 50 steps with ``eta`` 0.
        data_preprocessor: MMEngine's base class: moves to the device.
        init_cfg: As of :class:`mmengine.model.BaseModel`.
    """

    def __init__(
        self,
        preset: str = 'metaearth_600m',
        unet: dict | None = None,
        lr_encoder: dict | None = None,
        scheduler: dict | None = None,
        loss: dict | None = None,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        unet, lr_encoder = get_preset(preset, unet, lr_encoder)
        self.unet = ResolutionUNet(**unet)
        self.lr_encoder = RRDBEncoder(**lr_encoder)
        self.scheduler = DDIMScheduler(**SCHEDULER | (scheduler or {}))
        self.loss_module = MODELS.build(loss or dict(type='P2Loss'))
        self.test_cfg = dict(test_cfg or {})
        # Not persistent: the config tells it.
        self.register_buffer(
            'alphas_cumprod',
            torch.as_tensor(self.scheduler.alphas_cumprod),
            persistent=False,
        )
        if gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()
        if channels_last:
            self.to(memory_format=torch.channels_last)

    def forward(
        self,
        inputs: Sequence[Tensor],
        data_samples: Sequence[GenDataSample],
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | list[GenDataSample] | Tensor:
        """Train, generate, or predict noise.

        Args:
            inputs: Low-resolution images, each (3, p, q), uint8, RGB.
            data_samples: With ``resolution`` in metres a pixel, and for
                training ``gt_img`` (3, 4p, 4q), uint8.
            mode: ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            - ``'loss'``: ``loss``, and ``mse``, the same without weights.
            - ``'predict'``: The samples with ``pred_img`` and ``lr_img``.
            - ``'tensor'``: Prediction at random steps, (B, 3, 4p, 4q).

        Raises:
            InputError: Images differ in size, or truth is missing.
        """
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        pred, target, alphas = self._predict_noise(inputs, data_samples)
        if mode == 'tensor':
            return pred
        mse = (pred.detach().float() - target).square().mean()
        return dict(loss=self.loss_module(pred, target, alphas), mse=mse)

    def _predict_noise(
        self, inputs: Sequence[Tensor], data_samples: Sequence[GenDataSample]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Predict at random steps; also give the target and a_t."""
        lr, real = _batch(inputs, data_samples)
        resolution = torch.tensor(
            [sample.resolution for sample in data_samples], device=lr.device
        )
        noise = torch.randn_like(real)
        steps = torch.randint(
            len(self.alphas_cumprod), (len(real),), device=real.device
        )
        noisy = self.scheduler.add_noise(real, noise, steps)
        condition = self.lr_encoder(lr)
        pred = self.unet(
            torch.cat([noisy, condition], 1), steps, class_labels=resolution
        ).sample
        if self.scheduler.config.prediction_type == 'v_prediction':
            noise = self.scheduler.get_velocity(real, noise, steps)
        return pred, noise, self.alphas_cumprod[steps]

    @torch.no_grad()
    def predict(
        self, inputs: Sequence[Tensor], data_samples: Sequence[GenDataSample]
    ) -> list[GenDataSample]:
        """Generate tiles.

        The noise of a tile is a function of its ``sample_idx``, not of its
        batch.
        """
        places = [
            sample.get('sample_idx', i)
            for i, sample in enumerate(data_samples)
        ]
        for resolution in {sample.resolution for sample in data_samples}:
            chosen = [
                i
                for i, sample in enumerate(data_samples)
                if sample.resolution == resolution
            ]
            images = self.generate(
                torch.stack([inputs[i] for i in chosen]),
                resolution,
                [places[i] for i in chosen],
            )
            for i, image in zip(chosen, images):
                data_samples[i].pred_img = image
                data_samples[i].lr_img = inputs[i]
        return list(data_samples)

    @torch.no_grad()
    def generate(
        self, lr: Tensor, resolution: float, indices: Sequence[int]
    ) -> Tensor:
        """Generate tiles of one resolution.

        Args:
            lr: Conditions, (B, 3, p, p), uint8.
            resolution: Of the output, in metres a pixel.
            indices: Tells the noise of each from that of others.

        Returns:
            (B, 3, 4p, 4p), uint8, on the device of `lr`.
        """
        tile = SCALE * lr.shape[-1]
        settings = dict(self.test_cfg, tile=tile, tile_batch=len(lr))
        solver = settings.pop('solver', None)
        denoiser = Denoiser(
            self.unet,
            self.lr_encoder,
            make_solver(self.scheduler, solver) if solver else self.scheduler,
            resolution,
            1,
            SamplingSettings(**settings),
            lr.device,
        )
        arrays = denoiser.windows(
            lr.permute(0, 2, 3, 1).cpu().numpy(),
            [(index * tile, 0) for index in indices],
        )
        return torch.from_numpy(arrays).permute(0, 3, 1, 2).to(lr.device)

    def to_pipeline(self) -> MetaEarthPipeline:
        """Make the pipeline of the trained networks, which it shares."""
        return MetaEarthPipeline(self.unet, self.lr_encoder, self.scheduler)


def _batch(
    inputs: Sequence[Tensor], data_samples: Sequence[GenDataSample]
) -> tuple[Tensor, Tensor]:
    """Stack images, scaled to -1 ... 1."""
    for lr, sample in zip(inputs, data_samples):
        name = sample.get('sample_id', 'an image')
        if 'gt_img' not in sample:
            raise InputError(
                f'{name}: has no gt_img to train on; end the pipeline with '
                'RealESRGANDegradation or ReduceImage, and PackGenInputs'
            )
        expected = (3, *(SCALE * side for side in lr.shape[1:]))
        if lr.shape != inputs[0].shape or sample.gt_img.shape != expected:
            raise InputError(
                f'{name}: is {tuple(sample.gt_img.shape)} with a condition '
                f'of {tuple(lr.shape)}, but all of a batch must be of one '
                'size and four times as fine as their conditions; crop them '
                "by dict(type='CropTile', size=256)"
            )
    real = torch.stack([sample.gt_img for sample in data_samples])
    return _to_unit(torch.stack(list(inputs))), _to_unit(real)


def _to_unit(images: Tensor) -> Tensor:
    return images.float() / 127.5 - 1
