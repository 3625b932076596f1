"""Finds the parts of a method's room by the method's name."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from mmrs.errors import InputError

ROOMS = Path(__file__).parents[1] / 'models'


def import_from_room(method: str, name: str) -> ModuleType:
    """Import a module of a method's room, the folder ``mmrs/models/ROOM``.

    Args:
        method: The room's name, alone or before a dash: `rsprompter` and
            `rsprompter-query` are both of the room `rsprompter`.
        name: The module, for example `converters`.

    Raises:
        InputError: There is no such room, or it has no such module.
    """
    room = method.partition('-')[0]
    rooms = sorted(path.parent.name for path in ROOMS.glob(f'*/{name}.py'))
    if room not in rooms:
        raise InputError(
            f'method {method}: no folder {room} in mmrs/models with '
            f'{name}.py; those with one: {", ".join(rooms)}'
        )
    return import_module(f'mmrs.models.{room}.{name}')
