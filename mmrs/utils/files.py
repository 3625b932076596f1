"""Image files in folders, and text files that list them."""

import os
from collections.abc import Iterable
from pathlib import Path

IMAGE_EXTENSIONS = (
    '.jpg',
    '.jpeg',
    '.png',
    '.bmp',
    '.webp',
    '.tif',
    '.tiff',
    '.jp2',
)


def is_image(name: str | Path) -> bool:
    """Whether a file has the extension of an image, in any case."""
    return Path(name).suffix.lower() in IMAGE_EXTENSIONS


def list_files(root: Path, folders: Iterable[str]) -> set[str]:
    """Paths relative to `root` of all files in its `folders`."""
    return {
        os.path.join(folder, name)
        for folder in folders
        if (root / folder).is_dir()
        for name in os.listdir(root / folder)
    }


def read_lines(path: str | Path) -> list[str]:
    """Lines of a text file from any system, without blank ones."""
    lines = Path(path).read_text('utf-8-sig').splitlines()
    return [line.strip() for line in lines if line.strip()]


def find_images(root: Path, names: list[str]) -> dict[str, str]:
    """Find the files that a list names, in whatever format they are.

    Where there is no file of that very name, one is taken that differs only
    in the extension: a list that says ``.tif`` serves a copy in JPEG. Each
    folder is listed once.

    Args:
        root: The folder that the names begin in.
        names: Paths relative to it, as the list says.

    Returns:
        The path relative to `root` for each name whose file is there.
    """
    present = list_files(root, {os.path.dirname(name) for name in names})
    by_stem = {
        os.path.splitext(path)[0]: path
        for path in sorted(present, reverse=True)
        if is_image(path)
    }
    found = {}
    for name in names:
        if name in present:
            found[name] = name
        elif is_image(name) and os.path.splitext(name)[0] in by_stem:
            found[name] = by_stem[os.path.splitext(name)[0]]
    return found


def list_class_folders(root: Path) -> dict[str, list[str]]:
    """List the folders of `root` that hold images, and their image files.

    Returns:
        Sorted file names by folder name, the folders sorted too.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    files = {
        folder.name: sorted(filter(is_image, os.listdir(folder)))
        for folder in folders
    }
    return {folder: names for folder, names in files.items() if names}
