"""Rank images and regions whose labels look wrong.

Run a checkpoint on the training images, or take what was kept of a test::

    python tools/analysis_tools/audit_labels.py CONFIG CHECKPOINT.pth OUT
    python tools/analysis_tools/audit_labels.py CONFIG MAPS.pkl OUT

A region is suspicious where the model says another class than the label, the
more the larger it is and the surer the model. OUT gets regions.csv and
images.csv, ranked, pictures of the first images, and maps.pkl, what the
checkpoint predicted. Where the config injects noise, the share of injected
errors among the top 5 % of the regions is printed.
"""

import argparse
import csv
import json
from pathlib import Path

from mmrs.config import innermost
from mmrs.errors import InputError
from mmrs.utils.cli import add_config_arguments, load_runner_config, run_tool

RED = (255, 40, 40)
REGION_COLUMNS = (
    ('rank', 'image', 'left', 'top', 'right', 'bottom', 'pixels', 'label')
    + ('predicted', 'confidence', 'score', 'injected')
)  # fmt: skip


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_arguments(parser)
    parser.add_argument(
        'source', type=Path, help='checkpoint (.pth), or kept maps (.pkl)'
    )
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument(
        '--split',
        choices=['train', 'val', 'test'],
        default='train',
        help='whose labels to audit (default: train)',
    )
    parser.add_argument(
        '--pictures', type=int, default=20, help='to draw (default: 20)'
    )
    parser.add_argument(
        '--least',
        type=int,
        default=4,
        help='pixels of the smallest region to list (default: 4)',
    )
    parser.add_argument(
        '--share',
        type=float,
        default=0.05,
        help='share of the regions that is the top (default: 0.05)',
    )
    args = parser.parse_args()
    args.work_dir, args.launcher, args.local_rank = args.out, 'none', None
    return args


def audit_pipeline(cfg, split: str) -> list:
    """The test pipeline, with the noise that is injected into the split."""
    pipeline = list(innermost(cfg.test_dataloader.dataset).pipeline)
    own = innermost(cfg[f'{split}_dataloader'].dataset).get('pipeline', [])
    noise = [x for x in own if x['type'].endswith('SyntheticCloudNoise')]
    if noise:
        # It looks at the image as it was loaded; the packing of the split
        # keeps the truth.
        loads = [n for n, x in enumerate(pipeline) if 'Load' in x['type']]
        after = loads[-1] + 1
        pipeline = [*pipeline[:after], *noise, *pipeline[after:-1], own[-1]]
    return pipeline


def predict(cfg, checkpoint: Path, split: str, out: Path) -> Path:
    """Run a checkpoint on a split; returns the file of what it predicted."""
    from mmrs.utils.testing import build_test_runner

    maps = out / 'maps.pkl'
    dataset = innermost(cfg[f'{split}_dataloader'].dataset).copy()
    dataset.pipeline = audit_pipeline(cfg, split)
    dataset.test_mode = True
    cfg.test_dataloader.dataset = dataset
    cfg.test_evaluator = [
        dict(type='mmrs.DumpClassMaps', out_file_path=str(maps))
    ]
    cfg.work_dir = str(out)
    build_test_runner(cfg, str(checkpoint)).test()
    return maps


def write_regions(path: Path, regions: list, classes: list[str]) -> None:
    """Write the ranked regions."""
    with path.open('w', newline='') as file:
        table = csv.writer(file, lineterminator='\n')
        table.writerow(REGION_COLUMNS)
        for rank, x in enumerate(regions, 1):
            injected = '' if x.injected is None else f'{x.injected:.3f}'
            table.writerow(
                [rank, x.sample_id, *x.box, x.pixels, classes[x.given]]
                + [classes[x.told], f'{x.confidence:.3f}', f'{x.score:.2f}']
                + [injected]
            )


def write_images(path: Path, audited: list) -> None:
    """Write the ranked images."""
    with path.open('w', newline='') as file:
        table = csv.writer(file, lineterminator='\n')
        table.writerow(['rank', 'image', 'score', 'disagreed', 'regions'])
        for rank, x in enumerate(audited, 1):
            shares = [f'{x.score:.4f}', f'{x.disagreed:.4f}']
            table.writerow([rank, x.sample_id, *shares, len(x.regions)])


def draw(images, maps, folder: Path, rank: int) -> None:
    """Draw an image, what is suspicious in it, its label, the prediction."""
    from mmrs.visualization.class_maps import (
        color_classes,
        draw_row,
        outline_mask,
    )

    picture = images.rgb(maps.sample_id)
    palette = images.metainfo['palette']
    wrong = (maps.label != maps.predicted) & (maps.label != 255)
    row = draw_row(
        {
            f'{rank}. {maps.sample_id}'[:40]: picture,
            'suspicious': outline_mask(picture, wrong, RED),
            'label': color_classes(maps.label, palette),
            'prediction': color_classes(maps.predicted, palette),
        },
        height=256,
    )
    name = maps.sample_id.replace('/', '_')
    row.save(folder / f'{rank:03d}_{name}.png')


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_runner_config(args)
    from mmrs.apis.dataset_images import DatasetImages
    from mmrs.evaluation.functional.label_audit import (
        audit_image,
        injected_among_top,
    )
    from mmrs.evaluation.metrics.class_map_dump import read_class_maps

    args.out.mkdir(parents=True, exist_ok=True)
    images = DatasetImages(cfg, args.split)
    source = args.source
    if source.suffix not in ('.pkl', '.pickle'):
        source = predict(cfg, source, args.split, args.out)
    maps = read_class_maps(source)
    audited = [audit_image(x, args.least) for x in maps.values()]
    audited.sort(key=lambda image: -image.score)
    regions = [region for image in audited for region in image.regions]
    regions.sort(key=lambda region: -region.score)

    write_regions(
        args.out / 'regions.csv', regions, images.metainfo['classes']
    )
    write_images(args.out / 'images.csv', audited)
    folder = args.out / 'pictures'
    folder.mkdir(exist_ok=True)
    for rank, image in enumerate(audited[: args.pictures], 1):
        draw(images, maps[image.sample_id], folder, rank)
    print(f'{len(regions)} suspicious regions in {len(audited)} images')
    if regions and all(region.injected is not None for region in regions):
        figures = injected_among_top(regions, args.share)
        (args.out / 'summary.json').write_text(json.dumps(figures, indent=1))
        print(
            f'injected errors: {100 * figures["top_injected"]:.1f} % of the '
            f'top {figures["top"]} regions, '
            f'{100 * figures["all_injected"]:.1f} % of all'
        )
    if not audited:
        raise InputError(f'{source} holds no images')


if __name__ == '__main__':
    run_tool(main)
