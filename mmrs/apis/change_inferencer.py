"""What changed between two dates: sentences, masks, objects and areas."""

import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log
from torch import nn

from mmrs.config import innermost
from mmrs.errors import BadImageError, InputError
from mmrs.geo.georeference import (
    Georeference,
    GroundSize,
    ground_size,
    read_georeference,
)
from mmrs.geo.polygons import MIN_AREA, find_objects
from mmrs.registry import DATASETS, INFERENCERS
from mmrs.structures import (
    NO_CHANGE_SENTENCES,
    ChangeDataSample,
    Vocabulary,
    tells_no_change,
)
from mmrs.visualization.model_inputs import to_rgb

from .base_inferencer import BaseInferencer, Sample
from .change_files import ChangeFiles
from .inputs import PairInput, PairInputs, list_pairs

_SQUARE_METRES = 1e4  # of a hectare
_NO_DATA = 255  # in masks


@INFERENCERS.register_module()
class ChangeInferencer(BaseInferencer):
    """Tells what changed between two dates, with the model of a config.

    Example:
        >>> inferencer = ChangeInferencer('config.py', 'best.pth')
        >>> found = inferencer(('2018.tif', '2024.tif'), out_dir='found')
        >>> found['predictions'][0]['caption']

    Args:
        model: A config of a :class:`~mmrs.models.change.ChangeInterpreter`,
            with a ``test_dataloader`` whose pipeline prepares the pairs. It
            may write captions, draw masks, or both.
        weights: Its checkpoint. Without one the model keeps the weights it
            is built with, which suits only models that need no training.
        device: ``'cpu'``, ``'cuda:0'``, ...; a GPU if there is one.

    Raises:
        InputError: The config or checkpoint cannot be used, or neither names
            the words or classes that the model predicts.
    """

    DOING = 'Comparing'
    TAKES_PAIRS = True

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(model, weights, device)
        words = self.dataset_meta.get('vocabulary')
        self._vocabulary = None if words is None else Vocabulary(words)
        if getattr(self.model, 'has_captions', False):
            self._check_words()
        if getattr(self.model, 'has_masks', False):
            self._check_classes()

    def __call__(
        self,
        inputs: PairInputs,
        batch_size: int = 1,
        out_dir: str | Path | None = None,
        gsd: float | None = None,
        min_area: int = MIN_AREA,
        geojson_crs: str = 'image',
        draw: bool = True,
        show_progress: bool = True,
    ) -> dict[str, list]:
        """Predict all pairs; those that cannot be used are skipped.

        Areas need to know how much ground a pixel covers. GeoTIFFs of a
        projected CRS tell it, for others `gsd` does; where neither does,
        areas are left out and `notes` says why.

        Args:
            inputs: The earlier and the later image: two files, two folders
                (with their subfolders) of equal file names, or two arrays
                (H, W, bands) of RGB uint8; or a list of such pairs.
                GeoTIFFs must lie on the same grid.
            batch_size: Pairs predicted at once, as far as they are of one
                size.
            out_dir: Receives ``predictions.json`` and ``predictions.csv``,
                and for each pair ``overlays/*.png`` and, where there are
                masks, ``masks/*`` of class values (a GeoTIFF with its place
                for GeoTIFFs, else PNG) and ``polygons/*.geojson``. Files
                are called as the earlier image. What was predicted is kept
                even when a later pair ends the run.
            gsd: The side of a pixel in metres. It comes before what a file
                says.
            min_area: Objects of fewer pixels are left out of `objects`, of
                their `count` and of the polygons, but count as `pixels`.
            geojson_crs: ``'image'``: polygons have the coordinates of the
                image's CRS, which the file names as GDAL does. ``'wgs84'``:
                longitude and latitude, as RFC 7946 demands. Images without
                CRS have polygons in pixels, y down, in either case.
            draw: Write the overlays.
            show_progress: Show a bar with the time left.

        Returns:
            ``predictions``, one dict a pair with `image_id`, `paths` (two),
            `height`, `width`, `notes` (what the user should know) and
            `files` (kind -> path below `out_dir`). Where the model writes
            captions, `caption`, its `score` (sum of the log probabilities
            of its words), `caption_confidence` (their geometric mean) and
            `says_change`. Where it draws masks, `mask` (H, W) uint8,
            `pixel_m2` (None: unknown) and `classes`: for each class a dict
            of `pixels`, `fraction` and `confidence` (mean probability of
            the class where it is predicted; None where it is not), for all
            classes but the first also `count` and `objects` (dicts of `box`,
            x0, y0, x1, y1 in pixels, and `pixels`; 8-connected), and `m2`
            and `hectares` where known.
            ``skipped``: pairs of paths and reason.

        Raises:
            InputError: There is no pair to predict, a setting is none, or
                what the model predicts has no names.
        """
        _check_settings(gsd, min_area, geojson_crs)
        files = None
        if out_dir is not None:
            files = ChangeFiles(
                Path(out_dir),
                self.dataset_meta.get('classes', ()),
                self.dataset_meta.get('palette'),
                min_area,
                wgs84=geojson_crs == 'wgs84',
                draw=draw,
            )

        def describe(samples: list[Sample]) -> list[dict]:
            predictions = []
            for sample, output in zip(samples, self._forward(samples)):
                place, notes = _find_place(sample.image), _gaps(sample)
                prediction = self._describe(sample, output)
                ground = None
                if 'mask' in prediction:
                    shape = prediction['mask'].shape
                    ground = ground_size(place, shape, gsd)
                    notes += [ground.note] if ground.note else []
                    _add_objects(prediction, min_area, ground)
                prediction['notes'] = notes
                if files is not None:
                    files.write(sample, prediction, place, ground)
                predictions.append(prediction)
            return predictions

        def finish(predictions: list[dict]) -> None:
            if files is not None:
                files.write_tables(predictions)
            notes = Counter(n for found in predictions for n in found['notes'])
            for note, count in notes.items():
                print_log(f'{note} ({count} pairs)', 'current')

        return self._run(inputs, batch_size, show_progress, describe, finish)

    def _build_model(
        self, cfg: Config, weights: str | Path | None
    ) -> nn.Module:
        dataset = innermost(cfg.test_dataloader.dataset)
        configured = self.dataset_meta
        self._no_change = _sentences_of_no_change(dataset)
        model = super()._build_model(cfg, weights)
        # A checkpoint may know the words alone, or the classes.
        if 'classes' not in self.dataset_meta:
            self.dataset_meta = configured | self.dataset_meta
        if 'vocabulary' not in self.dataset_meta and dataset.get('vocabulary'):
            path = Path(dataset.get('data_root') or '', dataset.vocabulary)
            words = dict(vocabulary=Vocabulary.load(path).words)
            self.dataset_meta = self.dataset_meta | words
        return model

    def _check_words(self) -> None:
        if self._vocabulary is None:
            raise InputError(
                'the model writes captions, but neither the checkpoint nor '
                'the config names the words; set vocabulary (a JSON file of '
                'word -> number) in the data set of test_dataloader'
            )
        count = getattr(self.model.caption_head, 'num_words', None)
        if count is not None and count != len(self._vocabulary):
            raise InputError(
                f'the model knows {count} words, but the vocabulary has '
                f'{len(self._vocabulary)}; give the vocabulary that the model '
                'was trained with'
            )

    def _check_classes(self) -> None:
        if not self.dataset_meta.get('classes'):
            raise InputError(
                'the model draws masks, but neither the checkpoint nor the '
                'config names the classes; set metainfo=dict(classes=...) in '
                'the data set of test_dataloader'
            )

    def _list(self, inputs: PairInputs) -> list[PairInput]:
        return list_pairs(inputs)

    def _load_one(self, image: PairInput) -> dict:
        if not isinstance(image.sources[0], np.ndarray):
            paths = [str(path) for path in image.sources]
            loaded = self._load_file(dict(img_path=paths))
        else:
            loaded = self._take_arrays(image)
        self._check_bands(loaded, image)
        return loaded | dict(sample_id=image.stem)

    def _take_arrays(self, image: PairInput) -> dict:
        images = list(image.sources)
        if getattr(self._load_file, 'to_float32', False):
            images = [array.astype(np.float32) for array in images]
        shape = images[0].shape[:2]
        dates = [f'{image.name} ({date})' for date in ('earlier', 'later')]
        return dict(
            imgs=images, img_path=dates, img_shape=shape, ori_shape=shape
        )

    def _check_bands(self, loaded: dict, image: PairInput) -> None:
        """Refuse a pair of other bands, so that it does not end the run."""
        mean = getattr(self.model.data_preprocessor, 'mean_a', None)
        found = loaded['imgs'][0].shape[2]
        if mean is not None and found != len(mean):
            raise BadImageError(
                f'{image.name}: {found} band(s), but the model takes '
                f'{len(mean)}; choose them, e.g. LoadImagePair(bands='
                f'{(0, 1, 2) if found > 2 else (0, 0, 0)}) in the pipeline '
                'of test_dataloader'
            )

    def _pixels(self, loaded: dict) -> tuple[np.ndarray, np.ndarray]:
        return tuple(map(to_rgb, loaded['imgs']))

    def _forward(self, samples: list[Sample]) -> list[ChangeDataSample]:
        """Run the network on the samples of each size at once."""
        alike = defaultdict(list)
        for index, sample in enumerate(samples):
            alike[sample.packed['inputs']['img_a'].shape].append(index)
        outputs = {}
        for indices in alike.values():
            found = super()._forward([samples[i] for i in indices])
            outputs |= zip(indices, found)
        return [outputs[index] for index in range(len(samples))]

    def _describe(self, sample: Sample, output: ChangeDataSample) -> dict:
        """Say what was predicted as plain values and a mask."""
        earlier, _ = sample.pixels
        prediction = dict(
            image_id=sample.image_id,
            paths=_paths(sample.image),
            height=earlier.shape[0],
            width=earlier.shape[1],
        )
        if 'pred_ids' in output:
            prediction |= self._describe_caption(output)
        if 'pred_mask' in output:
            prediction |= self._describe_mask(output, sample.valid)
        return prediction

    def _describe_caption(self, output: ChangeDataSample) -> dict:
        ids, score = [*map(int, output.pred_ids)], float(output.pred_score)
        caption = self._vocabulary.decode(ids)
        return dict(
            caption=caption,
            score=score,
            caption_confidence=math.exp(score / (len(ids) + 1)),  # with END
            says_change=not tells_no_change(caption, self._no_change),
        )

    def _describe_mask(
        self, output: ChangeDataSample, valid: np.ndarray | None
    ) -> dict:
        mask = output.pred_mask.cpu().numpy().astype(np.uint8)
        if valid is not None:
            mask[~valid] = _NO_DATA
        scores = output.mask_scores
        names = self.dataset_meta['classes']
        if len(scores) != len(names):
            raise InputError(
                f'the model gives {len(scores)} scores a pixel, but there '
                f'are {len(names)} classes; correct the number of classes of '
                'the mask head, or metainfo=dict(classes=...) of the data set'
            )
        classes = {}
        total = max(int((mask != _NO_DATA).sum()), 1)
        for label, name in enumerate(names):
            place = torch.from_numpy(mask == label)
            pixels = int(place.sum())
            classes[name] = dict(
                pixels=pixels,
                fraction=pixels / total,
                confidence=scores[label].cpu()[place].mean().item()
                if pixels
                else None,
            )
        return dict(mask=mask, classes=classes)


def _sentences_of_no_change(dataset: ConfigDict) -> tuple[str, ...]:
    """Ask a data set's class how its captions say that nothing changed."""
    with DATASETS.switch_scope_and_registry(None) as registry:
        kind = registry.get(dataset.type)
    return getattr(kind, 'NO_CHANGE_SENTENCES', NO_CHANGE_SENTENCES)


def _check_settings(
    gsd: float | None, min_area: int, geojson_crs: str
) -> None:
    if gsd is not None and not 0 < gsd < math.inf:
        raise InputError(f'gsd is {gsd:g}; give the side of a pixel in metres')
    if min_area < 1:
        raise InputError(
            f'min_area is {min_area}; an object has one pixel at least'
        )
    if geojson_crs not in ('image', 'wgs84'):
        raise InputError(
            f"geojson_crs is {geojson_crs!r}; take 'image' or 'wgs84'"
        )


def _find_place(image: PairInput) -> Georeference | None:
    """Find where a pair lies by the first date that names a place."""
    places = [
        read_georeference(source)
        for source in image.sources
        if not isinstance(source, np.ndarray)
    ]
    places = [place for place in places if place is not None]
    places.sort(key=lambda place: place.crs is None)
    return places[0] if places else None


def _gaps(sample: Sample) -> list[str]:
    """Note how much of a pair cannot be compared."""
    if sample.valid is None:
        return []
    share = 1 - float(sample.valid.mean())
    return [
        f'{share:.1%} of the pixels have no data in one of the dates; nothing '
        'is compared there'
    ]


def _paths(image: PairInput) -> list[str | None]:
    return [
        None if isinstance(source, np.ndarray) else str(source)
        for source in image.sources
    ]


def _add_objects(prediction: dict, min_area: int, ground: GroundSize) -> None:
    """Add the connected objects of each class, and areas where known."""
    mask = prediction['mask']
    _, objects = find_objects(mask, min_area)
    prediction['pixel_m2'] = ground.pixel_m2
    areas = ground.totals(mask, 256)
    for label, found in enumerate(prediction['classes'].values()):
        if label == 0:
            continue
        own = [o for o in objects if o.label == label]
        found['count'] = len(own)
        found['objects'] = [dict(box=o.box, pixels=o.pixels) for o in own]
        if ground.side is not None:
            found['m2'] = float(areas[label])
            found['hectares'] = found['m2'] / _SQUARE_METRES
