import numpy as np
import pytest
import torch

from mmrs.errors import InputError
from mmrs.models.change import ChangeDataPreprocessor
from mmrs.structures import ChangeDataSample

RNG = np.random.default_rng(0)
MEAN, STD = (100.0, 90.0, 80.0), (40.0, 30.0, 20.0)


def batch(num=2, bands=3, size=(8, 12), dtype=np.uint8):
    """A batch as the loader makes it, and its images in NumPy."""
    images = {
        key: [
            RNG.integers(0, 256, (bands, *size)).astype(dtype)
            for _ in range(num)
        ]
        for key in ('img_a', 'img_b')
    }
    inputs = {k: list(map(torch.from_numpy, v)) for k, v in images.items()}
    samples = [
        ChangeDataSample(metainfo=dict(img_path=[f'A/{i}.png', f'B/{i}.png']))
        for i in range(num)
    ]
    return dict(inputs=inputs, data_samples=samples), images


def normalise(images, mean, std):
    mean, std = (np.reshape(v, (-1, 1, 1)) for v in (mean, std))
    return (np.stack(images).astype(np.float64) - mean) / std


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_one_statistic_for_both_dates(dtype):
    data, images = batch(dtype=dtype)
    inputs = ChangeDataPreprocessor(MEAN, STD)(data)['inputs']
    for key in ('img_a', 'img_b'):
        assert inputs[key].dtype == torch.float32
        expected = normalise(images[key], MEAN, STD)
        np.testing.assert_allclose(inputs[key], expected, atol=1e-5)


def test_statistics_of_each_date_and_six_bands():
    statistics = RNG.uniform(10, 90, (4, 6)).tolist()
    data, images = batch(bands=6)
    preprocess = ChangeDataPreprocessor(*statistics)
    inputs = preprocess(data, training=True)['inputs']
    for key, (mean, std) in zip(
        ('img_a', 'img_b'), (statistics[:2], statistics[2:])
    ):
        expected = normalise(images[key], mean, std)
        np.testing.assert_allclose(inputs[key], expected, atol=1e-4)


def test_stacked_input_and_samples_are_kept():
    data, images = batch()
    data['inputs'] = {k: torch.stack(v) for k, v in data['inputs'].items()}
    done = ChangeDataPreprocessor(MEAN, STD)(data)
    assert done['inputs']['img_b'].shape == (2, 3, 8, 12)
    assert done['data_samples'][1].img_path == ['A/1.png', 'B/1.png']
    del data['data_samples']
    assert ChangeDataPreprocessor(MEAN, STD)(data)['data_samples'] is None


def test_statistics_are_no_weights():
    assert not ChangeDataPreprocessor(MEAN, STD).state_dict()


def test_images_of_different_size():
    data, _ = batch()
    data['inputs']['img_b'][1] = torch.zeros(3, 8, 10, dtype=torch.uint8)
    with pytest.raises(InputError) as error:
        ChangeDataPreprocessor(MEAN, STD)(data)
    message = str(error.value)
    assert 'B/1.png: is 10 x 8 px in the batch, but B/0.png is 12' in message
    assert "type='Resize', scale=" in message
    assert 'or set batch_size=1' in message
    del data['data_samples']
    with pytest.raises(InputError, match='^image 1 of the batch: is 10 x 8'):
        ChangeDataPreprocessor(MEAN, STD)(data)


def test_wrong_number_of_bands():
    data, _ = batch(bands=4)
    with pytest.raises(InputError) as error:
        ChangeDataPreprocessor(MEAN, STD)(data)
    assert 'A/0.png: has 4 band(s), but data_preprocessor.mean has 3' in str(
        error.value
    )
    assert 'LoadImagePair(bands=(0, 1, 2))' in str(error.value)


def test_uneven_statistics():
    with pytest.raises(InputError, match="'mean_b': 2"):
        ChangeDataPreprocessor(MEAN, STD, mean_b=[1, 2])


@pytest.mark.gpu
def test_on_a_gpu():
    data, images = batch()
    preprocess = ChangeDataPreprocessor(MEAN, STD).cuda()
    inputs = preprocess(data)['inputs']
    assert inputs['img_a'].is_cuda
    expected = normalise(images['img_a'], MEAN, STD)
    np.testing.assert_allclose(inputs['img_a'].cpu(), expected, atol=1e-5)
