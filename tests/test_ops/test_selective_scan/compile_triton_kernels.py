"""Compile all Triton kernels as the back-end launches them, without a GPU.

Triton is told of a device that is not there, and launches become compilations.

Usage: compile_triton_kernels.py CAPABILITY STATES, such as 90 16. Prints what
the machine code of each kernel has, as JSON.
"""

import json
import sys

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from mmrs.ops.selective_scan import Forward, Index, Reverse
from mmrs.ops.selective_scan import triton_backend as backend
from mmrs.ops.selective_scan.problem import Problem

CAPABILITY, STATES = (int(argument) for argument in sys.argv[1:])
LENGTH, CHANNELS = 256, 40
found = {'tile': backend.triton_scan.TILE.value}


class _Device:
    def get_current_target(self):
        return GPUTarget('cuda', CAPABILITY, 32)

    def get_current_device(self):
        return 0

    def get_current_stream(self, device=None):
        return 0


def compile_instead(kernel, grid):
    def launch(*args, **kwargs):
        ptx = kernel.warmup(*args, grid=grid, **kwargs).asm['ptx']
        found[kernel.__name__] = dict(
            shuffles=ptx.count('shfl.sync'),
            shared_loads=ptx.count('ld.shared'),
            wide_loads=ptx.count('ld.global.v4'),
        )

    return launch


driver.set_active(_Device())
JITFunction.__getitem__ = compile_instead

orders = (Forward(), Reverse(), Index(torch.randperm(LENGTH)))
u = torch.zeros(1, 3, LENGTH, CHANNELS, dtype=torch.bfloat16)
B = torch.zeros(1, 3, LENGTH, 1, STATES, dtype=torch.bfloat16)
A = torch.zeros(3, CHANNELS, STATES)
D = torch.zeros(3, CHANNELS)
problem = Problem(u, u, A, B, B, D, u[:, 0], D, orders, True)
y, _, saved = backend.forward(problem, True)
backend.backward(problem, saved, y)
weight = torch.zeros(CHANNELS, 4)
backend.conv_backward(
    u[:, 0],
    weight,
    weight[:, 0],
    orders,
    backend.conv_forward(u[:, 0], weight, weight[:, 0], orders),
)
print(json.dumps(found))
