"""Clouds and snow in scenes of any size: maps, covers, outlines."""

import hashlib
import logging
import math
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from torch import Tensor, nn

from mmrs.config import innermost
from mmrs.datasets.transforms.bands import LoadBands, check_range
from mmrs.errors import BadImageError, InputError
from mmrs.geo.georeference import GroundSize, ground_size
from mmrs.geo.opening import file_stamp
from mmrs.geo.outlines import check_generalised
from mmrs.geo.polygons import MIN_AREA
from mmrs.geo.row_file import RowFile
from mmrs.geo.scene import open_scene, sample_windows
from mmrs.geo.source import Source, Unit
from mmrs.registry import DATASETS, INFERENCERS

from .base_inferencer import BaseInferencer
from .cloud_files import CloudFiles
from .scene_inputs import SceneInput, Scenes, list_scenes
from .scenes import ClassFilter, ClassSink, predict_scene, refine_rows

_CLOUDS = ('cloud', 'thick', 'thin')  # names of the classes that dilate grows
_HECTARE = 1e4  # square metres
_STRIP = 512  # rows at once
_PRECISIONS = ('float32', 'bfloat16', 'float16')


@INFERENCERS.register_module()
class CloudInferencer(BaseInferencer):
    """Maps clouds and snow in scenes, with the segmentor of a config.

    Scenes are read, predicted and written by windows, so that memory does not
    grow with their height. Tiles overlap and are blended by smooth weights.

    Example:
        >>> inferencer = CloudInferencer('config.py', 'best.pth')
        >>> found = inferencer('scene.tif', out_dir='found')
        >>> found['predictions'][0]['classes']['cloud']['percent']

    The same bytes come out for any `batch_size` and number of workers on a
    CPU: there the network sees one tile at a time, since it is hardly faster
    in batches. On a GPU it sees a batch at once, and probabilities may differ
    in the last bits between batch sizes, since matrices of another size are
    multiplied in another order; only batches of one are exact.

    Args:
        model: A config of any segmentor of mmsegmentation, whose
            ``test_dataloader`` has a pipeline that begins with
            :class:`~mmrs.datasets.LoadBands`. Its data set says in which
            unit bands are, and how files are laid out.
        weights: The model's checkpoint. Without one the model keeps the
            weights it is built with, which suits only models that need no
            training.
        device: ``'cpu'``, ``'cuda:0'``, ...; a GPU if there is one.
        dtype: Of the network's computations: ``'float32'``, or
            ``'bfloat16'`` or ``'float16'`` by autocast.
        average: What is blended: ``'logits'``, as mmsegmentation does it, or
            ``'probabilities'``.

    Raises:
        InputError: The config or checkpoint cannot be used.
    """

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path | None = None,
        device: str | None = None,
        dtype: str = 'float32',
        average: str = 'logits',
    ) -> None:
        if dtype not in _PRECISIONS:
            raise InputError(
                f'dtype={dtype!r}: must be one of {", ".join(_PRECISIONS)}'
            )
        if average not in ('logits', 'probabilities'):
            raise InputError(
                f"average={average!r}: must be 'logits' or 'probabilities'"
            )
        super().__init__(model, weights, device)
        if not isinstance(self._load_file, LoadBands):
            raise InputError(
                'the pipeline of test_dataloader begins with '
                f'{type(self._load_file).__name__}; begin it with '
                "dict(type='LoadBands'), which knows bands by name"
            )
        self.dtype = dtype
        self.average = average
        self.network = SceneNetwork(self.model, dtype, average)
        self._check_classes()

    def __call__(
        self,
        inputs: Scenes,
        batch_size: int = 4,
        out_dir: str | Path | None = None,
        tile: int = 512,
        overlap: int = 128,
        blend: str = 'hann',
        num_workers: int = 2,
        file_bands: list[str] | None = None,
        min_blob: int = 0,
        dilate: float | str = 0,
        gsd: float | None = None,
        probabilities: bool = False,
        polygons: str | None = None,
        simplify: float = 0,
        regular: bool = False,
        min_area: int = MIN_AREA,
        geojson_crs: str = 'image',
        draw: bool = True,
        skip_existing: bool = False,
        show_progress: bool = True,
    ) -> dict[str, list]:
        """Map all scenes.

        A scene that cannot be used is skipped if there are others. A run that
        was broken off goes on where it was, with the same settings and
        `out_dir`.

        Args:
            inputs: A file, a Sentinel-2 product (``*.SAFE``), a folder of
                these (with its subfolders), an array (H, W, bands), a dict
                of files of single bands by their names, or a list of such;
                in the unit that the files of the data set have. Rasters are
                read by windows.
            batch_size: Tiles predicted at once on a GPU.
            out_dir: Receives ``predictions.json`` and ``predictions.csv``,
                and for each scene ``maps/*`` (a GeoTIFF with CRS, nodata and
                overviews; of plain images a PNG), ``scenes/*.json``, and
                what is asked for.
            tile: Side of the tiles in px.
            overlap: Of neighbouring tiles in px, at least.
            blend: How they are blended: ``'hann'``, ``'flat'``, or
                ``'centre'`` (not).
            num_workers: Threads that read.
            file_bands: Names of the bands of the files, in their order. None:
                as files describe them, else as the data set has them.
            min_blob: Objects of fewer pixels take the class around them.
            dilate: By how much clouds grow after that: in px, or a text such
                as ``'60m'``, in metres.
            gsd: The side of a pixel in metres. It comes before what a file
                says.
            probabilities: Write ``probabilities/*.tif``, one band a class
                (before `min_blob` and `dilate`).
            polygons: ``'geojson'``, ``'gpkg'`` or ``'shp'``: write
                ``polygons/*``, the outlines of all objects but those of the
                first class.
            simplify: How far outlines may leave the edges of pixels, in px.
            regular: Make the corners of simplified outlines right angles.
            min_area: Objects of fewer pixels are not outlined.
            geojson_crs: ``'image'``: polygons have the coordinates of the
                scene's CRS. ``'wgs84'``: longitude and latitude.
            draw: Write ``quicklooks/*.png``.
            skip_existing: Keep the results of scenes that `out_dir` has,
                made by the same network with the same settings.
            show_progress: Show a bar with the time left.

        Returns:
            ``predictions``, one dict a scene with `image_id`, `path`,
            `height`, `width`, `bands`, `valid_percent` (of all pixels),
            `pixel_m2` (None: unknown), `notes` (what the user should know),
            `files` (kind -> path below `out_dir`) and `classes`: for each
            class `pixels`, `percent` (of the pixels with data) and, where
            known, `hectares`. Of arrays also `mask` (H, W), whose highest
            value is no data. ``skipped``: pairs of path and reason.

        Raises:
            InputError: A setting is none, or the only scene cannot be used.
        """
        _check_settings(batch_size, polygons, geojson_crs, min_blob)
        check_generalised(simplify, regular)
        scenes = list_scenes(inputs)
        settings = dict(
            tile=tile,
            overlap=overlap,
            weights=blend,
            batch_size=batch_size,
            num_workers=num_workers,
            show_progress=show_progress,
        )
        wanted = dict(
            file_bands=file_bands,
            min_blob=min_blob,
            dilate=dilate,
            gsd=gsd,
            probabilities=probabilities,
            skip_existing=skip_existing,
        )
        predictions, skipped = [], []
        with ExitStack() as stack:
            folder = out_dir or stack.enter_context(
                tempfile.TemporaryDirectory()
            )
            files = CloudFiles(
                Path(folder),
                self.dataset_meta['classes'],
                self.dataset_meta.get('palette'),
                polygons,
                min_area,
                geojson_crs == 'wgs84',
                draw and out_dir is not None,
                simplify,
                regular,
            )
            try:
                for number, scene in enumerate(scenes):
                    title = f'{Path(scene.name).name} ({number + 1}/'
                    settings['title'] = f'{title}{len(scenes)})'
                    try:
                        found = self._map(scene, files, settings, wanted)
                    except BadImageError as error:
                        if len(scenes) == 1:
                            raise
                        skipped.append((scene.name, str(error)))
                        continue
                    predictions.append(dict(image_id=number) | found)
            finally:
                files.write_tables(predictions)
        for _, reason in skipped:
            print_log(f'skipped: {reason}', 'current', logging.WARNING)
        return dict(predictions=predictions, skipped=skipped)

    def _build_model(
        self, cfg: Config, weights: str | Path | None
    ) -> nn.Module:
        dataset = innermost(cfg.test_dataloader.dataset)
        self._files = FileLayout(dataset)
        model = super()._build_model(cfg, weights)
        self.dataset_meta = self._files.meta | self.dataset_meta
        return model

    def _check_classes(self) -> None:
        names = self.dataset_meta.get('classes')
        if not names:
            raise InputError(
                'neither the checkpoint nor the config names the classes; '
                'set metainfo=dict(classes=...) in the data set of '
                'test_dataloader'
            )
        if len(names) != self.network.channels:
            raise InputError(
                f'the model gives {self.network.channels} scores a pixel, '
                f'but there are {len(names)} classes; correct num_classes of '
                "the model's heads, or view or metainfo of the data set"
            )

    def _map(
        self,
        scene: SceneInput,
        files: CloudFiles,
        settings: dict,
        wanted: dict,
    ) -> dict:
        """Predict a scene, write its files, and tell its covers."""
        source, loader = self._open(scene, wanted['file_bands'])
        ground = ground_size(source.place, source.shape, wanted['gsd'])
        change = self._filter(source, wanted, ground.pixel_m2)
        run = self._signature(scene, source, settings, wanted)
        made_with = run | dict(
            min_blob=change.min_blob,
            dilate=change.dilate,
            gsd=wanted['gsd'],
            polygons=files.polygons,
            simplify=files.simplify,
            regular=files.regular,
            min_area=files.min_area,
            wgs84=files.wgs84,
            draw=files.draw,
        )
        if wanted['skip_existing']:
            earlier = files.earlier(scene.stem, made_with)
            if earlier is not None:
                return earlier
        self._check_values(source, loader)
        sink = ClassSink(
            files.unfinished(scene.stem),
            source.shape,
            self.network.channels,
            wanted['probabilities'],
            run,
        )
        change.nodata = sink.nodata
        predict_scene(
            source,
            self.network,
            self.network.channels,
            [sink],
            prepare=lambda *tile: self._prepare_tile(source, loader, *tile),
            finish=_softmax if self.average == 'logits' else None,
            **settings,
        )
        classes = _refined(sink.classes, change)
        covers = self._covers(classes, sink.nodata, ground)
        if covers['valid_percent'] == 0:
            files.forget(scene.stem)
            raise BadImageError(
                f'{scene.name}: has no pixel with data, so there is nothing '
                'to map; take it out, or correct nodata of LoadBands or of '
                'the data set'
            )
        prediction = dict(
            path=scene.name,
            height=source.shape[0],
            width=source.shape[1],
            bands=[str(band) for band in loader.bands],
            pixel_m2=ground.pixel_m2,
            notes=[*source.notes, *([ground.note] if ground.note else [])],
            **covers,
        )
        if isinstance(scene.source, np.ndarray):
            prediction['mask'] = classes.read(0, source.shape[0])[0]
        files.write(
            scene.stem, source, sink, classes, ground, prediction, made_with
        )
        return prediction

    def _open(
        self, scene: SceneInput, file_bands: list[str] | None
    ) -> tuple[Source, '_SceneLoader']:
        """Open a scene, with its bands in the network's order."""
        layout = self._files
        nodata = self._load_file.nodata
        nodata = layout.nodata if nodata is None else nodata
        wanted = self._load_file.bands or self.dataset_meta.get('bands')
        wanted = wanted or layout.bands or None
        source = open_scene(
            scene.source,
            wanted,
            file_bands,
            layout.file_bands,
            layout.sensor,
            nodata,
        )
        source.name = scene.name
        bands = tuple(wanted or range(len(source.all_bands)))
        return source, _SceneLoader(self._load_file, layout, bands, source)

    def _prepare_tile(
        self,
        source: Source,
        loader: '_SceneLoader',
        pixels: np.ndarray,
        valid: np.ndarray | None,
    ) -> dict:
        packed = self._prepare(loader(pixels, valid))
        if tuple(packed['inputs'].shape[1:]) != pixels.shape[:2]:
            raise InputError(
                'the pipeline of test_dataloader changes the size of a tile '
                f'from {pixels.shape[:2]} to '
                f'{tuple(packed["inputs"].shape[1:])}; take the step out '
                'that resizes or crops'
            )
        return packed

    def _check_values(self, source: Source, loader: '_SceneLoader') -> None:
        """Look at windows all over a scene for values in another unit."""
        windows, samples = sample_windows(source.shape), []
        with source.opened(max(windows[0][2:]), 1):
            for window in windows:
                pixels, valid = source.read(window)
                full = np.ones(pixels.shape[:2], bool)
                samples.append((pixels, full if valid is None else valid))
            lacking = max(map(source.lacking_some, windows))
        valid = np.concatenate([valid for _, valid in samples])
        if valid.any():
            pixels = np.concatenate([pixels for pixels, _ in samples])
            loader.check_range(pixels, valid)
        if lacking:
            source.notes.append(
                'some pixels have no data in some of the bands; they are '
                'mapped from what is there'
            )

    def _filter(
        self, source: Source, wanted: dict, area: float | None
    ) -> ClassFilter:
        names = self.dataset_meta['classes']
        grown = [i for i, name in enumerate(names) if name in _CLOUDS]
        radius = _radius(wanted['dilate'], area, source.name)
        if radius and not grown:
            raise InputError(
                f'dilate={wanted["dilate"]}: grows the classes '
                f'{", ".join(_CLOUDS)}, but the model has none of them'
            )
        return ClassFilter(wanted['min_blob'], radius, grown)

    def _signature(
        self, scene: SceneInput, source: Source, settings: dict, wanted: dict
    ) -> dict:
        """All that the predicted rows depend on."""
        if isinstance(scene.source, np.ndarray):
            pixels = np.ascontiguousarray(scene.source)
            files = hashlib.sha1(pixels).hexdigest()
        else:
            files = [file_stamp(path) for path in scene.files]
        return dict(
            files=files,
            bands=source.picked,
            network=self.network.fingerprint(),
            pipeline=[repr(step) for step in self._prepare.transforms],
            layout=repr(self._load_file) + repr(vars(self._files)),
            dtype=self.dtype,
            average=self.average,
            tile=settings['tile'],
            overlap=settings['overlap'],
            weights=settings['weights'],
            probabilities=wanted['probabilities'],
        )

    def _covers(
        self, classes: RowFile, nodata: int, ground: GroundSize
    ) -> dict:
        """Count the pixels of each class, and the ground that they cover."""
        counts = np.zeros(nodata + 1, np.int64)
        areas = np.zeros(nodata + 1)
        for row, (rows,) in classes.strips(_STRIP):
            counts += np.bincount(rows.ravel(), minlength=nodata + 1)
            areas += ground.totals(rows, nodata + 1, row)
        total = int(counts[:nodata].sum())
        covers = {}
        for label, name in enumerate(self.dataset_meta['classes']):
            pixels = int(counts[label])
            share = pixels / max(total, 1)
            covers[name] = dict(pixels=pixels, percent=100 * share)
            if ground.side is not None:
                covers[name]['hectares'] = float(areas[label]) / _HECTARE
        return dict(
            valid_percent=100 * total / int(counts.sum()), classes=covers
        )


class FileLayout:
    """How the files of a data set are made, as its config tells.

    Args:
        dataset: Config of a data set. If it is no
            :class:`~mmrs.datasets.CloudDataset`, little is known.

    Attributes:
        file_bands: Names of the files' bands in their order, or ().
        sensor: Whose bands they are, or None.
        bands: Names of the bands that the network takes, or ().
        scale: Factor of the stored values, for all or by band.
        offset: Added after that, likewise.
        nodata: Stored value of pixels without data, or None.
        value_range: Where values in the unit of the result are, or None.
        meta: `classes`, `palette` and `bands` as far as known.
    """

    def __init__(self, dataset: ConfigDict) -> None:
        with DATASETS.switch_scope_and_registry(None) as registry:
            kind = registry.get(dataset.type)

        def told(key: str, default=None):
            value = dataset.get(key)
            fallback = getattr(kind, key.upper(), default)
            return fallback if value is None else value

        self.file_bands = tuple(dataset.get('file_bands') or ())
        self.file_bands = self.file_bands or getattr(kind, 'BANDS', ())
        self.sensor = getattr(kind, 'SENSOR', None)
        self.bands = tuple(dataset.get('bands') or self.file_bands)
        self.scale = told('scale', 1)
        self.offset = told('offset', 0)
        self.nodata = told('nodata')
        self.value_range = told('value_range')
        views = getattr(kind, 'VIEWS', {})
        view = dataset.get('view') or getattr(kind, 'VIEW', None)
        self.meta = dict(views.get(str(view), {}))
        if self.bands:
            self.meta['bands'] = self.bands


class _SceneLoader:
    """Does for tiles of a scene what LoadBands does for whole files.

    Args:
        step: The first step of the pipeline.
        layout: Of the files.
        bands: That tiles have, in their order.
        source: The scene.
    """

    def __init__(
        self,
        step: LoadBands,
        layout: FileLayout,
        bands: tuple,
        source: Source,
    ) -> None:
        self.bands = bands
        self._units = _units(source, layout, step)
        self._info = dict(
            bands=bands,
            scale=layout.scale,
            offset=layout.offset,
            seg_map_path=None,
            sample_idx=0,
            img_path=source.name,
            sample_id=Path(source.name).stem,
        )
        self._expected = step.value_range or layout.value_range
        # Bands and nodata are known already, and dark tiles are in range.
        settings = dict(scale=step.scale, offset=step.offset)
        if not step.to_float32:
            settings = dict(to_float32=False)
        self._tiles = LoadBands(allow_blank=True, **settings)

    def __call__(self, pixels: np.ndarray, valid: np.ndarray | None) -> dict:
        """Make of stored pixels what a pipeline goes on with."""
        return self._tiles.take(dict(self._info), pixels, valid, self._units)

    def check_range(self, pixels: np.ndarray, valid: np.ndarray) -> None:
        """Refuse values that are far out of range."""
        loaded = self(pixels, None)
        if self._tiles.to_float32:
            check_range(
                self._info['img_path'],
                loaded['img'],
                pixels,
                valid,
                self._expected,
                is_whole=True,
            )


def _units(
    source: Source, layout: FileLayout, step: LoadBands
) -> list[Unit] | None:
    """What stored values of the picked bands stand for.

    As the file or product defines it. A network that was trained on stored
    numbers gets these, without what they were raised by.
    """
    if source.units is None:
        return None
    units = [source.units[number] for number in source.picked]
    scales = (layout.scale, step.scale or 1, layout.offset, step.offset or 0)
    if scales == (1, 1, 0, 0):
        raised = [unit.offset / unit.scale for unit in units]
        return [Unit(1.0, offset) for offset in raised]
    shown = ', '.join(f'{u.scale:g} x + {u.offset:g}' for u in set(units))
    source.notes.append(
        f'values by the scale and offset of the file or product: {shown}'
    )
    return units


class SceneNetwork:
    """A segmentor as :func:`~mmrs.apis.scenes.predict_scene` wants it.

    Args:
        model: A segmentor of mmsegmentation, or one that wraps it.
        dtype: As of :class:`CloudInferencer`.
        average: Likewise; gives logits or probabilities.

    Attributes:
        channels: Values a pixel. A network of one logit (of the class 1, by
            a sigmoid) gives two.
    """

    def __init__(
        self, model: nn.Module, dtype: str = 'float32', average: str = 'logits'
    ) -> None:
        self.model = model
        self.channels = max(model.out_channels, 2)
        self._dtype = getattr(torch, dtype)
        self._average = average
        self._fingerprint = None

    @torch.no_grad()
    def __call__(self, tiles: list[dict]) -> np.ndarray:
        """Predict packed tiles; returns (B, channels, h, w), float32."""
        # On a CPU one by one: then a batch does not change any bit.
        on_gpu = next(self.model.parameters()).is_cuda
        step = len(tiles) if on_gpu else 1
        parts = [
            self._values(tiles[start : start + step])
            for start in range(0, len(tiles), step)
        ]
        return torch.cat(parts).cpu().numpy()

    def _values(self, tiles: list[dict]) -> Tensor:
        data = self.model.data_preprocessor(pseudo_collate(tiles), False)
        inputs = data['inputs']
        shape = tuple(inputs.shape[2:])
        meta = dict(img_shape=shape, ori_shape=shape, pad_shape=shape)
        with torch.autocast(
            inputs.device.type,
            self._dtype,
            enabled=self._dtype != torch.float32,
        ):
            logits = self.model.encode_decode(inputs, [meta] * len(tiles))
        height, width = tiles[0]['inputs'].shape[1:]
        logits = logits[..., :height, :width].float()
        if logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return logits if self._average == 'logits' else logits.softmax(1)

    def fingerprint(self) -> str:
        """Tell networks apart by their structure and weights."""
        if self._fingerprint is None:
            digest = hashlib.sha1(repr(self.model).encode())
            for value in self.model.state_dict().values():
                flat = value.cpu().reshape(-1).contiguous()
                digest.update(flat.view(torch.uint8).numpy())
            self._fingerprint = digest.hexdigest()
        return self._fingerprint


def _softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(0).numpy()


def _refined(classes: RowFile, change: ClassFilter) -> RowFile:
    if not change.changes:
        return classes
    path = classes.path.with_name('refined.rows')
    path.unlink(missing_ok=True)
    refined = RowFile(path, classes.shape, classes.dtype)
    refine_rows(classes, refined, change, _STRIP)
    return refined


def _radius(dilate: float | str, area: float | None, name: str) -> float:
    """Make pixels of what the user says.

    Args:
        dilate: Pixels, or metres as ``'60m'``.
        area: Of a pixel in square metres.
        name: The scene.
    """
    text = str(dilate).strip().lower()
    try:
        value = float(text.removesuffix('m'))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InputError(
            f"dilate={dilate!r}: give pixels, e.g. 3, or metres, e.g. '60m'"
        )
    if not text.endswith('m'):
        return value
    if area is None:
        raise BadImageError(
            f'{name}: dilate={dilate} is in metres, but the scene does not '
            'say how large its pixels are; give gsd, or dilate in pixels'
        )
    return value / math.sqrt(area)


def _check_settings(
    batch_size: int, polygons: str | None, geojson_crs: str, min_blob: int
) -> None:
    if batch_size < 1:
        raise InputError(f'batch_size={batch_size}: must be 1 at least')
    if polygons not in (None, 'geojson', 'gpkg', 'shp'):
        raise InputError(
            f"polygons={polygons!r}: must be 'geojson', 'gpkg', 'shp' or None"
        )
    if geojson_crs not in ('image', 'wgs84'):
        raise InputError(
            f"geojson_crs={geojson_crs!r}: must be 'image' or 'wgs84'"
        )
    if min_blob < 0:
        raise InputError(f'min_blob={min_blob}: must be 0 at least')
