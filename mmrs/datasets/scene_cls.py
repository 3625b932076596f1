"""Scene classification: one folder a class, checked before training."""

import difflib
import logging
from collections import Counter
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmrs.errors import InputError
from mmrs.registry import DATASETS
from mmrs.utils.files import find_images, list_class_folders, read_lines

from .bad_images import SkipBadImages


def how_to_get(root: str, lists: str) -> str:
    """Say how to get a public data set.

    Args:
        root: The data set's folder.
        lists: The folder of its lists in RSMamba's repository.
    """
    return (
        f'put the class folders of the data set in {root} and the lists '
        f'{{train,val}}.txt in {root}/datainfo: those of the RSMamba '
        f'repository ({lists}), or your own: python '
        f'tools/dataset_converters/split_scene_cls.py {root} --split '
        'train=0.7 val=0.3'
    )


@DATASETS.register_module()
class SceneClsDataset(SkipBadImages, BaseDataset):
    """Images in one folder a class: all of them, or those of a list.

    Layout::

        data_root/<ClassFolder>/<image file>
        data_root/datainfo/{train,val,cls_names}.txt

    A list has a line ``<ClassFolder>/<image file>`` an image, and no label:
    that is the place of the folder's name among the classes. A list that
    names another image format than the files are of serves as well.

    The classes are, in this order: ``metainfo['classes']`` (names, or the
    path of a file with one name a line) or those of the class; the lines of a
    file ``cls_names.txt`` beside the list or in `data_root`; the sorted names
    of the folders that hold images.

    Building it checks the list and its lines, that every folder is a class,
    and that all images exist (the folders are listed once). Classes without
    images are warned about. An image that :class:`~mmrs.datasets.LoadRSImage`
    refuses is skipped in training, as
    :class:`~mmrs.datasets.bad_images.SkipBadImages` says.

    Takes the arguments of :class:`mmengine.dataset.BaseDataset`, of which
    `data_root` is the folder, `ann_file` the list (without one: all images)
    and ``data_prefix=dict(img_path=...)`` where in `data_root` the class
    folders are. Samples have ``img_path`` and ``gt_label``.

    Raises:
        InputError: A check failed; the message names the file and the fix.
    """

    #: How to get the data, said when some of it is missing.
    HOW_TO_GET = 'set data_root, ann_file and data_prefix of the data set'

    def load_data_list(self) -> list[dict]:
        """Check the classes, the list and the image files."""
        folder = Path(self.data_prefix['img_path'])
        if not folder.is_dir():
            raise InputError(f'{folder}: no such folder; {self.HOW_TO_GET}')
        classes = self._metainfo.get('classes') or self._find_classes(folder)
        if isinstance(classes, str):  # MMEngine found no file of that name
            raise InputError(
                f'{classes}: no such file of class names; set metainfo='
                'dict(classes=...) to a file with one name a line, or to a '
                'list of names'
            )
        self._metainfo['classes'] = tuple(classes)
        names = self._read_list() if self.ann_file else _all_images(folder)
        if not names:
            raise InputError(
                f'{self._source()}: holds no images; {self.HOW_TO_GET}'
            )
        labels = self._labels(names)
        paths = self._find_images(folder, names)
        self._warn_of_empty_classes(labels)
        return [
            dict(img_path=str(folder / path), gt_label=label)
            for path, label in zip(paths, labels)
        ]

    def get_cat_ids(self, idx: int) -> list[int]:
        """Label of an image, for MMEngine's ``ClassBalancedDataset``."""
        return [self.get_data_info(idx)['gt_label']]

    def _source(self) -> str:
        return self.ann_file or self.data_prefix['img_path']

    def _find_classes(self, folder: Path) -> list[str]:
        for place in (Path(self.ann_file).parent, Path(self.data_root)):
            path = place / 'cls_names.txt'
            if path.is_file():
                return read_lines(path)
        return list(list_class_folders(folder))

    def _read_list(self) -> list[str]:
        path = Path(self.ann_file)
        if not path.is_file():
            raise InputError(
                f'{path}: no such list of images; {self.HOW_TO_GET}'
            )
        return read_lines(path)

    def _labels(self, names: list[str]) -> list[int]:
        classes = self._metainfo['classes']
        numbers = {name: label for label, name in enumerate(classes)}
        labels = []
        for name in names:
            folder, slash, _ = name.partition('/')
            if not slash:
                raise InputError(
                    f'{self.ann_file}: its line {name!r} names no class '
                    'folder; a line is <ClassFolder>/<image file>'
                )
            if folder not in numbers:
                near = difflib.get_close_matches(folder, classes, n=1)
                hint = f'; did you mean {near[0]}?' if near else '.'
                raise InputError(
                    f'{self._source()}: the folder {folder} is none of the '
                    f'{len(classes)} classes of {type(self).__name__}{hint} '
                    'Rename it, or set metainfo=dict(classes=...) in every '
                    'data set of the config and num_classes in the model'
                )
            labels.append(numbers[folder])
        return labels

    def _find_images(self, folder: Path, names: list[str]) -> list[str]:
        found = find_images(folder, names)
        missing = [name for name in names if name not in found]
        if missing:
            shown = ', '.join(missing[:5])
            raise InputError(
                f'{self._source()}: {len(missing)} of its {len(names)} images '
                f'are not in {folder}: {shown}'
                f'{", ..." if len(missing) > 5 else ""}; copy them there or '
                "set data_prefix=dict(img_path='...')"
            )
        return [found[name] for name in names]

    def _warn_of_empty_classes(self, labels: list[int]) -> None:
        counts = Counter(labels)
        classes = self._metainfo['classes']
        empty = [n for i, n in enumerate(classes) if not counts[i]]
        if empty:
            print_log(
                f'{self._source()}: no image of {len(empty)} of the '
                f'{len(classes)} classes: {", ".join(empty)}',
                logger='current',
                level=logging.WARNING,
            )


def _all_images(folder: Path) -> list[str]:
    return [
        f'{name}/{file}'
        for name, files in list_class_folders(folder).items()
        for file in files
    ]
