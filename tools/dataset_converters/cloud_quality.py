r"""Tell which images of a cloud data set have labels to trust.

::

    python tools/dataset_converters/cloud_quality.py CONFIG \
        --out data/LEVIR_CS/quality.csv
    python tools/dataset_converters/cloud_quality.py CONFIG \
        --out data/LEVIR_CS/quality.csv --terms thin mixed model \
        --predictions train.pkl --quantile 0.6 --noisy seen_to_be_wrong.txt

Rates the images of the training split of CONFIG with the labels that training
sees, noise of SyntheticCloudNoise included, and writes the quality file that
the data sets read, of the columns image, subset, difficulty and the terms.
Difficulty is the mean of the terms, each by its rank, 0 (easy) to 1. Images
below the quantile are clean; lists by hand win over it.

Terms: thin (faint boundaries of clouds), bright (ground as bright as clouds),
mixed (clouds and snow), model (1 - mIoU of a network's prediction against the
label; tools/test.py writes the predictions with --out and
dump_metric=dict(type='DumpClassMaps')).
"""

import argparse
import csv
from pathlib import Path

from mmrs.config import innermost, load_config
from mmrs.errors import InputError
from mmrs.utils.cli import add_config_arguments, run_tool

TERMS = ('thin', 'bright', 'mixed', 'model')
STEPS = ('LoadBands', 'LoadCloudMask', 'SyntheticCloudNoise')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_arguments(parser)
    parser.add_argument(
        '--out', type=Path, required=True, help='CSV file to write'
    )
    parser.add_argument(
        '--terms',
        nargs='+',
        choices=TERMS,
        default=['thin', 'bright', 'mixed'],
        help='what difficulty is the mean of (default: thin bright mixed)',
    )
    parser.add_argument(
        '--quantile',
        type=float,
        default=0.5,
        help='share of the images that is clean (default: 0.5)',
    )
    parser.add_argument(
        '--clean', type=Path, help='list of images that are clean, one a line'
    )
    parser.add_argument(
        '--noisy', type=Path, help='list of images that are noisy, one a line'
    )
    parser.add_argument(
        '--injected',
        action='store_true',
        help='noisy are the images that SyntheticCloudNoise changed, to '
        'compare with',
    )
    parser.add_argument(
        '--predictions', type=Path, help='of the term model: dumped class maps'
    )
    return parser.parse_args()


def build_dataset(config: str, options: dict | None):
    """Build the training data set, whose pipeline ends with the labels."""
    cfg = load_config(config, options)
    dataset = innermost(cfg.train_dataloader.dataset)
    steps = [s for s in dataset.pipeline if _name(s.type) in STEPS]
    if [_name(s.type) for s in steps][:2] != list(STEPS[:2]):
        raise InputError(
            f'{config}: the pipeline of train_dataloader.dataset must begin '
            f'with {STEPS[0]} and {STEPS[1]}'
        )

    from mmengine.registry import init_default_scope

    from mmrs.registry import DATASETS

    init_default_scope(cfg.get('default_scope', 'mmrs'))
    dataset.update(pipeline=steps, quality_file='', test_mode=True)
    return DATASETS.build(dataset)


def _name(kind) -> str:
    return kind.rsplit('.', 1)[-1] if isinstance(kind, str) else kind.__name__


def rate_images(dataset, terms: list[str], predictions: Path | None) -> list:
    """Rate all images.

    Returns:
        A dict of ``image``, ``injected`` and each term, for each image.
    """
    from rich.progress import track

    from mmrs.datasets.cloud_quality import miss_rate, rate_labels

    maps = {}
    if 'model' in terms:
        if predictions is None:
            raise InputError('--terms model needs --predictions')
        from mmrs.evaluation import read_class_maps

        maps = read_class_maps(predictions)
    rows = []
    for i in track(range(len(dataset)), 'Rating'):
        results = dataset[i]
        name, labels = results['sample_id'], results['gt_seg_map']
        row = dict(image=name, injected=results.get('is_injected', False))
        row |= rate_labels(results, dataset.metainfo['classes'])
        if 'model' in terms:
            row['model'] = miss_rate(
                _prediction(maps, name, labels.shape, predictions), labels
            )
        rows.append(row)
    return rows


def _prediction(maps: dict, name: str, shape: tuple, path: Path):
    if name not in maps or maps[name].predicted.shape != shape:
        raise InputError(
            f'{path}: has no class map of {name} of {shape[1]} x {shape[0]} '
            'px (width x height); predict all training images, e.g. with '
            '--cfg-options test_dataloader.dataset.split=train'
        )
    return maps[name].predicted


def judge(rows: list[dict], args: argparse.Namespace) -> None:
    """Set subset and difficulty of all rows."""
    import numpy as np

    from mmrs.evaluation.functional.difficulty import ranks

    scores = [ranks([row[term] for row in rows]) for term in args.terms]
    difficulty = np.mean(scores, axis=0)
    # Positions, not ranks, so that equals do not change the share.
    positions = np.argsort(np.argsort(difficulty, kind='stable'))
    clean = round(args.quantile * len(rows))
    by_hand = {}
    names = {row['image'] for row in rows}
    for subset in ('clean', 'noisy'):
        for name in _read_list(getattr(args, subset), names):
            by_hand[name] = subset
    for row, value, position in zip(rows, difficulty, positions):
        is_noisy = row['injected'] if args.injected else position >= clean
        row['difficulty'] = value
        row['subset'] = by_hand.get(
            row['image'], 'noisy' if is_noisy else 'clean'
        )


def _read_list(path: Path | None, names: set[str]) -> list[str]:
    if path is None:
        return []
    from mmrs.utils.files import is_image, read_lines

    if not path.is_file():
        raise InputError(f'{path}: no such list of images')
    listed = [Path(n).stem if is_image(n) else n for n in read_lines(path)]
    unknown = [name for name in listed if name not in names]
    if unknown:
        raise InputError(
            f'{path}: {len(unknown)} of its images are not in the training '
            f'split, first: {unknown[0]}'
        )
    return listed


def main() -> None:
    """Rate, judge and write."""
    args = parse_args()
    if not 0 <= args.quantile <= 1:
        raise InputError(f'--quantile {args.quantile}: is a share, 0 to 1')
    dataset = build_dataset(args.config, args.cfg_options)
    rows = rate_images(dataset, args.terms, args.predictions)
    judge(rows, args)
    terms = [term for term in TERMS if term in rows[0]]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open('w', encoding='utf-8', newline='') as file:
        table = csv.writer(file)
        table.writerow(['image', 'subset', 'difficulty', *terms])
        for row in rows:
            figures = [f'{row[key]:.4f}' for key in ('difficulty', *terms)]
            table.writerow([row['image'], row['subset'], *figures])
    noisy = sum(row['subset'] == 'noisy' for row in rows)
    print(f'{args.out}: {noisy} of the {len(rows)} images are noisy')


if __name__ == '__main__':
    run_tool(main)
