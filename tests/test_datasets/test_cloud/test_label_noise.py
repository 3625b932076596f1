import cv2
import numpy as np
import pytest

from mmrs.datasets import PackCloudInputs, SyntheticCloudNoise
from mmrs.errors import InputError


@pytest.fixture
def sample():
    """A disc of cloud, a square of snow, bright ground, an ignored corner."""
    rng = np.random.default_rng(0)
    label = np.zeros((96, 128), np.uint8)
    cv2.circle(label, (40, 40), 20, 1, -1)
    label[60:90, 80:110] = 2
    label[:4, :4] = 255
    image = rng.uniform(0.05, 0.15, (96, 128, 4)).astype(np.float32)
    image[label == 1] += 0.5
    image[30:50, 20:36][label[30:50, 20:36] == 1] -= 0.3  # thin
    image[5:20, 90:110] += 0.4  # roofs
    return dict(
        img=image,
        gt_seg_map=label,
        sample_id='a',
        bands=('blue', 'green', 'red', 'nir'),
        seg_fields=['gt_seg_map'],
    )


def inject(sample, kind, seed=0, **kwargs):
    noise = SyntheticCloudNoise([kind], eta=1, seed=seed, **kwargs)
    results = noise(dict(sample, seg_fields=['gt_seg_map']))
    truth, label = results['gt_true_seg_map'], results['gt_seg_map']
    assert truth is sample['gt_seg_map']
    assert (label[truth == 255] == 255).all()
    assert results['is_injected'] == (label != truth).any()
    assert results['seg_fields'] == ['gt_seg_map', 'gt_true_seg_map']
    return truth, label


def test_boundaries_move_by_less_than_the_radius(sample):
    grown = shrunk = 0
    cloud = (sample['gt_seg_map'] == 1).astype(np.uint8)
    inside = cv2.distanceTransform(cloud, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - cloud, cv2.DIST_L2, 5)
    for seed in range(12):
        truth, label = inject(sample, 'boundary', seed, radii=(6,))
        changed = label != truth
        assert np.maximum(inside, outside)[changed].max(initial=0) <= 6.1
        grown += (label == 1).sum() > (truth == 1).sum()
        shrunk += (label == 1).sum() < (truth == 1).sum()
    assert grown and shrunk


def test_a_shrinking_cloud_uncovers_what_is_beside_it(sample):
    label = np.zeros((40, 40), np.uint8)
    label[:, 20:] = 2
    label[10:30, 10:30] = 1
    sample.update(gt_seg_map=label, img=sample['img'][:40, :40])
    for seed in range(8):
        truth, noisy = inject(sample, 'boundary', seed, radii=(5,))
        lost = (truth == 1) & (noisy != 1)
        columns = np.nonzero(lost)[1]
        np.testing.assert_array_equal(
            noisy[lost][columns < 15], np.zeros((columns < 15).sum())
        )
        assert (noisy[lost][columns > 25] == 2).all()


def test_the_dimmest_cloud_is_missed(sample):
    truth, label = inject(sample, 'thin', thin_share=(0.2, 0.2))
    missed = (truth == 1) & (label == 0)
    assert ((label != truth) == missed).all()
    assert missed.sum() == pytest.approx(0.2 * (truth == 1).sum(), rel=0.05)
    assert missed[30:50, 20:36].sum() > 0.8 * missed.sum()


def test_bright_ground_is_taken_for_cloud(sample):
    truth, label = inject(sample, 'bright', bright_share=(0.03, 0.03))
    false = (truth == 0) & (label == 1)
    assert ((label != truth) == false).all() and false.any()
    roofs = np.zeros_like(false)
    roofs[3:22, 88:112] = True
    assert (false & roofs).sum() > 0.5 * roofs[5:20, 90:110].sum()
    count, parts = cv2.connectedComponents(false.astype(np.uint8))
    assert all((parts == i).sum() >= 16 for i in range(1, count))


def test_cloud_and_snow_are_exchanged_in_blobs(sample):
    changed = 0
    for seed in range(6):
        truth, label = inject(sample, 'swap', seed)
        where = label != truth
        changed += where.sum()
        assert set(truth[where]) <= {1, 2}
        np.testing.assert_array_equal(label[where], 3 - truth[where])
    assert 0 < changed < 6 * (truth > 0).sum()


def test_swap_needs_both(sample):
    sample['gt_seg_map'][sample['gt_seg_map'] == 2] = 0
    truth, label = inject(sample, 'swap')
    np.testing.assert_array_equal(truth, label)


@pytest.mark.parametrize('value', [0, 1, 255])
def test_images_of_one_class(sample, value):
    sample['gt_seg_map'][:] = value
    noise = SyntheticCloudNoise(eta=1)
    labels = noise(sample)['gt_seg_map']
    assert labels.shape == (96, 128)
    assert value != 255 or (labels == 255).all()


def test_an_image_has_the_same_noise_always(sample):
    noise = SyntheticCloudNoise(eta=1, seed=5)
    first = noise(dict(sample))['gt_seg_map']
    np.random.seed(1)  # noqa: NPY002
    noise(dict(sample, sample_id='b'))
    np.testing.assert_array_equal(noise(dict(sample))['gt_seg_map'], first)
    other = SyntheticCloudNoise(eta=1, seed=6)(dict(sample))['gt_seg_map']
    assert (other != first).any()


def test_the_share_of_noisy_images_is_eta(sample):
    names = [f'image_{i}' for i in range(2000)]
    noise = SyntheticCloudNoise(eta=0.4, seed=1)
    noisy = {name for name in names if noise.is_noisy(name)}
    assert len(noisy) == pytest.approx(800, abs=66)  # three sigma
    # More noise is noise of the same images and others.
    more = SyntheticCloudNoise(eta=0.6, seed=1)
    assert noisy < {name for name in names if more.is_noisy(name)}
    for name in names[:20]:
        results = noise(dict(sample, sample_id=name))
        assert results['is_injected'] == noise.is_noisy(name)


def test_no_noise_keeps_the_labels(sample):
    results = SyntheticCloudNoise(eta=0)(dict(sample))
    np.testing.assert_array_equal(results['gt_seg_map'], sample['gt_seg_map'])
    assert results['is_injected'] is False


def test_the_truth_is_packed_beside_the_labels(sample):
    results = SyntheticCloudNoise(eta=1)(
        dict(sample, subset='noisy', difficulty=0.5)
    )
    packed = PackCloudInputs()(results)
    data = packed['data_samples']
    assert packed['inputs'].shape == (4, 96, 128)
    np.testing.assert_array_equal(
        data.gt_true_seg_map.data[0], sample['gt_seg_map']
    )
    np.testing.assert_array_equal(
        data.gt_sem_seg.data[0], results['gt_seg_map']
    )
    assert (data.subset, data.difficulty) == ('noisy', 0.5)
    assert data.is_injected is True


def test_wrong_arguments():
    with pytest.raises(InputError, match="'rain' is none of boundary"):
        SyntheticCloudNoise(kinds=('rain',))
    with pytest.raises(InputError, match='is a share'):
        SyntheticCloudNoise(eta=40)
    with pytest.raises(InputError, match='must come after LoadCloudMask'):
        SyntheticCloudNoise()(dict(sample_id='a'))
