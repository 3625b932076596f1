"""Finds the parts of a method's room by the method's name."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from mmrs.utils.errors import InputError

ROOMS = Path(__file__).parents[1] / 'models'


def import_from_room(method: str, name: str) -> ModuleType:
    """Import a module of a method's room.

    A room is the folder ``mmrs/models/ROOM``, or, where several methods share
    a room, ``mmrs/models/SHARED/ROOM``.

    Args:
        method: The room's name, alone or before a dash: `rsprompter` and
            `rsprompter-query` are both of the room `rsprompter`.
        name: The module, for example `converters`.

    Raises:
        InputError: There is no such room, or it has no such module.
    """
    room = method.partition('-')[0]
    found = sorted(ROOMS.glob(f'**/{name}.py'), key=lambda p: p.parent.name)
    rooms = {path.parent.name: path.parent for path in found}
    if room not in rooms:
        raise InputError(
            f'method {method}: no folder {room} in mmrs/models with '
            f'{name}.py; those with one: {", ".join(rooms)}'
        )
    home = rooms[room].relative_to(ROOMS).parts
    return import_module('.'.join(['mmrs.models', *home, name]))
