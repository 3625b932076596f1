"""Pairs of pictures with captions in the layout of LEVIR-CC."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from mmrs.synthetic.layouts.captions import describe, write_captions
from mmrs.synthetic.layouts.pairs import (
    check_view,
    choose_split,
    default_gsd,
    find_pair,
)
from mmrs.synthetic.noise import generator
from mmrs.synthetic.world import World

CAPTIONS = 'LevirCCcaptions.json'


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write ``images/{train,val,test}/{A,B}/*.png`` and the captions.

    ``LevirCCcaptions.json`` has five captions a pair. Every second pair
    shows a change. The arguments are those of
    :func:`mmrs.synthetic.layouts.write_dataset`; of the pairs held out, one
    half is for validation and one for testing.

    Yields:
        the path of every file written.

    Raises:
        InputError: changes cannot be shown in images like these.
    """
    return write_pairs(out, seed, numbers, size, gsd, val_fraction)


def write_pairs(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
    with_labels: bool = False,
) -> Iterator[Path]:
    """As :func:`write`, with label images in a third folder if asked for."""
    gsd = gsd or default_gsd(size)
    check_view(size, gsd)
    world = World(seed)
    counts = Counter()
    captions = CaptionFile()
    for k in numbers:
        split = choose_split(k, val_fraction)
        pair = find_pair(world, k, size, gsd, split)
        counts[split] += 1
        name = f'{split}_{counts[split]:06d}.png'
        images = {'A': pair.before, 'B': pair.after}
        if with_labels:
            images['label'] = np.repeat(pair.change.label[..., None], 3, 2)
        for folder, image in images.items():
            path = out / 'images' / split / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
            yield path
        facts = describe(pair.change)
        rng = generator(world.key('captions'), k)
        sentences = write_captions(facts, rng)
        captions.add(split, name, sentences, bool(facts.events))
    path = out / CAPTIONS
    captions.write(path)
    yield path


class CaptionFile:
    """A caption file of LEVIR-CC in the making."""

    def __init__(self):
        self.images: list[dict] = []
        self._sentences = 0

    def add(
        self, split: str, name: str, sentences: list[str], changed: bool
    ) -> None:
        """Add a pair of images of one name, and its sentences."""
        image_id = len(self.images)
        first = self._sentences
        self._sentences += len(sentences)
        self.images.append(
            dict(
                filepath=split,
                filename=name,
                imgid=image_id,
                sentids=list(range(first, self._sentences)),
                sentences=[
                    dict(
                        tokens=sentence.split(),
                        raw=f' {sentence} .',
                        imgid=image_id,
                        sentid=number,
                    )
                    for number, sentence in enumerate(sentences, first)
                ],
                split=split,
                changeflag=int(changed),
            )
        )

    def write(self, path: Path) -> None:
        """Write the file."""
        path.write_text(json.dumps(dict(images=self.images)))
