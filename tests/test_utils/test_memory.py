import platform
import subprocess
import sys

import pytest

ALLOCATE_IN_A_THREAD = """
import ctypes, threading
from mmrs.utils.memory import share_heap
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fflush.argtypes = [ctypes.c_void_p]
if {share}:
    share_heap()
thread = threading.Thread(target=lambda: bytearray(100_000))
thread.start()
thread.join()
file = libc.fdopen(1, b'w')
libc.malloc_info(0, file)
libc.fflush(file)
"""


def count_heaps(share: bool) -> int:
    code = ALLOCATE_IN_A_THREAD.format(share=share)
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.count('<heap nr=')


@pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='glibc has heaps of threads'
)
def test_thread_has_no_heap_of_its_own():
    assert count_heaps(share=False) == 2
    assert count_heaps(share=True) == 1
