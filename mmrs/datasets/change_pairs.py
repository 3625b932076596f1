"""Pairs of images of two dates, with sentences and masks of what changed."""

import os
from collections import Counter
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmrs.errors import InputError
from mmrs.registry import DATASETS
from mmrs.structures import NO_CHANGE_SENTENCES, tells_no_change, tokenize
from mmrs.structures.vocabulary import Vocabulary
from mmrs.utils.files import find_images, is_image, read_lines

from .bad_images import SkipBadImages
from .caption_files import PairCaptions, parse_line, read_captions

#: Keys of a sample by the folder of `data_prefix` that its file is in.
_PATH_KEYS = dict(
    seg_map='seg_map_path',
    pseudo='pseudo_path',
    pseudo_prob='pseudo_prob_path',
)
_DATES = ('img_a', 'img_b')


@DATASETS.register_module()
class ChangePairDataset(SkipBadImages, BaseDataset):
    """Two folders of images of the same names, the earlier and later date.

    Sentences, masks and pseudo-labels come with them where the arguments
    name such files. Building it checks the caption file, that all images
    exist (each folder is listed once), and the vocabulary. What images and
    masks hold is checked as they are loaded; one that
    :class:`~mmrs.datasets.LoadImagePair` or another transform refuses is
    skipped in training, as :class:`~mmrs.datasets.bad_images.SkipBadImages`
    says.

    Samples have ``sample_id`` (the file name without its end), ``split``,
    ``img_path`` (two paths); with captions ``captions``, ``has_change`` and
    ``vocabulary`` (the :class:`~mmrs.structures.Vocabulary`, one object for
    all samples); with masks ``seg_map_path``; with pseudo-labels
    ``pseudo_path`` or ``pseudo_prob_path``.

    ``metainfo['vocabulary']`` holds all words in the order of their numbers,
    ``metainfo['no_change_sentences']`` what unchanged pairs are told by.

    Args:
        ann_file: The captions: a JSON file in the layout of
            ``LevirCCcaptions.json``, or a folder, as of
            :func:`~mmrs.datasets.caption_files.read_captions`. ``''``: the
            pairs have no captions, and all images of the folder are taken.
            None: that of the class.
        data_root: The folder that the other paths begin in.
        split: Which pairs of the caption file to take.
        data_prefix: Folders ``img_a`` and ``img_b``, and as far as there are
            such files ``seg_map``, ``pseudo`` and ``pseudo_prob``. In the
            names, ``{split}`` stands for the split. Those of the class serve
            where none are given; None leaves one out.
        list_file: Text file of the pairs to take, one file name a line. A
            line ``name.png-k`` takes caption k of a pair alone for training.
        vocabulary: JSON file of word -> number. None: the words of the
            caption file.
        min_count: How often a word must occur to be among those.
        vocab_source: Count in ``'all'`` splits, as the authors of LEVIR-CC's
            methods do, or in ``'train'`` alone.
        **kwargs: As of :class:`mmengine.dataset.BaseDataset`.

    Raises:
        InputError: A check failed; the message names the file and the fix.
    """

    #: How to get the data, said when some of it is missing.
    HOW_TO_GET = 'set data_root, ann_file and data_prefix of the data set'
    ANN_FILE = ''
    DATA_PREFIX = dict(img_a='{split}/A', img_b='{split}/B')
    #: A pair whose captions are all among these is unchanged.
    NO_CHANGE_SENTENCES = NO_CHANGE_SENTENCES

    def __init__(
        self,
        ann_file: str | None = None,
        data_root: str = '',
        split: str = 'train',
        data_prefix: dict[str, str | None] | None = None,
        list_file: str = '',
        vocabulary: str | None = None,
        min_count: int = 5,
        vocab_source: str = 'all',
        **kwargs,
    ) -> None:
        if vocab_source not in ('all', 'train'):
            raise InputError(
                f"vocab_source={vocab_source!r}: must be 'all' or 'train'"
            )
        self.split = split
        self.list_file = list_file
        self.min_count = min_count
        self.vocab_source = vocab_source
        self._vocabulary_file = vocabulary
        self.vocabulary: Vocabulary | None = None
        folders = self.DATA_PREFIX | (data_prefix or {})
        super().__init__(
            ann_file=self.ANN_FILE if ann_file is None else ann_file,
            data_root=data_root,
            data_prefix={
                key: folder.format(split=split)
                for key, folder in folders.items()
                if folder is not None
            },
            **kwargs,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """Drop the palette of the class where only `classes` are given."""
        merged = super()._load_metainfo(metainfo)
        if metainfo and 'classes' in metainfo and 'palette' not in metainfo:
            merged.pop('palette', None)
        return merged

    def load_data_list(self) -> list[dict]:
        """Check and read the captions, the list and the folders."""
        self._check_folders()
        if self.ann_file:
            everything = self._read_captions()
            self._make_vocabulary(everything)
            samples = self._captioned_samples(everything)
        else:
            samples = self._uncaptioned_samples()
        names = [sample['filename'] for sample in samples]
        files = {k: self._find_files(k, names) for k in self.data_prefix}
        return [
            self._data_info(sample, {k: files[k][name] for k in files})
            for sample, name in zip(samples, names)
        ]

    def get_data_info(self, idx: int) -> dict:
        """Get what is known of a pair before its files are read."""
        info = super().get_data_info(idx)
        if self.vocabulary is not None:
            info['vocabulary'] = self.vocabulary  # not a copy for each sample
        return info

    def _check_folders(self) -> None:
        for key in self.data_prefix:
            folder = self.data_prefix[key]
            if not Path(folder).is_dir():
                raise InputError(
                    f'{folder}: no such folder (data_prefix[{key!r}]); '
                    f'{self.HOW_TO_GET}'
                )

    def _read_captions(self) -> list[PairCaptions]:
        """Read the captions of all splits."""
        path = Path(self.ann_file)
        if not path.exists():
            raise InputError(
                f'{path}: no such caption file; {self.HOW_TO_GET}'
            )
        return read_captions(path)

    def _make_vocabulary(self, everything: list[PairCaptions]) -> None:
        own = [p for p in everything if p.split == self.split]
        if self._vocabulary_file is None:
            source = 'all splits' if self.vocab_source == 'all' else 'train'
            counted = [
                caption
                for pair in everything
                if self.vocab_source in ('all', pair.split)
                for caption in pair.captions
            ]
            self.vocabulary = Vocabulary.build(counted, self.min_count)
            origin = (
                f'the words that occur at least {self.min_count} times in '
                f'{source} of {self.ann_file}'
            )
        else:
            origin = self._below_root(self._vocabulary_file)
            self.vocabulary = Vocabulary.load(origin)
        self._metainfo['vocabulary'] = self.vocabulary.words
        self._metainfo['no_change_sentences'] = self.NO_CHANGE_SENTENCES
        self._check_vocabulary(own, origin)

    def _check_vocabulary(self, own: list[PairCaptions], origin: str) -> None:
        counts = Counter(
            word for p in own for c in p.captions for word in tokenize(c)
        )
        unknown = {w: n for w, n in counts.items() if w not in self.vocabulary}
        if not unknown:
            return
        total, lost = counts.total(), sum(unknown.values())
        frequent = sorted(unknown, key=lambda word: (-unknown[word], word))
        shown = ', '.join(frequent[:5])
        what = (
            f'{origin}: {lost} of the {total} words of {self.split!r} in '
            f'{self.ann_file} are not in the vocabulary ({shown}'
            f'{", ..." if len(unknown) > 5 else ""})'
        )
        if lost * 2 > total:
            raise InputError(
                f'{what}; give the vocabulary of these captions, or lower '
                'min_count of the data set'
            )
        print_log(f'{what}; they are read as <UNK>', logger='current')

    def _captioned_samples(self, everything: list[PairCaptions]) -> list[dict]:
        own = {
            self._list_key(p.filename): p
            for p in everything
            if p.split == self.split
        }
        if not own:
            counts = Counter(p.split for p in everything)
            shown = ', '.join(f'{n} of {s!r}' for s, n in counts.items())
            raise InputError(
                f'{self.ann_file}: names no pair of the split {self.split!r}, '
                f'but {shown or "none at all"}; set split of the data set'
            )
        if not self.list_file:
            return [self._captioned_sample(pair) for pair in own.values()]
        samples = []
        for name, index in self._read_list():
            pair = own.get(self._list_key(name))
            if pair is None or (index or 0) >= len(pair.captions):
                lacking = '' if index is None else f' or no caption {index}'
                raise InputError(
                    f'{self._below_root(self.list_file)}: {self.ann_file} '
                    f'has no pair {name}{lacking} in the split '
                    f'{self.split!r}'
                )
            sample = self._captioned_sample(pair)
            if index is not None:
                sample['caption_index'] = index
            samples.append(sample)
        return samples

    def _list_key(self, name: str) -> str:
        """File name without its end, that token files do not tell."""
        return os.path.splitext(name)[0]

    def _captioned_sample(self, pair: PairCaptions) -> dict:
        changed = pair.changed
        if changed is None:
            changed = not all(
                tells_no_change(c, self.NO_CHANGE_SENTENCES)
                for c in pair.captions
            )
        return dict(
            filename=pair.filename, captions=pair.captions, has_change=changed
        )

    def _uncaptioned_samples(self) -> list[dict]:
        if self.list_file:
            names = [name for name, _ in self._read_list()]
        else:
            names = sorted(
                filter(is_image, os.listdir(self.data_prefix['img_a']))
            )
        if not names:
            raise InputError(
                f'{self.data_prefix["img_a"]}: holds no images; '
                f'{self.HOW_TO_GET}'
            )
        return [dict(filename=name) for name in names]

    def _read_list(self) -> list[tuple[str, int | None]]:
        path = Path(self._below_root(self.list_file))
        if not path.is_file():
            raise InputError(f'{path}: no such list of pairs (list_file)')
        lines = read_lines(path)
        if not lines:
            raise InputError(f'{path}: the list is empty')
        return [parse_line(line) for line in lines]

    def _find_files(self, key: str, names: list[str]) -> dict[str, str]:
        """Find the files of one folder of `data_prefix`, by file name."""
        folder = Path(self.data_prefix[key])
        found = self._match(key, folder, names)
        missing = [name for name in dict.fromkeys(names) if name not in found]
        if missing:
            shown = ', '.join(missing[:5])
            total = len(set(names))
            source = (
                self.ann_file or self.list_file or self.data_prefix['img_a']
            )
            raise InputError(
                f'{source}: {len(missing)} of its {total} files are not in '
                f'{folder}: {shown}{", ..." if len(missing) > 5 else ""}; '
                f"copy them there or set data_prefix=dict({key}='...')"
            )
        return {name: str(folder / path) for name, path in found.items()}

    def _match(
        self, key: str, folder: Path, names: list[str]
    ) -> dict[str, str]:
        """Find the file in a folder that belongs to each name."""
        return find_images(folder, names)

    def _data_info(self, sample: dict, files: dict[str, str]) -> dict:
        info = dict(sample)
        info['sample_id'] = os.path.splitext(info.pop('filename'))[0]
        info['split'] = self.split
        info['img_path'] = [files[key] for key in _DATES]
        for key, name in _PATH_KEYS.items():
            if key in files:
                info[name] = files[key]
        return info

    def _below_root(self, path: str) -> str:
        return os.path.join(self.data_root, path)
