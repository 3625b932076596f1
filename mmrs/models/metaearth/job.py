"""From an image file to a generated one, as far as a run gets."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine import dist
from mmengine.logging import print_log
from rich.progress import track

from mmrs.errors import InputError
from mmrs.geo.opening import Location, as_location
from mmrs.geo.strip_store import StripStore
from mmrs.geo.tiles import Window
from mmrs.geo.writer import RasterTarget, Strip, check_target, write_raster
from mmrs.version import __version__

from .sampling import SCALE, JointlyGeneratedImage
from .source import SourceImage, Stretch

#: Metres a pixel of what the stages of the paper start from.
NOMINAL_GSDS = (256.0, 64.0, 16.0)

_GSD_TOLERANCE = 0.2
_SCANNED_ROWS = 512


def generate_file(
    pipeline,
    src: Location,
    dst: str | Path,
    stages: int = 3,
    gsd: float | None = None,
    window: Window | None = None,
    bands: Sequence[int] | None = None,
    stretch: Stretch | None = None,
    resample_to: float | None = None,
    cog: bool = False,
    overviews: bool = True,
    overwrite: bool = False,
    show_progress: bool = True,
    **settings,
) -> dict:
    """Generate a file; :meth:`~..pipeline.MetaEarthPipeline.to_geotiff`."""
    src, dst = as_location(src), Path(dst)
    check_target(dst)
    if dst.exists() and not overwrite:
        raise InputError(f'{dst}: exists; remove it, or overwrite it')
    source = SourceImage(src, bands, stretch, resample_to)
    gsd = source.gsd(resample_to if gsd is None else gsd)
    _tell_unusual(source, gsd)
    image = pipeline.lazy_cascade(source, gsd, stages, **settings)[-1]
    job = _Job(source, image, SCALE**stages, _check_window(image, window))
    job.check_data()
    tags = _provenance(pipeline, source, gsd, stages, settings)
    store = StripStore(dst, len(job.strips))
    missing = _share_out(store, tags | dict(WINDOW=job.window))
    made = _make_strips(job, store, missing, show_progress)
    if dist.is_main_process():
        target = job.target(tags)
        strips = job.read_strips(store)
        try:
            write_raster(dst, strips, target, cog, overviews)
        except OSError as error:
            raise InputError(
                f'{dst}: could not be written ({error}); all rows are kept '
                f'in {store.folder}: make room and run the same command again'
            ) from error
        store.remove()
    dist.barrier()
    return dict(
        path=str(dst),
        height=job.window.height,
        width=job.window.width,
        gsd=gsd / SCALE**stages,
        strips=len(job.strips),
        strips_made=made,
    )


class _Job:
    """The part of a generated image that a file is to hold.

    Args:
        source: The file that it is generated from.
        image: The output of the last stage.
        factor: Pixels of `image` a pixel of `source`, along a side.
        window: Of it, in pixels of `image`.
    """

    def __init__(
        self, source: SourceImage, image, factor: int, window: Window
    ):
        self.source, self.image = source, image
        self.factor, self.window = factor, window
        top, _, height, _ = window
        # Strips end where windows do, so that none is computed twice.
        step = image.stride
        first, last = top // step, -(-(top + height) // step)
        edges = [i * step for i in range(first, last + 1)]
        edges[0], edges[-1] = top, top + height
        self.strips = [*zip(edges[:-1], edges[1:])]

    def check_data(self) -> None:
        """Raise an InputError if there is nothing to generate from."""
        top, left, height, width = self._source_part()
        for row in range(top, top + height, _SCANNED_ROWS):
            rows = min(_SCANNED_ROWS, top + height - row)
            if self.source.valid(row, left, rows, width).any():
                return
        where = 'no pixel of the window' if self._is_part() else 'no pixel'
        raise InputError(
            f'{self.source.path}: {where} has data; see its nodata value and '
            'mask, or choose another window'
        )

    def read(self, strip: tuple[int, int]) -> np.ndarray:
        """Generate the rows [first, last): (rows, width, 3), uint8."""
        top, bottom = strip
        _, left, _, width = self.window
        wanted = self.valid(strip)
        return self.image.read(top, left, bottom - top, width, wanted)

    def valid(self, strip: tuple[int, int]) -> np.ndarray:
        """Which pixels of rows [first, last) lie on data: bool."""
        (top, bottom), factor = strip, self.factor
        _, left, _, width = self.window
        row, col = top // factor, left // factor
        rows = -(-bottom // factor) - row
        cols = -(-(left + width) // factor) - col
        valid = self.source.valid(row, col, rows, cols)
        fine = valid.repeat(factor, 0).repeat(factor, 1)
        top, bottom = top - row * factor, bottom - row * factor
        left -= col * factor
        return fine[top:bottom, left : left + width]

    def read_strips(self, store: StripStore) -> Iterator[Strip]:
        """Read all finished strips, and which pixels have data."""
        for index, strip in enumerate(self.strips):
            gaps = self.source.has_gaps
            pixels = np.moveaxis(store.load(index), 2, 0)
            yield pixels, self.valid(strip) if gaps else None

    def target(self, tags: dict[str, str]) -> RasterTarget:
        """What the file is beside its pixels."""
        top, left, height, width = self.window
        nodata, place = self.source.nodata, self.source.place
        fits = nodata is not None and nodata in range(256)
        if place is not None:
            if place.rpcs is not None:
                print_log(
                    f'{self.source.path}: lies by its RPC, which the '
                    'generated image does not carry',
                    'current',
                    logging.WARNING,
                )
            place = place.part(top, left, self.factor)
        return RasterTarget(
            (height, width),
            bands=3,
            place=place,
            nodata=int(nodata) if fits else None,
            has_gaps=self.source.has_gaps,
            tags=tags,
        )

    def _is_part(self) -> bool:
        return self.window != (0, 0, self.image.height, self.image.width)

    def _source_part(self) -> Window:
        top, left, height, width = self.window
        col, row = left // self.factor, top // self.factor
        right = -(-(left + width) // self.factor)
        bottom = -(-(top + height) // self.factor)
        return Window(row, col, bottom - row, right - col)


def _tell_unusual(source: SourceImage, gsd: float) -> None:
    nearest = min(NOMINAL_GSDS, key=lambda known: abs(np.log(known / gsd)))
    if abs(gsd / nearest - 1) > _GSD_TOLERANCE and dist.is_main_process():
        print_log(
            f'{source.path}: pixels of {gsd:g} m; the stages of the paper '
            f'start from 256, 64 or 16 m, so results may be poor: resample '
            f'to {nearest:g} m (resample_to) unless the model was trained '
            'for others',
            'current',
            logging.WARNING,
        )


def _check_window(image, window: Window | None) -> Window:
    if window is None:
        return Window(0, 0, image.height, image.width)
    window = Window(*window)
    if not window.is_inside((image.height, image.width)):
        raise InputError(
            f'window is {tuple(window)} (row, column, height, width), but the '
            f'generated image is {image.width} x {image.height} px; stay '
            'inside of it'
        )
    return window


def _provenance(
    pipeline, source: SourceImage, gsd: float, stages: int, settings: dict
) -> dict[str, str]:
    """Tell how the pixels came to be, which they are a function of."""
    settings = pipeline.settings(**settings)
    gsds = [gsd / SCALE**k for k in range(stages + 1)]
    # Other batches change nothing, or rounding on a GPU only.
    shown = {k: v for k, v in vars(settings).items() if k != 'tile_batch'}
    source_hash = file_hash(source.path)
    tags = dict(
        SYNTHETIC='1',
        GENERATOR=f'MetaEarth, mmrs {__version__}',
        WEIGHTS_SHA256=pipeline.weights_hash(),
        SOURCE=Path(str(source.path)).name,
        SOURCE_SHA256=source_hash,
        SOURCE_SIZE=f'{source.width} x {source.height}',
        BANDS=' '.join(map(str, source.bands)),
        STAGES=' '.join(f'{g:g}' for g in gsds),
        SEED=str(settings.seed),
        STEPS=str(settings.num_inference_steps),
        SCHEDULER=type(pipeline.scheduler).__name__,
        SCHEDULER_CONFIG=json.dumps(
            {
                k: v
                for k, v in pipeline.scheduler.config.items()
                if not k.startswith('_')
            },
            default=str,
        ),
        SAMPLING=json.dumps(shown),
        DTYPE=str(pipeline.unet.dtype).removeprefix('torch.'),
    )
    if source.stretch is not None:
        tags['STRETCH'] = json.dumps(source.stretch)
    return tags


def _share_out(store: StripStore, settings: dict) -> list[int]:
    """Find the strips that this process is to make: a stretch of them."""
    missing: list = [None]
    if dist.is_main_process():
        try:
            store.open(settings)
            missing = [store.missing()]
        except InputError as error:  # which all processes are to end by
            missing = [error]
    dist.broadcast_object_list(missing)
    if isinstance(missing[0], InputError):
        raise missing[0]
    rank, world_size = dist.get_dist_info()
    return [*map(int, np.array_split(missing[0], world_size)[rank])]


def _make_strips(
    job: _Job, store: StripStore, indices: list[int], show_progress: bool
) -> int:
    if isinstance(job.image, JointlyGeneratedImage):
        job.image.read(0, 0, 1, 1)  # too large an image is told at once
    shown = track(
        indices,
        description=f'{job.window.width} x {job.window.height} px',
        disable=not (show_progress and dist.is_main_process()),
    )
    for index in shown:
        store.save(index, job.read(job.strips[index]))
    dist.barrier()
    return len(indices)


def file_hash(location: Location) -> str:
    """SHA-256 of a file; of an address, of the address itself."""
    if isinstance(location, str):
        return hashlib.sha256(location.encode()).hexdigest()
    with location.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def weights_hash(*modules: torch.nn.Module) -> str:
    """SHA-256 of the weights of networks, whatever their order."""
    digest = hashlib.sha256()
    for module in modules:
        for name, value in sorted(module.state_dict().items()):
            digest.update(name.encode())
            flat = value.detach().cpu().contiguous().flatten()
            digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()
