"""What others do to a thread's mode of arithmetic changes no bit of what the core computes.

Whatever is linked with ``-ffast-math`` makes threads take subnormal numbers for zeros; C programs
choose how sums are rounded. Threads inherit both from those that start them.
"""

import json
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
import hashlib
import json
import sys

import fanin
import numpy as np
from fanin import layers

libm = ctypes.CDLL("libm.so.6")
environment = (ctypes.c_uint32 * 32)()
MXCSR = 7  # behind 28 bytes about the x87


def mode():
    libm.fegetenv(environment)
    return environment[MXCSR] & 0xE040


def change(bits):
    libm.fegetenv(environment)
    environment[MXCSR] |= bits
    libm.fesetenv(environment)


# Of inputs and weights below the least normal number products and gradients are so, too.
x = np.random.default_rng(0).normal(size=(600, 300)).astype("float32")
x[::3] *= np.float32(1e-39)
y = x[:, :2].copy()
model = fanin.Sequential(
    [layers.Dense(200, "tanh", input_dim=300), layers.BatchNormalization(), layers.Dense(2)], rng=0
)
model.compile(fanin.optimizers.SGD(0.01), "mse")
small = fanin.Sequential([layers.Dense(100, use_bias=False, input_dim=300)], rng=1)
small.set_weights([weights * np.float32(1e-40) for weights in small.get_weights()])
orthogonal = fanin.initializers.Orthogonal(seed=1)
change(int(sys.argv[1], 0))
before = mode()
digests = []
for threads in (2, 1):
    model.fit(x, y, 300, 2, verbose=0, threads=threads)
    outputs = small.predict(x, threads=threads, verbose=0)
    for array in (model.params, outputs, orthogonal((300, 200))):
        digests.append(hashlib.sha256(array.tobytes()).hexdigest())
after = mode()
print(json.dumps({"digests": digests, "before": before, "after": after}))
"""


def run(bits):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, hex(bits)],
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def usual():
    if platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc":
        pytest.skip("the mode is set by glibc's name for a register of x86-64")
    return run(0)


@pytest.mark.parametrize(
    "bits", [0x8000, 0x0040, 0x8040, 0x2000, 0x4000, 0xE040], ids=lambda bits: f"{bits:04x}"
)
def test_modes_of_others_change_no_bit(bits, usual):
    found = run(bits)
    assert found["digests"] == usual["digests"]
    assert usual["before"] == 0
    assert found["before"] == found["after"] == bits, "who set a mode finds it again"
