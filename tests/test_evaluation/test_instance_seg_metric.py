import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from pycocotools import mask as coco_mask

from mmrs.errors import InputError
from mmrs.evaluation import InstanceSegMetric

CLASSES = ('ship', 'tank')
SIZE = 64


def square(x, y, side) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[y : y + side, x : x + side] = 1
    return mask


def rle(mask) -> dict:
    coded = coco_mask.encode(np.asfortranarray(mask))
    return dict(size=coded['size'], counts=coded['counts'].decode('ascii'))


@pytest.fixture
def truth(tmp_path) -> Path:
    """Four images, each with a ship of 20 px and a tank of 40 px."""
    annotations = []
    for image_id in range(4):
        for category, (x, y, side) in enumerate(((2, 2, 20), (23, 23, 40))):
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image_id,
                    category_id=category + 1,
                    bbox=[x, y, side, side],
                    area=side * side,
                    iscrowd=0,
                    segmentation=rle(square(x, y, side)),
                )
            )
    path = tmp_path / 'truth.json'
    images = [
        dict(id=i, file_name=f'{i}.jpg', width=SIZE, height=SIZE)
        for i in range(4)
    ]
    categories = [dict(id=i + 1, name=c) for i, c in enumerate(CLASSES)]
    path.write_text(
        json.dumps(
            dict(images=images, annotations=annotations, categories=categories)
        )
    )
    return path


def prediction(image_id, squares, labels, scores) -> dict:
    boxes = [[x, y, x + s, y + s] for x, y, s in squares]
    masks = [square(*args).astype(bool) for args in squares]
    return dict(
        img_id=image_id,
        ori_shape=(SIZE, SIZE),
        pred_instances=dict(
            bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            labels=torch.tensor(labels, dtype=torch.long),
            scores=torch.tensor(scores, dtype=torch.float32),
            masks=torch.tensor(np.array(masks).reshape(-1, SIZE, SIZE)),
        ),
    )


def score(truth, predictions, **kwargs) -> dict[str, float]:
    metric = InstanceSegMetric(str(truth), **kwargs)
    metric.dataset_meta = dict(classes=CLASSES)
    metric.process({}, predictions)
    return metric.evaluate(len(predictions))


def both(image_id, shift=0, confidence=0.9) -> dict:
    return prediction(
        image_id,
        [(2 + shift, 2, 20), (23, 23, 40)],
        [0, 1],
        [confidence, confidence],
    )


def test_perfect_predictions_score_one(truth):
    scores = score(truth, [both(i) for i in range(4)])
    for kind in ('bbox', 'segm'):
        for item in ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m'):
            assert scores[f'coco/{kind}_{item}'] == 1
        assert scores[f'coco/{kind}_mAP_l'] == -1  # no such object


@pytest.mark.parametrize('use_faster', [True, False])
def test_hand_worked_ap(truth, use_faster):
    # Ships are shifted by 5 of 20 px: IoU 15 / 25 = 0.6 reaches three of the
    # ten thresholds (0.6 itself counts); tanks are exact.
    predictions = [both(i, shift=5) for i in range(4)]
    scores = score(truth, predictions, use_faster=use_faster)
    assert scores['coco/segm_mAP_50'] == 1
    assert scores['coco/segm_mAP_75'] == 0.5
    assert scores['coco/segm_mAP'] == pytest.approx((0.3 + 1) / 2, abs=1e-3)


def test_both_libraries_give_the_same_figures(truth):
    rng = np.random.default_rng(0)
    predictions = []
    for image_id in range(4):
        squares = [
            (int(x), int(y), int(side))
            for x, y, side in zip(
                rng.integers(0, 24, 30),
                rng.integers(0, 24, 30),
                rng.choice([18, 20, 22, 38, 40], 30),
            )
        ]
        labels = rng.integers(0, 2, 30).tolist()
        predictions.append(
            prediction(image_id, squares, labels, rng.random(30).tolist())
        )
    faster = score(truth, predictions, use_faster=True, classwise=True)
    plain = score(truth, predictions, use_faster=False, classwise=True)
    assert faster == plain
    assert 0 < plain['coco/segm_mAP'] < 1
    assert {'coco/ship_precision', 'coco/tank_precision'} <= plain.keys()


@pytest.mark.parametrize('use_faster', [True, False])
def test_only_the_best_100_of_an_image_count(truth, use_faster):
    noise = prediction(
        0, [(50, 2, 10)] * 100 + [(2, 2, 20)], [0] * 101, [0.9] * 100 + [0.1]
    )
    empty = [prediction(i, [], [], []) for i in (1, 2, 3)]
    scores = score(truth, [noise, *empty], use_faster=use_faster)
    assert scores['coco/segm_mAP_50'] == 0


def test_only_tested_images_count(truth):
    assert score(truth, [both(0), both(2)])['coco/segm_mAP'] == 1


def test_a_model_that_finds_nothing_scores_zero(truth):
    scores = score(truth, [prediction(i, [], [], []) for i in range(4)])
    assert len(scores) == 12
    assert set(scores.values()) == {0}


def test_prints_the_coco_table(truth, tmp_path):
    log = tmp_path / 'run.log'
    MMLogger.get_instance(str(tmp_path), log_file=str(log))
    score(truth, [both(i) for i in range(4)])
    lines = [line for line in log.read_text().splitlines() if '|' in line]
    assert [cell.strip() for cell in lines[0].split('|')[1:-1]] == [
        'COCO',
        'mAP',
        'mAP_50',
        'mAP_75',
        'mAP_s',
        'mAP_m',
        'mAP_l',
    ]
    assert [line.split('|')[1].strip() for line in lines[1:]] == [
        'bbox',
        'segm',
    ]
    assert '1.000' in lines[2]


def test_format_only_writes_coco_results(truth, tmp_path):
    prefix = str(tmp_path / 'found')
    assert (
        score(truth, [both(0)], format_only=True, outfile_prefix=prefix) == {}
    )
    found = json.loads((tmp_path / 'found.segm.json').read_text())
    assert [f['category_id'] for f in found] == [1, 2]


def test_missing_annotation_file():
    with pytest.raises(InputError, match='gone.json: no such annotation'):
        InstanceSegMetric('gone.json')


def test_annotation_file_of_another_data_set(truth):
    with pytest.raises(InputError, match='lacks 1 of the 2 tested images'):
        score(truth, [both(0), both(7)])
    metric = InstanceSegMetric(str(truth))
    metric.dataset_meta = dict(classes=('plane',))
    metric.process({}, [both(0)])
    with pytest.raises(InputError, match="categories \\('ship', 'tank'\\)"):
        metric.evaluate(1)
