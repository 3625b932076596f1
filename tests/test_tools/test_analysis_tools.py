import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmrs.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


def test_printed_config_can_be_read_again(
    main_of, toy_config, tmp_path, capsys
):
    main_of(
        'tools/analysis_tools/print_config.py',
        *(toy_config, '--cfg-options', 'model.dropout=0.25'),
    )
    printed = tmp_path / 'printed.py'
    printed.write_text(capsys.readouterr().out)
    main_of('tools/analysis_tools/print_config.py', printed)
    assert capsys.readouterr().out == printed.read_text()
    assert 'dropout=0.25' in printed.read_text()


def test_flops_of_a_convolution(main_of, tmp_path, capsys):
    config = tmp_path / 'config.py'
    config.write_text(
        "custom_imports = dict(imports=['toy_room'])\n"
        "model = dict(type='ToyConvolution')\n"
    )
    main_of(
        'tools/analysis_tools/get_flops.py',
        *(config, '--shape', 1000, 2000),
    )
    # 3 x 4 kernels of 3 x 3, a multiplication and an addition each
    operations = 1000 * 2000 * 3 * 4 * 9 * 2 / 1e9
    printed = capsys.readouterr().out
    assert f'ToyConvolution.convolution: {operations:.2f} G' in printed
    assert f'operations: {operations:.2f} G' in printed
    assert 'parameters: 0.00 M' in printed


def test_log_without_the_key(main_of, tmp_path):
    log = tmp_path / 'scalars.json'
    log.write_text('{"loss": 1.0, "iter": 1, "step": 1}\n')
    tool = 'tools/analysis_tools/analyze_logs.py'
    with pytest.raises(InputError, match='has no lr; its keys: loss'):
        main_of(tool, log, '--keys', 'lr')
    log.write_text('not JSON\n')
    with pytest.raises(InputError, match='line 1 is not JSON'):
        main_of(tool, log)
    with pytest.raises(InputError, match='is no log'):
        main_of(tool, tmp_path / 'elsewhere')


def test_confusion_matrix(main_of, tmp_path, capsys):
    pytest.importorskip('faster_coco_eval')
    boxes = {'ship': [10], 'tank': [40, 70]}
    categories = [{'id': 1, 'name': 'ship'}, {'id': 2, 'name': 'tank'}]
    annotations = [
        _box(category['id'], left, len(boxes['ship']) * i + j + 1)
        for i, category in enumerate(categories)
        for j, left in enumerate(boxes[category['name']])
    ]
    truth = {
        'images': [
            {'id': 1, 'width': 100, 'height': 100, 'file_name': 'a.jpg'}
        ],
        'categories': categories,
        'annotations': annotations,
    }
    # A ship found, a tank taken for a ship, a tank missed, and one invented.
    results = [
        _result(1, 10, 0.9),
        _result(1, 40, 0.8),
        _result(2, 70, 0.1),  # below the threshold of scores
        _result(2, 0, 0.7, top=60),
    ]
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    (tmp_path / 'results.json').write_text(json.dumps(results))
    main_of(
        'tools/analysis_tools/coco_confusion_matrix.py',
        *(tmp_path / 'truth.json', tmp_path / 'results.json'),
    )
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[-3:] == [
        ['ship', 'tank', 'false', 'missed'],
        ['ship', '1', '0', '0', '0'],
        ['tank', '1', '0', '1', '1'],
    ]


def _box(category: int, left: int, number: int, top: int = 10) -> dict:
    return {
        'id': number,
        'image_id': 1,
        'category_id': category,
        'bbox': [left, top, 20, 20],
        'area': 400,
        'iscrowd': 0,
    }


def _result(category: int, left: int, score: float, top: int = 10) -> dict:
    return {
        'image_id': 1,
        'category_id': category,
        'bbox': [left, top, 20, 20],
        'score': score,
    }


def test_browsed_samples_show_their_instances(main_of, tmp_path):
    pytest.importorskip('mmdet')
    from mmrs.datasets import NWPUInsSegDataset

    (tmp_path / 'imgs').mkdir()
    (tmp_path / 'annotations').mkdir()
    gray = np.full((64, 64, 3), 128, dtype='uint8')
    Image.fromarray(gray).save(tmp_path / 'imgs' / 'a.png')
    annotation = _box(1, 20, 1, top=20)
    annotation['segmentation'] = [[20, 20, 40, 20, 40, 40, 20, 40]]
    names = NWPUInsSegDataset.METAINFO['classes']
    truth = {
        'images': [{'id': 1, 'width': 64, 'height': 64, 'file_name': 'a.png'}],
        'categories': [
            {'id': i, 'name': name} for i, name in enumerate(names, 1)
        ],
        'annotations': [annotation],
    }
    file = tmp_path / 'annotations' / 'NWPU_instances_train.json'
    file.write_text(json.dumps(truth))
    config = tmp_path / 'config.py'
    config.write_text(
        f"""
_base_ = ['{ROOT}/configs/_base_/datasets/nwpu_instance.py']
default_scope = 'mmrs'
pipeline = [
    dict(type='LoadRSImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.PackDetInputs'),
]
dataset = dict(data_root='{tmp_path}', pipeline=pipeline)
train_dataloader = dict(dataset=dataset)
"""
    )
    main_of(
        'tools/analysis_tools/browse_dataset.py',
        *(config, '--out-dir', tmp_path / 'drawn'),
    )
    (file,) = (tmp_path / 'drawn').iterdir()
    assert file.name == '0000_a.png'
    drawn = np.asarray(Image.open(file))
    assert drawn.shape == (64, 64, 3)
    assert drawn[55, 55].tolist() == [128, 128, 128]
    assert drawn[34, 34].tolist() != [128, 128, 128]
