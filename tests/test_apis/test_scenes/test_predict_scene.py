import numpy as np
import pytest

from mmrs.apis.scenes import ArraySink, ClassSink, predict_scene
from mmrs.errors import BadImageError, InputError
from mmrs.geo.source import ArraySource
from mmrs.geo.tiles import TileGrid

QUIET = dict(show_progress=False)


def make_scene(height: int, width: int, bands: int = 2) -> np.ndarray:
    rng = np.random.default_rng(height * width)
    return rng.random((height, width, bands), np.float32)


def see_tiles(pixels: list[np.ndarray]) -> np.ndarray:
    """Values of 3 channels that depend on the place in the tile."""
    batch = np.stack(pixels)
    down = np.linspace(0, 1, batch.shape[1], dtype=np.float32)[:, None]
    first, second = batch[..., 0], batch[..., 1]
    return np.stack([first * down, second - down, first * second], axis=1)


def run(source, side, overlap, sinks=None, **settings):
    sink = ArraySink(source.shape, 3)
    done = predict_scene(
        source,
        see_tiles,
        3,
        sinks or [sink],
        side,
        overlap,
        **settings,
        **QUIET,
    )
    return sink, done


def averaged(image: np.ndarray, side: int, overlap: int) -> np.ndarray:
    """Blend tiles over the whole scene at once, in float64."""
    height, width = image.shape[:2]
    sums = np.zeros((3, height, width))
    total = np.zeros((height, width))
    grid = TileGrid((height, width), side, overlap)
    ramp = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    weight = np.outer(ramp, ramp)
    for tile in grid:
        h, w = min(side, height - tile.y), min(side, width - tile.x)
        part = np.s_[tile.y : tile.y + h, tile.x : tile.x + w]
        padded = np.pad(
            image[part], [(0, side - h), (0, side - w), (0, 0)], 'symmetric'
        )
        values = see_tiles([padded])[0][:, :h, :w]
        sums[:, *part] += values * weight[:h, :w]
        total[part] += weight[:h, :w]
    return sums / total


@pytest.mark.parametrize(
    ('shape', 'side', 'overlap'),
    [
        ((200, 200), 64, 16),
        ((131, 217), 64, 40),
        ((300, 64), 64, 1),
        ((65, 90), 32, 0),
        ((64, 64), 64, 16),
    ],
)
def test_equals_blending_of_the_whole_scene(shape, side, overlap):
    image = make_scene(*shape)
    sink, done = run(ArraySource(image), side, overlap)
    assert done.predicted == len(TileGrid(shape, side, overlap))
    assert sink.valid.all()
    expected = averaged(image, side, overlap)
    np.testing.assert_allclose(sink.values, expected, atol=1e-6)


@pytest.mark.parametrize('shape', [(20, 100), (100, 20), (5, 7), (1, 1)])
def test_a_scene_smaller_than_a_tile(shape):
    image = make_scene(*shape)
    sink, _ = run(ArraySource(image), 64, 16)
    np.testing.assert_allclose(sink.values, averaged(image, 64, 16), atol=1e-6)


@pytest.mark.parametrize('weights', ['hann', 'flat', 'centre'])
@pytest.mark.parametrize('length', [64, 65, 100, 200, 333])
def test_weights_add_up_to_one(weights, length):
    grid = TileGrid((length, 70), 64, 20, weights)
    total = np.zeros(grid.shape)
    for tile in grid:
        y, x, height, width = grid.window(tile)
        total[y : y + height, x : x + width] += grid.weights(tile)
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert all(b - a <= 44 for a, b in zip(grid.ys, grid.ys[1:]))


def test_centre_takes_each_pixel_from_one_tile():
    grid = TileGrid((100, 100), 64, 28, 'centre')
    for tile in grid:
        assert {*np.unique(grid.weights(tile))} <= {0.0, 1.0}
    assert grid.weights(next(iter(grid)))[:50, :50].all()


def test_the_same_bytes_for_any_batch_and_workers():
    source = ArraySource(make_scene(150, 230))
    first, _ = run(source, 64, 24, batch_size=1, num_workers=0)
    for batch_size, workers in [(1, 1), (4, 2), (16, 4), (3, 4)]:
        other, _ = run(
            source, 64, 24, batch_size=batch_size, num_workers=workers
        )
        assert other.values.tobytes() == first.values.tobytes()


def test_tiles_without_data_are_not_predicted():
    image = make_scene(128, 320) + 1
    image[:, 100:] = 0
    image[100:, :] = 0
    source = ArraySource(image, nodata=0)
    sink, done = run(source, 64, 16)
    assert done.empty > 0 and done.predicted > 0
    expected = np.zeros((128, 320), bool)
    expected[:100, :100] = True
    np.testing.assert_array_equal(sink.valid, expected)
    full = averaged(image, 64, 16)
    np.testing.assert_allclose(
        sink.values[:, expected], full[:, expected], atol=1e-6
    )


def test_a_scene_without_data():
    source = ArraySource(np.zeros((90, 200, 2)), nodata=0)
    sink, done = run(source, 64, 16)
    assert done.predicted == 0 and not sink.valid.any()


def test_the_network_sees_prepared_tiles_and_sinks_finished_rows():
    image = make_scene(70, 70)
    image[:10] = np.nan
    seen = []

    def prepare(pixels, valid):
        seen.append((pixels.shape, valid is None or valid.shape))
        return np.nan_to_num(pixels) * 2

    sink = ArraySink((70, 70), 3)
    predict_scene(
        ArraySource(image),
        see_tiles,
        3,
        [sink],
        64,
        16,
        prepare=prepare,
        finish=lambda values: values + 10,
        **QUIET,
    )
    assert {shape for shape, _ in seen} == {(64, 64, 2)}
    assert sink.values[:, 20:].min() > 8
    assert not sink.valid[:10].any() and sink.valid[10:].all()


class Killed(BaseException):
    """As a signal that ends the process."""


def test_a_broken_run_goes_on(tmp_path):
    image = make_scene(300, 90)
    image[:, 80:] = np.nan
    source = ArraySource(image)
    image = np.nan_to_num(image)

    def sink_of(name):
        return ClassSink(tmp_path / name, (300, 90), 3, True, dict(run=1))

    whole = sink_of('whole')
    run(source, 64, 24, [whole])
    calls = []

    def dies(pixels):
        calls.append(len(pixels))
        if len(calls) > 5:
            raise Killed
        return see_tiles(pixels)

    broken = sink_of('broken')
    with pytest.raises(Killed):
        predict_scene(source, dies, 3, [broken], 64, 24, batch_size=2, **QUIET)
    again = sink_of('broken')
    assert 0 < again.rows < 300
    _, done = run(source, 64, 24, [again])
    assert done.resumed == broken.rows
    assert done.predicted < len(TileGrid((300, 90), 64, 24))
    for ours, other in (
        (again.classes, whole.classes),
        (again.probabilities, whole.probabilities),
    ):
        assert ours.path.read_bytes() == other.path.read_bytes()
    complete = sink_of('broken')
    _, done = run(source, 64, 24, [complete])
    assert done.predicted == 0 and done.resumed == 300


def test_other_settings_begin_anew(tmp_path):
    source = ArraySource(make_scene(100, 90))
    run(
        source,
        64,
        24,
        [ClassSink(tmp_path, (100, 90), 3, signature=dict(a=1))],
    )
    same = ClassSink(tmp_path, (100, 90), 3, signature=dict(a=1))
    assert same.rows == 100
    for signature in (dict(a=2), None):
        assert ClassSink(tmp_path, (100, 90), 3, signature=signature).rows == 0


def test_classes_and_probabilities(tmp_path):
    sink = ClassSink(tmp_path, (2, 3), 3, probabilities=True)
    values = np.zeros((3, 2, 3), np.float32)
    values[1, 0] = 0.75
    values[0, 1] = 1
    valid = np.ones((2, 3), bool)
    valid[1, 2] = False
    sink.write(0, values, valid)
    classes = sink.classes.read(0, 2)[0]
    np.testing.assert_array_equal(classes, [[1, 1, 1], [0, 0, 255]])
    stored = sink.probabilities.read(0, 2)
    np.testing.assert_array_equal(stored[0], [[0, 0, 0], [254, 254, 255]])
    np.testing.assert_array_equal(stored[1, 0], np.rint([254 * 0.75] * 3))


def test_more_than_255_classes(tmp_path):
    sink = ClassSink(tmp_path, (1, 4), 300)
    values = np.zeros((300, 1, 4), np.float32)
    values[[299, 256, 255, 0], 0, range(4)] = 1
    sink.write(0, values, np.array([[True, True, True, False]]))
    classes = sink.classes.read(0, 1)[0]
    assert classes.dtype == np.uint16
    np.testing.assert_array_equal(classes, [[299, 256, 255, 65535]])


@pytest.mark.parametrize('workers', [0, 1, 4])
def test_a_tile_that_cannot_be_read_ends_the_run(workers):
    class Broken(ArraySource):
        def read(self, window):
            if window[:2] == (45, 91):
                raise BadImageError('a block is broken')
            return super().read(window)

    source = Broken(make_scene(200, 200), name='scene.tif')
    with pytest.raises(
        BadImageError, match='scene.tif.* row 45 column 91: a block is broken'
    ):
        run(source, 64, 16, num_workers=workers, batch_size=1)


@pytest.mark.parametrize('workers', [0, 4])
def test_a_tile_that_cannot_be_predicted_ends_the_run(workers):
    def fails(pixels):
        if len(calls := fails.calls) == 3:
            raise IndexError('out of range')
        calls.append(1)
        return see_tiles(pixels)

    fails.calls = []
    source = ArraySource(make_scene(100, 200), name='scene.tif')
    with pytest.raises(
        RuntimeError, match='row 0 column 136: IndexError: out of range'
    ):
        predict_scene(
            source,
            fails,
            3,
            [ArraySink(source.shape, 3)],
            64,
            16,
            batch_size=1,
            num_workers=workers,
            **QUIET,
        )


def test_values_of_another_shape():
    source = ArraySource(make_scene(64, 64))
    with pytest.raises(InputError, match='gives values of shape .1, 3, 64'):
        predict_scene(
            source, see_tiles, 4, [ArraySink((64, 64), 4)], 64, 16, **QUIET
        )


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(side=64, overlap=64), 'overlap is from 0'),
        (dict(side=0, overlap=0), 'a tile has one pixel'),
        (dict(side=64, overlap=8, weights='cosine'), 'hann, flat, centre'),
    ],
)
def test_settings_that_make_no_grid(settings, message):
    with pytest.raises(InputError, match=message):
        TileGrid((100, 100), **settings)
