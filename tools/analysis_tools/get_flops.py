"""Count the parameters of a model and the operations of one prediction.

::

    python tools/analysis_tools/get_flops.py CONFIG --shape 1024 1024

The model predicts one noise image. PyTorch's counter adds up the matrix
products, convolutions and attention that really run: two operations for each
multiplication with addition. What depends on the image, such as the number of
objects found, is that of noise and of untrained weights.
"""

import argparse

from mmrs.config import load_config, model_config
from mmrs.utils.cli import add_config_arguments, run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_arguments(parser)
    parser.add_argument(
        '--shape',
        type=int,
        nargs=2,
        default=[1024, 1024],
        metavar=('HEIGHT', 'WIDTH'),
        help='size of the image (default: 1024 1024)',
    )
    return parser.parse_args()


def drop_checkpoints(model: dict) -> None:
    """Let a model config be built without the files it starts from."""
    for key, value in model.items():
        if key == 'init_cfg' or key.endswith('checkpoint'):
            model[key] = None
        elif isinstance(value, dict):
            drop_checkpoints(value)


def main() -> None:
    """Count."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)

    import torch
    from mmengine.registry import init_default_scope
    from mmengine.structures import BaseDataElement
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from mmrs.registry import MODELS

    init_default_scope(cfg.get('default_scope', 'mmrs'))
    settings = model_config(cfg)
    drop_checkpoints(settings)
    model = MODELS.build(settings).eval()
    parameters = list(model.parameters())
    trained = [p for p in parameters if p.requires_grad]
    model.requires_grad_(False)

    shape = tuple(args.shape)
    sample = BaseDataElement(
        metainfo=dict(
            img_shape=shape, ori_shape=shape, scale_factor=(1.0, 1.0)
        )
    )
    # mmpretrain's classifiers make samples, of a kind of their own.
    makes_samples = type(model).__module__.startswith('mmpretrain.')
    samples = None if makes_samples else [sample]
    image = torch.randint(256, (3, *shape), dtype=torch.uint8)
    counter = FlopCounterMode(display=False)
    # The counter knows matrix products, but not every fused attention.
    with counter, sdpa_kernel(SDPBackend.MATH):
        model.test_step(dict(inputs=[image], data_samples=samples))

    total = counter.get_total_flops()
    parts = {
        name: sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
        if name.count('.') == 1
    }
    parts['the rest'] = total - sum(parts.values())
    for name, flops in parts.items():
        print(f'{name}: {flops / 1e9:.2f} G')
    print(f'parameters: {_millions(parameters)}')
    print(f'  of which trained: {_millions(trained)}')
    print(
        f'operations: {total / 1e9:.2f} G '
        f'for an image of {shape[0]} x {shape[1]}'
    )


def _millions(parameters: list) -> str:
    return f'{sum(p.numel() for p in parameters) / 1e6:.2f} M'


if __name__ == '__main__':
    run_tool(main)
