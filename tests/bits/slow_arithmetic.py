"""The arithmetic of docs/bits.md in plain Python, number by number, without NumPy."""

import hashlib
import math
import struct
from functools import reduce


class Element:
    """An element type: called with a number, it rounds it."""

    def __init__(self, name, code, precision, least, *, shift, limits, ln2, terms):
        self.name, self.code, self.precision = name, code, precision
        self.last = least - precision + 1  # the exponent of the last bit of the smallest number
        self.least_normal = math.ldexp(1.0, least)
        self.largest = math.ldexp(2.0 - math.ldexp(1.0, 1 - precision), 1 - least)
        self.shift, (self.low, self.high) = shift, limits
        self.ln2_high, self.ln2_low = map(self, ln2)
        # Divided in float64, then rounded.
        self.exp_terms = [self(1 / math.factorial(n)) for n in range(1, terms[0] + 1)]
        self.ln_terms = [self(1 / n) for n in range(1, 2 * terms[1], 2)]

    def __call__(self, x):
        """Round a float64. An operation on two numbers of this type is right in float64 first."""
        try:
            return struct.unpack(self.code, struct.pack(self.code, x))[0]
        except OverflowError:
            return math.copysign(math.inf, x)

    def nearest(self, n, d):
        """Round n / d, for whole numbers n other than 0 and d above 0."""
        size, exponent = abs(n), abs(n).bit_length() - d.bit_length()
        below = size << max(-exponent, 0) < d << max(exponent, 0)
        unit = max(exponent - below - self.precision + 1, self.last)
        # n / d in units of the last bit: the whole number, and what is left.
        whole, rest = divmod(size << max(-unit, 0), d << max(unit, 0))
        middle = 2 * rest - (d << max(unit, 0))
        whole += middle > 0 or (middle == 0 and whole % 2)
        found = math.ldexp(whole, unit)
        return math.copysign(found if found <= self.largest else math.inf, n)

    def fma(self, a, b, c):
        """Return a·b + c, rounded once."""
        if not all(map(math.isfinite, (a, b, c))):
            return a * b + c
        (na, da), (nb, db), (nc, dc) = map(float.as_integer_ratio, (a, b, c))
        n, d = na * nb * dc + nc * da * db, da * db * dc
        return self.nearest(n, d) if n else a * b + c

    def sum(self, terms):
        """Add one term after the other."""
        return reduce(lambda total, term: self(total + term), terms, 0.0)

    def poly(self, x, coefficients):
        """Horner's rule."""
        total = coefficients[-1]
        for c in coefficients[-2::-1]:
            total = self(self(total * x) + c)
        return total

    def flush(self, x):
        """Return 0 for what is subnormal."""
        return 0.0 if abs(x) < self.least_normal else x

    # The elementary functions.

    def _split(self, x):
        t = self(self(x * self(1.4426950408889634)) + self.shift)
        k = t - self.shift
        r = self(self(x - self(k * self.ln2_high)) - self(k * self.ln2_low))
        return int(k), r

    def exp(self, x):
        k, r = self._split(least(greatest(x, self.low), self.high))
        half = k // 2
        found = self(1 + self(r * self.poly(r, self.exp_terms)))
        return self(self(found * 2.0**half) * 2.0 ** (k - half))

    def exp_m1(self, x):
        k, r = self._split(greatest(x, self.low / 2))
        scale = 2.0**k
        return self(self(scale * self(r * self.poly(r, self.exp_terms))) + self(scale - 1))

    def ln(self, x):
        m, k = math.frexp(x)
        if m < self(math.sqrt(0.5)):
            m, k = m + m, k - 1
        s = self(self(m - 1) / self(m + 1))
        series = self(self(s + s) * self.poly(self(s * s), self.ln_terms))
        return self(self(k * self.ln2_high) + self(series + self(k * self.ln2_low)))

    def tanh(self, x):
        e = self.exp_m1(least(greatest(self(x + x), -40.0), 40.0))
        return self(e / self(e + 2))


def greatest(x, low):
    """Return the larger; NaN if x is."""
    return low if x < low else x


def least(x, high):
    """Return the smaller; NaN if x is."""
    return high if x > high else x


FLOAT32 = Element(
    *("float32", "<f", 24, -126),
    shift=1.5 * 2.0**23,
    limits=(-104.0, 89.0),
    ln2=(6.9314575195e-1, 1.4286067653e-6),
    terms=(7, 5),
)
FLOAT64 = Element(
    *("float64", "<d", 53, -1022),
    shift=1.5 * 2.0**52,
    limits=(-746.0, 710.0),
    ln2=(6.93147180369123816490e-1, 1.90821492927058770002e-10),
    terms=(13, 10),
)


def power(x, n):
    """Return the float64 nearest to x to a whole power."""
    numerator, denominator = x.as_integer_ratio()
    return FLOAT64.nearest(numerator**n, denominator**n) if x else float(n == 0)


# The words of stream v1, of which shuffles and masks are made.


def words(seed, path, start, count):
    """Return `count` words from number `start` on."""
    digest = hashlib.sha256(f"fanin stream v1\0{seed}\0{path}".encode()).digest()
    h0, h1, h2, h3 = struct.unpack("<4I", digest[:16])
    found, blocks = [], {}
    for j in range(start, start + count):
        block = 16 * (j // 64) + j % 16
        if block not in blocks:
            counter = [block % 2**32, block // 2**32 % 2**32, h2, h3]
            blocks[block] = _philox(counter, h0, h1)
        found.append(blocks[block][j % 64 // 16])
    return found


def _philox(c, k0, k1):
    for _ in range(10):
        p0, p1 = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 % 2**32, (p0 >> 32) ^ c[3] ^ k1, p0 % 2**32]
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c


def shuffle(seed, path, n):
    """Return 0 … n − 1 in a random order."""
    order, position = list(range(n)), 0
    for m in range(n, 1, -1):
        while True:
            (word,) = words(seed, path, position, 1)
            position += 1
            if word * m % 2**32 >= 2**32 % m:
                break
        place = word * m >> 32
        order[m - 1], order[place] = order[place], order[m - 1]
    return order
