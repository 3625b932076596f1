"""Metrics of class maps: subsets, borders, cover, trusted pixels."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from seg_toys import META, evaluate, seg_sample

from mmrs.errors import InputError
from mmrs.evaluation import (
    BoundaryTolerantIoU,
    CoverError,
    DumpClassMaps,
    SubsetIoUMetric,
    TrustedIoU,
    distance_to_border,
)
from mmrs.registry import METRICS


def random_maps(seed: int, shape=(20, 30)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, shape)
    predicted = np.where(rng.random(shape) < 0.7, label, 0)
    label[:2] = 255
    return predicted, label


def plain_scores(predicted, label) -> tuple[np.ndarray, np.ndarray]:
    """IoU and F1 of the three classes in percent, by sets of pixels."""
    iou, f1 = [], []
    for c in range(3):
        told, true = (set(np.flatnonzero(x == c)) for x in (predicted, label))
        iou.append(100 * len(told & true) / len(told | true))
        f1.append(200 * len(told & true) / (len(told) + len(true)))
    return np.array(iou), np.array(f1)


@pytest.mark.parametrize(
    'name', ['SubsetIoUMetric', 'BoundaryTolerantIoU', 'CoverError']
)
def test_metrics_are_built_by_name(name):
    assert type(METRICS.build(dict(type=f'mmrs.{name}'))).__name__ == name


def test_subsets_are_scored_apart_and_together():
    maps = {x: random_maps(n) for n, x in enumerate('abc')}
    subsets = dict(a='clean', b='noisy', c='noisy')
    figures = evaluate(
        SubsetIoUMetric(),
        *(seg_sample(x, *maps[x], subset=subsets[x]) for x in 'abc'),
    )
    for subset, names in (('clean', 'a'), ('noisy', 'bc'), ('all', 'abc')):
        predicted, label = (
            np.concatenate([maps[x][k].ravel() for x in names])
            for k in range(2)
        )
        predicted, label = predicted[label != 255], label[label != 255]
        iou, f1 = plain_scores(predicted, label)
        assert figures[f'{subset}/mIoU'] == pytest.approx(iou.mean())
        assert figures[f'{subset}/IoU_snow'] == pytest.approx(iou[2])
        assert figures[f'{subset}/F1_cloud'] == pytest.approx(f1[1])
        right = 100 * (predicted == label).mean()
        assert figures[f'{subset}/aAcc'] == pytest.approx(right)
        cloud = predicted == 1
        assert figures[f'{subset}/precision_cloud'] == pytest.approx(
            100 * (label[cloud] == 1).mean()
        )
    assert figures['clean/mIoU'] != figures['noisy/mIoU']


def test_a_subset_without_images_has_no_scores():
    figures = evaluate(SubsetIoUMetric(), seg_sample('a', *random_maps(0)))
    assert {x.split('/')[0] for x in figures} == {'clean', 'all'}
    metric = CoverError(subset='noisy')
    assert evaluate(metric, seg_sample('a', *random_maps(0))) == {}


def test_injected_noise_can_be_looked_through():
    truth = np.array([[0, 1], [1, 2]])
    label = np.array([[0, 0], [1, 2]])
    sample = seg_sample('a', truth, label, truth=truth)
    assert evaluate(SubsetIoUMetric(), sample)['all/aAcc'] == 75
    metric = SubsetIoUMetric(truth='gt_true_seg_map')
    assert evaluate(metric, sample)['all/aAcc'] == 100


def test_distance_to_border_against_a_plain_reference():
    rng = np.random.default_rng(3)
    label = np.kron(rng.integers(0, 3, (5, 6)), np.ones((7, 7), int))
    label[10:14, 5:25] = 255
    expected = np.full(label.shape, np.inf)
    for value in range(3):
        others = (label != value) & (label != 255)
        here = label == value
        expected[here] = distance_transform_edt(~others)[here]
    found = distance_to_border(label, 255)
    inner = label != 255
    np.testing.assert_allclose(found[inner], expected[inner], atol=1e-4)
    assert np.isinf(distance_to_border(np.ones((4, 4), int), 255)).all()


def test_errors_at_borders_are_forgiven_within_the_radius():
    label = np.zeros((20, 20), int)
    label[:, 10:] = 1
    predicted = np.zeros((20, 20), int)
    predicted[:, 13:] = 1  # the border is 3 px off
    figures = evaluate(
        BoundaryTolerantIoU(), seg_sample('a', predicted, label)
    )
    assert figures['tolerant/IoU_cloud_0px'] == pytest.approx(70)
    # Without the 2 px at the border: 7 of the 8 columns of cloud are found.
    assert figures['tolerant/IoU_cloud_2px'] == pytest.approx(100 * 7 / 8)
    assert figures['tolerant/mIoU_5px'] == 100
    assert figures['tolerant/left_5px'] == pytest.approx(50)
    assert figures['tolerant/left_10px'] == 0
    assert np.isnan(figures['tolerant/mIoU_10px'])


def test_cover_of_scenes_from_their_tiles():
    def tile(name, cloud_told, cloud):
        predicted, label = np.zeros((2, 10, 10), int)
        predicted.flat[:cloud_told] = 1
        label.flat[:cloud] = 1
        return seg_sample(name, predicted, label)

    tiles = [tile('s1_a', 20, 30), tile('s1_b', 50, 60), tile('s2_a', 9, 5)]
    figures = evaluate(CoverError(), *tiles)
    assert figures['cover/error_cloud'] == pytest.approx((10 + 10 + 4) / 3)
    assert figures['cover/bias_cloud'] == pytest.approx((-10 - 10 + 4) / 3)
    assert figures['cover/within5_cloud'] == pytest.approx(100 / 3)
    assert figures['cover/within10_cloud'] == pytest.approx(100 / 3)
    assert figures['cover/error_snow'] == 0
    # Both tiles of scene 1 have the error 10, and so has the scene.
    figures = evaluate(CoverError(scene_pattern='(s[0-9]+)_'), *tiles)
    assert figures['cover/error_cloud'] == pytest.approx(7)
    with pytest.raises(InputError, match='does not match s1_a'):
        evaluate(CoverError(scene_pattern='(x)'), *tiles)


def dump(path, *samples: dict) -> str:
    metric = DumpClassMaps(str(path))
    metric.process({}, samples)
    assert metric.evaluate(len(samples)) == {}
    return str(path)


def test_trusted_pixels_are_those_two_models_agree_on(tmp_path):
    predicted, label = random_maps(0)
    first, second = random_maps(1)[0], random_maps(2)[0]
    files = [
        dump(tmp_path / f'{n}.pkl', seg_sample('a', x))
        for n, x in enumerate((first, second))
    ]
    sample = seg_sample('a', predicted, label, subset='noisy')
    figures = evaluate(TrustedIoU(files), sample)
    kept = (first == second) & (label != 255)
    assert 0 < kept.sum() < (label != 255).sum()
    iou, _ = plain_scores(predicted[kept], label[kept])
    assert figures['trusted/mIoU'] == pytest.approx(iou.mean())
    assert figures['trusted/left'] == pytest.approx(
        100 * kept.sum() / (label != 255).sum()
    )
    with pytest.raises(InputError, match='0.pkl has no prediction of b'):
        evaluate(TrustedIoU(files), seg_sample('b', *random_maps(0), 'noisy'))
    with pytest.raises(InputError, match='names 1 files'):
        TrustedIoU(files[:1])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(subset=...), "a has no subset, .* add 'subset' to meta_keys"),
        (dict(gt_sem_seg=...), 'a has no gt_sem_seg, .* load the labels'),
        (dict(pred_sem_seg=seg_sample('', np.zeros((3, 3), int))[
            'pred_sem_seg']), r'has \(3, 3\) pixels, its label \(20, 30\)'),
        (dict(pred_sem_seg=seg_sample('', np.full((20, 30), 7))[
            'pred_sem_seg']), r'class maps of a cannot .*\[7\] are none'),
    ],
)  # fmt: skip
def test_samples_that_do_not_fit(change, message):
    sample = seg_sample('a', *random_maps(0)) | change
    sample = {k: v for k, v in sample.items() if v is not ...}
    with pytest.raises(InputError, match=message):
        evaluate(SubsetIoUMetric(), sample)


def test_bad_arguments():
    with pytest.raises(InputError, match="subset='dirty'"):
        SubsetIoUMetric(subset='dirty')
    metric = SubsetIoUMetric()
    metric.dataset_meta = {}
    with pytest.raises(InputError, match='names no classes'):
        metric.process({}, [seg_sample('a', *random_maps(0))])
    assert META['classes'][0] == 'background'
