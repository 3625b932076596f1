"""Predicting a large scene, against mmsegmentation's two ways.

    python tools/benchmarks/large_scene.py --json
    python tools/benchmarks/large_scene.py --memory --json

All predict the same GeoTIFF of four 16-bit bands with the same small SegFormer
of random weights, tiles and overlaps, and write a class map:

- `ours`: CloudInferencer, which blends logits in a rolling band and writes a
  compressed GeoTIFF with overviews;
- `slide`: the inference mode of that name of `EncoderDecoder`, which keeps
  image and logits of the whole scene; rasterio reads and writes;
- `rs_inferencer`: `RSInferencer` with one thread (with several it loses
  tiles), which crops tiles and does not blend. Where GDAL's Python bindings
  are missing, rasterio stands in for reading, and the map stays in memory.

Speeds are of one process, in turns, the best of `--repeats`. Peak memory is of
a process for each (VmHWM), beside that of one which only loads the network.
`agreement` is the share of pixels whose class is that of `ours`.

With `--memory`: the peak for 10,000 x 10,000 px against that for the first
2,000 rows. Bound: at most 10 % more.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / 'configs/cloud_snow/_base_/segformer-mini.py'
BANDS = ('blue', 'green', 'red', 'nir')
LIMIT = 1.1  # peak of the high scene over that of the low one
PASSED_ON = ('device', 'tile', 'overlap', 'batch', 'workers', 'threads')
METHODS = ('ours', 'slide', 'rs_inferencer')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--size', type=int, default=2048, help='in px')
    parser.add_argument('--tile', type=int, default=512, help='in px')
    parser.add_argument('--overlap', type=int, default=128, help='in px')
    parser.add_argument('--batch', type=int, default=4, help='tiles')
    parser.add_argument('--workers', type=int, default=2, help='of ours')
    parser.add_argument('--repeats', type=int, default=2)
    parser.add_argument('--threads', type=int, default=1, help='of PyTorch')
    parser.add_argument('--memory', action='store_true')
    parser.add_argument('--json', action='store_true', help='only the JSON')
    # What a process of its own does, and tells the peak memory of.
    parser.add_argument('--only', choices=['nothing', *METHODS])
    parser.add_argument('--scene', type=Path)
    return parser.parse_args()


def write_scene(path: Path, height: int, width: int) -> None:
    """Write random blobs of cloud over ground, as a tiled GeoTIFF."""
    import cv2
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    rng = np.random.default_rng(0)
    side = 512
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=height,
        width=width,
        count=len(BANDS),
        dtype='uint16',
        crs='EPSG:32633',
        transform=from_origin(600000, 5000000, 16, 16),
        tiled=True,
        blockxsize=side,
        blockysize=side,
        compress='deflate',
        zlevel=1,
    ) as file:
        file.descriptions = BANDS
        for top in range(0, height, side):
            noise = rng.random((len(BANDS), side // 16, width // 16 + 1))
            rows = np.stack(
                [cv2.resize(band, (width, side)) for band in noise]
            )
            rows = (1 + 1000 * rows).astype(np.uint16)
            rows = rows[:, : min(side, height - top)]
            window = Window(0, top, width, rows.shape[1])
            file.write(rows, window=window)


def build(args: argparse.Namespace):
    """The inferencer, whose network the others use, too."""
    import torch
    from mmengine.config import Config
    from mmengine.logging import MMLogger

    from mmrs.apis import CloudInferencer

    MMLogger.get_instance('mmengine', log_level='ERROR')
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = Config.fromfile(NETWORK).model
    model.backbone.in_channels = len(BANDS)
    model.data_preprocessor = dict(
        type='MultiBandDataPreprocessor', mean=[500.0] * 4, std=[150.0] * 4
    )
    pipeline = [
        dict(type='LoadBands', scale=1.0, value_range=(0, 1023)),
        dict(type='mmseg.PackSegInputs'),
    ]
    dataset = dict(
        type='LevirCSDataset', data_root='', bands=BANDS, pipeline=pipeline
    )
    cfg = Config(
        dict(
            default_scope='mmrs',
            model=model,
            test_dataloader=dict(dataset=dataset),
            test_pipeline=[
                dict(type='LoadImageFromNDArray'),
                dict(type='PackSegInputs'),
            ],
        )
    )
    inferencer = CloudInferencer(cfg, device=args.device)
    network = inferencer.model
    network.cfg = cfg
    stride = args.tile - args.overlap
    network.test_cfg = Config(
        dict(crop_size=(args.tile,) * 2, stride=(stride,) * 2, mode='whole')
    )
    return inferencer


def run_ours(inferencer, scene: Path, out: Path, args) -> Path:
    """Predict by windows, blended."""
    found = inferencer(
        scene,
        args.batch,
        out,
        tile=args.tile,
        overlap=args.overlap,
        num_workers=args.workers,
        draw=False,
        show_progress=not args.json and args.only is None,
    )
    return out / found['predictions'][0]['files']['map']


def run_slide(inferencer, scene: Path, out: Path, args) -> Path:
    """Predict the whole scene by EncoderDecoder's sliding windows."""
    import rasterio
    import torch

    network = inferencer.model
    with rasterio.open(scene) as file:
        pixels = torch.from_numpy(file.read())
        profile = dict(file.profile, count=1, dtype='uint8')
    network.test_cfg.mode = 'slide'
    with torch.no_grad():
        inputs = network.data_preprocessor(dict(inputs=[pixels]))['inputs']
        shape = tuple(inputs.shape[2:])
        meta = dict(img_shape=shape, ori_shape=shape, pad_shape=shape)
        logits = network.inference(inputs, [meta])
    network.test_cfg.mode = 'whole'
    classes = logits[0].argmax(0).byte().cpu().numpy()
    out.mkdir(parents=True, exist_ok=True)
    with rasterio.open(out / 'map.tif', 'w', **profile) as file:
        file.write(classes, 1)
    return out / 'map.tif'


def run_rs_inferencer(inferencer, scene: Path, out: Path, args) -> Path:
    """Predict by RSInferencer with one thread."""
    import mmseg.apis.remote_sense_inferencer as module
    from mmengine.registry import DefaultScope

    if module.gdal is None:
        module.gdal = RasterioGdal
    out.mkdir(parents=True, exist_ok=True)
    path = out / 'map.tif'
    stride = args.tile - args.overlap
    # The types of its pipeline have no prefix; a failing tile would hang it.
    with DefaultScope.overwrite_default_scope('mmseg'):
        module.RSInferencer(inferencer.model, args.batch).run(
            module.RSImage(str(scene)),
            (args.tile, args.tile),
            (stride, stride),
            str(path),
        )
    return path


class RasterioGdal:
    """As much of GDAL's bindings as RSInferencer uses, made of rasterio.

    Maps that are created stay in :attr:`created`, by path.
    """

    GA_ReadOnly = GDT_Byte = 0
    created: dict = {}

    class Dataset:
        """An opened raster, or one in memory."""

        def __init__(self, file=None, pixels=None) -> None:
            self.file, self.pixels = file, pixels
            shape = pixels.shape if file is None else file.shape
            self.RasterYSize, self.RasterXSize = shape
            self.RasterCount = 1 if file is None else file.count

        def ReadAsArray(self, x, y, width, height):
            """Read a window."""
            from rasterio.windows import Window

            return self.file.read(window=Window(x, y, width, height))

        def GetRasterBand(self, number):
            """Give the only band that is written."""
            return self

        def WriteArray(self, values, x, y):
            """Write a window."""
            height, width = values.shape
            self.pixels[y : y + height, x : x + width] = values

        def GetGeoTransform(self):
            """Tell nothing: the map stays in memory."""

        SetGeoTransform = SetProjection = lambda self, value: None
        GetProjection = GetGeoTransform

    @classmethod
    def Open(cls, path, mode):
        """Open a raster."""
        import rasterio

        return cls.Dataset(rasterio.open(path))

    @classmethod
    def GetDriverByName(cls, name):
        """Give what creates maps."""
        return cls

    @classmethod
    def Create(cls, path, width, height, bands, dtype):
        """Create a map in memory."""
        import numpy as np

        pixels = np.zeros((height, width), np.uint8)
        cls.created[path] = pixels
        return cls.Dataset(pixels=pixels)


RUNS = dict(ours=run_ours, slide=run_slide, rs_inferencer=run_rs_inferencer)


def read_map(path: Path):
    """The classes that a method wrote, (H, W)."""
    if str(path) in RasterioGdal.created:
        return RasterioGdal.created[str(path)]
    import rasterio

    with rasterio.open(path) as file:
        return file.read(1)


def peak_memory(scene: Path, only: str, args: argparse.Namespace) -> dict:
    """Peak memory in MB, and time in seconds, of a process of its own."""
    options = [
        f'--{name}={getattr(args, name)}'
        for name in (
            'device',
            'tile',
            'overlap',
            'batch',
            'workers',
            'threads',
        )
    ]
    command = [sys.executable, __file__, '--json', *options]
    command += ['--only', only, '--scene', str(scene)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def run_only(args: argparse.Namespace) -> dict:
    """Run one method, and tell this process's peak memory."""
    inferencer = build(args)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if args.only != 'nothing':
            RUNS[args.only](inferencer, args.scene, Path(folder), args)
    seconds = time.perf_counter() - start
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmHWM'):
            peak = int(line.split()[1]) / 1024
    return dict(peak_mb=round(peak, 1), seconds=round(seconds, 2))


def compare(folder: Path, args: argparse.Namespace) -> dict:
    """Speed and memory of all methods."""
    scene = folder / 'scene.tif'
    write_scene(scene, args.size, args.size)
    inferencer = build(args)
    times = {name: [] for name in METHODS}
    maps = {}
    for _ in range(args.repeats):
        for name in METHODS:
            start = time.perf_counter()
            path = RUNS[name](inferencer, scene, folder / name, args)
            times[name].append(time.perf_counter() - start)
            maps[name] = read_map(path)
    megapixels = args.size**2 / 1e6
    result = dict(
        size=args.size,
        tile=args.tile,
        overlap=args.overlap,
        batch=args.batch,
        idle_mb=peak_memory(scene, 'nothing', args)['peak_mb'],
    )
    for name in METHODS:
        result[name] = dict(
            mpx_per_s=round(megapixels / min(times[name]), 3),
            peak_mb=peak_memory(scene, name, args)['peak_mb'],
            agreement=round(float((maps[name] == maps['ours']).mean()), 6),
        )
    for name in METHODS[1:]:
        ours, peer = result['ours'], result[name]
        idle = result['idle_mb']
        result[f'speed_over_{name}'] = round(
            ours['mpx_per_s'] / peer['mpx_per_s'], 2
        )
        result[f'memory_of_{name}_over_ours'] = round(
            (peer['peak_mb'] - idle) / (ours['peak_mb'] - idle), 2
        )
    return result


def measure_heights(folder: Path, args: argparse.Namespace) -> dict:
    """Peak memory of ours for a high scene and for its upper rows."""
    result = {}
    for height in (2000, 10000):
        scene = folder / f'{height}.tif'
        write_scene(scene, height, 10000)
        result[f'rows_{height}'] = peak_memory(scene, 'ours', args)
        scene.unlink()
    low, high = (found['peak_mb'] for found in result.values())
    ratio = high / low
    return result | dict(
        ratio=round(ratio, 3), bound=LIMIT, within=ratio <= LIMIT
    )


def main() -> None:
    """Measure, and print JSON."""
    args = parse_args()
    if args.only is not None:
        print(json.dumps(run_only(args)))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure = measure_heights if args.memory else compare
        print(json.dumps(measure(Path(folder), args), indent=2))


if __name__ == '__main__':
    main()
