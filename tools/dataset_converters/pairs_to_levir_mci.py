r"""Bring image pairs into the layout of LEVIR-MCI (LEVIR-CC without masks).

::

    python tools/dataset_converters/pairs_to_levir_mci.py SRC OUT \
        --captions captions.json --split train=0.8 val=0.1 test=0.1
    python tools/dataset_converters/pairs_to_levir_mci.py SRC OUT \
        --captions captions.json --all-in train val test --link

SRC has folders A (earlier images) and B (later ones, of the same names), and
maybe label (masks). Files of one name may differ in format. The captions are
in the layout of LevirCCcaptions.json, found by file name; without them, no
such file is written. Pairs without a mask, where there are masks, or without
captions, where there are captions, are left out and counted.

The parts are drawn by ``--split``; or are all the same, to see whether a model
can learn a few pairs by heart (``--all-in``); or are those of the caption
file.

Masks become 0 for unchanged, 128 for road, 255 for building. Those that hold
other values need ``--label-map``, e.g. 0=unchanged 1=road 2=building.
"""

import argparse
import random
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool
from mmrs.utils.files import find_images, is_image

#: The values of LEVIR-MCI's masks.
CODES = dict(unchanged=0, road=128, building=255)


class Pair(NamedTuple):
    """A pair's files; `label` is None where there are no masks."""

    name: str
    image_a: Path
    image_b: Path
    label: Path | None


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', type=Path, help='folder with A, B and label')
    parser.add_argument('out', type=Path, help='receives the data set')
    parser.add_argument(
        '--captions',
        type=Path,
        nargs='+',
        default=[],
        metavar='FILE',
        help='JSON files',
    )
    parser.add_argument(
        '--no-labels', action='store_true', help='leave the masks out'
    )
    parser.add_argument(
        '--label-map',
        nargs='+',
        default=[f'{code}={name}' for name, code in CODES.items()],
        metavar='VALUE=NAME',
        help=f'what the values of the masks are; names: {", ".join(CODES)}',
    )
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument(
        '--split',
        nargs='+',
        metavar='PART=SHARE',
        help='draw parts, e.g. train=0.8 val=0.1 test=0.1',
    )
    parts.add_argument(
        '--all-in', nargs='+', metavar='PART', help='all pairs in each part'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the draw')
    parser.add_argument(
        '--link',
        action='store_true',
        help='link to the images instead of copying them',
    )
    return parser.parse_args()


def parse_label_map(words: list[str]) -> dict[int, int]:
    """Read the LEVIR-MCI value of each value.

    Raises:
        InputError: A word is not VALUE=NAME.
    """
    codes = {}
    for word in words:
        value, _, name = word.partition('=')
        if not value.isdigit() or int(value) > 255 or name not in CODES:
            raise InputError(
                f'--label-map {word}: write VALUE=NAME with a value of 0 to '
                f'255 and a name of {", ".join(CODES)}'
            )
        codes[int(value)] = CODES[name]
    return codes


def parse_shares(words: list[str]) -> dict[str, float]:
    """Read shares by part.

    Raises:
        InputError: A word is not PART=SHARE, or the shares exceed 1.
    """
    shares = {}
    for word in words:
        part, _, share = word.partition('=')
        try:
            shares[part] = float(share)
        except ValueError:
            raise InputError(
                f'--split {word}: write PART=SHARE, e.g. train=0.8'
            ) from None
    if min(shares.values()) <= 0 or sum(shares.values()) > 1 + 1e-9:
        raise InputError(
            f'--split {" ".join(words)}: shares are above 0 and add up to 1 '
            'at most'
        )
    return shares


def find_pairs(src: Path, with_labels: bool) -> tuple[list[Pair], int]:
    """Find the files of all pairs.

    Returns:
        The pairs, and how many were left out for want of a mask.

    Raises:
        InputError: A folder or images of the later date are missing.
    """
    for folder in (src / 'A', src / 'B'):
        if not folder.is_dir():
            raise InputError(
                f'{folder}: no such folder; SRC needs A with the earlier and '
                'B with the later images'
            )
    names = sorted(p.name for p in (src / 'A').iterdir() if is_image(p))
    later = find_images(src / 'B', names)
    missing = [name for name in names if name not in later]
    if missing or not names:
        raise InputError(
            f'{src / "B"}: lacks {len(missing)} of the {len(names)} images of '
            f'{src / "A"}: {", ".join(missing[:5])}'
            if names
            else f'{src / "A"}: holds no images'
        )
    labels = find_images(src / 'label', names) if with_labels else {}
    pairs = [
        Pair(
            name,
            src / 'A' / name,
            src / 'B' / later[name],
            src / 'label' / labels[name] if with_labels else None,
        )
        for name in names
        if name in labels or not with_labels
    ]
    return pairs, len(names) - len(pairs)


def draw_parts(
    names: list[str], shares: dict[str, float], seed: int
) -> dict[str, list[str]]:
    """Draw the names of each part; the same seed draws the same."""
    shuffled = list(names)
    random.Random(seed).shuffle(shuffled)
    parts, start, total = {}, 0, 0.0
    for part, share in shares.items():
        total += share
        end = round(total * len(names))
        parts[part] = sorted(shuffled[start:end])
        start = end
    return parts


def choose_parts(
    args: argparse.Namespace, names: list[str], captions: dict
) -> dict[str, list[str]]:
    """Divide the pairs as the command line says.

    Raises:
        InputError: It says nothing, and there are no captions to say it.
    """
    if args.all_in:
        return dict.fromkeys(args.all_in, names)
    if args.split:
        return draw_parts(names, parse_shares(args.split), args.seed)
    if not captions:
        raise InputError(
            'give --split, e.g. train=0.8 val=0.1 test=0.1, or --all-in: '
            'there is no caption file that has the parts'
        )
    parts = {}
    for name in names:
        parts.setdefault(captions[_stem(name)].split, []).append(name)
    return parts


def _stem(name: str) -> str:
    return Path(name).stem


def _listed(paths: list[Path]) -> str:
    return ', '.join(map(str, paths))


def write_pair(
    pair: Pair, folder: Path, codes: dict[int, int], link: bool
) -> None:
    """Write the files of a pair into a part's folders A, B and label.

    Raises:
        BadImageError: The mask cannot be used.
    """
    for date, source in (('A', pair.image_a), ('B', pair.image_b)):
        target = folder / date / f'{_stem(pair.name)}{source.suffix}'
        target.parent.mkdir(parents=True, exist_ok=True)
        if link:
            target.symlink_to(source.resolve())
        else:
            shutil.copyfile(source, target)
    if pair.label is not None:
        target = folder / 'label' / f'{_stem(pair.name)}.png'
        target.parent.mkdir(parents=True, exist_ok=True)
        write_label(pair.label, target, codes)


def write_label(source: Path, target: Path, codes: dict[int, int]) -> None:
    """Write a mask in LEVIR-MCI's values.

    Raises:
        InputError: It holds a value that `codes` does not have.
    """
    import numpy as np
    from PIL import Image

    from mmrs.datasets.transforms.pairs import read_mask

    values = read_mask(source, {})
    unknown = set(np.unique(values).tolist()) - codes.keys()
    if unknown:
        raise InputError(
            f'{source}: holds the value(s) '
            f'{", ".join(map(str, sorted(unknown)[:5]))}; say what each value '
            'is, e.g. --label-map 0=unchanged 1=road 2=building'
        )
    table = np.zeros(256, np.uint8)
    table[list(codes)] = list(codes.values())
    Image.fromarray(table[values]).save(target)


def select_pairs(
    args: argparse.Namespace, captions: dict
) -> tuple[dict[str, Pair], bool]:
    """Find the pairs that have all that others have.

    Returns:
        Pairs by name, and whether they have masks.

    Raises:
        InputError: There are none.
    """
    with_labels = (args.src / 'label').is_dir() and not args.no_labels
    pairs, num_unlabelled = find_pairs(args.src, with_labels)
    if not pairs:
        raise InputError(f'{args.src / "label"}: holds none of the masks')
    kept = {
        pair.name: pair
        for pair in pairs
        if not captions or _stem(pair.name) in captions
    }
    if not kept:
        raise InputError(
            f'{_listed(args.captions)}: has none of the pairs of '
            f'{args.src}, that are named {pairs[0].name} and so on'
        )
    num_silent = len(pairs) - len(kept)
    for what, number in (('a mask', num_unlabelled), ('captions', num_silent)):
        if number:
            print(f'left out for want of {what}: {number} pairs')
    return kept, with_labels


def write(
    out: Path,
    parts: dict[str, list[Pair]],
    captions: dict,
    codes: dict[int, int],
    link: bool,
) -> None:
    """Write the data set.

    Args:
        out: Its folder.
        parts: Pairs by part.
        captions: What the caption file says of each pair, by name.
        codes: As of :func:`parse_label_map`.
        link: Link to the images.
    """
    from mmrs.datasets.caption_files import write_caption_json

    written = []
    for part, pairs in parts.items():
        for pair in pairs:
            write_pair(pair, out / 'images' / part, codes, link)
            if captions:
                entry = captions[_stem(pair.name)]
                written.append(entry._replace(filename=pair.name, split=part))
    if captions:
        write_caption_json(written, out / 'LevirCCcaptions.json')


def main() -> None:
    """Convert."""
    args = parse_args()
    codes = parse_label_map(args.label_map)
    if args.out.exists():
        raise InputError(f'{args.out} exists; give another OUT')
    captions = {}
    for path in args.captions:
        if not path.is_file():
            raise InputError(f'{path}: no such caption file')

        from mmrs.datasets.caption_files import read_caption_json

        for pair in read_caption_json(path):
            captions[_stem(pair.filename)] = pair
    pairs, with_labels = select_pairs(args, captions)
    names = choose_parts(args, list(pairs), captions)
    parts = {part: [pairs[n] for n in own] for part, own in names.items()}

    args.out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=args.out.parent) as folder:  # whole or not
        write(Path(folder) / 'out', parts, captions, codes, args.link)
        (Path(folder) / 'out').rename(args.out)
    for part, own in parts.items():
        print(f'{args.out / "images" / part}: {len(own)} pairs')
    if not with_labels:
        print('without masks: read it as LEVIRCCDataset')
    if not captions:
        print("without captions: read it with ann_file=''")


if __name__ == '__main__':
    run_tool(main)
