import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.models import ResNet
from PIL import Image

from mmrs.apis import SceneClassificationInferencer
from mmrs.errors import InputError
from mmrs.registry import MODELS

CLASSES = ('port', 'beach', 'river')


@MODELS.register_module()
class ResNetWithActivation(ResNet):
    """A ResNet whose pooled features are the mean over its last map."""

    def class_activation(self, inputs, weight):
        features = self(inputs)[-1]
        shares = torch.einsum('bdhw,bd->bhw', features, weight)
        return shares / features[0, 0].numel()


CONFIG = """
default_scope = 'mmrs'
data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    num_classes=3, mean=[120, 120, 120], std=[60, 60, 60], to_rgb=True)
model = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='ResNetWithActivation', depth=18, stem_channels=8,
        base_channels=8),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead', num_classes=3, in_channels=64,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))
test_dataloader = dict(dataset=dict(
    type='SceneClsDataset',
    data_root='nowhere',
    metainfo=dict(classes=('port', 'beach', 'river')),
    pipeline=[
        dict(type='LoadRSImage'),
        dict(type='mmpretrain.ResizeEdge', scale=72),
        dict(type='CenterCrop', crop_size=64),
        dict(type='mmpretrain.PackInputs')]))
inferencer = dict(type='SceneClassificationInferencer')
"""


@pytest.fixture(scope='module')
def config_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('configs') / 'tiny-resnet.py'
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope='module')
def inferencer(config_file) -> SceneClassificationInferencer:
    torch.manual_seed(0)
    inferencer = SceneClassificationInferencer(config_file, device='cpu')
    inferencer.model.head.fc.weight.data *= 100  # no two scores alike
    return inferencer


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three images, one of them in a subfolder, and a file of notes."""
    rng = np.random.default_rng(0)
    root = tmp_path / 'images'
    for name in ('b.jpg', 'a.png', 'more/b.tif'):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(path), pixels)
    (root / 'notes.txt').write_text('not an image')
    return root


def test_folder_to_files(inferencer, folder, tmp_path):
    out = tmp_path / 'out'
    results = inferencer(folder, batch_size=2, out_dir=out, top_k=2)
    found = results['predictions']
    assert results['skipped'] == []
    assert [Path(p['path']).name for p in found] == ['a.png', 'b.jpg', 'b.tif']
    for name, prediction in zip(['a', 'b', 'more/b'], found):
        assert (prediction['height'], prediction['width']) == (48, 64)
        first, second = prediction['scores']
        assert 1 > first > second > 0
        assert prediction['classes'] == [
            CLASSES[label] for label in prediction['labels']
        ]
        written = json.loads((out / f'predictions/{name}.json').read_text())
        assert written == prediction
        picture = Image.open(out / f'pictures/{name}.png')
        assert picture.height == 384 + 24 + 2 * 30 + 12
    with (out / 'predictions.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *('path', 'class_1', 'score_1', 'class_2', 'score_2')
    ]
    assert [r['path'] for r in rows] == [p['path'] for p in found]
    assert [r['class_2'] for r in rows] == [p['classes'][1] for p in found]
    assert [float(r['score_1']) for r in rows] == pytest.approx(
        [p['scores'][0] for p in found], abs=1e-4
    )
    assert len(list(out.rglob('*.*'))) == 7


def test_scores_are_those_of_the_model(inferencer, folder):
    path = folder / 'a.png'
    prediction = inferencer(path)['predictions'][0]
    assert len(prediction['scores']) == 3  # all, where five are asked for
    assert sum(prediction['scores']) == pytest.approx(1)
    resized = cv2.resize(cv2.imread(str(path)), (96, 72))
    crop = resized[4:68, 16:80, ::-1].astype(np.float32)
    inputs = torch.from_numpy(((crop - 120) / 60).transpose(2, 0, 1))[None]
    with torch.no_grad():
        scores = inferencer.model(inputs)[0].softmax(0)
    expected = scores[prediction['labels']].tolist()
    assert prediction['scores'] == pytest.approx(expected, abs=1e-4)


def test_every_kind_of_input_gives_the_same(inferencer, folder):
    path = folder / 'a.png'
    pixels = cv2.imread(str(path))

    def scores(inputs, **kwargs):
        predictions = inferencer(inputs, **kwargs)['predictions']
        return [p['scores'] for p in predictions]

    one = scores(str(path))
    assert len(one) == 1
    assert scores(path) == one
    assert scores(pixels) == one
    assert scores([path, pixels]) == one * 2
    for batched in scores([pixels] * 3, batch_size=3):
        assert batched == pytest.approx(one[0], abs=1e-5)


def test_pictures_can_be_left_out(inferencer, folder, tmp_path):
    inferencer(folder, out_dir=tmp_path / 'out', draw=False)
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {
        'predictions',
        'predictions.csv',
    }


def test_activation_adds_up_to_the_score(inferencer, folder, tmp_path):
    out = tmp_path / 'out'
    results = inferencer(folder, batch_size=2, out_dir=out, activation=True)
    bias = inferencer.model.head.fc.bias
    for prediction in results['predictions']:
        packed = inferencer._prepare(
            inferencer._load_file(dict(img_path=prediction['path']))
        )
        data = dict(inputs=[packed['inputs']])
        inputs = inferencer.model.data_preprocessor(data)['inputs']
        with torch.no_grad():
            scores = inferencer.model(inputs)[0]
        assert prediction['activation'].shape == (2, 2)
        total = prediction['activation'].sum()
        label = prediction['labels'][0]
        assert total + bias[label].item() == pytest.approx(
            scores[label].item(), rel=1e-3
        )
    stored = json.loads((out / 'predictions/a.json').read_text())
    assert 'activation' not in stored
    assert Image.open(out / 'pictures/a.png').width == 512 + 384 + 3 * 12


def test_models_without_activation(inferencer, folder, monkeypatch):
    monkeypatch.delattr(ResNetWithActivation, 'class_activation')
    with pytest.raises(InputError, match='backbone ResNetWithActivation can'):
        inferencer(folder, activation=True)
    assert inferencer(folder)['predictions']


def test_heads_without_a_linear_layer(inferencer, folder, monkeypatch):
    parts = inferencer.model._modules
    monkeypatch.setitem(parts, 'head', torch.nn.Identity())
    with pytest.raises(InputError, match='head Identity has no linear'):
        inferencer(folder, activation=True)


def test_unreadable_files_are_skipped_and_reported(
    inferencer, folder, tmp_path
):
    (folder / 'b.jpg').write_bytes((folder / 'b.jpg').read_bytes()[:-200])
    (folder / 'c.jpg').write_text('no image')
    out = tmp_path / 'out'
    results = inferencer(folder, batch_size=2, out_dir=out)
    done = [Path(p['path']).name for p in results['predictions']]
    assert done == ['a.png', 'b.tif']
    skipped = {Path(path).name: reason for path, reason in results['skipped']}
    assert 'truncated' in skipped['b.jpg']
    assert 'not a readable image' in skipped['c.jpg']
    assert len((out / 'predictions.csv').read_text().splitlines()) == 3


def test_what_was_done_is_kept_when_the_model_fails(
    inferencer, folder, tmp_path, monkeypatch
):
    calls = []
    test_step = inferencer.model.test_step

    def fail_at_last(data):
        calls.append(data)
        if len(calls) == 3:
            raise RuntimeError('out of memory')
        return test_step(data)

    monkeypatch.setattr(inferencer.model, 'test_step', fail_at_last)
    out = tmp_path / 'out'
    with pytest.raises(RuntimeError, match='out of memory'):
        inferencer(folder, out_dir=out)
    assert len((out / 'predictions.csv').read_text().splitlines()) == 3


def test_no_class_at_all_is_not_asked_for(inferencer, folder):
    with pytest.raises(InputError, match='top_k is 0'):
        inferencer(folder, top_k=0)


def test_checkpoint_gives_weights_and_classes(
    inferencer, config_file, folder, tmp_path
):
    path = tmp_path / 'epoch_1.pth'
    meta = dict(dataset_meta=dict(classes=('x', 'y', 'z')))
    torch.save(dict(state_dict=inferencer.model.state_dict(), meta=meta), path)
    loaded = SceneClassificationInferencer(config_file, path, device='cpu')
    first = inferencer(folder / 'a.png')['predictions'][0]
    second = loaded(folder / 'a.png')['predictions'][0]
    assert first['scores'] == second['scores']
    assert set(second['classes']) == {'x', 'y', 'z'}


def test_classes_that_nobody_names(config_file):
    cfg = Config.fromfile(config_file)
    del cfg.test_dataloader.dataset.metainfo
    with pytest.raises(InputError, match='names the classes; set metainfo'):
        SceneClassificationInferencer(cfg, device='cpu')


def test_classes_that_are_not_those_of_the_model(config_file, folder):
    cfg = Config.fromfile(config_file)
    cfg.test_dataloader.dataset.metainfo.classes = ('port', 'beach')
    inferencer = SceneClassificationInferencer(cfg, device='cpu')
    with pytest.raises(InputError, match='3 scores an image, .* 2 classes'):
        inferencer(folder)


def test_shows_progress(inferencer, folder, capsys):
    inferencer(folder)
    said = capsys.readouterr().out
    assert 'Classifying' in said
    assert '3/3' in said
