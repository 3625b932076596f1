import cv2
import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image

from mmrs.datasets import LoadRSImage
from mmrs.errors import BadImageError
from mmrs.geo.images import read_image

RNG = np.random.default_rng(0)
RGB = cv2.GaussianBlur(
    RNG.integers(0, 256, (96, 128, 3), dtype=np.uint8), (0, 0), 2
)


def load(path, **kwargs) -> np.ndarray:
    return LoadRSImage(**kwargs)(dict(img_path=str(path)))['img']


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.tif', '.TIFF'])
def test_gives_bgr(suffix, tmp_path):
    path = tmp_path / f'a{suffix}'
    Image.fromarray(RGB).save(path)
    results = LoadRSImage()(dict(img_path=str(path)))
    np.testing.assert_array_equal(results['img'], RGB[..., ::-1])
    assert results['img'].dtype == np.uint8
    assert results['img'].flags.c_contiguous
    assert results['img_shape'] == results['ori_shape'] == (96, 128)


def test_jpeg_is_read_as_opencv_reads_it(tmp_path):
    path = tmp_path / 'a.jpg'
    Image.fromarray(RGB).save(path, quality=90)
    np.testing.assert_array_equal(load(path), cv2.imread(str(path)))


def test_float32_holds_the_same_values(tmp_path):
    path = tmp_path / 'a.png'
    Image.fromarray(RGB).save(path)
    image = load(path, to_float32=True)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, load(path))


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.jpg'])
def test_one_band_becomes_three_equal_ones(suffix, tmp_path):
    path = tmp_path / f'sar{suffix}'
    Image.fromarray(RGB[..., 0]).save(path)
    image = load(path)
    assert image.shape == (96, 128, 3)
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    if suffix != '.jpg':
        np.testing.assert_array_equal(image[..., 1], RGB[..., 0])


def test_missing_file(tmp_path):
    with pytest.raises(BadImageError, match=r'gone\.jpg: no such image file'):
        load(tmp_path / 'gone.jpg')


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif'])
@pytest.mark.parametrize('kept', [0.1, 0.5, 0.99])
def test_truncated_file(suffix, kept, tmp_path):
    path = tmp_path / f'cut{suffix}'
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(BadImageError, match=rf'cut\{suffix}: '):
        load(path)


def test_jpeg_whose_end_was_never_copied(tmp_path):
    """Broken downloads have the full length, and zeros at the end."""
    path = tmp_path / 'holes.jpg'
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + bytes(len(data) - half))
    with pytest.raises(BadImageError, match='truncated'):
        load(path)


def test_truncated_jpeg_with_a_whole_thumbnail(tmp_path):
    path = tmp_path / 'thumb.jpg'
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    thumbnail = b'\xff\xd8\xff\xda\x00\x02\xff\xd9'
    header = b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail
    path.write_bytes(data[:2] + header + data[2:])
    load(path)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(BadImageError, match='truncated'):
        load(path)


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path):
    path = tmp_path / 'tail.jpg'
    Image.fromarray(RGB).save(path)
    whole = load(path)
    path.write_bytes(path.read_bytes() + b'\0camera notes')
    np.testing.assert_array_equal(load(path), whole)


@pytest.mark.parametrize('name', ['text.jpg', 'text.tif', 'empty.png'])
def test_not_an_image(name, tmp_path):
    path = tmp_path / name
    path.write_text('' if 'empty' in name else 'not an image')
    with pytest.raises(BadImageError, match=name):
        load(path)


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_16_bit_names_the_values_and_the_way_out(suffix, tmp_path):
    path = tmp_path / f'deep{suffix}'
    deep = RNG.integers(300, 4000, (96, 128, 3), dtype=np.uint16)
    if suffix == '.png':
        cv2.imwrite(str(path), deep[..., ::-1])
    else:
        tifffile.imwrite(path, deep, photometric='rgb')
    with pytest.raises(BadImageError) as error:
        load(path)
    assert str(error.value).startswith(f'{path}: holds uint16 values')
    assert 'LoadRSImage(stretch=(' in str(error.value)
    image = load(path, stretch=(300, 4000))
    expected = np.round((deep[..., ::-1] - 300.0) * 255 / 3700)
    np.testing.assert_array_equal(image, expected)


def test_stretch_clips_and_blacks_out_missing_values(tmp_path):
    path = tmp_path / 'radar.tif'
    values = np.array([[-9.0, 0.0, 5.0, 10.0, 99.0, np.nan]], np.float32)
    tifffile.imwrite(path, values)
    image = load(path, stretch=(0, 10))
    assert image[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0]


@pytest.mark.parametrize('planar', ['contig', 'separate'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('count', [2, 4, 5])
def test_other_band_counts_need_a_choice(count, dtype, planar, tmp_path):
    """Pillow and OpenCV read some of these files, and lose bands."""
    path = tmp_path / 'bands.tif'
    bands = RNG.integers(0, 256, (count, 96, 128)).astype(dtype)
    tifffile.imwrite(
        path,
        bands if planar == 'separate' else np.moveaxis(bands, 0, 2),
        planarconfig=planar,
        photometric='minisblack',
    )
    with pytest.raises(BadImageError) as error:
        load(path)
    assert str(error.value).startswith(f'{path}: has {count} bands')
    assert 'LoadRSImage(bands=(0, 1, 2))' in str(error.value)
    chosen = (count - 1, 0, 1)
    image = load(path, bands=chosen, stretch=(0, 255))
    np.testing.assert_array_equal(
        image, np.moveaxis(bands[list(chosen[::-1])], 0, 2)
    )


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_alpha_is_no_band(suffix, tmp_path):
    path = tmp_path / f'alpha{suffix}'
    Image.fromarray(RGB).convert('RGBA').save(path)
    np.testing.assert_array_equal(load(path), RGB[..., ::-1])
    with pytest.raises(BadImageError, match='counted from 0 to 2'):
        load(path, bands=(0, 1, 3))


def test_a_band_that_is_not_there(tmp_path):
    path = tmp_path / 'a.png'
    Image.fromarray(RGB).save(path)
    with pytest.raises(BadImageError, match='counted from 0 to 2'):
        load(path, bands=(1, 2, 3))


def test_size_is_compared_with_the_annotation(tmp_path):
    path = tmp_path / 'a.png'
    Image.fromarray(RGB).save(path)
    LoadRSImage()(dict(img_path=str(path), width=128, height=96))
    with pytest.raises(BadImageError) as error:
        LoadRSImage()(dict(img_path=str(path), width=96, height=128))
    assert f'{path}: is 128 x 96 px' in str(error.value)
    assert 'says 96 x 128' in str(error.value)


def test_tiffs_above_the_limit_of_pillow(tmp_path, monkeypatch):
    path = tmp_path / 'scene.tif'
    Image.fromarray(RGB).save(path)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    np.testing.assert_array_equal(load(path), RGB[..., ::-1])


def test_real_geotiffs_agree_with_rasterio(shared_data):
    paths = sorted((shared_data / 'geotiff').glob('*.tif'))
    assert paths
    for path in paths:
        with rasterio.open(path) as raster:
            expected = np.moveaxis(raster.read(), 0, 2)
            compression = raster.compression
        found = read_image(path).pixels
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        error = np.abs(found.astype(int) - expected.astype(int))
        if compression == rasterio.enums.Compression.jpeg:
            # decoders differ in how they enlarge the chroma bands
            assert error.mean() < 0.5
        else:
            assert error.max() == 0
