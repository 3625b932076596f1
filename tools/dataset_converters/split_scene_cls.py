r"""Split a scene classification data set, class by class, into lists.

::

    python tools/dataset_converters/split_scene_cls.py data/UC \
        --split train=0.7 val=0.3
    python tools/dataset_converters/split_scene_cls.py data/AID \
        --split train=60 val=20 test=20 --seed 1

Numbers with a point are shares of each class, others are images a class.
Writes a list ``PART.txt`` for each part and ``cls_names.txt``, the sorted
names of the class folders, to ``DATA_ROOT/datainfo``. The same seed gives the
same lists.

Files with the same content stay in the same part, whatever class they are in,
and are warned about. They count as one.
"""

import argparse
import random
from collections import defaultdict
from hashlib import file_digest
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool
from mmrs.utils.files import list_class_folders


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'data_root', type=Path, help='folder with one folder a class'
    )
    parser.add_argument(
        '--split',
        nargs='+',
        required=True,
        metavar='PART=SIZE',
        help='parts and their sizes, e.g. train=0.7 val=0.3',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--out-dir',
        type=Path,
        help='receives the lists (default: DATA_ROOT/datainfo)',
    )
    return parser.parse_args()


def parse_split(words: list[str]) -> dict[str, int | float]:
    """Read sizes by part; all are shares (float) or all are counts (int).

    Raises:
        InputError: A word is not PART=SIZE, or the sizes do not fit together.
    """
    sizes = {}
    for word in words:
        name, _, size = word.partition('=')
        try:
            sizes[name] = float(size) if '.' in size else int(size)
        except ValueError:
            raise InputError(
                f'--split {word}: write PART=SIZE, e.g. train=0.7 or train=60'
            ) from None
    if len(sizes) < len(words):
        raise InputError(f'--split {" ".join(words)}: a part is named twice')
    if len({type(size) for size in sizes.values()}) > 1:
        raise InputError(
            f'--split {" ".join(words)}: give shares (0.7) for all parts, or '
            'numbers of images (60) for all'
        )
    if min(sizes.values()) <= 0:
        raise InputError(f'--split {" ".join(words)}: a part is empty')
    shares = [size for size in sizes.values() if isinstance(size, float)]
    if sum(shares) > 1 + 1e-9:
        raise InputError(
            f'--split {" ".join(words)}: the shares add up to more than 1'
        )
    return sizes


def find_copies(root: Path, names: list[str]) -> dict[str, str]:
    """Find files of the same content.

    Args:
        root: The folder that the names begin in.
        names: Paths relative to it.

    Returns:
        For each file with the content of an earlier one, that first one.
    """
    by_size = defaultdict(list)
    for name in names:
        by_size[(root / name).stat().st_size].append(name)
    first, copies = {}, {}
    for group in by_size.values():
        for name in group if len(group) > 1 else ():
            with (root / name).open('rb') as file:
                content = file_digest(file, 'sha256').digest()
            if first.setdefault(content, name) != name:
                copies[name] = first[content]
    return copies


def split_class(
    name: str, files: list[str], sizes: dict[str, int | float], seed: int
) -> dict[str, str]:
    """Draw the parts of one class.

    Args:
        name: The class; its draw does not depend on the other classes.
        files: Its files.
        sizes: As of :func:`parse_split`.
        seed: Another seed draws other parts.

    Returns:
        The part of each file that is in one.

    Raises:
        InputError: The class has fewer images than are asked for.
    """
    shuffled = list(files)
    random.Random(f'{seed} {name}').shuffle(shuffled)
    parts, start, total = {}, 0, 0
    for part, size in sizes.items():
        total += size
        is_share = isinstance(size, float)
        end = round(total * len(files)) if is_share else total
        if end > len(files):
            raise InputError(
                f'class {name} has {len(files)} different images, but '
                f'--split asks for {sum(sizes.values())}'
            )
        parts |= dict.fromkeys(shuffled[start:end], part)
        start = end
    return parts


def split(
    folders: dict[str, list[str]],
    copies: dict[str, str],
    sizes: dict[str, int | float],
    seed: int,
) -> dict[str, list[str]]:
    """Divide all classes.

    Args:
        folders: File names by class.
        copies: As of :func:`find_copies`; they follow the first of them.
        sizes: As of :func:`parse_split`.
        seed: Another seed draws other parts.

    Returns:
        Paths ``CLASS/FILE`` by part, in the order of `folders`.
    """
    parts = {}
    for name, files in folders.items():
        paths = [f'{name}/{file}' for file in files]
        originals = [path for path in paths if path not in copies]
        parts |= split_class(name, originals, sizes, seed)
    lists = {part: [] for part in sizes}
    for name, files in folders.items():
        for path in (f'{name}/{file}' for file in files):
            part = parts.get(copies.get(path, path))
            if part is not None:
                lists[part].append(path)
    return lists


def warn_of_copies(copies: dict[str, str]) -> None:
    """Print which files have the content of another one."""
    for copy, first in copies.items():
        other = copy.split('/')[0] != first.split('/')[0]
        print(
            f'warning: {copy} is the same image as {first}'
            + (', in another class' if other else '')
        )


def main() -> None:
    """Split the data set."""
    args = parse_args()
    sizes = parse_split(args.split)
    if not args.data_root.is_dir():
        raise InputError(f'{args.data_root}: no such folder')
    folders = list_class_folders(args.data_root)
    if not folders:
        raise InputError(
            f'{args.data_root}: none of its folders holds images; name the '
            'folder in which the class folders are'
        )
    out_dir = args.out_dir or args.data_root / 'datainfo'
    paths = {name: out_dir / f'{name}.txt' for name in (*sizes, 'cls_names')}
    for path in paths.values():
        if path.exists():
            raise InputError(
                f'{path} exists, and may be what others compare with; move '
                'it away, or give another --out-dir'
            )
    names = [f'{name}/{f}' for name, files in folders.items() for f in files]
    copies = find_copies(args.data_root, names)
    warn_of_copies(copies)
    lists = split(folders, copies, sizes, args.seed)
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, lines in (lists | dict(cls_names=list(folders))).items():
        paths[name].write_text('\n'.join(lines))
        print(f'{paths[name]}: {len(lines)} lines')


if __name__ == '__main__':
    run_tool(main)
