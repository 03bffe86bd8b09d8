"""Print the table of `fanin.theory.quadrature`: nodes of Gauss's rule of order 10 and between them.

    pip install mpmath; python scripts/quadrature_nodes.py

A line is (node, weight of the rule of all nodes, weight of Gauss's rule), for the nodes from 0 on.
"""

from itertools import pairwise

from mpmath import acos, cos, legendre, lu_solve, matrix, mp, mpf, pi

ORDER = 10


def gauss(order: int) -> dict[mpf, mpf]:
    """Return the weight of each node of Gauss's rule."""
    found = {}
    for i in range(order):
        x = cos(pi * (i + mpf(3) / 4) / (order + mpf(1) / 2))
        for _ in range(12):  # Newton's steps, of which each doubles the digits
            p, before = legendre(order, x), legendre(order - 1, x)
            slope = order * (x * p - before) / (x * x - 1)
            x -= p / slope
        found[x] = 2 / ((1 - x * x) * slope * slope)
    return found


def main() -> None:
    """Print the table."""
    mp.dps = 60
    coarse = gauss(ORDER)
    angles = [pi, *(acos(x) for x in sorted(coarse)), mpf(0)]
    between = [cos((a + b) / 2) for a, b in pairwise(angles)]
    nodes = sorted([*coarse, *between])
    # Weights that integrate each Legendre polynomial exactly: 2 for the first, 0 for the others.
    values, integrals = matrix(len(nodes)), matrix(len(nodes), 1)
    integrals[0] = 2
    for k in range(len(nodes)):
        for j, x in enumerate(nodes):
            values[k, j] = legendre(k, x)
    fine = lu_solve(values, integrals)
    for x, weight in list(zip(nodes, fine, strict=True))[len(nodes) // 2 :]:
        numbers = (x if abs(x) > 1e-50 else 0, weight, coarse.get(x, 0))
        print(f"    ({', '.join(repr(float(number)) for number in numbers)}),")


if __name__ == "__main__":
    main()
