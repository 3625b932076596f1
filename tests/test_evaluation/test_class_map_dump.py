import pickle

import numpy as np
import pytest
from seg_toys import seg_sample

from mmrs.errors import InputError
from mmrs.evaluation import DumpClassMaps, read_class_maps


def write(path, *samples: dict) -> None:
    metric = DumpClassMaps(str(path))
    metric.process({}, samples)
    metric.evaluate(len(samples))


def test_maps_labels_and_confidence_come_back(tmp_path):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (3, 5, 6))
    predicted = logits.argmax(0)
    label = rng.integers(0, 3, (5, 6))
    path = tmp_path / 'deep' / 'maps.pkl'
    write(
        path,
        seg_sample('a', predicted, label, 'noisy', label + 1, logits),
        seg_sample('b', predicted),
    )
    found = read_class_maps(path)
    assert list(found) == ['a', 'b']
    first = found['a']
    np.testing.assert_array_equal(first.predicted, predicted)
    np.testing.assert_array_equal(first.label, label)
    np.testing.assert_array_equal(first.truth, label + 1)
    assert first.subset == 'noisy'
    share = np.exp(logits) / np.exp(logits).sum(0)
    np.testing.assert_allclose(first.confidence, share.max(0), atol=1 / 500)
    second = found['b']
    assert second.label is None and second.truth is None
    assert (second.confidence == 1).all()


def test_confidence_of_a_single_logit(tmp_path):
    logit = np.array([[[2.0, -1.0]]])
    write(
        tmp_path / 'x.pkl',
        seg_sample('a', (logit[0] > 0).astype(int), logits=logit),
    )
    found = read_class_maps(tmp_path / 'x.pkl')['a'].confidence
    expected = [[1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1))]]
    np.testing.assert_allclose(found, expected, atol=1 / 500)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match='does not exist'):
        read_class_maps(tmp_path / 'none.pkl')
    path = tmp_path / 'plain.pkl'
    path.write_bytes(pickle.dumps([dict(pred=np.zeros(3))]))
    with pytest.raises(InputError, match='plain.pkl was not written by'):
        read_class_maps(path)
    sample = seg_sample('a', np.zeros((2, 2), int))
    del sample['sample_id']
    with pytest.raises(InputError, match='no sample_id'):
        DumpClassMaps(str(path)).process({}, [sample])
