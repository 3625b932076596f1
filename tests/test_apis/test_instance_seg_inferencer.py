import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from mmrs.apis import InstanceSegInferencer
from mmrs.errors import InputError
from mmrs.utils.checkpoint import forget_pretraining

CLASSES = ('ship', 'storage_tank')

# A Mask R-CNN of mmdet, narrowed until it predicts in a blink. Thresholds of
# zero let untrained weights find something.
CONFIG = """
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'
default_scope = 'mmdet'
channels = 16
model = dict(
    data_preprocessor=dict(pad_size_divisor=32),
    backbone=dict(
        depth=18, base_channels=8, stem_channels=8, init_cfg=None,
        frozen_stages=-1),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=channels),
    rpn_head=dict(in_channels=channels, feat_channels=channels),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=channels),
        bbox_head=dict(
            in_channels=channels, fc_out_channels=32, num_classes=2),
        mask_roi_extractor=dict(out_channels=channels),
        mask_head=dict(
            num_convs=1, in_channels=channels, conv_out_channels=channels,
            num_classes=2)),
    test_cfg=dict(
        rpn=dict(nms_pre=50, max_per_img=20),
        rcnn=dict(score_thr=0.0, max_per_img=8)))
test_dataloader = dict(dataset=dict(
    type='CocoDataset',
    metainfo=dict(classes=('ship', 'storage_tank')),
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(128, 96), keep_ratio=True),
        dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
        dict(type='PackDetInputs', meta_keys=(
            'img_id', 'img_path', 'ori_shape', 'img_shape',
            'scale_factor'))]))
"""


@pytest.fixture(scope='module')
def config_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('configs') / 'tiny-mask-rcnn.py'
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope='module')
def inferencer(config_file) -> InstanceSegInferencer:
    torch.manual_seed(0)
    return InstanceSegInferencer(config_file, device='cpu')


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
    results = inferencer(folder, batch_size=2, out_dir=out, score_thr=0)
    names = ['a', 'b', 'more/b']
    found = results['predictions']
    assert results['skipped'] == []
    assert [Path(p['path']).name for p in found] == ['a.png', 'b.jpg', 'b.tif']
    assert all(len(p['scores']) > 0 for p in found)

    # COCO JSON: pycocotools reads it whole, and as results
    coco = COCO(out / 'predictions.json')
    assert [c['name'] for c in coco.loadCats(coco.getCatIds())] == [*CLASSES]
    coco.loadRes(
        json.loads((out / 'predictions.json').read_text())['annotations']
    )
    for prediction in found:
        image = coco.loadImgs([prediction['image_id']])[0]
        assert image['file_name'] == prediction['path']
        annotations = coco.imgToAnns[prediction['image_id']]
        assert len(annotations) == len(prediction['scores'])
        for i, annotation in enumerate(annotations):
            mask = coco_mask.decode(annotation['segmentation'])
            assert mask.shape == (48, 64)
            assert mask.sum() == annotation['area'] == prediction['areas'][i]
            x1, y1, x2, y2 = prediction['bboxes'][i]
            assert annotation['bbox'] == [x1, y1, x2 - x1, y2 - y1]
            assert annotation['category_id'] == prediction['labels'][i] + 1

    for name, prediction in zip(names, found):
        with (out / f'tables/{name}.csv').open() as file:
            rows = list(csv.DictReader(file))
        assert [r['class'] for r in rows] == prediction['classes']
        assert [int(r['area']) for r in rows] == prediction['areas']
        assert [float(r['score']) for r in rows] == pytest.approx(
            prediction['scores'], abs=1e-4
        )
        assert Image.open(out / f'overlays/{name}.png').size == (64, 48)
    assert len(list(out.rglob('*.*'))) == 7


def test_masks_are_those_of_the_model(inferencer, folder):
    path = folder / 'a.png'
    prediction = inferencer(path, score_thr=0)['predictions'][0]
    packed = inferencer._prepare(
        inferencer._load_file(dict(img_path=str(path), img_id=0))
    )
    with torch.no_grad():
        output = inferencer.model.test_step(
            {key: [value] for key, value in packed.items()}
        )[0].pred_instances
    decoded = [coco_mask.decode(rle) for rle in prediction['masks']]
    np.testing.assert_array_equal(np.stack(decoded), output.masks.numpy())
    assert np.any(decoded)
    assert not np.all(decoded)
    assert prediction['scores'] == output.scores.tolist()
    assert prediction['bboxes'] == output.bboxes.tolist()


def test_every_kind_of_input_gives_the_same(inferencer, folder):
    path = folder / 'a.png'
    pixels = cv2.imread(str(path))

    def scores(inputs, **kwargs):
        results = inferencer(inputs, score_thr=0, **kwargs)
        return [p['scores'] for p in results['predictions']]

    one = scores(str(path))
    assert len(one) == 1
    assert scores(path) == one
    assert scores(pixels) == one
    assert scores([path, pixels]) == one * 2
    for batched in scores([pixels] * 3, batch_size=3):
        assert batched == pytest.approx(one[0], abs=1e-5)


def test_score_threshold_cuts_everything(inferencer, folder, tmp_path):
    everything = inferencer(folder / 'a.png', score_thr=0)['predictions'][0]
    middle = sorted(everything['scores'])[len(everything['scores']) // 2]
    out = tmp_path / 'out'
    cut = inferencer(folder / 'a.png', score_thr=middle, out_dir=out)
    kept = [s for s in everything['scores'] if s >= middle]
    assert cut['predictions'][0]['scores'] == kept
    written = json.loads((out / 'predictions.json').read_text())
    assert len(written['annotations']) == len(kept)
    rows = (out / 'tables/a.csv').read_text().splitlines()
    assert len(rows) == len(kept) + 1


def test_nothing_found_still_writes_all_files(inferencer, folder, tmp_path):
    out = tmp_path / 'out'
    results = inferencer(folder / 'a.png', score_thr=1.1, out_dir=out)
    assert results['predictions'][0]['masks'] == []
    assert (out / 'overlays/a.png').is_file()
    assert json.loads((out / 'predictions.json').read_text())['images']


def test_unreadable_files_are_skipped_and_reported(inferencer, folder):
    data = (folder / 'b.jpg').read_bytes()
    (folder / 'b.jpg').write_bytes(data[: len(data) // 2])
    (folder / 'c.jpg').write_text('no image')
    deep = np.full((8, 8), 1000, np.uint16)
    cv2.imwrite(str(folder / 'd.png'), deep)
    gone = folder / 'gone.jpg'
    inputs = [*sorted(folder.glob('*.*g')), gone]
    results = inferencer(inputs, batch_size=2)
    done = [Path(p['path']).name for p in results['predictions']]
    assert done == ['a.png']
    skipped = {Path(path).name: reason for path, reason in results['skipped']}
    assert set(skipped) == {'b.jpg', 'c.jpg', 'd.png', 'gone.jpg'}
    assert 'truncated' in skipped['b.jpg']
    assert 'not a readable image' in skipped['c.jpg']
    assert 'uint16' in skipped['d.png']
    assert 'no such image file' in skipped['gone.jpg']


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
    written = json.loads((out / 'predictions.json').read_text())
    assert len(written['images']) == 2
    assert len(list((out / 'overlays').rglob('*.png'))) == 2


def test_files_of_one_stem_keep_apart(inferencer, folder, tmp_path):
    cv2.imwrite(str(folder / 'a.jpg'), np.zeros((48, 64, 3), np.uint8))
    out = tmp_path / 'out'
    inferencer([folder / 'a.jpg', folder / 'a.png'], out_dir=out)
    names = {path.name for path in (out / 'overlays').iterdir()}
    assert names == {'a.jpg.png', 'a.png.png'}


@pytest.mark.parametrize(
    'inputs, message',
    [
        ('nowhere.jpg', 'nowhere.jpg: no such file or folder'),
        ([], 'no image to predict'),
        (np.zeros((4, 4), np.uint8), r'array_0000: shape \(4, 4\)'),
        (np.zeros((4, 4, 3)), 'of float64'),
    ],
)
def test_inputs_that_are_none(inferencer, inputs, message):
    with pytest.raises(InputError, match=message):
        inferencer(inputs)


def test_folder_without_images(inferencer, tmp_path):
    with pytest.raises(InputError, match='no image to predict; files of'):
        inferencer(tmp_path)


def test_checkpoint_gives_weights_and_classes(
    inferencer, config_file, folder, tmp_path
):
    meta = dict(classes=('left', 'right'), palette=[(1, 2, 3), (4, 5, 6)])
    path = tmp_path / 'epoch_1.pth'
    torch.save(
        dict(
            state_dict=inferencer.model.state_dict(),
            meta=dict(dataset_meta=meta),
        ),
        path,
    )
    loaded = InstanceSegInferencer(config_file, path, device='cpu')
    first = inferencer(folder / 'a.png', score_thr=0)['predictions'][0]
    second = loaded(folder / 'a.png', score_thr=0)['predictions'][0]
    assert first['scores'] == second['scores']
    assert set(second['classes']) <= {'left', 'right'}


def test_wrong_checkpoints(config_file, inferencer, tmp_path):
    path = tmp_path / 'weights.pth'
    with pytest.raises(InputError, match=r'weights\.pth does not exist'):
        InstanceSegInferencer(config_file, path, device='cpu')
    path.write_text('not a checkpoint')
    with pytest.raises(InputError, match=r'weights\.pth is not a checkpoint'):
        InstanceSegInferencer(config_file, path, device='cpu')
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(InputError, match=r'weights\.pth is of another model'):
        InstanceSegInferencer(config_file, path, device='cpu')
    wide = inferencer.model.state_dict()
    wide['neck.fpn_convs.0.conv.bias'] = torch.zeros(99)
    torch.save(wide, path)
    with pytest.raises(InputError, match='1 shapes differ'):
        InstanceSegInferencer(config_file, path, device='cpu')


def test_missing_config():
    with pytest.raises(InputError, match=r'config file nowhere\.py'):
        InstanceSegInferencer('nowhere.py')


def test_checkpoints_named_in_the_config_are_not_read_in_vain():
    model = ConfigDict(
        backbone=dict(sam_checkpoint='sam.pth', depth=12),
        heads=[dict(sam_checkpoint='sam.pth')],
    )
    forget_pretraining(model)
    assert model == dict(
        backbone=dict(sam_checkpoint=None, depth=12),
        heads=[dict(sam_checkpoint=None)],
    )


def test_shows_progress_with_the_time_left(inferencer, folder, capsys):
    inferencer(folder)
    said = capsys.readouterr().out
    assert 'Segmenting' in said
    assert '3/3' in said
    inferencer(folder, show_progress=False)
    assert 'Segmenting' not in capsys.readouterr().out
