import json
import runpy
import sys

import numpy as np
import pytest
import rasterio
import torch
from cloud_scene_toys import (
    BANDS,
    CLASSES,
    CONFIG,
    PLACE,
    ToyClouds,
    toy_classes,
    toy_config,
    toy_scene,
    write_scene,
)
from mmengine.config import Config
from PIL import Image

from mmrs.apis import CloudInferencer
from mmrs.errors import BadImageError, InputError

SMALL = dict(tile=64, overlap=16, show_progress=False)


@pytest.fixture(scope='module')
def inferencer() -> CloudInferencer:
    return CloudInferencer(toy_config(), device='cpu')


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path / 'in/scene.tif', toy_scene(toy_classes()))


def read(path):
    with rasterio.open(path) as file:
        return file.read(), file.profile


def test_an_array(inferencer):
    classes = toy_classes()
    classes[classes == 255] = 0
    (found,) = inferencer(toy_scene(classes), **SMALL)['predictions']
    np.testing.assert_array_equal(found.pop('mask'), classes)
    shares = [(classes == i).sum() for i in range(3)]
    assert found.pop('classes') == {
        name: dict(pixels=n, percent=pytest.approx(100 * n / classes.size))
        for name, n in zip(CLASSES, shares)
    }
    assert found.pop('files')['map'] == 'maps/array_0000.png'
    assert found == dict(
        image_id=0,
        path='array_0000',
        height=150,
        width=210,
        bands=list(BANDS),
        pixel_m2=None,
        valid_percent=100.0,
        notes=[
            'its bands have no names; taken as blue, green, red, nir by their '
            'place (1, 2, 3, 4)'
        ],
    )


def test_a_geotiff_to_files(inferencer, scene, tmp_path):
    out = tmp_path / 'out'
    found = inferencer(
        scene, out_dir=out, probabilities=True, polygons='gpkg', **SMALL
    )['predictions'][0]
    classes = toy_classes()
    pixels, profile = read(out / found['files']['map'])
    np.testing.assert_array_equal(pixels[0], classes)
    assert profile['crs'] == PLACE['crs']
    assert profile['transform'].almost_equals(PLACE['transform'], 1e-9)
    assert profile['nodata'] == 255
    probabilities, profile = read(out / found['files']['probabilities'])
    assert profile['count'] == 3 and profile['nodata'] == 255
    assert (probabilities[:, classes == 255] == 255).all()
    np.testing.assert_array_equal(
        probabilities[:, classes < 255].argmax(axis=0), classes[classes < 255]
    )
    total = probabilities[:, classes < 255].astype(int).sum(axis=0)
    assert abs(total - 254).max() <= 1
    assert found['pixel_m2'] == 256
    snow = found['classes']['snow']
    assert snow['pixels'] == 1500
    assert snow['hectares'] == pytest.approx(1500 * 256 / 1e4)
    assert snow['percent'] == pytest.approx(100 * 1500 / (142 * 210))
    assert found['valid_percent'] == pytest.approx(100 * 142 / 150)
    import pyogrio.raw

    meta, _, shapes, columns = pyogrio.raw.read(
        out / found['files']['polygons']
    )
    assert len(shapes) == 2  # the speck is too small
    values = dict(zip(meta['fields'], columns))
    assert sorted(values['class']) == ['cloud', 'snow']
    assert sorted(values['m2']) == sorted(
        256.0 * (classes == i).sum() - (i == 1) * 3 * 256 for i in (1, 2)
    )
    picture = Image.open(out / found['files']['quicklook'])
    assert picture.width > 2 * 200
    told = json.loads((out / 'predictions.json').read_text())
    assert told == [found]
    lines = (out / 'predictions.csv').read_text().splitlines()
    assert lines[0].startswith('path,height,width,valid_percent,background_')
    assert not (out / '.unfinished').exists()


def test_blobs_and_dilation(inferencer, scene, tmp_path):
    out = tmp_path / 'out'
    found = inferencer(
        scene, out_dir=out, min_blob=10, dilate='32m', draw=False, **SMALL
    )['predictions'][0]
    classes, _ = read(out / found['files']['map'])
    assert classes[0, 140, 6] == 0  # the speck
    # The disk of radius 50 grew by 2 px.
    assert classes[0, 70, 131] == 1 and classes[0, 70, 132] == 0
    assert (classes[0, :8] == 255).all()
    assert (classes[0, 30:60, 150:200] == 2).all()


def test_metres_need_a_place(inferencer):
    image = toy_scene(np.zeros((64, 64), np.uint8))
    with pytest.raises(BadImageError, match='in metres.* give gsd'):
        inferencer(image, dilate='30m', **SMALL)
    inferencer(image, dilate='30m', gsd=10, **SMALL)
    with pytest.raises(InputError, match="dilate='far': give pixels"):
        inferencer(image, dilate='far', **SMALL)


def real_network() -> Config:
    """A small SegFormer with trained-like, not constant output."""
    cfg = toy_config()
    base = Config.fromfile('configs/cloud_snow/_base_/segformer-mini.py')
    base.model.data_preprocessor = cfg.model.data_preprocessor
    base.model.backbone.in_channels = 4
    cfg.model = base.model
    return cfg


def test_the_same_bytes_for_any_batch_and_workers(
    repo_root, monkeypatch, tmp_path
):
    monkeypatch.chdir(repo_root)
    torch.manual_seed(0)
    inferencer = CloudInferencer(real_network(), device='cpu')
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 1023, (150, 170, 4)).astype(np.uint16)
    path = write_scene(tmp_path / 'in/scene.tif', pixels)
    made = []
    for batch_size, workers in [(1, 1), (4, 2), (16, 4)]:
        out = tmp_path / f'{batch_size}'
        inferencer(
            path,
            batch_size,
            out,
            num_workers=workers,
            probabilities=True,
            draw=False,
            **SMALL,
        )
        made.append(
            [
                (out / folder / 'scene.tif').read_bytes()
                for folder in ('maps', 'probabilities')
            ]
        )
    assert made[0] == made[1] == made[2]
    probabilities, _ = read(tmp_path / '1/probabilities/scene.tif')
    assert len(np.unique(probabilities)) > 3


def test_bands_are_found_by_name(inferencer, tmp_path):
    classes = toy_classes()
    order = [3, 0, 2, 1]
    path = write_scene(
        tmp_path / 'a.tif',
        toy_scene(classes)[..., order],
        ['NIR', 'Blue', 'Red', 'Green'],
    )
    out = tmp_path / 'out'
    (found,) = inferencer(path, out_dir=out, draw=False, **SMALL)[
        'predictions'
    ]
    np.testing.assert_array_equal(
        read(out / found['files']['map'])[0][0], classes
    )
    # Other bands, told by the user.
    path = write_scene(
        tmp_path / 'b.tif', toy_scene(classes)[..., order], None
    )
    names = ['nir', 'blue', 'red', 'green']
    (found,) = inferencer(
        path, out_dir=out, draw=False, file_bands=names, **SMALL
    )['predictions']
    np.testing.assert_array_equal(
        read(out / found['files']['map'])[0][0], classes
    )


def bad_scene(tmp_path, kind):
    pixels = toy_scene(toy_classes())
    if kind == 'few':
        return write_scene(tmp_path / 'a.tif', pixels[..., :3], None)
    if kind == 'names':
        names = ('blue', 'green', 'red', 'swir16')
        return write_scene(tmp_path / 'a.tif', pixels, names)
    if kind == 'colors':
        pixels = (pixels // 4).astype(np.uint8)
        return write_scene(tmp_path / 'a.tif', pixels, None, photometric='RGB')
    if kind == 'unit':
        return write_scene(tmp_path / 'a.tif', pixels * np.uint16(60))
    if kind == 'blank':
        return write_scene(tmp_path / 'a.tif', pixels * np.uint16(0))
    (tmp_path / 'a.tif').write_bytes(b'no tiff')
    return tmp_path / 'a.tif'


@pytest.mark.parametrize(
    ('kind', 'message'),
    [
        ('few', 'a.tif: has 3 band.* takes 4 .blue, green, red, nir'),
        ('names', "a.tif: has no band 'nir'.* by file_bands"),
        ('colors', 'a.tif: its band 1 is red.* by file_bands'),
        ('unit', 'a.tif: its values are about .* 0 to 1 is expected.* scale'),
        ('blank', 'a.tif: has no pixel with data'),
        ('broken', 'a.tif: unreadable'),
    ],
)
def test_scenes_that_cannot_be_used(inferencer, tmp_path, kind, message):
    path = bad_scene(tmp_path, kind)
    out = tmp_path / 'out'
    with pytest.raises(BadImageError, match=message):
        inferencer(path, out_dir=out, **SMALL)
    assert not (out / 'maps').exists()
    good = write_scene(tmp_path / 'good.tif', toy_scene(toy_classes()))
    results = inferencer([path, good], out_dir=out, draw=False, **SMALL)
    ((name, reason),) = results['skipped']
    assert name == str(path) and reason.startswith(name)
    assert [p['path'] for p in results['predictions']] == [str(good)]


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(polygons='dxf'), "polygons='dxf'"),
        (dict(geojson_crs='utm'), "geojson_crs='utm'"),
        (dict(min_blob=-1), 'min_blob=-1'),
        (dict(batch_size=0), 'batch_size=0'),
        (dict(dilate=-2), 'dilate=-2'),
        (dict(blend='linear'), "weights='linear'"),
    ],
)
def test_settings_that_are_none(inferencer, settings, message):
    with pytest.raises(InputError, match=message):
        inferencer(toy_scene(toy_classes()), **SMALL | settings)


def test_existing_results_are_kept(inferencer, scene, tmp_path, monkeypatch):
    settings = dict(out_dir=tmp_path / 'out', skip_existing=True, **SMALL)
    first = inferencer(scene, **settings)
    calls = []
    predict = ToyClouds.encode_decode

    def counted(self, *args):
        calls.append(1)
        return predict(self, *args)

    monkeypatch.setattr(ToyClouds, 'encode_decode', counted)
    assert inferencer(scene, **settings) == first
    assert not calls
    again = inferencer(scene, min_blob=10, **settings)
    assert calls and again != first
    # Another network is told by its weights.
    calls.clear()
    other = CloudInferencer(toy_config(), device='cpu')
    with torch.no_grad():
        other.model.weight += 1
    other(scene, min_blob=10, **settings)
    assert calls


def test_a_broken_run_goes_on(inferencer, scene, tmp_path, monkeypatch):
    settings = dict(probabilities=True, draw=False, batch_size=1, **SMALL)
    inferencer(scene, out_dir=tmp_path / 'whole', **settings)
    predict, calls = ToyClouds.encode_decode, []

    def dies(self, *args):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return predict(self, *args)

    out = tmp_path / 'out'
    with monkeypatch.context() as patch:
        patch.setattr(ToyClouds, 'encode_decode', dies)
        with pytest.raises(KeyboardInterrupt):
            inferencer(scene, out_dir=out, **settings)
    assert not (out / 'maps').exists()
    inferencer(scene, out_dir=out, **settings)
    for name in ('maps/scene.tif', 'probabilities/scene.tif'):
        whole = (tmp_path / 'whole' / name).read_bytes()
        assert (out / name).read_bytes() == whole


def test_the_checkpoint_knows_bands_and_classes(tmp_path, scene):
    meta = dict(classes=CLASSES, bands=BANDS[::-1], palette=[[9, 9, 9]] * 3)
    torch.save(
        dict(
            state_dict=dict(weight=torch.tensor(5.0)),
            meta=dict(dataset_meta=meta),
        ),
        tmp_path / 'weights.pth',
    )
    inferencer = CloudInferencer(
        toy_config(), tmp_path / 'weights.pth', device='cpu'
    )
    (found,) = inferencer(scene, **SMALL)['predictions']
    assert found['bands'] == list(BANDS[::-1])
    # To this network nir is blue: clouds stay, snow goes.
    assert found['classes']['snow']['pixels'] == 0


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(pipeline=[dict(type='LoadRSImage')]), 'begins with LoadRSImage'),
        (dict(view='2'), '3 scores a pixel, but there are 2 classes'),
    ],
)
def test_configs_that_cannot_be_used(change, message):
    cfg = toy_config()
    cfg.test_dataloader.dataset.update(change)
    with pytest.raises(InputError, match=message):
        CloudInferencer(cfg, device='cpu')


def test_a_pipeline_that_resizes():
    cfg = toy_config()
    cfg.test_dataloader.dataset.pipeline.insert(
        1, dict(type='mmseg.Resize', scale=(32, 32))
    )
    inferencer = CloudInferencer(cfg, device='cpu')
    with pytest.raises(InputError, match='take the step out that resizes'):
        inferencer(toy_scene(toy_classes()), **SMALL)


@pytest.mark.parametrize('average', ['logits', 'probabilities'])
def test_one_logit(average):
    class One(ToyClouds):
        out_channels = 1

        def encode_decode(self, inputs, metas):
            return 20 * (inputs[:, :1] - 0.5)

    cfg = toy_config()
    cfg.test_dataloader.dataset.view = '2'
    from mmrs.registry import MODELS

    MODELS.register_module('OneLogit', module=One, force=True)
    cfg.model.type = 'OneLogit'
    inferencer = CloudInferencer(cfg, device='cpu', average=average)
    classes = toy_classes()
    (found,) = inferencer(toy_scene(classes), **SMALL)['predictions']
    np.testing.assert_array_equal(found['mask'], np.isin(classes, [1, 2]))


def test_the_tool(tmp_path, scene, repo_root, monkeypatch, capsys):
    config, weights = tmp_path / 'config.py', tmp_path / 'weights.pth'
    config.write_text(CONFIG)
    torch.save(dict(state_dict=dict(weight=torch.tensor(20.0))), weights)
    out = tmp_path / 'out'
    words = ['infer.py', scene.parent, config, weights, '--device', 'cpu']
    words += ['--out-dir', out, '--tile', 64, '--overlap', 16]
    words += ['--dilate', '2', '--min-blob', 10, '--probabilities']
    words += ['--polygons', 'geojson', '--skip-existing', '--workers', 1]
    monkeypatch.setattr(sys, 'argv', [*map(str, words)])
    monkeypatch.chdir(repo_root)
    main = runpy.run_path('tools/infer.py')['main']
    main()
    main()
    assert capsys.readouterr().out.count('1 images done, 0 skipped') == 2
    classes, _ = read(out / 'maps/scene.tif')
    assert classes[0, 70, 131] == 1
    told = json.loads((out / 'polygons/scene.geojson').read_text())
    assert len(told['features']) == 2
    assert (out / 'probabilities/scene.tif').is_file()
