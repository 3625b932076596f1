import cv2
import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from mmrs.errors import InputError
from mmrs.evaluation import (
    FIDMetric,
    GenerationMetric,
    InceptionFeatures,
    Perceptual,
    RandomFeatures,
)
from mmrs.evaluation.metrics.fid import (
    enlarge,
    frechet_distance,
    kernel_distance,
)
from mmrs.evaluation.metrics.generation_metric import gradient_energy


def picture(seed=0, side=32):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 6, 3), np.uint8)
    image = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return torch.from_numpy(image).permute(2, 0, 1)


def reduced(image):
    means = image.double().view(3, 8, 4, 8, 4).mean((2, 4))
    return means.round().to(torch.uint8)


def sample(pred=None, seed=0, resolution=4.0, lr=None):
    real = picture(seed)
    return dict(
        pred_img=real if pred is None else pred,
        gt_img=real,
        lr_img=reduced(real) if lr is None else lr,
        resolution=resolution,
        sample_id=f'tile {seed}',
    )


def score(metric, samples):
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_perfect_images():
    figures = score(GenerationMetric(), [sample(seed=i) for i in range(3)])
    assert figures['gen/psnr'] == pytest.approx(78.13, abs=0.01)  # the most
    assert figures['gen/lr_psnr'] > 55  # rounding
    assert figures['gen/gradient_ratio'] == pytest.approx(1)
    assert figures['gen/gradient_ratio_bicubic'] < 1


def test_repeated_pixels_are_consistent_and_not_real():
    real = picture()
    lr = reduced(real)
    nearest = lr.repeat_interleave(4, 1).repeat_interleave(4, 2)
    figures = score(GenerationMetric(), [sample(nearest)])
    assert figures['gen/lr_psnr'] == pytest.approx(78.13, abs=0.01)
    error = (nearest.double() - real.double()).square().mean().item()
    expected = 10 * np.log10(255**2 / error)
    assert figures['gen/psnr'] == pytest.approx(expected, abs=1e-3)
    assert figures['gen/psnr_nearest'] == pytest.approx(expected, abs=1e-3)


def test_degraded_condition_is_compared_with_reality():
    real = picture()
    worse = reduced(real).float().add(8).clamp(0, 255).to(torch.uint8)
    figures = score(GenerationMetric(), [sample(lr=worse)])
    assert figures['gen/lr_psnr_real'] == pytest.approx(78.13, abs=0.01)
    assert figures['gen/lr_psnr_condition'] == pytest.approx(
        10 * np.log10(255**2 / 64), abs=0.4
    )
    assert figures['gen/lr_gain'] == pytest.approx(
        figures['gen/lr_psnr'] - figures['gen/psnr_nearest']
    )


def test_errors_are_averaged_before_the_logarithm():
    real = picture()
    worse = (real.int() + 10).clamp(0, 255).to(torch.uint8)
    figures = score(GenerationMetric(), [sample(), sample(worse)])
    error = (worse.double() - real.double()).square().mean().item() / 2
    assert figures['gen/psnr'] == pytest.approx(
        10 * np.log10(255**2 / error), abs=0.01
    )


def test_each_resolution_has_figures_where_there_are_several():
    samples = [sample(seed=1), sample(seed=2, resolution=64.0)]
    figures = score(GenerationMetric(), samples)
    assert {'gen/psnr', 'gen/psnr_4m', 'gen/psnr_64m'} <= figures.keys()
    alone = score(GenerationMetric(), samples[1:])
    assert 'gen/psnr_64m' not in alone
    assert alone['gen/psnr_nearest'] == figures['gen/psnr_nearest_64m']


def test_gradient_energy_by_hand():
    image = torch.zeros(3, 2, 3)
    image[:, :, 1] = 2  # differences 2 and -2 along rows, none along columns
    assert gradient_energy(image) == 4


def test_lpips_with_random_weights_is_called_a_substitute():
    other = picture(5)
    metric = GenerationMetric(lpips=dict(net='squeeze'))
    figures = score(metric, [sample(other)])
    assert figures['gen/lpips_substitute'] > 0.01
    assert 'gen/lpips' not in figures
    same = score(metric, [sample()])
    assert same['gen/lpips_substitute'] == pytest.approx(0, abs=1e-6)
    assert same['gen/lpips_condition_substitute'] > 0


def test_lpips_reads_torchvision_files(tmp_path):
    from torchvision.models import alexnet

    torch.manual_seed(1)
    path = tmp_path / 'alexnet.pth'
    torch.save(alexnet().state_dict(), path)
    network = Perceptual(str(path))
    assert not network.is_substitute
    stored = torch.load(path, weights_only=True)['features.3.weight']
    assert torch.equal(network.lpips.net.slice2[-2].weight, stored)
    with pytest.raises(InputError, match='lacks features.* of lpips'):
        Perceptual(str(path), net='squeeze')
    with pytest.raises(InputError, match="net='resnet'"):
        Perceptual(net='resnet')


def test_random_features_depend_on_their_seed_alone():
    images = torch.stack([picture(1), picture(2)])
    torch.manual_seed(9)
    first = RandomFeatures(3)(images)
    torch.manual_seed(8)
    assert torch.equal(first, RandomFeatures(3)(images))
    assert first.shape == (2, 128)
    assert not torch.equal(first, RandomFeatures(4)(images))


def test_frechet_distance_is_the_formula():
    rng = np.random.default_rng(0)
    one = rng.normal(0, 1, (200, 5)) @ rng.normal(0, 1, (5, 5))
    other = rng.normal(1, 2, (150, 5))
    mean = one.mean(0) - other.mean(0)
    covs = [np.cov(x, rowvar=False) for x in (one, other)]
    root = sqrtm(covs[0] @ covs[1]).real
    expected = mean @ mean + np.trace(covs[0] + covs[1] - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)


def test_kernel_distance_is_the_formula():
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, (30, 4)), rng.normal(1, 1, (30, 4))

    def kernel(x, y):
        return (x @ y.T / 4 + 1) ** 3

    off = ~np.eye(30, dtype=bool)
    expected = (
        kernel(one, one)[off].mean()
        + kernel(other, other)[off].mean()
        - 2 * kernel(one, other).mean()
    )
    assert kernel_distance(one, other, 0) == pytest.approx(expected, rel=1e-6)


def test_fid_tells_good_images_from_bad_ones():
    rng = np.random.default_rng(0)

    def samples(change):
        out = []
        for i in range(60):
            real = picture(100 + i)
            noise = torch.from_numpy(rng.normal(0, change, real.shape))
            pred = (picture(i) + noise).clamp(0, 255).to(torch.uint8)
            out.append(dict(sample(pred), gt_img=real, lr_img=reduced(real)))
        return out

    good, bad = (score(FIDMetric(), samples(s)) for s in (0, 60))
    for name in ('FID', 'KID'):
        key = f'gen/{name}_substitute'
        assert good[key] < 0.5 * bad[key]
        assert f'{key}_bicubic' in good
        assert f'gen/{name}' not in good


def test_fid_of_the_same_images_is_zero():
    samples = [sample(seed=i, resolution=4.0 + i % 2) for i in range(10)]
    figures = score(FIDMetric(baselines=()), samples)
    assert figures['gen/FID_substitute'] == pytest.approx(0, abs=1e-4)
    assert figures['gen/FID_substitute_5m'] == pytest.approx(0, abs=1e-4)


def test_inception_of_a_file(tmp_path, monkeypatch):
    from torch_fidelity import feature_extractor_inceptionv3 as library

    # Random weights: the network takes what the file holds, whole.
    monkeypatch.setattr(
        library.FeatureExtractorInceptionV3, 'load_state_dict', lambda *a: None
    )
    monkeypatch.setattr(library, 'load_state_dict_from_url', lambda *a, **k: 0)
    torch.manual_seed(0)
    network = library.FeatureExtractorInceptionV3('x', ['2048'])
    monkeypatch.undo()
    path = tmp_path / 'inception.pth'
    torch.save(network.state_dict(), path)
    images = torch.stack([picture(1), picture(2)])
    features = InceptionFeatures(str(path))(images)
    assert features.shape == (2, 2048)
    torch.testing.assert_close(features, network(images)[0])
    assert not FIDMetric(str(path)).network.is_substitute
    torch.save({'fc.weight': torch.ones(1)}, path)
    with pytest.raises(InputError, match='is not the Inception of torch-fid'):
        InceptionFeatures(str(path))


def test_wrong_input():
    with pytest.raises(InputError, match=r"baselines=...\): 'cubic'"):
        FIDMetric(baselines=['cubic'])
    with pytest.raises(InputError, match='FIDMetric has 1 image'):
        score(FIDMetric(), [sample()])
    lacking = sample()
    del lacking['pred_img']
    for metric in (FIDMetric(), GenerationMetric()):
        with pytest.raises(InputError, match='tile 0 has no pred_img, which'):
            metric.process({}, [lacking])


def test_enlarging():
    image = picture(side=4)[None]
    nearest = enlarge(image, 'nearest')
    assert torch.equal(nearest[..., ::4, ::4], image)
    expected = cv2.resize(
        image[0].permute(1, 2, 0).numpy().astype(np.float32),
        (16, 16),
        interpolation=cv2.INTER_LINEAR,
    )
    got = enlarge(image, 'bilinear')[0].permute(1, 2, 0).numpy()
    assert np.abs(got - expected).max() <= 1
