import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mmrs.datasets import (
    CropTile,
    PackGenInputs,
    RealESRGANDegradation,
    ReduceImage,
    ReduceResolution,
)
from mmrs.datasets.transforms import degradation
from mmrs.datasets.transforms.degradation import ROUNDS, draw_kernel, draw_sinc
from mmrs.errors import InputError


def picture(side=64, seed=0):
    """Smooth colours, (side, side, 3), uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 5, 3), np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def sample(side=64, **more):
    return dict(img=picture(side), resolution=4.0, sample_idx=0, **more)


def test_reduction_is_the_mean_of_areas():
    results = sample(reduce=4)
    image = results['img'].astype(float)
    results['resolution'] = 16.0
    out = ReduceResolution()(results)
    expected = image.reshape(16, 4, 16, 4, 3).mean((1, 3))
    assert np.abs(out['img'] - expected).max() <= 0.5
    assert out['resolution'] == 16 and out['img_shape'] == (16, 16)


def test_jitter_stays_within_its_octaves():
    np.random.seed(0)  # noqa: NPY002
    seen = []
    for _ in range(200):
        out = ReduceResolution(jitter=0.5)(
            dict(sample(reduce=4), resolution=16.0)
        )
        side = out['img'].shape[0]
        assert out['resolution'] == pytest.approx(4 * 64 / side)
        seen.append(out['resolution'] / 16)
    assert 2**-0.55 < min(seen) < 0.75 and 1.35 < max(seen) < 2**0.55


def test_jitter_never_enlarges():
    np.random.seed(0)  # noqa: NPY002
    sides = [
        ReduceResolution(0.5)(sample())['img'].shape[0] for _ in range(50)
    ]
    assert max(sides) == 64 and min(sides) < 50


def test_crops():
    image = picture()
    centre = CropTile(32, 'centre')(dict(img=image))
    np.testing.assert_array_equal(centre['img'], image[16:48, 16:48])
    np.random.seed(0)  # noqa: NPY002
    corners = set()
    for _ in range(300):
        tile = CropTile(60)(dict(img=image))['img']
        assert tile.shape == (60, 60, 3)
        corners |= {
            (i, j)
            for i in range(5)
            for j in range(5)
            if np.array_equal(tile, image[i : i + 60, j : j + 60])
        }
    assert len(corners) == 25
    with pytest.raises(InputError, match='a.png: has 64 x 64 px at 4 m, less'):
        CropTile(68)(sample(img_path='a.png'))
    with pytest.raises(InputError, match='size a multiple of four|where must'):
        CropTile(30)


def test_plain_reduction():
    image = picture()
    area = ReduceImage()(dict(img=image))['lr_img']
    expected = image.reshape(16, 4, 16, 4, 3).mean((1, 3))
    assert np.abs(area - expected).max() <= 0.5
    cubic = ReduceImage(interpolation='bicubic')(dict(img=image))['lr_img']
    assert cubic.shape == (16, 16, 3) and not np.array_equal(area, cubic)
    with pytest.raises(InputError, match="interpolation='nearest'"):
        ReduceImage(interpolation='nearest')


def test_packing():
    image = np.zeros((8, 8, 3), np.uint8)
    image[..., 2] = 200  # red
    results = dict(
        img=image,
        lr_img=image[::4, ::4],
        resolution=4.0,
        sample_id='x',
        other=1,
    )
    packed = PackGenInputs()(results)
    assert packed['inputs'].shape == (3, 2, 2)
    assert packed['inputs'][:, 0, 0].tolist() == [200, 0, 0]
    data = packed['data_samples']
    assert data.gt_img.dtype == torch.uint8
    assert data.gt_img[:, 3, 3].tolist() == [200, 0, 0]
    assert data.resolution == 4 and 'other' not in data
    del results['lr_img']
    with pytest.raises(InputError, match='PackGenInputs needs lr_img'):
        PackGenInputs()(results)


@pytest.mark.parametrize('strength', ROUNDS)
def test_degraded_images_look_like_their_source(strength):
    np.random.seed(0)  # noqa: NPY002
    transform = RealESRGANDegradation(strength=strength, prob_clean=0)
    image = picture(64)
    clean = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA)
    outs = [transform(dict(img=image))['lr_img'] for _ in range(60)]
    assert all(out.shape == (16, 16, 3) for out in outs)
    assert all(out.dtype == np.uint8 for out in outs)
    errors = [np.abs(out.astype(float) - clean).mean() for out in outs]
    assert min(errors) > 0.3
    assert np.mean(errors) < (15 if strength == 'soft' else 40)
    assert np.mean(outs) == pytest.approx(clean.mean(), abs=6)


def test_soft_is_softer():
    image = picture(64)
    clean = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA)

    def error(strength):
        np.random.seed(1)  # noqa: NPY002
        transform = RealESRGANDegradation(strength=strength, prob_clean=0)
        outs = [transform(dict(img=image))['lr_img'] for _ in range(60)]
        return np.mean([np.abs(out.astype(float) - clean) for out in outs])

    assert error('soft') < 0.7 * error('real-esrgan')


def test_share_of_clean_conditions():
    np.random.seed(0)  # noqa: NPY002
    image = picture(64)
    clean = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA)
    transform = RealESRGANDegradation(prob_clean=0.3)
    same = [
        np.array_equal(transform(dict(img=image))['lr_img'], clean)
        for _ in range(300)
    ]
    assert np.mean(same) == pytest.approx(0.3, abs=0.08)


def test_seed_makes_it_a_function_of_the_sample():
    transform = RealESRGANDegradation(prob_clean=0, seed=5)
    first, again, other = (
        transform(dict(img=picture(), sample_idx=i))['lr_img']
        for i in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_a_seed_numpy_decides():
    transform = RealESRGANDegradation(prob_clean=0)
    outs = []
    for seed in (1, 1, 2):
        np.random.seed(seed)  # noqa: NPY002
        outs.append(transform(dict(img=picture()))['lr_img'])
    np.testing.assert_array_equal(outs[0], outs[1])
    assert not np.array_equal(outs[0], outs[2])


def kernel_of(kind, sigma=(1.5, 1.5)):
    ranges = dict(kernels={kind: 1.0}, sinc_prob=0.0, sigma=sigma)
    return draw_kernel(ranges, np.random.default_rng(3))


def test_gaussian_kernel():
    kernel = kernel_of('iso')
    side = len(kernel)
    line = cv2.getGaussianKernel(side, 1.5)
    np.testing.assert_allclose(kernel, line @ line.T, atol=1e-9)


@pytest.mark.parametrize('kind', ROUNDS['real-esrgan'][0]['kernels'])
def test_kernels_keep_the_mean(kind):
    kernel = kernel_of(kind, (0.5, 3))
    assert kernel.sum() == pytest.approx(1)
    assert kernel.min() >= 0
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)
    if not kind.endswith('aniso'):
        np.testing.assert_allclose(kernel, kernel.T, atol=1e-12)


def test_low_pass_filter_has_lobes():
    kernel = draw_sinc(np.random.default_rng(0))
    assert kernel.sum() == pytest.approx(1)
    assert kernel.min() < 0 < kernel.max() == kernel[len(kernel) // 2].max()
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-12)


def test_gaussian_noise_has_its_deviation():
    rng = np.random.default_rng(0)
    image = np.full((64, 64, 3), 0.5, np.float32)
    noises = [degradation._gaussian_noise(image, 8, rng) for _ in range(40)]
    for noise in noises:
        assert 255 * noise.std() == pytest.approx(8, rel=0.06)
    grey = np.mean([noise.shape[2] == 1 for noise in noises])
    assert 0.2 < grey < 0.6


def test_shot_noise_grows_with_the_light():
    rng = np.random.default_rng(0)
    image = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (256, 1))
    image = np.repeat(image[..., None], 3, 2)
    noise = degradation._poisson_noise(image, 1.0, rng)
    # 256 grey levels stand for 256 photons: deviation sqrt(256 x) / 256.
    assert not noise[:, 0].any()
    for column in (64, 192):
        expected = (column / 255 / 256) ** 0.5
        around = noise[:, column - 4 : column + 5]
        assert around.std() == pytest.approx(expected, rel=0.1)


def test_jpeg_is_that_of_the_quality(tmp_path):
    image = picture()
    out = degradation.compress(image.astype(np.float32) / 255, 30.2)
    path = tmp_path / 'x.jpg'
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 30])
    expected = np.asarray(Image.open(path))[..., ::-1]
    assert np.abs(255 * out - expected).mean() < 1


def test_wrong_settings():
    with pytest.raises(InputError, match="strength='hard'"):
        RealESRGANDegradation(strength='hard')
    with pytest.raises(InputError, match=r"second=...\): 'blur' is none of"):
        RealESRGANDegradation(second=dict(blur=1))
