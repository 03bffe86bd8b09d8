"""Trainings as docs/bits.md says, in plain Python: batches and rows are lists."""

import math

from slow_arithmetic import greatest, power, shuffle, words

BLOCK, STRIPE, NORM_STRIPE, LANES = 512, 32, 64, 16


def transpose(rows):
    """Return columns as rows."""
    return [list(column) for column in zip(*rows, strict=True)]


def parts(rows, size):
    """Cut into parts of so many, the last as short as it comes."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class Rows:
    """How a network computes on rows: products in blocks, sums over the batch in stripes."""

    def __init__(self, element):
        self.F = element

    def product(self, a, b):
        """A·B: chains of fused multiply-adds over blocks of 512, whose sums are added in order."""
        columns = transpose(b)
        return [[self._chain(row, column) for column in columns] for row in a]

    def _chain(self, row, column):
        total = None
        for some, others in zip(parts(row, BLOCK), parts(column, BLOCK), strict=True):
            s = 0.0
            for x, y in zip(some, others, strict=True):
                s = self.F.fma(x, y, s)
            total = s if total is None else self.F(total + s)
        return total

    def product_of_batch(self, xt, dz):
        """xᵀ·dz: the terms are those of samples."""
        return self.product(xt, dz)

    def column_sum(self, column):
        """Sum over the batch: stripes of 32, whose sums are added in order."""
        return self.F.sum(map(self.F.sum, parts(column, STRIPE)))

    def moments(self, column):
        """Mean of x − pivot, and variance."""
        F, n = self.F, len(column)
        pivot, stripes = column[0], []
        for part in parts(column, NORM_STRIPE):
            c = len(part)
            mean = F(F.sum(F(x - pivot) for x in part) * F(1 / c))
            centred = [F(F(x - pivot) - mean) for x in part]
            stripes.append((c, mean, F.sum(F(x * x) for x in centred)))
        mean = F.sum(F(F(c / n) * m) for c, m, _ in stripes)
        spreads = []
        for c, m, squares in stripes:
            off = F(m - mean)
            spreads.append(F(F(squares + F(F(c * off) * off)) / n))
        return mean, F.sum(spreads)

    def tilted_sum(self, dy, centred, inverse):
        """dgamma."""
        F = self.F
        products = [F(a * b) for a, b in zip(dy, centred, strict=True)]
        return F.sum(F(F.sum(part) * inverse) for part in parts(products, NORM_STRIPE))

    def plain_sum(self, dy):
        """dbeta."""
        return self.F.sum(map(self.F.sum, parts(dy, NORM_STRIPE)))


class Columns(Rows):
    """How a narrow network computes: products with two roundings, sums over the batch in lanes."""

    def product(self, a, b):
        return [[self.F.sum(self._products(x, y)) for y in transpose(b)] for x in a]

    def product_of_batch(self, xt, dz):
        return [[self._lanes(self._products(x, y)) for y in transpose(dz)] for x in xt]

    def _products(self, a, b):
        return [self.F(x * y) for x, y in zip(a, b, strict=True)]

    def _lanes(self, terms):
        F, lane = self.F, [0.0] * LANES
        for i, term in enumerate(terms):
            lane[i % LANES] = F(lane[i % LANES] + term)
        eight = [F(lane[i] + lane[i + 8]) for i in range(8)]
        four = [F(eight[i] + eight[i + 4]) for i in range(4)]
        return F(F(four[0] + four[2]) + F(four[1] + four[3]))

    def column_sum(self, column):
        return self._lanes(column)

    def moments(self, column):
        F, n, pivot = self.F, len(column), column[0]
        mean = F(self._lanes([F(x - pivot) for x in column]) / n)
        centred = [F(F(x - pivot) - mean) for x in column]
        return mean, F(self._lanes([F(x * x) for x in centred]) / n)

    def tilted_sum(self, dy, centred, inverse):
        return self.F(self._lanes(self._products(dy, centred)) * inverse)

    def plain_sum(self, dy):
        return self._lanes(dy)


# Activations: value, and slope from the output.


def _tanh_slope(F, y):
    return F(1 - F(y * y))


ACTIVATIONS = {
    "relu": (lambda F, z: greatest(z, 0.0), lambda F, y: 1.0 if y > 0 else 0.0),
    "tanh": (lambda F, z: F.tanh(z), _tanh_slope),
}


# Layers: `forward(x, step)`, `backward(dy)`, and their parameters with gradients as (list, list).


class Dense:
    """φ(x·W + b)."""

    def __init__(self, ways, kernel, bias, activation=None, is_first=False):
        self.ways, self.kernel, self.bias = ways, kernel, bias
        self.activation, self.is_first = ACTIVATIONS.get(activation), is_first

    def forward(self, x, step):
        F = self.ways.F
        z = self.ways.product(x, self.kernel)
        y = [[F(z + b) for z, b in zip(row, self.bias, strict=True)] for row in z]
        if self.activation:
            y = [[self.activation[0](F, z) for z in row] for row in y]
        self.x, self.y = x, y
        return y

    def backward(self, dy):
        F = self.ways.F
        if self.activation:
            slope = self.activation[1]
            pairs = [zip(*rows, strict=True) for rows in zip(dy, self.y, strict=True)]
            dy = [[F(d * slope(F, y)) for d, y in row] for row in pairs]
        self.dkernel = self.ways.product_of_batch(transpose(self.x), dy)
        self.dbias = [self.ways.column_sum(column) for column in transpose(dy)]
        return None if self.is_first else self.ways.product(dy, transpose(self.kernel))

    def parameters(self):
        rows = list(zip(self.kernel, getattr(self, "dkernel", self.kernel), strict=True))
        return [*rows, (self.bias, getattr(self, "dbias", self.bias))]


class BatchNormalization:
    """γ x̂ + β."""

    def __init__(self, ways, width, momentum, epsilon):
        self.ways, self.epsilon = ways, ways.F(epsilon)
        self.keep, self.take = ways.F(momentum), ways.F(1 - momentum)
        self.gamma, self.beta = [1.0] * width, [0.0] * width
        self.running_mean, self.running_variance = [0.0] * width, [1.0] * width

    def forward(self, x, step):
        F, columns = self.ways.F, []
        self.columns = []
        for j, column in enumerate(transpose(x)):
            mean, variance = self.ways.moments(column)
            inverse = F(1 / F(math.sqrt(F(variance + self.epsilon))))
            scale = F(inverse * self.gamma[j])
            shift = F(-F(mean * scale) + self.beta[j])
            columns.append([F(F(F(v - column[0]) * scale) + shift) for v in column])
            centred = [F(F(v - column[0]) - mean) for v in column]
            self.columns.append((centred, inverse, scale))
            self._move(self.running_mean, j, F(column[0] + mean))
            self._move(self.running_variance, j, variance)
        return transpose(columns)

    def _move(self, running, j, value):
        F = self.ways.F
        running[j] = F(F(self.keep * running[j]) + F(self.take * value))

    def backward(self, dy):
        F, n, columns = self.ways.F, len(dy), []
        self.dgamma, self.dbeta = [], []
        for dy_j, (centred, inverse, scale) in zip(transpose(dy), self.columns, strict=True):
            dbeta = self.ways.plain_sum(dy_j)
            dgamma = self.ways.tilted_sum(dy_j, centred, inverse)
            offset, tilt = F(dbeta / n), F(F(dgamma * inverse) / n)
            pairs = zip(dy_j, centred, strict=True)
            columns.append([F(scale * F(F(d - offset) - F(c * tilt))) for d, c in pairs])
            self.dgamma.append(dgamma)
            self.dbeta.append(dbeta)
        return transpose(columns)

    def parameters(self):
        return [
            (self.gamma, getattr(self, "dgamma", self.gamma)),
            (self.beta, getattr(self, "dbeta", self.beta)),
        ]

    def state(self):
        return self.running_mean + self.running_variance


class Dropout:
    """x·mask."""

    def __init__(self, ways, rate, seed, path):
        self.F, self.seed, self.path = ways.F, seed, path
        self.scale, self.threshold = ways.F(1 / (1 - rate)), math.floor(rate * 2**32)

    def forward(self, x, step):
        width = len(x[0])
        drawn = words(self.seed, self.path, step * 2**38, len(x) * width)
        self.mask = parts([self.scale if w >= self.threshold else 0.0 for w in drawn], width)
        return self._masked(x)

    def _masked(self, rows):
        return [
            [self.F(v * m) for v, m in zip(row, mask, strict=True)]
            for row, mask in zip(rows, self.mask, strict=True)
        ]

    def backward(self, dy):
        return self._masked(dy)

    def parameters(self):
        return []


# Losses of a row: its value and gradient.


def mean_squared_error(F, y, t):
    """Mean of (y − t)²."""
    errors = [F(a - b) for a, b in zip(y, t, strict=True)]
    return F(F.sum(F(e * e) for e in errors) / len(y)), [F(F(e + e) / len(y)) for e in errors]


def softmax_crossentropy(F, z, label):
    """Softmax and cross-entropy in one, against a class."""
    m, total, aligned = max(z), 0.0, 0.0
    z = [F(a - m) for a in z]
    t = [1.0 if j == label else 0.0 for j in range(len(z))]
    for a, b in zip(z, t, strict=True):
        total = F(total + b)
        aligned = F(aligned + (F(b * a) if b else 0.0))
    e = [F.exp(a) for a in z]
    whole = F.sum(e)
    scale = F(total / whole)
    gradient = [F(F(a * scale) - b) for a, b in zip(e, t, strict=True)]
    return F(-aligned + F(total * F.ln(whole))), gradient


# Optimizers: `update(t, w, g, slots)` of one element, which returns it.


class Momentum:
    """SGD with momentum."""

    slots = 1

    def __init__(self, element, rate, momentum):
        self.F, self.rate, self.momentum = element, element(rate), element(momentum)

    def constants(self, t):
        return None

    def update(self, constants, w, g, slots):
        F = self.F
        slots[0] = F.flush(F(F(self.momentum * slots[0]) - F(self.rate * g)))
        return F(w + slots[0])


class Adam:
    """Adam."""

    slots = 2

    def __init__(self, element, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.F, self.rate, self.beta_1, self.beta_2 = element, rate, beta_1, beta_2
        self.epsilon = element(epsilon)
        self.averages = [(element(b), element(1 - b)) for b in (beta_1, beta_2)]

    def constants(self, t):
        """Alpha of a step."""
        bias = math.sqrt(1 - power(self.beta_2, t)) / (1 - power(self.beta_1, t))
        return self.F(self.rate * bias)

    def update(self, alpha, w, g, slots):
        F, ((b1, r1), (b2, r2)) = self.F, self.averages
        slots[0] = F.flush(F(F(b1 * slots[0]) + F(r1 * g)))
        slots[1] = F.flush(F(F(b2 * slots[1]) + F(F(r2 * g) * g)))
        return F(w - F(F(alpha * slots[0]) / F(F(math.sqrt(slots[1])) + self.epsilon)))


def train(F, layers, loss, optimizer, x, y, *, seed, epochs, batch_size):
    """Train; return the losses of the epochs. The layers' lists change in place."""
    losses, step, slots = [], 0, None
    for epoch in range(epochs):
        order, total = shuffle(seed, f"shuffle/{epoch}", len(x)), 0.0
        for batch in parts(order, batch_size):
            outputs = [x[i] for i in batch]
            for layer in layers:
                outputs = layer.forward(outputs, step)
            found = [loss(F, row, y[i]) for row, i in zip(outputs, batch, strict=True)]
            of_batch = 0.0
            for value, _ in found:
                of_batch += value
            total += of_batch
            factor = F(1 / len(batch))
            dy = [[F.flush(F(g * factor)) for g in gradient] for _, gradient in found]
            for layer in reversed(layers):
                dy = layer.backward(dy)
            step += 1
            constants = optimizer.constants(step)
            flat = [pair for layer in layers for pair in layer.parameters()]
            if slots is None:
                slots = [[[0.0] * optimizer.slots for _ in w] for w, _ in flat]
            for (w, g), of_list in zip(flat, slots, strict=True):
                for j in range(len(w)):
                    w[j] = optimizer.update(constants, w[j], g[j], of_list[j])
        losses.append(total / len(x))
    return losses


def parameters(layers):
    """Return the flat parameters."""
    return [number for layer in layers for w, _ in layer.parameters() for number in w]
