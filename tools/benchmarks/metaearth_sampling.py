"""Time MetaEarth's sampling, and measure the memory that it takes.

::

    python tools/benchmarks/metaearth_sampling.py --json
    python tools/benchmarks/metaearth_sampling.py --model CONFIG \
        --weights CHECKPOINT --src 64m.tif --json
    python tools/benchmarks/metaearth_sampling.py --memory --json

The peer is the plain way of the paper: windows one by one, half of a window
overlaps, DDIM of 50 steps, and the encoder run at every step, as a script
does that calls the whole model. Ours: windows in batches that overlap by a
quarter and fade into each other, DPM-Solver++ of 12 steps that are drawn to
the condition, whose features are kept. Both start from the same condition and
noise, in one process. Without ``--model`` the networks of a preset have random
weights, whose quality figures say nothing.

Figures of quality: ``seam`` and ``peak`` as tools/metaearth/seams.py tells
(for which each way generates once more, untimed);
``consistency_psnr``: of the output, averaged to the condition's pixels,
against the condition; ``gradient``: mean absolute difference of neighbouring
pixels in grey levels.

``--memory`` lets tools/metaearth/generate.py write GeoTIFFs of 2k x 2k and of
16k x 4k, and compares the peaks of the two processes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OURS = dict(
    num_inference_steps=12, overlap=0.25, tile_batch=8, consistency=0.25
)
SIZES = ((2048, 2048), (4096, 16384))  # height and width


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--model', help='a config, or a folder of diffusers')
    parser.add_argument('--weights', help='the checkpoint of a config')
    parser.add_argument('--preset', default='metaearth_tiny')
    parser.add_argument('--src', help='image to start from (default: waves)')
    parser.add_argument('--gsd', type=float, default=64.0)
    parser.add_argument(
        '--size', type=int, default=48, help='side of the condition in pixels'
    )
    parser.add_argument('--tile', type=int, help='default: as trained')
    parser.add_argument('--steps', type=int, default=50, help='of the peer')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--dtype', choices=['fp32', 'bf16'], default='fp32')
    parser.add_argument('--threads', type=int, default=2, help='of a CPU')
    parser.add_argument('--memory', action='store_true')
    parser.add_argument('--json', action='store_true', help='only the JSON')
    return parser.parse_args()


def build(args: argparse.Namespace):
    """Load the model, or make a preset with random weights."""
    from mmrs.apis import MetaEarthInferencer

    if args.model:
        inferencer = MetaEarthInferencer(
            args.model, args.weights, args.device, args.dtype
        )
        return inferencer.pipeline
    import torch
    from diffusers import DDIMScheduler

    from mmrs.models.metaearth.encoder import RRDBEncoder
    from mmrs.models.metaearth.pipeline import MetaEarthPipeline
    from mmrs.models.metaearth.presets import get_preset
    from mmrs.models.metaearth.unet import ResolutionUNet

    torch.manual_seed(0)
    unet, encoder = get_preset(args.preset)
    pipeline = MetaEarthPipeline(
        ResolutionUNet(**unet).eval(),
        RRDBEncoder(**encoder).eval(),
        DDIMScheduler(
            beta_start=0.0015,
            beta_end=0.0155,
            beta_schedule='scaled_linear',
            timestep_spacing='leading',
        ),
    )
    if args.dtype == 'bf16':
        pipeline.to(torch.bfloat16)
    return pipeline.to(args.device)


def condition(args: argparse.Namespace):
    """The condition: (size, size, 3), uint8."""
    import numpy as np

    if args.src:
        from mmrs.models.metaearth.source import SourceImage

        source = SourceImage(args.src)
        size = [min(args.size, s) for s in (source.height, source.width)]
        return source.read(0, 0, *size)
    at = np.linspace(0, 9, args.size)
    waves = [np.sin(at[:, None] * k) * np.cos(at * k) for k in (1, 2, 3)]
    return (128 + 100 * np.stack(waves, 2)).astype(np.uint8)


def generate_plainly(
    pipeline, image, resolution: float, tile: int, steps: int, origin: int = 0
):
    """Sample as a plain script does; the noise is that of the world.

    Args:
        pipeline: With DDIM.
        image: (h, w, 3), uint8.
        resolution: Of the output.
        tile: Side of a window.
        steps: Of DDIM.
        origin: Row and column of the image in the world of the noise, in
            pixels of the condition.

    Returns:
        (4h, 4w, 3), uint8.
    """
    import numpy as np
    import torch

    from mmrs.models.metaearth.sampling import NoiseField

    stride, device = tile // 2, pipeline.device
    dtype = pipeline.unet.dtype
    height, width = (4 * side for side in image.shape[:2])
    margin = tile // 4
    pad = [(margin // 4, tile // 4)] * 2
    padded = np.pad(image, [*pad, (0, 0)], mode='reflect')
    noise = NoiseField('world', 0, 1, tile, stride)
    label = torch.tensor([resolution], device=device)
    result = np.empty((height, width, 3), np.uint8)
    scheduler = pipeline.scheduler
    for top in range(0, height, stride):
        for left in range(0, width, stride):
            place = top - margin, left - margin
            lr = padded[top // 4 :, left // 4 :][: tile // 4, : tile // 4]
            lr = torch.from_numpy(lr.copy()).to(device).permute(2, 0, 1)
            lr = (lr[None].float() / 127.5 - 1).to(dtype)
            x = noise.window(*(at + 4 * origin for at in place))
            x = torch.from_numpy(x[None]).to(device)
            scheduler.set_timesteps(steps)
            for t in scheduler.timesteps:
                features = pipeline.lr_encoder(lr)
                inputs = torch.cat([x.to(dtype), features], 1)
                eps = pipeline.unet(inputs, t, class_labels=label).sample
                x = scheduler.step(eps.float(), t, x).prev_sample
            levels = ((x[0].clamp(-1, 1) + 1) * 127.5).round()
            pixels = levels.byte().permute(1, 2, 0).cpu().numpy()
            part = result[top : top + stride, left : left + stride]
            part[:] = pixels[margin:, margin:][: len(part), : part.shape[1]]
    return result


def quality(made, generate, image, stride: int) -> dict:
    """Tell how good an image is without any reference.

    Args:
        made: What was generated from `image`, (4h, 4w, 3), uint8.
        generate: From a condition and its origin to what is generated.
        image: The condition, (h, w, 3), uint8.
        stride: From a window to the next.
    """
    import numpy as np

    from mmrs.evaluation import autocorrelation_peak, seam_ratio

    height, width = image.shape[:2]
    blocks = made.reshape(height, 4, width, 4, 3).astype(float)
    error = ((blocks.mean((1, 3)) - image) ** 2).mean()
    steps = [np.abs(np.diff(made.astype(float), axis=k)) for k in (0, 1)]
    half = stride // 2
    shifted = generate(image[half // 4 :, half // 4 :], half // 4)
    return dict(
        seam=seam_ratio(shifted, made[half:, half:], stride),
        peak=autocorrelation_peak(made, stride),
        consistency_psnr=float(10 * np.log10(255**2 / max(error, 1e-9))),
        gradient=float(np.mean([step.mean() for step in steps])),
    )


def timed(function, device: str) -> tuple[float, object]:
    """Seconds of a call, and what it returned."""
    import torch

    if device != 'cpu':
        torch.cuda.synchronize()
    start = time.perf_counter()
    result = function()
    if device != 'cpu':
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def compare(args: argparse.Namespace) -> dict:
    """Time both ways on one image."""
    import numpy as np
    import torch

    torch.set_num_threads(args.threads)
    pipeline = build(args).with_solver('ddim')
    fast = pipeline.with_solver('dpm')
    image = condition(args)
    options = dict(tile=args.tile) if args.tile else {}
    tile = pipeline.settings(**options).tile
    resolution = args.gsd / 4

    def ours(image, origin=0):
        found = fast(
            image, resolution, **OURS, **options, origin=(origin, origin)
        )
        return np.asarray(found.images[0])

    def plain(image, origin=0):
        with torch.inference_mode():
            return generate_plainly(
                pipeline, image, resolution, tile, args.steps, origin
            )

    ours(image[: tile // 4, : tile // 4])  # kernels are chosen once
    ours_s, made = timed(lambda: ours(image), args.device)
    plain_s, reference = timed(lambda: plain(image), args.device)
    stride = round(tile * (1 - OURS['overlap']))
    megapixels = made.shape[0] * made.shape[1] / 1e6
    return dict(
        output=f'{made.shape[1]} x {made.shape[0]}',
        tile=tile,
        mpx_per_s=megapixels / ours_s,
        plain_mpx_per_s=megapixels / plain_s,
        ratio=plain_s / ours_s,
        quality=quality(made, ours, image, stride),
        plain_quality=quality(reference, plain, image, tile // 2),
        bound='ratio >= 4 on a CPU, >= 6 on a GPU, at no worse quality',
    )


def measure_memory(args: argparse.Namespace) -> dict:
    """Generate files of two sizes, and compare the peaks."""
    with tempfile.TemporaryDirectory() as folder:
        model = ['--model', folder]
        if args.model:
            model = ['--model', args.model]
            model += ['--weights', args.weights] if args.weights else []
        else:
            build(args).save_pretrained(folder)
        command = [*model, '--device', args.device, '--dtype', args.dtype]
        command += ['--tile', str(args.tile or 256)]
        peaks = {
            f'{width} x {height}': measure_size(
                height, width, command, args.threads
            )
            for height, width in SIZES
        }
    small, large = (peak['ram_mb'] for peak in peaks.values())
    return dict(
        peaks=peaks,
        growth=large / small - 1,
        bound='growth <= 0.05',
    )


def measure_size(
    height: int, width: int, command: list[str], threads: int
) -> dict:
    """Let a process generate one file in one step a window.

    Args:
        height: Of the file.
        width: Of the file.
        command: Arguments of tools/metaearth/generate.py.
        threads: Of the process.

    Returns:
        Its peak and its time: ``ram_mb`` and ``seconds``.
    """
    tool = Path(__file__).parents[1] / 'metaearth/generate.py'
    with tempfile.TemporaryDirectory() as folder:
        src, dst = (str(Path(folder, name)) for name in ('src.tif', 'dst.tif'))
        write_waves(src, height // 4, width // 4)
        command = [sys.executable, str(tool), src, dst, *command]
        command += '--stages 1 --gsd 64 --steps 1 --overlap 0'.split()
        environment = os.environ | dict(OMP_NUM_THREADS=str(threads))
        start = time.perf_counter()
        with Path(folder, 'log').open('w+') as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                log.seek(0)
                sys.exit(log.read())
    return dict(ram_mb=usage.ru_maxrss / 1024, seconds=seconds)


def write_waves(path: str, height: int, width: int) -> None:
    """Write a GeoTIFF row by row."""
    import numpy as np
    import rasterio

    waves = np.sin(np.arange(width) / 9) * 100 + 128
    row = np.broadcast_to(waves, (3, 1, width)).astype(np.uint8)
    with rasterio.open(
        path, 'w', driver='GTiff', dtype='uint8', crs='EPSG:32631', count=3,
        transform=rasterio.Affine(64, 0, 5e5, 0, -64, 4e6),
        height=height, width=width,
    ) as file:  # fmt: skip
        for top in range(height):
            window = rasterio.windows.Window(0, top, width, 1)
            file.write(row, window=window)


def main() -> None:
    """Measure and print."""
    args = parse_args()
    found = measure_memory(args) if args.memory else compare(args)
    results = dict(settings=vars(args), **found)
    print(json.dumps(results, indent=None if args.json else 2))


if __name__ == '__main__':
    main()
