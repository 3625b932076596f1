"""The tools of MetaEarth, as a user runs them."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio
import torch
from metaearth_toys import toy_pipeline
from PIL import Image

from mmrs.models.metaearth import MetaEarthPipeline
from mmrs.models.metaearth.sampling import Denoiser

FEW = ['--steps', '2', '--device', 'cpu']


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp('model')
    toy_pipeline().save_pretrained(folder)
    return folder


@pytest.fixture(scope='module')
def scene(tmp_path_factory):
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp('scene') / 'coarse.tif'
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=22,
        width=20,
        count=3,
        dtype='uint8',
        crs='EPSG:32631',
        transform=rasterio.Affine(64, 0, 5e5, 0, -64, 4e6),
    ) as file:
        file.write(rng.integers(0, 255, (3, 22, 20), np.uint8))
    return path


@pytest.mark.slow
def test_processes_write_the_bytes_of_one(
    run, main_of, model, scene, tmp_path, capsys
):
    tool = ['tools/metaearth/generate.py', scene]
    options = ['--stages', '2', '--model', model, *FEW]
    main_of(*tool, tmp_path / 'one.tif', *options)
    assert '320 x 352 px of 4 m' in capsys.readouterr().out
    torchrun = [
        sys.executable,
        '-m',
        'torch.distributed.run',
        '--standalone',
        '--nproc-per-node=2',
    ]
    two = run(*torchrun, *tool, tmp_path / 'two.tif', *options)
    assert two.returncode == 0, two.stderr
    assert (tmp_path / 'one.tif').read_bytes() == (
        tmp_path / 'two.tif'
    ).read_bytes()


@pytest.mark.slow
def test_killed_process_goes_on(main_of, model, scene, tmp_path, repo_root):
    """A real kill, in the middle of the rows."""

    def command(name, *options):
        words = [scene, tmp_path / name, '--model', model, '--stages', '2']
        return 'tools/metaearth/generate.py', *map(str, words), *options, *FEW

    process = subprocess.Popen(
        [sys.executable, *command('a.tif')],
        cwd=repo_root,
        env=dict(os.environ, OMP_NUM_THREADS='1'),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder = tmp_path / 'a.tif.parts'
    while len([*folder.glob('*.png')]) < 3 and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()
    kept = len([*folder.glob('*.png')])
    assert 3 <= kept < 22 and not (tmp_path / 'a.tif').exists()
    main_of(*command('a.tif', '--tile-batch', '2'))
    main_of(*command('b.tif'))
    assert not folder.exists()
    a, b = (tmp_path / f'{name}.tif' for name in 'ab')
    assert a.read_bytes() == b.read_bytes()


def test_options_reach_the_file(main_of, model, scene, tmp_path, capsys):
    dst = tmp_path / 'a.tif'
    words = '--stages 1 --window 4 8 30 40 --bands 3 2 1 --cog --paper'
    words += ' --stretch 0 200 --seed 3 --overlap 0.25 --device cpu --steps 1'
    main_of(
        'tools/metaearth/generate.py',
        *(scene, dst, '--model', model, *words.split()),
    )
    assert '40 x 30 px of 16 m' in capsys.readouterr().out
    with rasterio.open(dst) as file:
        tags = file.tags()
    sampling = json.loads(tags['SAMPLING'])
    assert sampling['noise'] == 'shared_periodic'
    assert (sampling['seed'], sampling['overlap']) == (3, 0.25)
    assert json.loads(tags['STRETCH']) == [[0, 200]] * 3
    assert tags['BANDS'] == '3 2 1'


def test_wrong_use_is_one_line(run, model, scene, tmp_path):
    done = run(
        sys.executable,
        'tools/metaearth/generate.py',
        *(scene, tmp_path / 'a.tif', '--model', model, '--eta', '1'),
        *('--noise', 'shared_block', '--device', 'cpu'),
    )
    assert done.returncode == 1
    (line,) = [x for x in done.stderr.splitlines() if x.startswith('error')]
    assert "take noise='world' or 'independent', or eta=0" in line


def test_seam_table(main_of, model, scene, tmp_path, capsys):
    words = ['tools/metaearth/seams.py', scene, '--model', model, *FEW]
    main_of(*words, '--merges', 'crop', 'mixture', '--json')
    rows = json.loads(capsys.readouterr().out)['rows']
    assert len(rows) == 8
    overlap = {r['noise']: r['overlap'] for r in rows if r['merge'] == 'crop'}
    assert max(overlap['world'], overlap['shared_periodic']) < min(
        overlap['shared_block'], overlap['independent']
    )
    assert all(r['overlap'] is None for r in rows if r['merge'] == 'mixture')
    main_of(*words, '--merges', 'mixture', '--noises', 'world')
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ['noise', 'merge', 'seam', 'peak', 'overlap']
    assert row.split()[:2] == ['world', 'mixture'] and row.endswith('-')


def test_random_access(main_of, model, scene, capsys, monkeypatch):
    words = ['tools/metaearth/random_access.py', scene, '--model', model]
    words += [*FEW, '--size', '10', '--windows', '12', '--largest', '40']
    main_of(*words, '--json')
    found = json.loads(capsys.readouterr().out)
    assert found == dict(windows=12, differ=0, largest=0)

    # Windows that depend on what was asked for before are found out.
    plain = Denoiser.windows

    def forgetful(self, lr, places):
        return plain(self, lr, places) + np.uint8(len(places) % 2)

    monkeypatch.setattr(Denoiser, 'windows', forgetful)
    with pytest.raises(SystemExit, match='1'):
        main_of(*words)
    assert 'by at most' in capsys.readouterr().out


def test_gallery(main_of, model, scene, tmp_path):
    out = tmp_path / 'gallery.png'
    words = ['--stages', '2', '--seeds', '0', '1', '--side', '64', '--size']
    words += ['8', '--at', '4', '6', '--model', model, *FEW]
    main_of('tools/metaearth/gallery.py', scene, out, *words)
    sheet = np.asarray(Image.open(out))
    assert sheet.shape == (2 * 70 - 6 + 18, 4 * 70 - 6, 3)
    with rasterio.open(scene) as file:
        part = np.moveaxis(file.read(), 0, 2)[6:14, 4:12]
    assert np.array_equal(sheet[18:82, :64], part.repeat(8, 0).repeat(8, 1))
    # Seeds differ in the stages, not in the condition.
    first, second = sheet[18:82], sheet[88:152]
    assert np.array_equal(first[:, :134], second[:, :134])
    assert not np.array_equal(first[:, 140:], second[:, 140:])


def test_conversion_and_back(main_of, model, tmp_path, capsys):
    checkpoint = tmp_path / 'a.pth'
    main_of('tools/metaearth/convert.py', model, checkpoint)
    before = capsys.readouterr().out.split()[-1]
    config = tmp_path / 'config.py'
    unet = json.loads((model / 'unet' / 'config.json').read_text())
    unet = {k: v for k, v in unet.items() if not k.startswith('_')}
    encoder = dict(num_feat=4, num_block=1, num_grow_ch=4)
    config.write_text(
        "model = dict(type='MetaEarth', preset='metaearth_tiny',\n"
        f'    unet={unet}, lr_encoder={encoder})\n'
    )
    main_of(
        'tools/metaearth/convert.py',
        *(config, tmp_path / 'folder', '--weights', checkpoint),
    )
    assert capsys.readouterr().out.split()[-1] == before
    loaded = MetaEarthPipeline.from_pretrained(tmp_path / 'folder')
    assert loaded.weights_hash() == before


def test_benchmark_compares_equal_work(monkeypatch):
    """The peer gives the same image at the same settings."""
    import runpy

    tool = runpy.run_path('tools/benchmarks/metaearth_sampling.py')
    monkeypatch.setattr(sys, 'argv', ['tool', '--size', '20'])
    args = tool['parse_args']()
    pipeline = tool['build'](args)
    with torch.no_grad():
        pipeline.unet.conv_out.weight.normal_(std=0.05)
        image = tool['condition'](args)
        plain = [
            tool['generate_plainly'](pipeline, image, 16.0, 32, 2, origin)
            for origin in (0, 8)
        ]

    def ours(image, origin=0):
        settings = dict(tile=32, num_inference_steps=2, merge='crop')
        settings['origin'] = origin, origin
        return np.asarray(pipeline(image, 16.0, **settings).images[0])

    made = ours(image)
    for image_of_plain, same in zip(plain, (made, ours(image, 8))):
        assert np.abs(image_of_plain.astype(int) - same).max() <= 1
    assert np.abs(plain[0].astype(int) - plain[1]).max() > 1
    figures = tool['quality'](made, ours, image, 16)
    assert figures['gradient'] > 0 and figures['consistency_psnr'] < 40
    assert 0.5 < figures['seam'] < 2


@pytest.mark.slow
def test_benchmark_tells_memory(monkeypatch, model):
    import runpy

    tool = runpy.run_path('tools/benchmarks/metaearth_sampling.py')
    argv = ['tool', '--memory', '--model', str(model), '--tile', '32']
    monkeypatch.setattr(sys, 'argv', argv)
    args = tool['parse_args']()
    sizes = ((64, 64), (32, 128))
    measure = tool['measure_memory']
    monkeypatch.setitem(measure.__globals__, 'SIZES', sizes)
    found = measure(args)
    assert [*found['peaks']] == ['64 x 64', '128 x 32']
    small, large = (peak['ram_mb'] for peak in found['peaks'].values())
    assert 100 < small < 20_000
    assert found['growth'] == pytest.approx(large / small - 1)


def test_benchmark_ends_with_the_error_of_the_tool():
    import runpy

    tool = runpy.run_path('tools/benchmarks/metaearth_sampling.py')
    with pytest.raises(SystemExit, match='nowhere'):
        tool['measure_size'](64, 64, ['--model', 'nowhere'], 1)
