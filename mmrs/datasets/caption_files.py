"""Files that hold the sentences of image pairs, read and written."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mmrs.errors import InputError
from mmrs.structures import tokenize
from mmrs.structures.vocabulary import SPECIAL_WORDS

SPLITS = ('train', 'val', 'test')
#: Splits by what the name of a file of one split begins with.
_SPLIT_NAMES = dict(train='train', validation='val', val='val', test='test')
#: A line of a list, ``name.png`` or ``name.png-k``.
_LINE = re.compile(r'(?P<name>.+\.\w+)-(?P<index>\d+)')


class PairCaptions(NamedTuple):
    """What a caption file says of one pair of images.

    Attributes:
        filename: Of both images.
        split: E.g. ``'train'``.
        captions: Its sentences, as they are stored.
        changed: Whether the place changed, where the file has a flag of it.
    """

    filename: str
    split: str
    captions: list[str]
    changed: bool | None = None


def read_captions(path: str | Path) -> list[PairCaptions]:
    """Read the captions of all splits, from what there is.

    Args:
        path: A JSON file (:func:`read_caption_json`), a folder of such files
            of a split each, whose names begin with it (``Train_...json``), or
            a folder of token files (:func:`read_token_files`).

    Raises:
        InputError: A file is something else, or has empty sentences.
    """
    path = Path(path)
    if not path.is_dir():
        return read_caption_json(path)
    files = sorted(path.glob('*.json'))
    if not files:
        return read_token_files(path)
    pairs = []
    for file in files:
        split = _SPLIT_NAMES.get(file.stem.partition('_')[0].lower())
        pairs += read_caption_json(file, split)
    return pairs


def read_caption_json(
    path: str | Path, split: str | None = None
) -> list[PairCaptions]:
    """Read a JSON file in the layout of ``LevirCCcaptions.json``.

    Args:
        path: The file: ``{"images": [{"filename": ..., "split": ...,
            "sentences": [{"raw": ...}, ...]}, ...]}``. An image may have a
            ``"changeflag"``, 0 or 1; some files have the split under
            ``"filepath"``, or in the file's name alone (``train_...``).
        split: Of all its images, where the file is of one split.

    Raises:
        InputError: It is no such file, or an image of it lacks a name or
            sentences, or has an empty one.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        what = 'not a JSON file' if path.stat().st_size else 'empty'
        raise InputError(f'{path}: {what} ({error})') from error
    images = content.get('images') if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise InputError(
            f'{path}: not a caption file, it has no list "images" of '
            '{"filename": ..., "split": ..., "sentences": [{"raw": ...}]}'
        )
    pairs = [_read_image(image, split, path) for image in images]
    _check(pairs, path)
    return pairs


def _read_image(image: dict, split: str | None, path: Path) -> PairCaptions:
    missing = [key for key in ('filename', 'sentences') if key not in image]
    if missing:
        raise InputError(
            f'{path}: the image {image.get("filename", image)} has no '
            f'"{missing[0]}"'
        )
    captions = [
        s['raw'] if 'raw' in s else ' '.join(s['tokens'])
        for s in image['sentences']
    ]
    flag = image.get('changeflag')
    return PairCaptions(
        image['filename'],
        split or _split_of(image),
        captions,
        None if flag is None else bool(int(flag)),
    )


def _split_of(image: dict) -> str:
    stated = [image.get('split'), image.get('filepath')]
    named = image['filename'].partition('_')[0]
    known = [split for split in (*stated, named) if split in SPLITS]
    return known[0] if known else stated[0] or named


def read_token_files(folder: str | Path) -> list[PairCaptions]:
    """Read ``{name}.txt`` files, each a JSON list of a pair's token lists.

    Those are what the authors of LEVIR-CC's methods make of the JSON file.
    The split is what a file's name begins with (``train_...``), and images
    are taken for PNG files.

    Raises:
        InputError: A file is something else, or there is none.
    """
    folder = Path(folder)
    pairs = []
    for path in sorted(folder.glob('*.txt')):
        try:
            lists = json.loads(path.read_text(encoding='utf-8'))
            captions = [' '.join(_without_specials(words)) for words in lists]
        except (ValueError, TypeError) as error:
            raise InputError(
                f'{path}: not a token file, a JSON list of lists of words'
            ) from error
        name = f'{path.stem}.png'
        split = _split_of(dict(filename=name))
        pairs.append(PairCaptions(name, split, captions))
    if not pairs:
        raise InputError(
            f'{folder}: holds neither caption files, *.json, nor token files, '
            'NAME.txt'
        )
    _check(pairs, folder)
    return pairs


def _without_specials(words: list[str]) -> list[str]:
    return [word for word in words if word not in SPECIAL_WORDS]


def _check(pairs: list[PairCaptions], path: Path) -> None:
    """Every pair has sentences, all of words, and is listed once."""
    seen = set()
    for pair in pairs:
        if not pair.captions:
            raise InputError(f'{path}: {pair.filename} has no sentences')
        if not all(map(tokenize, pair.captions)):
            raise InputError(
                f'{path}: {pair.filename} has an empty sentence; take it out '
                'or write one'
            )
        key = (pair.split, pair.filename)
        if key in seen:
            raise InputError(
                f'{path}: {pair.filename} of {pair.split} is listed twice'
            )
        seen.add(key)


def write_caption_json(
    pairs: Iterable[PairCaptions], path: str | Path
) -> None:
    """Write a file that :func:`read_caption_json` reads."""
    images, sentid = [], 0
    for imgid, pair in enumerate(pairs):
        sentences = [
            dict(tokens=tokenize(raw), raw=raw, imgid=imgid, sentid=i)
            for i, raw in enumerate(pair.captions, sentid)
        ]
        sentid += len(sentences)
        image = dict(
            filepath=pair.split,
            filename=pair.filename,
            imgid=imgid,
            sentids=[s['sentid'] for s in sentences],
            sentences=sentences,
            split=pair.split,
        )
        if pair.changed is not None:
            image['changeflag'] = int(pair.changed)
        images.append(image)
    Path(path).write_text(json.dumps(dict(images=images)), encoding='utf-8')


def write_token_files(
    pairs: Iterable[PairCaptions], folder: str | Path
) -> None:
    """Write a file that :func:`read_token_files` reads for each pair."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    start, end = SPECIAL_WORDS[2:]
    for pair in pairs:
        lists = [[start, *tokenize(c), end] for c in pair.captions]
        path = folder / f'{Path(pair.filename).stem}.txt'
        path.write_text(json.dumps(lists), encoding='utf-8')


def write_lists(
    pairs: Iterable[PairCaptions], folder: str | Path, per_caption: bool
) -> None:
    """Write ``{split}.txt``, lists of the images of each split.

    Args:
        pairs: All pairs.
        folder: Receives the lists.
        per_caption: In the list ``train.txt``, have a line ``name.png-k`` a
            caption in place of one line an image.
    """
    lists = {}
    for pair in pairs:
        lines = [pair.filename]
        if per_caption and pair.split == 'train':
            lines = [f'{pair.filename}-{k}' for k in range(len(pair.captions))]
        lists.setdefault(pair.split, []).extend(lines)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for split, lines in lists.items():
        (Path(folder) / f'{split}.txt').write_text('\n'.join(lines) + '\n')


def parse_line(line: str) -> tuple[str, int | None]:
    """Read a line ``name.png`` or ``name.png-k``: name and caption."""
    match = _LINE.fullmatch(line)
    if match is None:
        return line, None
    return match['name'], int(match['index'])
