"""Generation of images of any size, at one resolution after another."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline, ImagePipelineOutput
from PIL import Image as PILImage

from mmrs.errors import InputError

from .encoder import RRDBEncoder
from .job import generate_file, weights_hash
from .sampling import (
    SCALE,
    ArrayImage,
    Denoiser,
    GeneratedImage,
    Image,
    JointlyGeneratedImage,
    SamplingSettings,
    generated,
    make_solver,
)
from .unet import ResolutionUNet

#: What the paper says of sampling; the periodic noise is inferred.
PAPER_SETTINGS = dict(
    num_inference_steps=50,
    eta=0.0,
    overlap=0.5,
    merge='crop',
    noise='shared_periodic',
)

AnyImage = PILImage.Image | np.ndarray | torch.Tensor | Image


class MetaEarthPipeline(DiffusionPipeline):
    """Generates images four times as fine as their condition, of any size.

    The self-cascade, the sliding window and the sampler are the paper's. Ours
    are noise that is anchored in the world, merging rules beside the crop,
    and lazy stages: each window is a function of its place alone, so any part
    of the output can be made by itself and is the same as in the whole. Only
    the rules 'multidiffusion' and 'mixture' need the whole at once.

    All methods take the settings of
    :class:`~.sampling.settings.SamplingSettings` as ``**settings``. `tile`
    is by default ``sample_size`` of the U-Net, else 256.

    Example:
        >>> pipeline = MetaEarthPipeline.from_pretrained('work_dirs/earth')
        >>> pipeline(image, resolution=64.0).images[0].save('64m.png')
        >>> pipeline.to_geotiff('256m.tif', '4m.tif', stages=3)

    Args:
        unet: Predicts noise, or v: ``unet(cat([x, features], 1), t,
            class_labels=resolution).sample``, the resolution in metres a
            pixel of the output (ours; the paper may mean the input).
        lr_encoder: Conditions (B, 3, p, p) in [-1, 1] to features
            (B, C, 4p, 4p).
        scheduler: A solver of diffusers. The paper takes DDIM of 50 steps.
    """

    model_cpu_offload_seq = 'lr_encoder->unet'

    # Diffusers finds the classes of a saved folder among imported modules.
    def __init__(
        self, unet: ResolutionUNet, lr_encoder: RRDBEncoder, scheduler
    ) -> None:
        super().__init__()
        self.register_modules(
            unet=unet, lr_encoder=lr_encoder, scheduler=scheduler
        )

    @classmethod
    def from_pretrained(
        cls, path: str | Path, **kwargs
    ) -> 'MetaEarthPipeline':
        """Load a folder that ``save_pretrained`` or the converter wrote.

        Args:
            path: The folder.
            **kwargs: As of `DiffusionPipeline.from_pretrained`.

        Raises:
            InputError: The folder holds a program, which diffusers would run.
        """
        program = next(Path(path).rglob('*.py'), None)
        if program is not None:
            raise InputError(
                f'{path} is refused, nothing in it was run: it is more than '
                f'plain weights and holds the program {program.name}; if you '
                'trust its source, take the program out or load the folder '
                'by diffusers itself'
            )
        return super().from_pretrained(path, **kwargs)

    def with_solver(self, name: str) -> 'MetaEarthPipeline':
        """Sample from the same networks by another solver.

        Args:
            name: As of :func:`~.sampling.solvers.make_solver`.
        """
        solver = make_solver(self.scheduler, name)
        return MetaEarthPipeline(self.unet, self.lr_encoder, solver)

    def save_checkpoint(self, path: str | Path) -> None:
        """Save the weights as MMEngine does, for training and testing."""
        weights = {
            f'{part}.{name}': value
            for part in ('unet', 'lr_encoder')
            for name, value in getattr(self, part).state_dict().items()
        }
        torch.save(dict(meta={}, state_dict=weights), path)

    def __call__(
        self,
        image: AnyImage,
        resolution: float,
        output_type: str = 'pil',
        return_dict: bool = True,
        **settings,
    ) -> ImagePipelineOutput | tuple:
        """Generate one stage of an image in memory.

        Args:
            image: The condition: PIL, or uint8 (H, W, 3), or a uint8 tensor
                (3, H, W).
            resolution: Of the output, in metres a pixel.
            output_type: 'pil', 'np' (1, 4H, 4W, 3) or 'pt' (1, 3, 4H, 4W),
                the last two float32 from 0 to 1.
            return_dict: Return an object with ``images``, else a tuple.
            **settings: Of sampling.

        Raises:
            InputError: A setting is wrong.
        """
        images = self.cascade(
            image, resolution * SCALE, 1, output_type, **settings
        ).images
        if output_type != 'pil':
            images = images[0]
        return ImagePipelineOutput(images) if return_dict else (images,)

    def cascade(
        self,
        image: AnyImage,
        gsd: float = 256.0,
        stages: int = 3,
        output_type: str = 'pil',
        **settings,
    ) -> ImagePipelineOutput:
        """Generate some stages of an image in memory.

        Args:
            image: As in a call.
            gsd: Of the image, in metres a pixel. Stage k gives gsd / 4^k.
            stages: How many times to refine by four.
            output_type: As in a call.
            **settings: Of sampling.

        Returns:
            ``images``: the output of each stage.
        """
        if output_type not in ('pil', 'np', 'pt'):
            raise InputError(
                f'output_type is {output_type!r}; take pil, np, pt'
            )
        settings = self.settings(**settings)
        source, arrays = _to_source(image), []
        for level in _levels(gsd, stages):
            made = self._stage(source, gsd, level, settings)
            arrays.append(made.read(0, 0, made.height, made.width))
            source = ArrayImage(arrays[-1])
        return ImagePipelineOutput(
            [_convert(array, output_type) for array in arrays]
        )

    def lazy_cascade(
        self,
        image: AnyImage,
        gsd: float = 256.0,
        stages: int = 3,
        **settings,
    ) -> list[GeneratedImage | JointlyGeneratedImage]:
        """Prepare stages that are computed where they are read.

        Args:
            image: As in a call, or anything that can be read in parts, of any
                size.
            gsd: Of the image, in metres a pixel.
            stages: How many times to refine by four.
            **settings: Of sampling.

        Returns:
            The output of each stage, with ``height``, ``width`` and
            ``read(top, left, height, width)``.
        """
        settings = self.settings(**settings)
        made = [_to_source(image)]
        for level in _levels(gsd, stages):
            made.append(self._stage(made[-1], gsd, level, settings))
        return made[1:]

    def _stage(
        self,
        source: Image,
        gsd: float,
        level: int,
        settings: SamplingSettings,
    ) -> GeneratedImage | JointlyGeneratedImage:
        denoiser = Denoiser(
            self.unet,
            self.lr_encoder,
            self.scheduler,
            gsd / SCALE**level,
            level,
            settings,
            self._execution_device,
        )
        return generated(source, denoiser)

    def iter_rows(
        self,
        image: AnyImage,
        gsd: float = 256.0,
        stages: int = 3,
        **settings,
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Generate an image from top to bottom in constant memory.

        What is held depends on the width of the image, not on its height.

        Args:
            image: As in :meth:`lazy_cascade`.
            gsd: Of the image, in metres a pixel.
            stages: How many times to refine by four.
            **settings: Of sampling.

        Yields:
            The first row and the pixels (rows, W, 3), uint8, of each strip.
        """
        last = self.lazy_cascade(image, gsd, stages, **settings)[-1]
        for top in range(0, last.height, last.stride):
            rows = min(last.stride, last.height - top)
            yield top, last.read(top, 0, rows, last.width)

    def to_geotiff(
        self,
        src: str | Path,
        dst: str | Path,
        stages: int = 3,
        gsd: float | None = None,
        window: tuple[int, int, int, int] | None = None,
        bands: Sequence[int] | None = None,
        stretch: Sequence[tuple[float, float]] | None = None,
        resample_to: float | None = None,
        cog: bool = False,
        overviews: bool = True,
        overwrite: bool = False,
        show_progress: bool = True,
        **settings,
    ) -> dict:
        """Generate a file from a file, of any height in the same memory.

        The CRS is kept and the transform divided by 4^stages; pixels without
        data stay so and never reach a network. Tags say that the image is
        synthetic and how it was made. Finished rows are kept in
        ``DST.parts`` until the file is complete: the same call goes on after
        a kill or a full disk. The processes of a distributed run share the
        rows, and write the same bytes as one. On a CPU of several threads see
        :func:`mmrs.utils.memory.share_heap`.

        Args:
            src: A GeoTIFF, or a PNG, JPEG or BMP with or without a world
                file.
            dst: A GeoTIFF, or a PNG, which gets a world file.
            stages: How many times to refine by four.
            gsd: Side of a pixel of `src` in metres. By default what its CRS
                tells.
            window: Row, column, height and width of the part to generate, in
                output pixels. It is the same as in the whole.
            bands: Numbers from 1 of red, green and blue; the first three.
            stretch: Low and high value of each band, see
                :class:`~.source.SourceImage`.
            resample_to: Resample `src` to pixels of so many metres first.
            cog: Write a Cloud Optimized GeoTIFF.
            overviews: Add smaller copies.
            overwrite: Replace `dst` if it exists.
            show_progress: Show a bar with the time left.
            **settings: Of sampling.

        Returns:
            `path`, `height`, `width`, `gsd`, `strips` and `strips_made`, how
            many of them this call and process made.

        Raises:
            InputError: A file or setting cannot be used, or the disk is full.
        """
        return generate_file(
            self,
            src,
            dst,
            stages=stages,
            gsd=gsd,
            window=window,
            bands=bands,
            stretch=stretch,
            resample_to=resample_to,
            cog=cog,
            overviews=overviews,
            overwrite=overwrite,
            show_progress=show_progress,
            **settings,
        )

    def settings(self, **settings) -> SamplingSettings:
        """Check settings of sampling, and take the tile of the U-Net."""
        tile = self.unet.config.get('sample_size') or 256
        try:
            return SamplingSettings(**dict(dict(tile=tile), **settings))
        except TypeError as error:
            known = ', '.join(SamplingSettings.__dataclass_fields__)
            wrong = set(settings) - set(SamplingSettings.__dataclass_fields__)
            raise InputError(
                f'{", ".join(sorted(wrong))}: no setting of sampling; these '
                f'are {known}'
            ) from error

    def weights_hash(self) -> str:
        """SHA-256 of all weights."""
        return weights_hash(self.lr_encoder, self.unet)


def _levels(gsd: float, stages: int) -> range:
    if stages < 1 or not 0 < gsd < float('inf'):
        raise InputError(
            f'stages is {stages} and gsd {gsd:g}; take one stage or more and '
            'a side of pixels in metres above 0'
        )
    return range(1, stages + 1)


def _to_source(image: AnyImage) -> Image:
    if isinstance(image, PILImage.Image):
        image = np.asarray(image.convert('RGB'))
    if isinstance(image, torch.Tensor) and image.ndim == 3:
        image = image.permute(1, 2, 0).cpu().numpy()
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.shape[2:] != (3,):
            raise InputError(
                f'image is {image.dtype} of shape {image.shape}; give RGB '
                'uint8, (H, W, 3) as an array or (3, H, W) as a tensor'
            )
        return ArrayImage(image)
    return image


def _convert(array: np.ndarray, output_type: str):
    if output_type == 'pil':
        return PILImage.fromarray(array)
    scaled = array[None].astype(np.float32) / 255
    if output_type == 'np':
        return scaled
    return torch.from_numpy(scaled).permute(0, 3, 1, 2)
