"""The scene protocol of 38-Cloud."""

import numpy as np
import pytest
import torch
from PIL import Image
from seg_toys import seg_sample

from mmrs.datasets import Cloud38Dataset
from mmrs.errors import InputError
from mmrs.evaluation import Cloud38SceneMetric, score_scene, stitch_scene
from mmrs.evaluation.metrics.cloud38_scenes import parse_patch
from mmrs.synthetic.layouts import write_dataset

SCENE = 'LC08_L1TP_003052_20160120_20170405_01_T1'


def cut(mask: np.ndarray, size: int) -> dict[tuple[int, int], np.ndarray]:
    """Pad a scene evenly and cut it as the data set was."""
    shape = np.array(mask.shape)
    extra = -shape % size
    before = extra // 2
    padded = np.pad(mask, list(zip(before, extra - before)))
    rows, columns = np.array(padded.shape) // size
    return {
        (r + 1, c + 1): padded[r * size :, c * size :][:size, :size]
        for r in range(rows)
        for c in range(columns)
    }


@pytest.mark.parametrize('shape', [(50, 70), (49, 71), (48, 64)])
def test_patches_make_up_the_scene_they_were_cut_from(shape):
    mask = np.random.default_rng(0).random(shape) < 0.5
    patches = cut(mask, 16)
    np.testing.assert_array_equal(stitch_scene(patches, shape), mask)


def test_patches_left_out_are_clear():
    mask = np.ones((50, 70), bool)
    patches = cut(mask, 16)
    last = max(patches)
    whole = stitch_scene(
        {k: v for k, v in patches.items() if k < last}, (50, 70)
    )
    lost = mask & ~whole
    assert lost.sum() == patches[last].sum() > 0
    assert lost[-1, -1] and not lost[0].any()
    with pytest.raises(InputError, match='make up no scene'):
        stitch_scene(
            {(1, 1): np.ones((4, 4)), (1, 2): np.ones((4, 5))}, (4, 8)
        )


def test_scores_by_hand():
    # 3 hits, 1 false, 2 missed, 4 clear.
    mask = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)[None]
    truth = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], bool)[None]
    assert score_scene(mask, truth) == pytest.approx(
        dict(precision=3 / 4, recall=3 / 5, specificity=4 / 5, Jaccard=1 / 2,
             OA=7 / 10)
    )  # fmt: skip
    clear = score_scene(~mask | mask, np.zeros_like(truth))
    assert clear['precision'] == 0 and np.isnan(clear['recall'])


def test_names_tell_the_place():
    name = f'blue_patch_192_10_by_12_{SCENE}'
    assert parse_patch(name) == (SCENE, 10, 12)
    with pytest.raises(InputError, match='no name of a patch'):
        parse_patch('scene_1')


def write_truth(root, scene: str, truth: np.ndarray) -> None:
    folder = root / '38-Cloud_test' / 'Entire_scene_gts'
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'edited_corrected_gts_{scene}.TIF'
    Image.fromarray(truth).save(path)


def test_metric_averages_over_scenes_at_the_low_threshold(tmp_path):
    rng = np.random.default_rng(1)
    scenes = {SCENE: (50, 70), SCENE.replace('003052', '008051'): (40, 32)}
    samples, expected = [], []
    for scene, shape in scenes.items():
        truth = rng.random(shape) < 0.4
        write_truth(tmp_path, scene, truth)
        probability = np.where(
            truth, rng.uniform(0.02, 0.6, shape), rng.uniform(0, 0.08, shape)
        )
        expected.append(score_scene(probability > 12 / 255, truth))
        for (row, column), patch in cut(probability, 16).items():
            logits = np.log(np.maximum([1 - patch, patch], 1e-9))
            samples.append(
                seg_sample(
                    f'patch_1_{row}_by_{column}_{scene}',
                    logits.argmax(0),
                    logits=logits,
                )
            )
    metric = Cloud38SceneMetric(str(tmp_path))
    metric.process({}, samples)
    figures = metric.evaluate(len(samples))
    for name in ('precision', 'recall', 'specificity', 'Jaccard', 'OA'):
        mean = 100 * np.mean([x[name] for x in expected])
        assert figures[f'scenes/{name}'] == pytest.approx(mean)
    assert 0 < figures['scenes/recall'] < 100
    # The most probable class tells far less cloud.
    plain = Cloud38SceneMetric(str(tmp_path), threshold=None)
    plain.process({}, samples)
    assert plain.evaluate(len(samples))['scenes/recall'] < 40


def test_a_single_logit_is_a_cloud_probability(tmp_path):
    write_truth(tmp_path, SCENE, np.array([[True, False], [True, False]]))
    logits = torch.tensor([[[-2.9, -3.1], [-2.9, -3.1]]])  # 0.052 and 0.043
    sample = seg_sample(f'patch_1_1_by_1_{SCENE}', np.zeros((2, 2), int))
    sample['seg_logits'] = dict(data=logits)
    metric = Cloud38SceneMetric(str(tmp_path))
    metric.process({}, [sample])
    assert metric.evaluate(1)['scenes/Jaccard'] == 100


def test_missing_truth(tmp_path):
    with pytest.raises(InputError, match='Entire_scene_gts does not exist'):
        Cloud38SceneMetric(str(tmp_path))
    write_truth(tmp_path, 'other', np.ones((2, 2), bool))
    metric = Cloud38SceneMetric(str(tmp_path), threshold=None)
    metric.process(
        {}, [seg_sample(f'patch_1_1_by_1_{SCENE}', np.zeros((2, 2), int))]
    )
    with pytest.raises(InputError, match='complete the test set'):
        metric.evaluate(1)


def test_labels_of_patches_make_up_the_truth_of_their_scenes(tmp_path):
    """The synthetic set, the reader and the protocol fit together."""
    write_dataset('38-cloud', tmp_path, seed=0, num=12, size=64)
    dataset = Cloud38Dataset(
        str(tmp_path),
        split='trainval',
        test_mode=True,
        pipeline=[
            dict(type='mmrs.LoadBands'),
            dict(type='mmrs.LoadCloudMask'),
        ],
    )
    metric = Cloud38SceneMetric(
        str(tmp_path),
        threshold=None,
        truth_folder='38-Cloud_training/Entire_scene_gts',
    )
    assert len(dataset) == 12
    for item in dataset:
        label = item['gt_seg_map'] == 1
        sample = seg_sample(item['sample_id'], label.astype(int))
        metric.process({}, [sample])
    figures = metric.evaluate(len(dataset))
    assert figures['scenes/Jaccard'] == figures['scenes/OA'] == 100
