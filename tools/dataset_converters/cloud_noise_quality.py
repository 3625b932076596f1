"""Write which training images of a config have injected noise.

    python tools/dataset_converters/cloud_noise_quality.py CONFIG

Of each image it notes whether `SyntheticCloudNoise` of the config's training
pipeline changes a label (``noisy``), and as its difficulty the share of the
pixels that it changes. It writes ``quality_file`` of the data set, which a
curriculum reads: this is the split that a careful person would make. For one
without knowledge of the noise see ``cloud_quality.py``.
"""

import argparse
import csv
from pathlib import Path

from mmrs.utils.cli import add_config_arguments, load_config, run_tool
from mmrs.utils.errors import InputError

NOISE = 'SyntheticCloudNoise'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_arguments(parser)
    parser.add_argument(
        '--out',
        type=Path,
        metavar='CSV',
        help='write this file instead of `quality_file` of the data set',
    )
    return parser.parse_args()


def build_dataset(cfg):
    """Build the training set, its pipeline cut off after the noise."""
    from mmengine.registry import init_default_scope

    from mmrs.registry import DATASETS

    init_default_scope(cfg.default_scope)
    dataset = cfg.train_dataloader.dataset
    kinds = [step.type for step in dataset.pipeline]
    if NOISE not in kinds:
        raise InputError(
            f'{cfg.filename}: train_pipeline has no {NOISE}, so there is no '
            'noise to tell of'
        )
    dataset.pipeline = dataset.pipeline[: kinds.index(NOISE) + 1]
    dataset.quality_file = ''  # the one to be written may be an old one
    return DATASETS.build(dataset)


def rate(dataset) -> list[dict]:
    """Rate every image: a row of the file each."""
    rows = []
    for results in dataset:
        changed = results['gt_seg_map'] != results['gt_true_seg_map']
        rows.append(
            dict(
                image=results['sample_id'],
                subset='noisy' if changed.any() else 'clean',
                difficulty=f'{changed.mean():.6f}',
            )
        )
    return rows


def main() -> None:
    """Write the file."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    root = Path(cfg.train_dataloader.dataset.data_root)
    path = args.out or root / cfg.train_dataloader.dataset.quality_file
    rows = rate(build_dataset(cfg))
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    noisy = sum(row['subset'] == 'noisy' for row in rows)
    print(f'{path}: {noisy} of {len(rows)} images are noisy')


if __name__ == '__main__':
    run_tool(main)
