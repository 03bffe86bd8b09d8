"""What reads what in a traced network: what is behind a layer, before it, and leads past it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from fanin.frameworks._trace import LayerTrace
from fanin.show.results import Result

SUMS = frozenset({"add", "subtract", "average"})
"""Kinds of layers that hand on all that they get, added up."""

JOINS = SUMS | {"function", "multiply", "maximum", "minimum", "dot"}
"""Kinds of layers that mix signals, so that what comes out is of no single layer's size."""


@dataclass(frozen=True, repr=False)
class Flow(Result):
    """What each layer of a trace reads, layers by their places.

    Parameters
    ----------
    reads : tuple of tuple of int
        Places of the layers that each one reads; of input number k that is ``-1 - k``.
    told : bool
        Whether the framework says so; else each reads the one before, as far as anybody sees.
    outputs : tuple of int
        Places of the layers that make the outputs; empty where it is the last layer alone.
    """

    reads: tuple[tuple[int, ...], ...]
    told: bool
    outputs: tuple[int, ...] = ()

    def _says(self) -> str:
        return f"{len(self.reads)} layers, {'as they say' if self.told else 'one after the other'}"

    @classmethod
    def of(cls, layers: Sequence[LayerTrace], outputs: Sequence[int] = ()) -> "Flow":
        """Return what the layers of a trace say, of which some make outputs."""
        told = all(layer.reads is not None for layer in layers)
        reads = [layer.reads if told else None for layer in layers]
        found = tuple((place - 1,) if r is None else r for place, r in enumerate(reads))
        return cls(found, told, tuple(dict.fromkeys(outputs)))

    @property
    def ends(self) -> tuple[int, ...]:
        """The places of the layers that make the outputs."""
        return self.outputs or (len(self.reads) - 1,)

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """For each layer the places of those that read it."""
        found: list[list[int]] = [[] for _ in self.reads]
        for place, reads in enumerate(self.reads):
            for read in {read for read in reads if read >= 0}:
                found[read].append(place)
        return tuple(map(tuple, found))

    @cached_property
    def _upto(self) -> tuple[int, ...]:
        """For each layer itself and all that lead to it, a bit for each place."""
        found: list[int] = []
        for place, reads in enumerate(self.reads):
            bits = 1 << place
            for read in reads:
                bits |= found[read] if read >= 0 else 0
            found.append(bits)
        return tuple(found)

    def leads(self, one: int, other: int) -> bool:
        """Whether a signal goes from one layer to another, or they are one.

        The data, which are before all layers, have places below zero.
        """
        return one < 0 or (other >= 0 and bool(self._upto[other] >> one & 1))

    def apart(self, end: int) -> Iterator[tuple[int, frozenset[int]]]:
        """Go through what a layer reads: the place, and all that leads to this alone of it."""
        reads = self.reads[end]
        for number, read in enumerate(reads):
            if read < 0:
                continue
            others = 0
            for place in (*reads[:number], *reads[number + 1 :]):
                others |= self._upto[place] if place >= 0 else 0
            yield read, _places(self._upto[read] & ~others)

    def goes_past(self, end: int, read: int, members: Collection[int]) -> bool:
        """Whether another of what `end` reads goes past `members`.

        It is a value that one of these gets, or both are made of one.
        """
        got = {r for place in members for r in self.reads[place]} - set(members)
        others = [place for place in self.reads[end] if place != read]
        common = self._upto[read]
        return any(o in got or (o >= 0 and self._upto[o] & common) for o in others)

    def ways(self) -> list[list[int]]:
        """Return ways from the inputs to the outputs, and to what is joined; longest first.

        Each has no layers that one before it has: those of a tower beside the longest way, say.
        """
        lengths: list[int] = []
        for reads in self.reads:
            lengths.append(1 + max((lengths[read] for read in reads if read >= 0), default=0))

        def way(end: int) -> list[int]:
            found = []
            while end >= 0:
                found.append(end)
                end = max(self.reads[end], key=lambda r: lengths[r] if r >= 0 else 0)
            return found[::-1]

        last = sorted((end for end in self.ends if end >= 0), key=lambda end: -lengths[end])
        joined = {read for reads in self.reads if len(reads) > 1 for read in reads if read >= 0}
        rest = joined - set(last)
        ends = [*last, *sorted(rest, key=lambda place: (-lengths[place], place))]
        covered: set[int] = set()
        ways = []
        for end in ends:
            own = [place for place in way(end) if place not in covered]
            covered.update(own)
            if own:
                ways.append(own)
        return ways


def _places(bits: int) -> frozenset[int]:
    return frozenset(place for place in range(bits.bit_length()) if bits >> place & 1)
