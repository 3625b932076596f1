import csv

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample
from PIL import Image

from mmrs.errors import InputError
from mmrs.evaluation import SceneClsMetric

CLASSES = ('port', 'beach', 'river')
# Counts of images: a row for each true class, a column for each predicted.
COUNTS = np.array([[3, 1, 0], [0, 2, 0], [1, 1, 2]])


def sample(true: int, predicted: int, num_classes: int) -> DataSample:
    scores = torch.full((num_classes,), 0.1)
    scores[predicted] = 0.9
    return DataSample().set_gt_label(true).set_pred_score(scores)


def samples_of(counts: np.ndarray) -> list[DataSample]:
    return [
        sample(true, predicted, len(counts))
        for (true, predicted), count in np.ndenumerate(counts)
        for _ in range(count)
    ]


def score(counts, classes, batch_size=4, **kwargs) -> dict[str, float]:
    samples = samples_of(counts)
    metric = SceneClsMetric(**kwargs)
    metric.dataset_meta = dict(classes=classes)
    for start in range(0, len(samples), batch_size):
        batch = samples[start : start + batch_size]
        metric.process({}, [s.to_dict() for s in batch])
    return metric.evaluate(len(samples))


def plain_scores(counts: np.ndarray) -> dict[str, float]:
    """Means over the classes, one class at a time."""
    precisions, recalls, f1_scores = [], [], []
    for i in range(len(counts)):
        right = counts[i, i]
        precision = right / max(counts[:, i].sum(), 1)
        recall = right / max(counts[i].sum(), 1)
        precisions.append(precision)
        recalls.append(recall)
        both = precision + recall
        f1_scores.append(2 * precision * recall / both if both else 0)
    return {
        'single-label/precision': 100 * np.mean(precisions),
        'single-label/recall': 100 * np.mean(recalls),
        'single-label/f1-score': 100 * np.mean(f1_scores),
        'single-label/accuracy': 100 * np.trace(counts) / counts.sum(),
    }


def test_values_worked_out_by_hand():
    # precision 3/4, 2/4, 2/2; recall 3/4, 2/2, 2/4; F1 3/4, 2/3, 2/3
    assert score(COUNTS, CLASSES) == pytest.approx(
        {
            'single-label/precision': 75.0,
            'single-label/recall': 75.0,
            'single-label/f1-score': 100 * (3 / 4 + 2 / 3 + 2 / 3) / 3,
            'single-label/accuracy': 70.0,
        }
    )


def test_f1_is_the_mean_of_the_classes():
    """Not that of the mean precision 0.75 and recall 0.75."""
    assert score(COUNTS, CLASSES)['single-label/f1-score'] < 70


@pytest.mark.parametrize('seed', range(4))
def test_agrees_with_a_plain_reference(seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.5, (7, 7))
    counts[2, :] = 0  # no image of this class is tested
    counts[:, 3] = 0  # and this one is never predicted
    classes = [f'class {i}' for i in range(7)]
    expected = pytest.approx(plain_scores(counts), rel=1e-5)
    assert score(counts, classes) == expected
    assert score(counts, classes, batch_size=1) == expected


def test_keys_are_the_released_ones():
    """`save_best='single-label/f1-score'` of a config finds its figure."""
    init_default_scope('mmrs')
    evaluator = Evaluator(ConfigDict(type='SceneClsMetric'))
    evaluator.dataset_meta = dict(classes=CLASSES)
    samples = samples_of(COUNTS)
    evaluator.process(samples)
    assert 'single-label/f1-score' in evaluator.evaluate(len(samples))


def test_prints_a_table_of_the_classes(tmp_path):
    log = tmp_path / 'run.log'
    MMLogger.get_instance(str(tmp_path), log_file=str(log))
    score(COUNTS, CLASSES, classwise=False)
    assert not log.exists() or log.read_text() == ''
    score(COUNTS, CLASSES)
    rows = [
        [cell.strip() for cell in line.split('|')[1:-1]]
        for line in log.read_text().splitlines()
        if line.startswith('|') and '--' not in line
    ]
    assert rows == [
        ['class', 'precision', 'recall', 'F1', 'images'],
        ['port', '75.00', '75.00', '75.00', '4'],
        ['beach', '50.00', '100.00', '66.67', '2'],
        ['river', '100.00', '50.00', '66.67', '4'],
        ['mean', '75.00', '75.00', '69.44', '10'],
    ]


def test_saves_the_confusion_matrix(tmp_path):
    score(COUNTS, CLASSES, out_dir=str(tmp_path / 'scores'))
    stem = tmp_path / 'scores/confusion_matrix'
    np.testing.assert_array_equal(np.load(f'{stem}.npy'), COUNTS)
    with open(f'{stem}.csv') as file:
        rows = list(csv.reader(file))
    assert rows[0] == ['true class', *CLASSES]
    assert rows[3] == ['river', '1', '1', '2']
    assert min(Image.open(f'{stem}.png').size) > 100


def test_model_of_another_number_of_classes():
    with pytest.raises(InputError) as error:
        score(COUNTS, CLASSES[:2])
    assert 'gives 3 scores an image' in str(error.value)
    assert 'has 2 classes; set num_classes' in str(error.value)
