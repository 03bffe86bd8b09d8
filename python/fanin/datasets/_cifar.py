"""The archives of CIFAR-10 and CIFAR-100."""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.datasets import _pickles

Part: TypeAlias = tuple[NDArray[np.uint8], NDArray[Any]]


def read(archive: Path, names: Sequence[str], labels: str) -> Part:
    """Read batches from the archive, which need not be unpacked.

    Parameters
    ----------
    archive : Path
        The ``.tar.gz`` file.
    names : sequence of str
        The batches.
    labels : str
        Which labels.

    Returns
    -------
    pictures : ndarray of shape (n, 32, 32, 3), dtype uint8
    labels : ndarray of shape (n, 1), dtype int64
    """
    batches = {}
    with tarfile.open(archive, "r:gz") as files:
        for member in files:  # in the order of the file: it is decompressed once
            name = member.name.rpartition("/")[2]
            stream = files.extractfile(member) if name in names else None
            if stream is not None:
                batches[name] = _pickles.load(stream)  # type: ignore[arg-type]
    pictures = np.concatenate([batches[name][b"data"] for name in names])
    numbers = np.concatenate([batches[name][labels.encode()] for name in names])
    channels_last = pictures.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.array(channels_last, np.uint8, order="C"), numbers.astype(np.int64).reshape(-1, 1)
