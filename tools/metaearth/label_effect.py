"""Tell whether a MetaEarth heeds the resolution that it is told.

::

    python tools/metaearth/label_effect.py TILE... --reduce --model CONFIG \
        --weights CHECKPOINT --resolutions 4 64

The same conditions and the same noise are generated from as two resolutions.
``difference``: mean difference of the two in grey levels.
``difference_of_seeds``: that of two noises at the first resolution, to compare
with. ``gradient_ratio``: energy of the gradient at the second resolution over
that at the first. ``lpips``: perceptual distance of the two; without
``--lpips`` of a random network, as ``lpips_substitute``. All are means over
the images; prints JSON.
"""

import argparse
import json

from arguments import (
    add_model_arguments,
    add_sampling_arguments,
    load_pipeline,
    sampling_settings,
)

from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', nargs='+', help='conditions, or tiles')
    parser.add_argument(
        '--reduce',
        action='store_true',
        help='SRC are tiles: make conditions by means of 4 x 4 pixels',
    )
    parser.add_argument(
        '--resolutions',
        nargs=2,
        type=float,
        default=(4.0, 64.0),
        metavar='METRES',
        help='of the output (default: 4 64)',
    )
    parser.add_argument(
        '--lpips', help="torchvision's weights of AlexNet, a local file"
    )
    add_model_arguments(parser)
    add_sampling_arguments(parser)
    return parser.parse_args()


def read_condition(path: str, reduce: bool):
    """Read a condition, RGB uint8 (H, W, 3)."""
    import cv2
    import numpy as np

    from mmrs.datasets import LoadRSImage

    image = LoadRSImage()(dict(img_path=path))['img'][..., ::-1]
    if reduce:
        size = image.shape[1] // 4, image.shape[0] // 4
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image)


def measure(pipeline, condition, resolutions, settings: dict, lpips) -> dict:
    """Generate from a condition as two resolutions, and compare."""
    import numpy as np
    import torch

    from mmrs.evaluation.metrics.generation_metric import gradient_energy

    def generate(resolution: float, seed: int) -> torch.Tensor:
        (image,) = pipeline(
            condition, resolution, **dict(settings, seed=seed)
        ).images
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)

    def difference(one: torch.Tensor, other: torch.Tensor) -> float:
        return (one.float() - other.float()).abs().mean().item()

    seed = settings.get('seed', 0)
    first, second = (generate(r, seed) for r in resolutions)
    end = '_substitute' if lpips.is_substitute else ''
    return {
        'difference': difference(first, second),
        'difference_of_seeds': difference(
            first, generate(resolutions[0], seed + 1)
        ),
        'gradient_ratio': gradient_energy(second) / gradient_energy(first),
        f'lpips{end}': lpips(first[None], second[None]).item(),
    }


def main() -> None:
    """Measure and print."""
    args = parse_args()
    import numpy as np

    from mmrs.evaluation import Perceptual

    lpips = Perceptual(args.lpips)
    conditions = [read_condition(path, args.reduce) for path in args.src]
    pipeline = load_pipeline(args)
    rows = [
        measure(pipeline, x, args.resolutions, sampling_settings(args), lpips)
        for x in conditions
    ]
    means = {k: float(np.mean([row[k] for row in rows])) for k in rows[0]}
    settings = dict(resolutions=list(args.resolutions), images=len(rows))
    print(json.dumps(settings | means))


if __name__ == '__main__':
    run_tool(main)
