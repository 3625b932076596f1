import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmrs.errors import InputError
from mmrs.evaluation import (
    ChangeMaskMetric,
    confusion_matrix,
    mask_scores,
    semantic_change_scores,
)
from mmrs.structures import ChangeDataSample

META = dict(classes=('unchanged', 'road', 'building'))
TRUTH = [[0, 0, 1, 1], [0, 2, 2, 255]]
TOLD = [[0, 1, 1, 0], [0, 2, 1, 2]]


def sample_of(told=TOLD, truth=TRUTH):
    return ChangeDataSample(
        metainfo=dict(sample_id='pair'),
        pred_mask=torch.tensor(told, dtype=torch.uint8),
        gt_mask=torch.tensor(truth),
    )


def evaluate(samples, meta=META):
    evaluator = Evaluator(ChangeMaskMetric())
    evaluator.dataset_meta = meta
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_counts_by_hand():
    counts = confusion_matrix(np.array(TOLD), np.array(TRUTH), 3)
    assert counts.tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 1]]


def test_figures_by_hand():
    figures = evaluate([sample_of()])
    assert figures['mask/IoU_unchanged'] == pytest.approx(100 * 2 / 4)
    assert figures['mask/IoU_road'] == pytest.approx(100 * 1 / 4)
    assert figures['mask/IoU_building'] == pytest.approx(100 * 1 / 2)
    assert figures['mask/F1_road'] == pytest.approx(100 * 2 / 5)
    assert figures['mask/precision_road'] == pytest.approx(100 * 1 / 3)
    assert figures['mask/recall_road'] == pytest.approx(100 * 1 / 2)
    assert figures['mask/mIoU'] == pytest.approx(100 * 1.25 / 3)
    assert figures['mask/mIoU_changed'] == pytest.approx(100 * 0.75 / 2)
    assert figures['mask/aAcc'] == pytest.approx(100 * 4 / 7)
    recalls = 2 / 3 + 1 / 2 + 1 / 2
    assert figures['mask/mAcc'] == pytest.approx(100 * recalls / 3)
    weighted = 3 / 7 * 2 / 4 + 2 / 7 * 1 / 4 + 2 / 7 * 1 / 2
    assert figures['mask/fwIoU'] == pytest.approx(100 * weighted)
    # As one class of change: 3 hits, 1 false alarm, 1 miss.
    assert figures['mask/change_precision'] == pytest.approx(75)
    assert figures['mask/change_recall'] == pytest.approx(75)
    assert figures['mask/change_F1'] == pytest.approx(75)
    assert figures['mask/change_IoU'] == pytest.approx(60)


def test_pixels_of_all_pairs_are_counted_together():
    other = sample_of(told=[[1, 1]], truth=[[1, 1]])
    figures = evaluate([sample_of(), other])
    assert figures['mask/IoU_road'] == pytest.approx(100 * 3 / 6)


def test_absent_classes_are_left_out_of_the_means():
    figures = evaluate([sample_of([[0, 1]], [[0, 1]])])
    assert np.isnan(figures['mask/IoU_building'])
    assert figures['mask/mIoU'] == figures['mask/mIoU_changed'] == 100


def test_sek_by_hand():
    counts = np.array([[50, 2, 1], [3, 10, 1], [2, 2, 9]])
    rest = np.array([[0, 2, 1], [3, 10, 1], [2, 2, 9]]) / 30
    chance = rest.sum(0) @ rest.sum(1)
    kappa = (19 / 30 - chance) / (1 - chance)
    iou = 22 / 30  # of change as a whole
    scores = semantic_change_scores(counts)
    assert scores['SeK'] == pytest.approx(kappa * np.exp(iou - 1))
    assert scores['mIoU'] == pytest.approx((50 / 58 + iou) / 2)
    assert scores['Score'] == pytest.approx(
        0.3 * scores['mIoU'] + 0.7 * scores['SeK']
    )


def test_sek_of_nothing_changed():
    assert semantic_change_scores(np.diag([9, 0, 0]))['SeK'] == 0


def test_scores_of_a_perfect_map():
    for values in mask_scores(np.diag([3, 2])):
        assert values.tolist() == [1, 1]


def test_what_does_not_fit_is_named():
    with pytest.raises(InputError, match='pair has no gt_mask'):
        sample = sample_of()
        del sample.gt_mask
        evaluate([sample])
    with pytest.raises(InputError, match=r'predicted values \[7\] are none'):
        evaluate([sample_of([[7]], [[1]])])
    with pytest.raises(InputError, match=r'prediction is \(1, 2\), the truth'):
        evaluate([sample_of([[1, 1]], [[1]])])
    with pytest.raises(InputError, match='names no classes of masks'):
        evaluate([sample_of()], meta={})
