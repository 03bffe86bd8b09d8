"""Random graphs of layers, and the same in plain NumPy: forward, and backward by the chain rule."""

import fanin
import numpy as np
from fanin import layers

JOINS = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]
CURVES = {
    "tanh": (np.tanh, lambda z, y: 1 - y**2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, y: y * (1 - y)),
    "relu": (lambda z: np.maximum(z, 0), lambda z, y: (z > 0) * 1.0),
    "linear": (lambda z: z, lambda z, y: np.ones_like(z)),
}


class RandomGraph:
    """A `fanin.Model` of random layers, calls of some of them again, and values read again."""

    def __init__(self, seed, dtype="float64", several=False):
        self.rng, self.dtype = np.random.default_rng(seed), dtype
        shapes = [(3,), (4,), (2, 3)][: self.rng.integers(1, 4)]
        self.inputs = [fanin.Input(shape, dtype=dtype) for shape in shapes]
        self.values = list(self.inputs)
        self.calls = []
        """What makes each further value: a layer, and the numbers of what it reads."""
        self.unread = set(range(len(self.values)))
        for _ in range(self.rng.integers(3, 12)):
            self.step()
        self.finish()
        self.ends = [len(self.values) - 1]
        """The numbers of the outputs: the last value, and of several any others, inputs too."""
        if several:
            others = self.rng.integers(0, len(self.values), self.rng.integers(1, 4))
            self.ends = [int(n) for n in self.rng.permutation([*self.ends, *others])]
        ends = [self.values[number] for number in self.ends]
        self.model = fanin.Model(self.inputs, ends if several else ends[0], rng=int(seed))
        # Biases of 0 behind units that are off would put differences on the bend of a rectifier.
        self.model.params[...] += self.rng.normal(0, 0.3, self.model.params.shape)

    def made(self, layer, reads):
        given = [self.values[number] for number in reads]
        self.values.append(layer(given if len(given) > 1 else given[0]))
        self.calls.append((layer, reads))
        self.unread -= set(reads)
        self.unread.add(len(self.values) - 1)
        return len(self.values) - 1

    def one(self, axes=None):
        fits = [n for n, v in enumerate(self.values) if axes in (None, len(v.sample))]
        return None if not fits else int(self.rng.choice(fits))

    def step(self):
        """Add a random layer, or call one that is there."""
        choices = [
            "dense", "dense", "again", "again", "join", "join", "norm", "activation", "concatenate",
            "reshape", "permute", "repeat", "rescale", "dot",
        ]  # fmt: skip
        getattr(self, f"add_{self.rng.choice(choices)}")()

    def add_dense(self):
        act = str(self.rng.choice(list(CURVES)))
        bias = bool(self.rng.integers(2))
        layer = layers.Dense(int(self.rng.integers(2, 6)), act, bias, dtype=self.dtype)
        self.made(layer, (self.one(),))

    def add_again(self):
        """Call a layer with arrays once more, on a value of the shape that it had, or its last."""
        called = [(la, reads) for la, reads in self.calls if isinstance(la, layers.Dense)]
        if not called:
            return
        layer, reads = called[self.rng.integers(len(called))]
        width = self.values[reads[0]].sample[-1]
        fits = [n for n, v in enumerate(self.values) if v.sample[-1] == width]
        self.made(layer, (int(self.rng.choice(fits)),))

    def add_join(self):
        first = self.one()
        shape = self.values[first].sample
        fits = [n for n, v in enumerate(self.values) if v.sample == shape]
        kind = str(self.rng.choice(JOINS))
        count = 2 if kind == "Subtract" else int(self.rng.integers(2, 4))
        reads = tuple(int(n) for n in self.rng.choice(fits, count))
        self.made(getattr(layers, kind)(), (first, *reads[1:]))

    def add_norm(self):
        self.made(layers.BatchNormalization(epsilon=0.1, dtype=self.dtype), (self.one(),))

    def add_activation(self):
        self.made(layers.Activation(str(self.rng.choice(list(CURVES)))), (self.one(),))

    def add_concatenate(self):
        first = self.one()
        shape = self.values[first].sample
        axis = int(self.rng.integers(len(shape)))
        rest = (*shape[:axis], *shape[axis + 1 :])
        fits = [
            n
            for n, v in enumerate(self.values)
            if len(v.sample) == len(shape) and (*v.sample[:axis], *v.sample[axis + 1 :]) == rest
        ]
        other = int(self.rng.choice(fits))
        self.made(layers.Concatenate(axis + 1 if axis else axis - len(shape)), (first, other))

    def add_reshape(self):
        number = self.one()
        size = int(np.prod(self.values[number].sample))
        by = int(self.rng.choice([n for n in range(1, size + 1) if size % n == 0]))
        self.made(layers.Reshape((by, -1)), (number,))

    def add_permute(self):
        number = self.one(2)
        if number is not None:
            self.made(layers.Permute((2, 1)), (number,))

    def add_repeat(self):
        number = self.one(1)
        if number is not None:
            self.made(layers.RepeatVector(int(self.rng.integers(1, 4))), (number,))

    def add_rescale(self):
        scale, offset = self.rng.normal(size=2)
        self.made(layers.Rescaling(float(scale), float(offset)), (self.one(),))

    def add_dot(self):
        number = self.one(1)
        if number is None:
            return
        shape = self.values[number].sample
        fits = [n for n, v in enumerate(self.values) if v.sample == shape]
        self.made(layers.Dot(axes=1), (number, int(self.rng.choice(fits))))

    def finish(self):
        """Join what nothing reads, and end in two units."""
        flat = []
        for number in sorted(self.unread):
            alone = len(self.values[number].sample) == 1
            flat.append(number if alone else self.made(layers.Flatten(), (number,)))
        joined = self.made(layers.Concatenate(), tuple(flat)) if len(flat) > 1 else flat[0]
        self.made(layers.Dense(2, dtype=self.dtype), (joined,))

    def samples(self, count):
        return [self.rng.normal(size=(count, *v.sample)).astype(self.dtype) for v in self.inputs]

    def reference(self, x, dy, training):
        """Outputs, gradients of the inputs, and of the parameters by name; of several, lists."""
        values, gradients, of_parameters = self.traced(x, dy, training)
        outputs = [values[number] for number in self.ends]
        outputs = outputs if isinstance(dy, list) else outputs[0]
        return outputs, gradients[: len(x)], of_parameters

    def traced(self, x, dy, training):
        """All values, inputs first; the gradients of each; and of the parameters by name."""
        values, backs = [part.astype(float) for part in x], []
        for layer, reads in self.calls:
            y, back = run(layer, [values[n] for n in reads], training)
            values.append(y)
            backs.append(back)
        gradients = [np.zeros_like(v) for v in values]
        several = isinstance(dy, list)
        for number, part in zip(self.ends, dy if several else [dy], strict=True):
            gradients[number] = gradients[number] + part.astype(float)
        of_parameters = {}
        first = len(x)
        for place in reversed(range(len(self.calls))):
            layer, reads = self.calls[place]
            dx, own = backs[place](gradients[first + place])
            for number, part in zip(reads, dx, strict=True):
                gradients[number] = gradients[number] + part
            for role, part in own.items():
                name = f"{layer.name}/{role}"
                of_parameters[name] = of_parameters.get(name, 0) + part
        return values, gradients, of_parameters


def run(layer, x, training):
    """What a layer makes of arrays; and its gradients, as a function of that of what it makes."""
    kind = type(layer).__name__
    if kind in JOINS:
        return run_join(kind, x)
    if kind == "Concatenate":
        axis = layer.axis % x[0].ndim
        cuts = np.cumsum([part.shape[axis] for part in x])[:-1]
        return np.concatenate(x, axis), lambda dy: (np.split(dy, cuts, axis), {})
    if kind == "Dot":
        a, b = x
        return (a * b).sum(1, keepdims=True), lambda dy: ([dy * b, dy * a], {})
    (x,) = x
    if kind == "Dense":
        return run_dense(layer, x)
    if kind == "BatchNormalization":
        return run_norm(layer, x, training)
    if kind == "Activation":
        value, slope = CURVES[layer.get_config()["activation"]]
        y = value(x)
        return y, lambda dy: ([dy * slope(x, y)], {})
    if kind in ("Reshape", "Flatten"):
        shape = (-1,) if kind == "Flatten" else layer.target_shape
        return x.reshape(len(x), *shape), lambda dy: ([dy.reshape(x.shape)], {})
    if kind == "Permute":
        order = (0, *layer.dims)
        return x.transpose(order), lambda dy: ([dy.transpose(np.argsort(order))], {})
    if kind == "RepeatVector":
        return np.stack([x] * layer.n, 1), lambda dy: ([dy.sum(1)], {})
    assert kind == "Rescaling"
    return x * layer.scale + layer.offset, lambda dy: ([dy * layer.scale], {})


def run_join(kind, x):
    if kind == "Add":
        return sum(x), lambda dy: ([dy] * len(x), {})
    if kind == "Subtract":
        return x[0] - x[1], lambda dy: ([dy, -dy], {})
    if kind == "Average":
        return sum(x) / len(x), lambda dy: ([dy / len(x)] * len(x), {})
    if kind == "Multiply":
        others = [np.prod([x[j] for j in range(len(x)) if j != i], axis=0) for i in range(len(x))]
        return np.prod(x, axis=0), lambda dy: ([dy * other for other in others], {})
    y = np.max(x, axis=0) if kind == "Maximum" else np.min(x, axis=0)
    hits = [part == y for part in x]
    count = np.sum(hits, axis=0)
    return y, lambda dy: ([hit * dy / count for hit in hits], {})


def run_dense(layer, x):
    w = layer.kernel.astype(float)
    value, slope = CURVES[layer.get_config()["activation"]]
    z = x @ w + (0 if layer.bias is None else layer.bias)
    y = value(z)

    def back(dy):
        dz = dy * slope(z, y)
        rows, columns = x.reshape(-1, x.shape[-1]), dz.reshape(-1, dz.shape[-1])
        own = {"kernel": rows.T @ columns}
        if layer.bias is not None:
            own["bias"] = columns.sum(0)
        return [dz @ w.T], own

    return y, back


def run_norm(layer, x, training):
    rows = x.reshape(-1, x.shape[-1])
    mean, variance = layer.moving_mean, layer.moving_variance
    if training:
        mean, variance = rows.mean(0), rows.var(0)
    scale = 1 / np.sqrt(variance + layer.epsilon)
    normal = (x - mean) * scale

    def back(dy):
        own = {
            "gamma": (dy * normal).reshape(rows.shape).sum(0),
            "beta": dy.reshape(rows.shape).sum(0),
        }
        dn = dy * layer.gamma
        if not training:
            return [dn * scale], own
        flat, unit = dn.reshape(rows.shape), normal.reshape(rows.shape)
        centred = flat - flat.mean(0) - unit * (flat * unit).mean(0)
        return [(centred * scale).reshape(x.shape)], own

    return normal * layer.gamma + layer.beta, back
