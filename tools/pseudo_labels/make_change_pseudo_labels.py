"""Let a model that draws masks of change label the pairs of LEVIR-CC.

::

    python tools/pseudo_labels/make_change_pseudo_labels.py CONFIG CHECKPOINT \
        data/LEVIR-CC
    python tools/pseudo_labels/make_change_pseudo_labels.py CONFIG CHECKPOINT \
        data/LEVIR-CC --name pseudo_whu --splits train

Writes, for each pair of ``DATA_ROOT/images/{split}/{A,B}``,
``images/{split}/pseudo/NAME.png`` (0, and 255 where change is as probable as
``--threshold``) and ``images/{split}/pseudo_prob/NAME.png`` (255 times the
probability, rounded), and at last ``pseudo_meta.json``: who made them, and how
much changed.

Probabilities are the mean over four views of a pair (as it is, both flips, a
quarter turn) and both orders of the dates. With a model of several classes of
change, they are those of any change.

A run that was broken off goes on where it was: pairs that have both files keep
them. Labels of another teacher are replaced with ``--overwrite`` alone. The
same teacher writes the same files again.
"""

import argparse
import hashlib
import json
import os
from pathlib import Path

from mmrs.config import check_device, load_config, model_config
from mmrs.errors import InputError
from mmrs.utils.cli import add_config_arguments, run_tool

SPLITS = ('train', 'val', 'test')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help="the teacher's checkpoint")
    parser.add_argument(
        'data_root', type=Path, help='folder with images/{split}/{A,B}'
    )
    parser.add_argument(
        '--splits',
        nargs='+',
        help=f'which to label (default: those of {", ".join(SPLITS)} that '
        'are there)',
    )
    parser.add_argument(
        '--name',
        default='pseudo',
        help='of the folders and the JSON file (default: pseudo)',
    )
    parser.add_argument('--threshold', type=float, default=0.5)
    parser.add_argument(
        '--no-tta',
        action='store_true',
        help='look at each pair once, as it is',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace the labels of this name, whoever made them',
    )
    parser.add_argument(
        '--device', help='cpu, cuda or cuda:N (default: a GPU if there is one)'
    )
    return parser.parse_args()


class Labels:
    """The files that are written.

    Args:
        root: The data set's folder.
        name: Of the folders and the JSON file.
        settings: What the labels depend on; goes to the JSON file.
        overwrite: Replace labels of this name.

    Raises:
        InputError: There are labels of this name with other settings.
    """

    def __init__(
        self, root: Path, name: str, settings: dict, overwrite: bool
    ) -> None:
        self.root = root
        self.name = name
        self.overwrite = overwrite
        self.meta_path = root / f'{name}_meta.json'
        self.meta = settings | dict(splits={})
        if self.meta_path.exists() and not overwrite:
            self._resume(settings)
        self._write_meta()

    def _resume(self, settings: dict) -> None:
        try:
            found = json.loads(self.meta_path.read_text())
        except json.JSONDecodeError as error:
            raise InputError(
                f'{self.meta_path} cannot be read: {error}; move it and the '
                f'folders images/*/{self.name} away'
            ) from error
        for key, value in settings.items():
            if found.get(key) != value:
                raise InputError(
                    f'{self.meta_path}: these labels have {key}='
                    f'{found.get(key)}, but now it is {value}; move them '
                    'away, give another --name, or replace them by --overwrite'
                )
        self.meta = settings | dict(splits=found['splits'])

    def paths(self, split: str, sample: str) -> tuple[Path, Path]:
        """Files of the mask and of the probability of a pair."""
        folder = self.root / 'images' / split
        return (
            folder / self.name / f'{sample}.png',
            folder / f'{self.name}_prob' / f'{sample}.png',
        )

    def lacks(self, split: str, sample: str) -> bool:
        """Whether a pair is to be labelled."""
        there = [path.exists() for path in self.paths(split, sample)]
        return self.overwrite or not all(there)

    def write(self, split: str, sample: str, probability) -> None:
        """Write both files of a pair, (H, W) from 0 to 1."""
        import numpy as np

        mask, prob = self.paths(split, sample)
        changed = probability >= self.meta['threshold']
        _write_png(mask, changed.astype(np.uint8) * 255)
        _write_png(prob, np.rint(probability * 255).astype(np.uint8))

    def finish(self, split: str, samples: list[str]) -> dict:
        """Measure how much changed in a split, from all its files."""
        import numpy as np

        from mmrs.geo.images import read_image

        pixels = changed = pairs = 0
        for sample in samples:
            values = read_image(self.paths(split, sample)[0]).pixels
            pixels += values.size
            count = np.count_nonzero(values)
            changed += count
            pairs += count > 0
        found = dict(
            pairs=len(samples),
            changed_pairs=int(pairs),
            changed_pixels=round(changed / pixels, 6),
        )
        self.meta['splits'][split] = found
        self._write_meta()
        return found

    def _write_meta(self) -> None:
        text = json.dumps(self.meta, indent=2, sort_keys=True) + '\n'
        _replace(self.meta_path, text.encode())


def _write_png(path: Path, pixels) -> None:
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, cv2.imencode('.png', pixels)[1].tobytes())


def _replace(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    part = path.with_name(f'{path.name}.part')
    part.write_bytes(data)
    os.replace(part, path)


def find_splits(root: Path, names: list[str] | None) -> list[str]:
    """Find which splits to label.

    Raises:
        InputError: There is no folder of one, or of any.
    """
    there = [s for s in names or SPLITS if (root / 'images' / s).is_dir()]
    missing = [name for name in names or () if name not in there]
    if missing or not there:
        raise InputError(
            f'{root}/images/{missing[0] if missing else "{train,val,test}"}: '
            'no such folder; data_root is the folder of a data set in the '
            'layout of LEVIR-CC'
        )
    return there


def label_split(labels: Labels, split: str, predict) -> None:
    """Label the pairs of a split that have no labels yet.

    Args:
        labels: Writes the files.
        split: Its name.
        predict: What the data set knows of a pair -> probabilities (H, W).
    """
    from rich.progress import track

    from mmrs.datasets import LEVIRCCDataset

    dataset = LEVIRCCDataset(
        ann_file='', data_root=str(labels.root), split=split
    )
    pairs = [dataset.get_data_info(i) for i in range(len(dataset))]
    todo = [pair for pair in pairs if labels.lacks(split, pair['sample_id'])]
    for pair in track(todo, description=split):
        labels.write(split, pair['sample_id'], predict(pair))
    found = labels.finish(split, [pair['sample_id'] for pair in pairs])
    print(
        f'{split}: {found["pairs"]} pairs, {len(todo)} of them new; '
        f'{found["changed_pairs"]} with change, '
        f'{found["changed_pixels"]:.2%} of the pixels'
    )


def build_teacher(args: argparse.Namespace, cfg):
    """Build the model, and what reads and prepares its images.

    Raises:
        InputError: The model draws no masks.
    """
    from mmengine.dataset import Compose
    from mmengine.device import get_device
    from mmengine.registry import init_default_scope

    from mmrs.apis.base_inferencer import prediction_pipeline
    from mmrs.registry import MODELS
    from mmrs.utils.checkpoint import (
        forget_pretraining,
        load_weights,
        read_checkpoint,
    )

    init_default_scope(cfg.get('default_scope', 'mmrs'))
    model_cfg = model_config(cfg)
    forget_pretraining(model_cfg)
    model = MODELS.build(model_cfg)
    if not (
        getattr(model, 'has_masks', False)
        and getattr(model, 'learn_masks', True)
    ):
        raise InputError(
            f'{args.config}: its model draws no masks of change; give the '
            'config of one with a mask_head'
        )
    load_weights(model, read_checkpoint(args.checkpoint), args.checkpoint)
    model.to(args.device or get_device()).eval()
    return model, Compose(prediction_pipeline(cfg))


def main() -> None:
    """Label."""
    args = parse_args()
    if not 0 < args.threshold < 1:
        raise InputError(f'--threshold {args.threshold}: must be 0 to 1')
    cfg = load_config(args.config, args.cfg_options)
    check_device(args.device)
    splits = find_splits(args.data_root, args.splits)

    import torch

    torch.backends.cudnn.deterministic = True
    model, prepare = build_teacher(args, cfg)

    from mmrs.models.change.change_probability import (
        VIEWS,
        change_probability,
    )

    views = ['identity'] if args.no_tta else list(VIEWS)
    with open(args.checkpoint, 'rb') as file:
        weights = hashlib.file_digest(file, 'sha256').hexdigest()
    settings = dict(
        teacher=Path(args.config).stem,
        weights_sha256=weights,
        data_set=args.data_root.resolve().name,
        threshold=args.threshold,
        views=views,
        both_orders=not args.no_tta,
    )
    labels = Labels(args.data_root, args.name, settings, args.overwrite)

    def predict(pair: dict):
        packed = prepare(pair)
        images = (packed['inputs'][f'img_{date}'] for date in 'ab')
        found = change_probability(model, *images, views, not args.no_tta)
        # The pipeline may have resized the images.
        shape = tuple(packed['data_samples'].ori_shape)
        if found.shape != shape:
            found = torch.nn.functional.interpolate(
                found[None, None], shape, mode='bilinear'
            )[0, 0]
        return found.numpy()

    for split in splits:
        label_split(labels, split, predict)


if __name__ == '__main__':
    run_tool(main)
