import pytest

from mmrs.errors import InputError
from mmrs.utils.rooms import ROOMS, import_from_room


def test_room_of_a_variant():
    assert (ROOMS / 'rsprompter' / 'converters.py').is_file()
    module = import_from_room('rsprompter-query', 'converters')
    assert module.__name__ == 'mmrs.models.rsprompter.converters'
    assert import_from_room('rsprompter', 'converters') is module


def test_unknown_method_names_the_known_rooms():
    with pytest.raises(
        InputError, match='method rsprompt: no folder rsprompt .*rsprompter'
    ):
        import_from_room('rsprompt', 'converters')
