"""Instance segmentation in COCO JSON, checked before anything is trained."""

import json
import os
from pathlib import Path

import numpy as np
from mmdet.datasets import CocoDataset
from PIL import Image

from mmrs.errors import InputError
from mmrs.registry import DATASETS
from mmrs.utils.files import list_files

from .bad_images import SkipBadImages
from .transforms.loading import size_message

_IMAGE_KEYS = ('id', 'file_name', 'height', 'width')
_OBJECT_KEYS = (
    'id',
    'image_id',
    'category_id',
    'bbox',
    'area',
    'iscrowd',
    'segmentation',
)
_SIZES_CHECKED = 64  # image headers read when the data set is built
_ORIENTATION, _TURNED = 274, (5, 6, 7, 8)  # of EXIF; a quarter turn


@DATASETS.register_module()
class InstanceSegDataset(SkipBadImages, CocoDataset):
    """A COCO JSON file and a folder of images, for any list of classes.

    What can be checked cheaply is checked when the data set is built: the
    JSON file and its content, its categories against ``metainfo['classes']``
    (same names in the same order), that all images exist (the folders are
    listed once), and the sizes of a sample of images. The exact check of
    every image is :class:`~mmrs.datasets.LoadRSImage`'s.

    An image that this transform refuses while training is skipped, as
    :class:`~mmrs.datasets.bad_images.SkipBadImages` says.

    Images without objects stay in test mode; in training
    ``filter_cfg=dict(filter_empty_gt=True)`` leaves them out.

    Takes the arguments of :class:`mmdet.datasets.CocoDataset`; annotation
    and image files must be local.

    Raises:
        InputError: A check failed; the message names the file and the fix.
    """

    METAINFO = dict(classes=())
    #: How to get the data, said when the annotation file is missing.
    HOW_TO_GET = 'set data_root, ann_file and data_prefix of the data set'

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """Drop the palette of the class where only `classes` are given."""
        merged = super()._load_metainfo(metainfo)
        if metainfo and 'classes' in metainfo and 'palette' not in metainfo:
            merged.pop('palette', None)
        return merged

    def load_data_list(self) -> list[dict]:
        """Check the annotation file and the image files, then read them."""
        coco = self._read_json()
        self._check_records(coco)
        self._check_classes(coco['categories'])
        folder = Path(self.data_prefix['img'])
        self._check_images_exist(folder, coco['images'])
        self._check_image_sizes(folder, coco['images'])
        return super().load_data_list()

    def filter_data(self) -> list[dict]:
        """Filter by `filter_cfg`; something must be left."""
        data_list = super().filter_data()
        if not data_list:
            raise InputError(
                f'{self.ann_file}: filter_cfg={self.filter_cfg} leaves no '
                'image; loosen it or check the annotations'
            )
        return data_list

    def _read_json(self) -> dict:
        path = Path(self.ann_file)
        if not path.is_file():
            raise InputError(
                f'{path}: no such annotation file; {self.HOW_TO_GET}'
            )
        try:
            coco = json.loads(path.read_bytes())
        except ValueError as error:
            what = 'not a JSON file' if path.stat().st_size else 'empty'
            raise InputError(
                f'{path}: {what} ({error}); {self.HOW_TO_GET}'
            ) from error
        lists = ('images', 'annotations', 'categories')
        missing = [
            key
            for key in lists
            if not (isinstance(coco, dict) and isinstance(coco.get(key), list))
        ]
        if missing:
            raise InputError(
                f'{path}: not a COCO file, it has no list of '
                f'{", ".join(missing)}'
            )
        return coco

    def _check_records(self, coco: dict) -> None:
        """Both lists hold something, and every record is whole."""
        for name, keys in (
            ('images', _IMAGE_KEYS),
            ('annotations', _OBJECT_KEYS),
        ):
            if not coco[name]:
                raise InputError(
                    f'{self.ann_file}: holds no {name}; check the file or '
                    'the tool that wrote it'
                )
            for record in coco[name]:
                missing = [key for key in keys if key not in record]
                if missing:
                    raise InputError(
                        f'{self.ann_file}: an entry of {name} (id '
                        f'{record.get("id")}) has no {", ".join(missing)}'
                    )
        image_ids = {image['id'] for image in coco['images']}
        category_ids = {category['id'] for category in coco['categories']}
        for record in coco['annotations']:
            if not record['segmentation']:
                problem = 'has no mask (its segmentation is empty)'
            elif record['image_id'] not in image_ids:
                problem = f'is on image {record["image_id"]}, not in the file'
            elif record['category_id'] not in category_ids:
                problem = (
                    f'is of category {record["category_id"]}, not in the file'
                )
            else:
                continue
            raise InputError(
                f'{self.ann_file}: annotation {record["id"]} {problem}'
            )

    def _check_classes(self, categories: list[dict]) -> None:
        """Names that differ would be read as images without objects."""
        found = tuple(category['name'] for category in categories)
        expected = tuple(self.metainfo['classes'])
        if found != expected:
            raise InputError(
                f'{self.ann_file}: its categories are {found}, but the '
                f'classes of {type(self).__name__} are {expected}; set '
                f'metainfo=dict(classes={found}) in every data set of the '
                'config and num_classes in the model, or rename the '
                'categories'
            )

    def _check_images_exist(self, folder: Path, images: list[dict]) -> None:
        names = [image['file_name'] for image in images]
        present = list_files(folder, {os.path.dirname(n) for n in names})
        missing = [name for name in names if name not in present]
        if missing:
            shown = ', '.join(missing[:5])
            raise InputError(
                f'{self.ann_file}: {len(missing)} of its {len(names)} images '
                f'are not in {folder}: {shown}'
                f'{", ..." if len(missing) > 5 else ""}; copy them there or '
                "set data_prefix=dict(img='...')"
            )

    def _check_image_sizes(self, folder: Path, images: list[dict]) -> None:
        sample = np.linspace(0, len(images) - 1, _SIZES_CHECKED).astype(int)
        for index in sorted(set(sample.tolist())):
            path = folder / images[index]['file_name']
            noted = (images[index]['width'], images[index]['height'])
            try:
                with Image.open(path) as image:
                    found = image.size
                    turns = image.getexif().get(_ORIENTATION, 1) in _TURNED
            except (OSError, Image.DecompressionBombError):
                continue  # LoadRSImage reads it, or says why it cannot
            # LoadRSImage knows whether orientation tags count.
            if found != noted and not (turns and found[::-1] == noted):
                raise InputError(size_message(path, found, noted))
