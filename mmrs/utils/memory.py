"""How the process gets memory of the system."""

import ctypes
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h


def share_heap() -> None:
    """Let all threads take memory from one heap.

    glibc gives each thread a heap in pieces of 64 MB, in which large tensors
    leave gaps that no other thread can use: the memory that a process takes
    grows with what its threads happen to do at the same time. One heap has no
    pieces. To be called before PyTorch computes in threads: heaps that exist
    stay in use, see ``man mallopt``. Other C libraries are left as they are.
    """
    if not sys.platform.startswith('linux'):
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
