"""Lists of numbered words, shuffled, numbered and cut as Keras does it."""

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from fanin import _checks
from fanin.datasets import _housing, _published

Part: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
Texts: TypeAlias = list[list[int]]


class Numbering(NamedTuple):
    """How words become numbers: Keras's arguments."""

    num_words: int | None
    skip_top: int
    maxlen: int | None
    seed: int
    start_char: int | None
    oov_char: int | None
    index_from: int

    def check(self) -> None:
        """Refuse what cannot be, before any file is looked for."""
        for name in ("num_words", "maxlen"):
            if getattr(self, name) is not None:
                _checks.count(name, getattr(self, name), minimum=1)
        for name in ("skip_top", "index_from"):
            _checks.count(name, getattr(self, name), minimum=0)
        for name in ("start_char", "oov_char"):
            if getattr(self, name) is not None:
                _checks.count(name, getattr(self, name), minimum=0)
        _housing.check_seed(self.seed)

    def random(self) -> np.random.RandomState:
        """Return what shuffles, one part after the other."""
        return np.random.RandomState(self.seed)

    def shuffle(
        self, random: np.random.RandomState, texts: NDArray[Any], labels: NDArray[Any]
    ) -> tuple[Texts, NDArray[Any]]:
        """Return both in one other order, the words counted from `index_from`; long ones go."""
        order = np.arange(len(texts))
        random.shuffle(order)
        start = [] if self.start_char is None else [self.start_char]
        numbered = [start + [word + self.index_from for word in texts[i]] for i in order]
        labels = labels[order]
        if self.maxlen is None:
            return numbered, labels
        kept = [i for i, text in enumerate(numbered) if len(text) < self.maxlen]
        if not kept:
            raise ValueError(
                f"maxlen: expected more than the length of the shortest text, found {self.maxlen}"
            )
        return [numbered[i] for i in kept], labels[kept]

    def limit(self, texts: Texts) -> Texts:
        """Replace rare words, and the most frequent ones, by `oov_char`; without it they go."""
        end = self.num_words or max(map(max, texts))
        out = self.oov_char
        if out is None:
            return [[word for word in text if self.skip_top <= word < end] for text in texts]
        return [[w if self.skip_top <= w < end else out for w in text] for text in texts]


def part(texts: Texts, labels: Iterable[Any]) -> Part:
    """Return a part of a data set, texts as an array of lists."""
    lists = np.empty(len(texts), object)
    lists[:] = cast("Sequence[Any]", texts)
    return lists, np.array(labels)


def read_index(file: _published.File, path: str | os.PathLike[str]) -> dict[str, int]:
    """Read the numbers of words."""
    text = _published.obtain(file, path).read_text(encoding="utf-8")
    return cast("dict[str, int]", json.loads(text))
