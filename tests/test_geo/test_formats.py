"""One picture in many formats, through every reader of the toolbox."""

import warnings
import zipfile

import numpy as np
import pytest
import rasterio
from affine import Affine
from mmengine.registry import DefaultScope
from PIL import Image
from rasterio.enums import ColorInterp

from mmrs.datasets import LoadBands, LoadImagePair, LoadRSImage
from mmrs.geo.images import read_image
from mmrs.geo.pictures import turned
from mmrs.geo.scene import open_scene
from mmrs.geo.source import open_source
from mmrs.models.metaearth.source import SourceImage

HEIGHT, WIDTH = 48, 64
RED, BLUE, WHITE = (200, 30, 30), (30, 30, 200), (255, 255, 255)


def picture() -> np.ndarray:
    """Red, with a blue left edge and a white corner at the top right."""
    pixels = np.full((HEIGHT, WIDTH, 3), RED, np.uint8)
    pixels[:, :16] = BLUE
    pixels[:8, -8:] = WHITE
    return pixels


HOLE = np.s_[20:40, 32:56]


def with_hole() -> np.ndarray:
    """The picture, black in its hole."""
    pixels = picture()
    pixels[HOLE] = 0
    return pixels


def write(path, pixels=None, mask=None, colors=None, **profile):
    pixels = picture() if pixels is None else pixels
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        options = dict(GDAL_TIFF_INTERNAL_MASK=True)
        with (
            rasterio.Env(**options),
            rasterio.open(
                path,
                'w',
                driver=profile.pop('driver', 'GTiff'),
                height=pixels.shape[0],
                width=pixels.shape[1],
                count=pixels.shape[2],
                dtype=pixels.dtype,
                **profile,
            ) as file,
        ):
            if colors is not None:
                file.colorinterp = colors
            file.write(np.moveaxis(pixels, 2, 0))
            if mask is not None:
                file.write_mask(mask)
    return path


def save(path, mode=None, exif=None, pixels=None, **options):
    image = Image.fromarray(picture() if pixels is None else pixels)
    if mode == 'P':
        image = image.quantize(8)
    elif mode is not None:
        image = image.convert(mode)
    if exif is not None:
        tag = Image.Exif()
        tag[274] = exif
        options['exif'] = tag
    image.save(path, **options)
    return path


def stored_as(orientation: int) -> np.ndarray:
    """Pixels that an orientation tag turns into the picture."""
    for inverse in range(1, 9):
        found = turned(picture(), inverse)
        if np.array_equal(turned(found, orientation), picture()):
            return found
    raise AssertionError


def zipped(folder):
    path = folder / 'pack.zip'
    save(folder / 'inside.png')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.write(folder / 'inside.png', 'deep/inside.png')
    return f'/vsizip/{path}/deep/inside.png'


def vrt(folder):
    from rasterio.shutil import copy

    write(folder / 'under.tif')
    copy(str(folder / 'under.tif'), str(folder / 'a.vrt'), driver='VRT')
    return folder / 'a.vrt'


UTM = dict(crs='EPSG:32633', transform=Affine(10, 0, 5e5, 0, -10, 5e6))
SOUTH_UP = dict(crs='EPSG:32633', transform=Affine(10, 0, 5e5, 0, 10, 5e6))
ROTATED = dict(crs='EPSG:32633', transform=Affine(6, 8, 5e5, 8, -6, 5e6))

FORMATS = {
    'png': lambda d: save(d / 'a.png'),
    'bmp': lambda d: save(d / 'a.bmp'),
    'webp': lambda d: save(d / 'a.webp', lossless=True),
    'palette png': lambda d: save(d / 'a.png', 'P'),
    'palette bmp': lambda d: save(d / 'a.bmp', 'P'),
    'palette tiff': lambda d: save(d / 'a.tif', 'P'),
    'striped tiff': lambda d: write(d / 'a.tif'),
    'tiled tiff': lambda d: write(
        d / 'a.tif', tiled=True, blockxsize=16, blockysize=16
    ),
    'planes': lambda d: write(d / 'a.tif', interleave='band'),
    'big-endian': lambda d: write(d / 'a.tif', ENDIANNESS='BIG'),
    'bigtiff': lambda d: write(d / 'a.tiff', BIGTIFF='YES'),
    'lzw, predictor': lambda d: write(
        d / 'a.tif', compress='lzw', predictor=2
    ),
    'no photometric': lambda d: write(d / 'a.tif', photometric='MINISBLACK'),
    'jpeg in tiff': lambda d: write(
        d / 'a.tif', compress='jpeg', photometric='YCBCR', JPEG_QUALITY=95
    ),
    'jpeg': lambda d: save(d / 'a.jpg', quality=95),
    'cmyk jpeg': lambda d: save(d / 'a.jpg', 'CMYK', quality=95),
    'cmyk tiff': lambda d: save(d / 'a.tif', 'CMYK'),
    'vrt': vrt,
    'zip': zipped,
    'jpeg 2000': lambda d: write(
        d / 'a.jp2', driver='JP2OpenJPEG', quality=100, reversible='YES'
    ),
    'envi': lambda d: write(d / 'a.dat', driver='ENVI'),
    'place': lambda d: write(d / 'a.tif', **UTM),
    'south-up': lambda d: write(d / 'a.tif', **SOUTH_UP),
    'rotated': lambda d: write(d / 'a.tif', **ROTATED),
    'opaque alpha': lambda d: save(d / 'a.png', 'RGBA'),
}
for number in range(1, 9):
    FORMATS[f'jpeg, exif {number}'] = lambda d, n=number: save(
        d / 'a.jpg', exif=n, pixels=stored_as(n), quality=95
    )
    FORMATS[f'png, exif {number}'] = lambda d, n=number: save(
        d / 'a.png', exif=n, pixels=stored_as(n)
    )
    FORMATS[f'tiff, orientation {number}'] = lambda d, n=number: save(
        d / 'a.tif', pixels=stored_as(n), tiffinfo={274: n}
    )


def by_load_rs_image(path):
    return LoadRSImage()(dict(img_path=str(path)))['img'][..., ::-1]


def by_load_image_pair(path):
    first, second = LoadImagePair()(dict(img_path=[str(path)] * 2))['imgs']
    np.testing.assert_array_equal(first, second)
    return first


def by_load_bands(path):
    return LoadBands()(dict(img_path=str(path)))['img']


def by_windows(path):
    source = open_source(path)
    rows = [(y, min(20, HEIGHT - y)) for y in range(0, HEIGHT, 20)]
    cols = [(x, min(20, WIDTH - x)) for x in range(0, WIDTH, 20)]
    with source.opened(20, 1):
        return np.concatenate(
            [
                np.concatenate(
                    [source.read((y, x, h, w))[0] for x, w in cols], axis=1
                )
                for y, h in rows
            ]
        )


def by_scene(path):
    source = open_scene(path, ('red', 'green', 'blue'), None, RGB)
    return source.read_all()[0]


def by_generation(path):
    return SourceImage(path).read(0, 0, HEIGHT, WIDTH)


RGB = ('red', 'green', 'blue')
READERS = {
    f.__name__: f
    for f in (
        by_load_rs_image,
        by_load_image_pair,
        by_load_bands,
        by_windows,
        by_scene,
        by_generation,
    )
}


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmrs'):
        yield


@pytest.mark.filterwarnings('ignore:.*orientation')
@pytest.mark.parametrize('kind', FORMATS)
def test_every_reader_sees_the_same(kind, tmp_path):
    path = FORMATS[kind](tmp_path)
    expected = picture().astype(int)
    for name, read in READERS.items():
        found = np.asarray(read(path))
        assert found.shape == expected.shape, name
        error = np.abs(found - expected)
        # JPEG blurs at edges.
        lossy = 'jpeg' in kind and kind != 'jpeg 2000'
        assert error.mean() <= (3 if lossy else 0), name
        assert np.median(error) <= (2 if lossy else 0), name


@pytest.mark.parametrize('kind', ['1-bit', 'white is 0', 'grey'])
def test_one_band(kind, tmp_path):
    grey = picture()[..., 2]
    expected = np.where(grey > 100, 255, 0) if kind == '1-bit' else grey
    image = Image.fromarray(expected.astype(np.uint8))
    paths = [tmp_path / 'a.png', tmp_path / 'a.tif']
    if kind == 'white is 0':
        paths = paths[1:]
        image.save(paths[0], tiffinfo={262: 0})
    for path in paths if kind != 'white is 0' else ():
        (image.convert('1') if kind == '1-bit' else image).save(path)
    for path in paths:
        for name in ('by_load_rs_image', 'by_generation'):
            np.testing.assert_array_equal(
                READERS[name](path), np.repeat(expected[..., None], 3, 2)
            )
        found = READERS['by_load_bands'](path)
        np.testing.assert_array_equal(found[..., 0], expected)


def floats(pixels):
    return np.where(pixels.any(-1, keepdims=True), pixels, np.nan).astype(
        np.float32
    )


def mask():
    return with_hole().any(-1)


def rgba():
    return np.dstack([picture(), np.where(mask(), 255, 0).astype(np.uint8)])


ALPHA = (
    ColorInterp.gray,
    ColorInterp.undefined,
    ColorInterp.undefined,
    ColorInterp.alpha,
)
GAPS = {
    'nodata': lambda d: write(d / 'a.tif', with_hole(), nodata=0),
    'nodata of a float': lambda d: write(
        d / 'a.tif', with_hole().astype(np.float32), nodata=0
    ),
    'NaN': lambda d: write(d / 'a.tif', floats(with_hole())),
    'nodata is NaN': lambda d: write(
        d / 'a.tif', floats(with_hole()), nodata=np.nan
    ),
    'internal mask': lambda d: write(d / 'a.tif', mask=mask()),
    'alpha of tiff': lambda d: write(d / 'a.tif', rgba(), colors=ALPHA),
    'alpha of png': lambda d: save(d / 'a.png', pixels=rgba()),
    'nodata in a vrt of tiles': lambda d: write(
        d / 'a.tif', with_hole(), nodata=0, tiled=True, blockxsize=16,
        blockysize=16, **UTM,
    ),
}  # fmt: skip


@pytest.mark.parametrize('kind', GAPS)
def test_every_reader_sees_the_same_gaps(kind, tmp_path):
    path = GAPS[kind](tmp_path)
    np.testing.assert_array_equal(read_image(path).valid, mask())
    np.testing.assert_array_equal(open_source(path).read_all()[1], mask())
    source = open_scene(path, (0, 1, 2))
    with source.opened(16, 1):
        _, valid = source.read((16, 32, 16, 16))
    np.testing.assert_array_equal(valid, mask()[16:32, 32:48])
    found = SourceImage(path, stretch=[(0, 255)] * 3)
    np.testing.assert_array_equal(found.valid(0, 0, HEIGHT, WIDTH), mask())
    loaded = LoadBands()(dict(img_path=str(path)))
    np.testing.assert_array_equal(loaded['valid'] == 1, mask())
    assert (loaded['img'][~mask()] == 0).all()
    pair = LoadImagePair(stretch=(0, 255))(dict(img_path=[str(path)] * 2))
    np.testing.assert_array_equal(pair['valid'], mask())


def test_a_band_named_otherwise_is_no_alpha(tmp_path):
    """GDAL marks the last of four 8-bit bands as alpha by itself."""
    path = write(tmp_path / 'a.tif', rgba())
    with rasterio.open(path, 'r+') as file:
        assert file.colorinterp[3] == ColorInterp.alpha
        file.descriptions = ('blue', 'green', 'red', 'nir')
    source = open_scene(path, ('nir', 'red'))
    pixels, valid = source.read_all()
    np.testing.assert_array_equal(pixels, rgba()[..., [3, 2]])
    assert valid is None
