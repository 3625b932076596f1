import numpy as np

from mmrs.synthetic.noise import Grid, Points, bell, hash32, uniform


def test_hash_by_hand():
    # The steps of the definition in plain Python integers.
    state = 0
    for key in (7, -3):
        state = ((state ^ (key % 2**32)) + 0x9E3779B9) % 2**32
        state = (state ^ state >> 16) * 0x21F0AAAD % 2**32
        state = (state ^ state >> 15) * 0x735A2D97 % 2**32
        state ^= state >> 15
    assert int(hash32(7, -3)) == state


def test_uniform_and_bell_have_their_moments():
    cols, rows = np.arange(300)[None, :], np.arange(-150, 150)[:, None]
    flat = uniform(1, cols, rows)
    assert flat.shape == (300, 300)
    assert abs(flat.mean() - 0.5) < 0.005
    assert abs(flat.var() - 1 / 12) < 0.002
    beside = np.corrcoef(flat[:, :-1].ravel(), flat[:, 1:].ravel())
    assert abs(beside[0, 1]) < 0.01
    normal = bell(1, cols, rows)
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01


def test_grid_and_points_agree():
    xs, ys = np.linspace(-40, 55, 9), np.linspace(1e6, 1e6 + 70, 7)
    x, y = np.meshgrid(xs, ys)
    on_grid = Grid(xs, ys).noise(3, 20.0)
    at_points = Points(x, y).noise(3, 20.0)
    for ours, theirs in zip(on_grid, at_points):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    value = Grid(xs, ys).value(3, 20.0)
    np.testing.assert_allclose(value, at_points[0], atol=1e-4)


def test_gradient_is_the_slope():
    x, y = np.random.default_rng(0).uniform(-500, 500, (2, 50))
    _, dx, dy = Points(x, y).noise(5, 30.0)
    h = 1e-4
    for slope, step in ((dx, (h, 0)), (dy, (0, h))):
        ahead = Points(x + step[0], y + step[1]).noise(5, 30.0)[0]
        behind = Points(x - step[0], y - step[1]).noise(5, 30.0)[0]
        measured = (ahead - behind) / (2 * h)
        np.testing.assert_allclose(measured, slope, atol=1e-6)


def test_noise_has_deviation_of_about_a_half():
    axis = np.arange(0, 4000, 7.0)
    assert 0.4 < Grid(axis, axis).value(9, 30.0).std() < 0.6
