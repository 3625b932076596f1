"""Judge predictions on noisy images by eye, and count the verdicts.

::

    python tools/test.py CONFIG CHECKPOINT --out maps.pkl
    python tools/analysis_tools/manual_tally.py write CONFIG OUT maps.pkl
    python tools/analysis_tools/manual_tally.py read OUT/tally.csv

``write`` draws image, label and prediction of each noisy image, and a sheet
with a row for each. Fill the sheet with: correct, missed cloud, false cloud,
missed snow, false snow, cloud/snow confused. ``read`` gives the share of each
verdict with its Wilson 95 % interval.

Two files of maps make a blind comparison: the models are shown as A and B in
an order drawn for each image, and OUT/key.json tells which is which; do not
look at it before the sheet is full. Two sheets, of two raters, give Cohen's
kappa. The config must have ``dump_metric = dict(type='DumpClassMaps')``.
"""

import argparse
import dataclasses
import json
import random
from pathlib import Path

from mmrs.config import load_config
from mmrs.errors import InputError
from mmrs.utils.cli import add_config_arguments, run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    write = commands.add_parser('write', help='draw images and a sheet')
    add_config_arguments(write)
    write.add_argument('out', type=Path, help='folder to write to')
    write.add_argument(
        'maps', type=Path, nargs='+', help='kept maps of one or two models'
    )
    write.add_argument(
        '--split', choices=['train', 'val', 'test'], default='test'
    )
    write.add_argument('--all', action='store_true', help='clean images, too')
    write.add_argument(
        '--num', type=int, help='images drawn at random (default: all)'
    )
    write.add_argument('--seed', type=int, default=0)
    write.set_defaults(run=run_write)
    read = commands.add_parser('read', help='count a filled sheet')
    read.add_argument(
        'sheets', type=Path, nargs='+', help='of one rater or two'
    )
    read.add_argument('--key', type=Path, help='of a blind comparison')
    read.add_argument(
        '--json', action='store_true', help='print JSON, not a table'
    )
    read.set_defaults(run=run_read)
    return parser.parse_args()


def run_write(args: argparse.Namespace) -> None:
    """Draw the images, and write the sheet and the key."""
    from mmrs.apis.dataset_images import DatasetImages
    from mmrs.evaluation.functional.manual_tally import (
        ALONE,
        BLIND,
        blind_order,
        write_sheet,
    )
    from mmrs.evaluation.metrics.class_map_dump import read_class_maps
    from mmrs.visualization.class_maps import color_classes, draw_row

    if len(args.maps) > 2:
        raise InputError('give the maps of one model or of two')
    sheet = args.out / 'tally.csv'
    if sheet.exists():
        raise InputError(f'{sheet} exists; it may hold verdicts: move it away')
    models = {str(path): read_class_maps(path) for path in args.maps}
    names = choose_images(models, args.all, args.num, args.seed)
    images = DatasetImages(
        load_config(args.config, args.cfg_options), args.split
    )
    blind = len(models) == 2
    shown = {name: dict(prediction=str(args.maps[0])) for name in names}
    args.out.mkdir(parents=True, exist_ok=True)
    if blind:
        shown = blind_order(names, tuple(models), args.seed)
        (args.out / 'key.json').write_text(json.dumps(shown, indent=1))
    palette = images.metainfo['palette']
    for name in names:
        panels = {name[:40]: images.rgb(name)}
        label = models[str(args.maps[0])][name].label
        if label is not None:
            panels['label'] = color_classes(label, palette)
        for title, model in shown[name].items():
            maps = models[model][name]
            panels[title] = color_classes(maps.predicted, palette)
        draw_row(panels).save(args.out / f'{name.replace("/", "_")}.png')
    write_sheet(sheet, names, BLIND if blind else ALONE)
    print(f'{len(names)} images in {args.out}; fill {sheet}')


def choose_images(models: dict, clean: bool, num: int | None, seed: int):
    """Names of the images to judge, in the order of the files."""
    first, *others = models.values()
    names = [
        name
        for name, maps in first.items()
        if (clean or maps.subset == 'noisy')
        and all(name in other for other in others)
    ]
    if not names:
        raise InputError(
            f'{" and ".join(models)} have no noisy image in common; --all '
            'takes the clean ones, too'
        )
    if num is not None and num < len(names):
        kept = set(random.Random(seed).sample(names, num))
        names = [name for name in names if name in kept]
    return names


def run_read(args: argparse.Namespace) -> None:
    """Count the verdicts of each sheet, and compare two raters."""
    from mmrs.evaluation.functional.manual_tally import (
        compare_raters,
        count_verdicts,
        read_key,
        read_verdicts,
    )

    if len(args.sheets) > 2:
        raise InputError('give the sheet of one rater or of two')
    sheets = [read_verdicts(path) for path in args.sheets]
    key = read_key(args.key) if args.key else None
    counted = {
        str(path): count_verdicts(sheet, key)
        for path, sheet in zip(args.sheets, sheets)
    }
    kappa = compare_raters(*sheets) if len(sheets) == 2 else None
    if args.json:
        tallies = {
            path: {name: dataclasses.asdict(x) for name, x in models.items()}
            for path, models in counted.items()
        }
        print(json.dumps(dict(tallies=tallies, kappa=kappa), indent=1))
        return
    for path, models in counted.items():
        for model, tally in models.items():
            print(f'{path}: {model}, {tally.judged} images judged, '
                  f'{tally.unjudged} not')  # fmt: skip
            for verdict, rate in tally.rates.items():
                share, low, high = (100 * x for x in rate)
                print(
                    f'  {verdict:20} {share:5.1f} %  ({low:.1f} to {high:.1f})'
                )
    if kappa:
        print(f"Cohen's kappa {kappa[0]:.3f} on {kappa[1]} verdicts")


def main() -> None:
    """Run the tool."""
    args = parse_args()
    args.run(args)


if __name__ == '__main__':
    run_tool(main)
