"""Draw training samples as the model gets them: after the pipeline.

::

    python tools/analysis_tools/browse_dataset.py CONFIG --num 50

Draws with the ``visualizer`` of the config.
"""

import argparse
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
    add_config_arguments(parser)
    parser.add_argument('--num', type=int, default=10, help='default: 10')
    parser.add_argument(
        '--out-dir', default='outputs/browse', help='default: outputs/browse'
    )
    return parser.parse_args()


def unwrap_boxes(sample) -> None:
    """Give mmdet's visualizer the tensor that it wants as boxes."""
    if 'gt_instances' in sample:
        from mmdet.structures.bbox import get_box_tensor

        instances = sample.gt_instances
        instances.bboxes = get_box_tensor(instances.bboxes)


def main() -> None:
    """Draw."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    if 'visualizer' not in cfg:
        raise InputError(f'{args.config} has no `visualizer` to draw with')

    from mmengine.registry import init_default_scope

    from mmrs.registry import DATASETS, VISUALIZERS
    from mmrs.visualization.model_inputs import first_path, inputs_to_rgb

    init_default_scope(cfg.get('default_scope', 'mmrs'))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    visualizer = VISUALIZERS.build(
        dict(cfg.visualizer, name='browse_dataset', vis_backends=None)
    )
    visualizer.dataset_meta = dataset.metainfo
    for index in range(min(args.num, len(dataset))):
        item = dataset[index]
        sample = item['data_samples']
        unwrap_boxes(sample)
        name = first_path(sample).stem
        visualizer.add_datasample(
            name,
            inputs_to_rgb(item['inputs']),
            sample,
            draw_pred=False,
            out_file=str(Path(args.out_dir) / f'{index:04d}_{name}.png'),
        )
    print(f'{index + 1} samples drawn, see {args.out_dir}')


if __name__ == '__main__':
    run_tool(main)
