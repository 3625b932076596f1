r"""The noise benchmark of cloud masks: methods against injected wrong labels.

::

    python tools/misc/make_synthetic.py --layout levir-cs --seed 0 --num 800 \
        --size 64 --out data/synthetic-levir-cs
    python tools/benchmarks/cloud_noise.py --jobs 2
    python tools/benchmarks/cloud_noise.py --methods ce curriculum --etas 0.4

Trains the small networks of configs/cloud_snow, one run for each method,
share `eta` of images with wrong labels, and seed (of the noise and of the
training), and scores them on the test images, whose labels are true. Runs are
processes of one thread each. A run that is finished is not repeated: stop the
benchmark at any time, and start it again.

`--quality` says who tells the noisy images. `injected`: the noise itself, as a
careful person would. `auto`: nobody; a network of cross-entropy that has
trained for a quarter of the time rates each label (1 - mIoU), and the
`1 - eta` of the images with the best labels are clean.

Writes results.json and results.md to the work folder: all runs, means and
standard deviations of mIoU in percent, the drop against cross-entropy without
noise and, for runs with a teacher's distrust, the precision and recall of the
training labels that it distrusts in the end.

Bound: at eta 0.4 the curriculum loses at most half of what cross-entropy
loses, and at eta 0 it is not worse than it.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import mean, stdev

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = 'segformer-mini_{}_1xb16-400i_synthetic-levir-cs-64x64.py'
METHODS = (
    'ce',
    'gce',
    'sce',
    'nce-rce',
    'adele',
    'curriculum',
    'clean-only',
    'pacing-only',
    'distrust-only',
)
DISTRUSTING = ('curriculum', 'distrust-only')
FIGURES = ('all/mIoU', 'all/IoU_background', 'all/IoU_cloud', 'all/IoU_snow')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--methods', nargs='+', default=list(METHODS))
    parser.add_argument(
        '--etas', nargs='+', type=float, default=[0.0, 0.2, 0.4]
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument(
        '--quality', choices=['injected', 'auto'], default='injected'
    )
    parser.add_argument('--data-root', default='data/synthetic-levir-cs')
    parser.add_argument(
        '--config-folder', type=Path, default=ROOT / 'configs/cloud_snow'
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/cloud_noise')
    )
    parser.add_argument('--jobs', type=int, default=2, help='runs at a time')
    parser.add_argument(
        '--iters', type=int, help='shorten the runs, to try the benchmark'
    )
    parser.add_argument('--json', action='store_true', help='only the JSON')
    return parser.parse_args()


def call(tool: str, *words: object, log: Path) -> None:
    """Run a tool of this repository on one thread, its output in a log."""
    env = dict(os.environ, OMP_NUM_THREADS='1', MKL_NUM_THREADS='1')
    with log.open('a') as file:
        done = subprocess.run(
            [sys.executable, ROOT / 'tools' / tool, *map(str, words)],
            env=env,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        lines = log.read_text().strip().splitlines()
        raise InputError(f'{tool} failed, see {log}: {lines[-1]}')


def make_config(
    args: argparse.Namespace, method: str, eta: float, seed: int
) -> 'Config':  # noqa: F821  (imported late)
    """Set noise, seed and data of a method's config."""
    from mmengine.config import Config

    path = args.config_folder / TEMPLATE.format(method)
    if not path.is_file():
        raise InputError(f'--methods {method}: there is no {path}')
    cfg = Config.fromfile(path, import_custom_modules=False)
    train = cfg.train_dataloader.dataset
    noise = next(s for s in train.pipeline if s.type == 'SyntheticCloudNoise')
    noise.update(eta=eta, seed=seed)
    train.quality_file = str(quality_path(args, eta, seed).resolve())
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = args.data_root
    cfg.randomness = dict(seed=seed)
    cfg.default_hooks.checkpoint.max_keep_ckpts = 1
    if args.iters:
        shorten(cfg, args.iters)
    return cfg


def shorten(cfg: 'Config', iters: int) -> None:  # noqa: F821
    """Train for fewer iterations, the schedule in proportion."""
    factor = iters / cfg.train_cfg.max_iters
    cfg.train_cfg.update(max_iters=iters, val_interval=iters)
    cfg.default_hooks.checkpoint.interval = iters
    for step in cfg.param_scheduler:
        step.begin, step.end = (
            round(factor * step[key]) for key in ('begin', 'end')
        )


def quality_path(args: argparse.Namespace, eta: float, seed: int) -> Path:
    """Where it is noted which images are noisy."""
    name = f'quality_{args.quality}_eta{eta:g}_seed{seed}.csv'
    return args.work_dir / name


def test(cfg: 'Config', folder: Path, log: Path, *words) -> None:  # noqa: F821
    """Test a finished run in a process; its scores lie in ``folder/test``."""
    config = folder / 'test.py'
    cfg.dump(config)
    checkpoint = folder / f'iter_{cfg.train_cfg.max_iters}.pth'
    words = (config, checkpoint, '--work-dir', folder / 'test', *words)
    call('test.py', *words, log=log)


def predict_training_set(
    cfg: 'Config',  # noqa: F821
    folder: Path,
    log: Path,
) -> Path:
    """Dump what a finished run, or its teacher, predicts for its training."""
    cfg = copy.deepcopy(cfg)
    kinds = ('LoadBands', 'LoadCloudMask', 'SyntheticCloudNoise')
    dataset = cfg.train_dataloader.dataset
    steps = [s for s in dataset.pipeline if s.type in kinds]
    dataset.pipeline = [*steps, dict(type='PackCloudInputs')]
    cfg.test_dataloader.dataset = dataset
    if cfg.model.type == 'NoisyLabelSegmentor':
        cfg.model.predict_by = 'teacher'
    out = folder / 'train.pkl'
    test(cfg, folder, log, '--out', out)
    return out


def train(cfg: 'Config', folder: Path) -> Path:  # noqa: F821
    """Train in a process; return the log."""
    folder.mkdir(parents=True, exist_ok=True)
    log, config = folder / 'log.txt', folder / 'train.py'
    log.write_text('')
    cfg.dump(config)
    call('train.py', config, '--work-dir', folder, log=log)
    return log


def rate(args: argparse.Namespace, eta: float, seed: int) -> None:
    """Write which images are noisy."""
    path = quality_path(args, eta, seed)
    if path.is_file():
        return
    cfg = make_config(args, 'ce', eta, seed)
    words = ['--injected']
    folder = args.work_dir / path.stem
    log = folder / 'log.txt'
    folder.mkdir(parents=True, exist_ok=True)
    if args.quality == 'auto':
        shorten(cfg, cfg.train_cfg.max_iters // 4)
        log = train(cfg, folder)
        dump = predict_training_set(cfg, folder, log)
        words = ['--terms', 'model', '--predictions', dump]
        words += ['--quantile', 1 - eta]
    config = folder / 'rate.py'
    cfg.dump(config)
    out = folder / 'quality.csv'
    call(
        'dataset_converters/cloud_quality.py',
        config,
        '--out',
        out,
        *words,
        log=log,
    )
    out.rename(path)  # whole, or not there


def run(args: argparse.Namespace, method: str, eta: float, seed: int) -> dict:
    """Train and score once, or read what an earlier call found."""
    name = f'{method}_{args.quality}_eta{eta:g}_seed{seed}'
    folder = args.work_dir / name
    result = folder / 'result.json'
    if result.is_file():
        return json.loads(result.read_text())
    cfg = make_config(args, method, eta, seed)
    log = train(cfg, folder)
    found = dict(method=method, eta=eta, seed=seed, quality=args.quality)
    test(cfg, folder, log)
    found |= read_scores(folder / 'test')
    if method in DISTRUSTING and eta > 0:
        dump = predict_training_set(cfg, folder, log)
        found |= score_distrust(dump, cfg.model.get('threshold', 0.9))
        dump.unlink()
    result.write_text(json.dumps(found))
    return found


def read_scores(folder: Path) -> dict[str, float]:
    """Read the scores of the newest test in a folder."""
    newest = max(folder.glob('*/*.json'))
    scores = json.loads(newest.read_text())
    return {name: scores[name] for name in FIGURES}


def score_distrust(dump: Path, threshold: float) -> dict[str, float]:
    """Score the distrusted labels of noisy images against the injected noise.

    Args:
        dump: Predictions of the training set.
        threshold: Probability from which a contradicted label is distrusted.

    Returns:
        Precision and recall of pixels, and their share of wrong ones, in
        percent.
    """
    from mmrs.evaluation import read_class_maps

    found = wrong = both = pixels = 0
    for maps in read_class_maps(dump).values():
        if maps.subset != 'noisy':
            continue
        valid = maps.label != 255
        doubted = (maps.predicted != maps.label) & valid
        doubted &= maps.confidence >= threshold
        mistaken = (maps.label != maps.truth) & valid
        found += doubted.sum()
        wrong += mistaken.sum()
        both += (doubted & mistaken).sum()
        pixels += valid.sum()
    return dict(
        distrust_precision=100 * float(both / max(found, 1)),
        distrust_recall=100 * float(both / max(wrong, 1)),
        wrong_labels=100 * float(wrong / max(pixels, 1)),
    )


def summarise(runs: list[dict]) -> list[dict]:
    """Mean and deviation of each method at each eta."""
    groups = {}
    for one in runs:
        groups.setdefault((one['method'], one['eta']), []).append(one)
    base = groups.get(('ce', 0.0))
    rows = []
    for (method, eta), group in sorted(groups.items(), key=lambda g: g[0][1]):
        scores = [one['all/mIoU'] for one in group]
        row = dict(method=method, eta=eta, runs=len(group), mIoU=mean(scores))
        row['std'] = stdev(scores) if len(scores) > 1 else None
        if base:
            row['drop'] = mean(one['all/mIoU'] for one in base) - row['mIoU']
        for name in FIGURES[1:]:
            row[name.removeprefix('all/')] = mean(one[name] for one in group)
        for name in ('distrust_precision', 'distrust_recall'):
            if name in group[0]:
                row[name] = mean(one[name] for one in group)
        rows.append(row)
    return rows


def draw_table(rows: list[dict]) -> str:
    """Draw the summary in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ['| ' + ' | '.join(names) + ' |', '| --- ' * len(names) + '|']
    for row in rows:
        cells = [row.get(name) for name in names]
        cells = [f'{c:.2f}' if isinstance(c, float) else c for c in cells]
        cells = ['–' if c is None else str(c) for c in cells]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def main() -> None:
    """Run the benchmark."""
    args = parse_args()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(args.jobs) as pool:
        noises = list(product(args.etas, args.seeds))
        list(pool.map(lambda noise: rate(args, *noise), noises))
        jobs = list(product(args.methods, args.etas, args.seeds))
        runs = list(pool.map(lambda job: run(args, *job), jobs))
    rows = summarise(runs)
    report = json.dumps(dict(summary=rows, runs=runs), indent=1)
    (args.work_dir / 'results.json').write_text(report)
    (args.work_dir / 'results.md').write_text(draw_table(rows) + '\n')
    print(report if args.json else draw_table(rows))


if __name__ == '__main__':
    run_tool(main)
