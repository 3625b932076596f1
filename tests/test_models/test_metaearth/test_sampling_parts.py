"""Windows, noise and merging, against plain references."""

import itertools

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from sampling_toys import scheduler

from mmrs.errors import InputError
from mmrs.models.metaearth.sampling import (
    ArrayImage,
    Axis,
    NoiseField,
    SamplingSettings,
    blend,
    make_solver,
    merge_weights,
    read_reflected,
    reflect,
    support,
)


@pytest.mark.parametrize('tile, stride', [(256, 128), (256, 192), (64, 64)])
def test_each_pixel_is_in_one_cell_of_a_window(tile, stride):
    for size in (*range(1, 300), 1000, 1200, 4000):
        axis = Axis(size, tile, stride)
        written = np.zeros(size, int)
        for i in range(axis.count):
            low, high = axis.cell(i)
            written[low:high] += 1
            # The cell is what is left of the window without its margins.
            assert low == axis.start(i) + axis.margin
            assert high <= axis.start(i) + tile - axis.margin
        assert (written == 1).all()
        assert axis.count == -(-size // stride)


def test_geometry_of_the_paper():
    axis = Axis(1200, 256, 128)
    assert [axis.start(i) // 4 for i in range(3)] == [-16, 16, 48]
    assert axis.count == 10
    assert axis.cell(9) == (1152, 1200)


def test_windows_found_are_those_that_count():
    axis = Axis(700, 64, 48)
    for weights in ('crop', 'feather', 'multidiffusion'):
        part = support(merge_weights(weights, 64, 48))
        for low, high in itertools.product(range(0, 700, 37), (1, 30, 200)):
            high = min(low + high, 700)
            found = [
                i
                for i in range(axis.count)
                if axis.start(i) + part[0] < high
                and axis.start(i) + part[1] > low
            ]
            assert [*axis.covering(low, high, part)] == found


@pytest.mark.parametrize('size', [1, 2, 3, 17])
def test_reflection_is_that_of_numpy(size):
    plain = np.pad(np.arange(size), 40, mode='reflect')
    assert np.array_equal(reflect(np.arange(-40, size + 40), size), plain)


def test_reading_beyond_the_border():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (5, 9, 3), np.uint8)
    padded = np.pad(image, ((16, 20), (16, 20), (0, 0)), mode='reflect')
    found = read_reflected(ArrayImage(image), -16, -3, 40, 30)
    assert np.array_equal(found, padded[:40, 13:43])


def test_world_noise_is_the_same_through_any_window():
    whole = NoiseField('world', 7, 2, 300, 300).window(-150, -150)
    small = NoiseField('world', 7, 2, 40, 20)
    for top, left in [(-150, -150), (-64, -1), (0, 0), (63, 110), (-33, 5)]:
        part = whole[:, top + 150 : top + 190, left + 150 : left + 190]
        assert np.array_equal(small.window(top, left), part)


def test_world_noise_is_standard_normal_and_independent():
    field = NoiseField('world', 0, 1, 256, 128).window(-100, 3000)
    count = field.size
    assert abs(field.mean()) < 3 / count**0.5
    assert abs(field.var() - 1) < 3 * (2 / count) ** 0.5
    for axis, lag in itertools.product((1, 2), (1, 64, 128)):
        product = field * np.roll(field, lag, axis)
        assert abs(product.mean()) < 4 / count**0.5
    assert abs((field[0] * field[1]).mean()) < 4 / field[0].size ** 0.5


def test_noise_depends_on_all_that_it_is_for():
    def one(rule='world', seed=0, level=1, top=0, left=0, step=0):
        return NoiseField(rule, seed, level, 64, 32).window(top, left, step)

    for other in (
        dict(seed=1),
        dict(level=2),
        dict(step=1),
        dict(top=64),
        dict(left=64),
        dict(rule='shared_block'),
        dict(seed=-1),
    ):
        assert abs(np.corrcoef(one().ravel(), one(**other).ravel())[0, 1]) < (
            5 / one().size ** 0.5
        )
    assert np.array_equal(one(seed=5), one(seed=5 + 2**64))


def test_noise_stays_what_it_was():
    # Images made with a seed are to be made again by later versions.
    found = NoiseField('world', 3, 1, 64, 32).window(-64, 128)[:, 0, 0]
    assert np.allclose(found, [0.6206088, 0.3068586, 0.282754], atol=1e-6)


def test_shared_noise_is_one_block():
    periodic = NoiseField('shared_periodic', 0, 1, 64, 32)
    block = NoiseField('shared_block', 0, 1, 64, 32)
    independent = NoiseField('independent', 0, 1, 64, 32)
    first, next_one = (-16, -16), (-16, 16)
    assert np.array_equal(periodic.window(*first), periodic.window(*next_one))
    assert np.array_equal(block.window(*first), block.window(*next_one))
    # Only the periodic block gives a place the same noise in both windows.
    for field, agrees in ((periodic, True), (block, False)):
        a, b = field.window(*first), field.window(*next_one)
        assert np.array_equal(a[:, :, 32:], b[:, :, :32]) == agrees
    assert not np.array_equal(
        independent.window(*first), independent.window(*next_one)
    )


def test_weights():
    crop = merge_weights('crop', 8, 4)
    assert crop.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    feather = merge_weights('feather', 8, 4)
    assert feather.tolist() == [x / 8 for x in (1, 3, 5, 7, 7, 5, 3, 1)]
    # Neighbours' weights add up to one where both count.
    assert np.allclose(feather[4:] + feather[:4], 1)
    assert merge_weights('feather', 8, 6).tolist() == [
        *(0.25, 0.75, 1, 1, 1, 1, 0.75, 0.25)
    ]
    assert merge_weights('feather', 8, 8).tolist() == [1] * 8
    mixture = merge_weights('mixture', 10, 5)
    assert np.allclose(mixture, mixture[::-1])
    assert np.isclose(mixture[0], np.exp(-(0.45**2) / 0.02))
    assert (merge_weights('multidiffusion', 8, 4) == 1).all()


def test_blending_by_parts_is_blending_the_whole():
    rng = np.random.default_rng(0)
    axis = Axis(40, 16, 8)
    windows = [
        (axis.start(i), axis.start(j), rng.integers(0, 255, (16, 16, 3)))
        for i in range(axis.count)
        for j in range(axis.count)
    ]
    weights = merge_weights('feather', 16, 8)

    def merge(top, left, height, width):
        near = [
            (y, x, pixels)
            for y, x, pixels in windows
            if y < top + height
            and y + 16 > top
            and x < left + width
            and x + 16 > left
        ]
        return blend(near, weights, (top, left, height, width))

    whole = merge(0, 0, 40, 40)
    for top, left, height, width in [(0, 0, 8, 8), (5, 30, 9, 10)]:
        part = whole[top : top + height, left : left + width]
        assert np.array_equal(merge(top, left, height, width), part)


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(overlap=0.3), 'overlap is 0.3; take a multiple of 0.03125'),
        (dict(overlap=1), 'overlap is 1'),
        (dict(tile=30), 'tile is 30'),
        (dict(merge='blur'), "merge is 'blur'; take crop, feather"),
        (dict(noise='white'), "noise is 'white'; take world"),
        (dict(eta=2), 'eta is 2'),
        (dict(eta=1, noise='shared_block'), "noise='world' or 'independent'"),
        (dict(num_inference_steps=0), 'num_inference_steps is 0'),
        (dict(tile_batch=0), 'tile_batch is 0'),
        (dict(consistency=-1), 'consistency is -1'),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(InputError, match=message):
        SamplingSettings(**settings)


def test_steps_of_dpm_are_equal_in_the_logarithm_of_the_signal():
    solver = make_solver(scheduler(), 'dpm')
    solver.set_timesteps(9)
    steps = solver.sigmas[:-1].log().diff()
    assert torch.allclose(steps, steps.mean().expand(8), rtol=1e-3)
    shares = scheduler().alphas_cumprod[[-1, 0]]
    torch.testing.assert_close(
        solver.sigmas[[0, -2]], (1 / shares - 1).sqrt(), rtol=1e-3, atol=0
    )


def test_solvers_keep_what_the_network_predicts():
    trained = DDIMScheduler(
        prediction_type='v_prediction', rescale_betas_zero_snr=True
    )
    for name, spacing in (('dpm', None), ('ddim', 'trailing')):
        solver = make_solver(trained, name)
        assert solver.config.prediction_type == 'v_prediction'
        assert spacing in (None, solver.config.timestep_spacing)
    again = make_solver(make_solver(scheduler(), 'dpm'), 'ddim')
    assert again.config.timestep_spacing == 'leading'
    with pytest.raises(InputError, match="'euler'; take ddim or dpm"):
        make_solver(trained, 'euler')
