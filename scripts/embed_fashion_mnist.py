"""Make the embedded part of Fashion-MNIST from the full set.

    python scripts/embed_fashion_mnist.py           # writes the file
    python scripts/embed_fashion_mnist.py --check   # compares it, writes nothing

The pictures are chosen by a rule without chance (of each class the first ones), so the content of
the file is reproducible anywhere. Its bytes are those of liblzma 5.4; another version may pack the
same content differently, which --check tells apart.
"""

import argparse
import lzma
import os
import sys

import numpy as np
from fanin.datasets.fashion_mnist import (
    EMBEDDED,
    EMBEDDED_SHAPE,
    TRAIN_PER_CLASS,
    Part,
    load_data,
)

# Found by trying. 4 bits of literal context are the pixel above, rounded to 16 levels: without any
# the file is 6 % larger. The dictionary covers the whole content and no more, because
# unpacking allocates it.
FILTER = {
    "id": lzma.FILTER_LZMA2,
    "preset": 9 | lzma.PRESET_EXTREME,
    "dict_size": 1 << 22,
    "lc": 4,
    "lp": 0,
    "pb": 2,
}


def content(train: Part, test: Part) -> bytes:
    """Choose the pictures and lay them out as (class, picture, column, row)."""
    pictures = np.empty(EMBEDDED_SHAPE, np.uint8)
    for label, of_class in enumerate(pictures):
        head, tail = np.split(of_class, [TRAIN_PER_CLASS])
        for out, (x, y) in ((head, train), (tail, test)):
            out[...] = x[y == label][: len(out)]
    return pictures.transpose(0, 1, 3, 2).tobytes()


def main() -> int:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(description="Make the embedded part of Fashion-MNIST.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check

    values = content(*load_data("full"))
    packed = lzma.compress(values, lzma.FORMAT_XZ, lzma.CHECK_CRC64, filters=[FILTER])
    if not check:
        new = EMBEDDED.with_suffix(".new")
        new.write_bytes(packed)
        os.replace(new, EMBEDDED)
        print(f"{EMBEDDED}: {len(packed)} bytes")
        return 0
    there = EMBEDDED.read_bytes()
    if there == packed:
        print("same bytes")
        return 0
    if lzma.decompress(there) == values:
        print("same content, packed by another version of liblzma")
        return 0
    print(f"{EMBEDDED} is not what this script makes", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
