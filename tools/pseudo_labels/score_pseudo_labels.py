"""Compare pseudo-labels of change with masks that people drew.

::

    python tools/pseudo_labels/score_pseudo_labels.py data/LEVIR-CC \
        --labels data/LEVIR-MCI
    python tools/pseudo_labels/score_pseudo_labels.py data/LEVIR-MCI \
        --classes road building --ignore-band 0.3 0.7 --out scores.json

Prints IoU, F1, precision and recall of change for each split, before and after
the labels are cleaned by the captions (where there are captions), as
``LoadPseudoMask`` does in training. Pixels that cleaning ignores are not
counted; how many these are is told.
"""

import argparse
import json
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

#: The values of LEVIR-MCI's masks.
CODES = dict(road=128, building=255)
IGNORED = 255
FIGURES = ('iou', 'f1', 'precision', 'recall')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'data_root', type=Path, help='folder with images/{split}/pseudo'
    )
    parser.add_argument(
        '--labels',
        type=Path,
        help='folder with images/{split}/label of the same pairs (default: '
        'data_root)',
    )
    parser.add_argument(
        '--name', default='pseudo', help='of the labels (default: pseudo)'
    )
    parser.add_argument('--splits', nargs='+', default=None)
    parser.add_argument(
        '--classes',
        nargs='+',
        choices=CODES,
        default=['building'],
        help='which true classes are change (default: building)',
    )
    parser.add_argument(
        '--ignore-band',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='cleaning also ignores pixels with a probability between these',
    )
    parser.add_argument('--out', type=Path, help='write the scores as JSON')
    return parser.parse_args()


def find_splits(root: Path, name: str, wanted: list[str] | None) -> list[str]:
    """Find the splits that have labels.

    Raises:
        InputError: There are none, or none of one that is wanted.
    """
    splits = [
        split
        for split in wanted or ('train', 'val', 'test')
        if (root / 'images' / split / name).is_dir()
    ]
    missing = [split for split in wanted or () if split not in splits]
    if missing or not splits:
        split = missing[0] if missing else '{train,val,test}'
        raise InputError(
            f'{root}/images/{split}/{name}: no such folder; tools/'
            'pseudo_labels/make_change_pseudo_labels.py writes it'
        )
    return splits


def build_dataset(args: argparse.Namespace, split: str, captions: bool):
    """Make the data set of a split with both kinds of masks."""
    from mmrs.datasets import LEVIRCCDataset

    labels = (args.labels or args.data_root).resolve()
    prefix = dict(
        seg_map=str(labels / 'images' / split / 'label'),
        pseudo=f'images/{split}/{args.name}',
    )
    if args.ignore_band:
        prefix['pseudo_prob'] = f'images/{split}/{args.name}_prob'
    return LEVIRCCDataset(
        ann_file=None if captions else '',
        data_root=str(args.data_root),
        split=split,
        data_prefix=prefix,
    )


def score_split(args: argparse.Namespace, split: str) -> dict[str, dict]:
    """Score the labels of a split.

    Returns:
        By ``raw`` and, where there are captions, ``clean``: the figures, 0 to
        1, and the share of pixels that is ignored.
    """
    import numpy as np
    from rich.progress import track

    from mmrs.datasets.transforms.pairs import LoadChangeMask, LoadPseudoMask
    from mmrs.evaluation.functional.confusion import confusion_matrix
    from mmrs.structures import WORD_CLASSES

    captions = (args.data_root / 'LevirCCcaptions.json').is_file()
    loaders = dict(raw=LoadPseudoMask(clean=False))
    if captions:
        words = [word for name in args.classes for word in WORD_CLASSES[name]]
        loaders['clean'] = LoadPseudoMask(
            ignore_band=args.ignore_band, words=words
        )
    changed = {CODES[name]: 1 for name in args.classes}
    load_truth = LoadChangeMask(
        {0: 0} | dict.fromkeys(CODES.values(), 0) | changed
    )
    dataset = build_dataset(args, split, captions)
    counts = {kind: np.zeros((2, 2), np.int64) for kind in loaders}
    ignored, pixels = dict.fromkeys(loaders, 0), 0
    for i in track(range(len(dataset)), description=split, transient=True):
        info = dataset.get_data_info(i)
        truth = load_truth(dict(info))['gt_seg_map']
        pixels += truth.size
        for kind, load in loaders.items():
            label = load(info | dict(ori_shape=truth.shape))['gt_seg_map']
            known = label != IGNORED
            ignored[kind] += label.size - known.sum()
            counts[kind] += confusion_matrix(label[known], truth[known], 2)
    return {
        kind: figures(counts[kind])
        | dict(ignored=float(ignored[kind] / pixels))
        for kind in loaders
    }


def figures(counts) -> dict[str, float | None]:
    """Score the class of change; None: there is none of it."""
    from mmrs.evaluation.functional.confusion import mask_scores

    scores = mask_scores(counts)
    values = {name: float(getattr(scores, name)[1]) for name in FIGURES}
    return {k: None if v != v else v for k, v in values.items()}


def main() -> None:
    """Score and print."""
    args = parse_args()
    splits = find_splits(args.data_root, args.name, args.splits)
    scores = {split: score_split(args, split) for split in splits}
    names = (*FIGURES, 'ignored')
    print(f'{"split":8}{"labels":8}' + ''.join(f'{n:>11}' for n in names))
    for split, kinds in scores.items():
        for kind, found in kinds.items():
            values = (found[name] for name in names)
            shown = ''.join(
                f'{"-":>11}' if value is None else f'{value:11.2%}'
                for value in values
            )
            print(f'{split:8}{kind:8}{shown}')
    if not (args.data_root / 'LevirCCcaptions.json').is_file():
        print(
            f'not cleaned: {args.data_root} has no LevirCCcaptions.json to '
            'compare with'
        )
    if args.out:
        args.out.write_text(json.dumps(scores, indent=2) + '\n')


if __name__ == '__main__':
    run_tool(main)
