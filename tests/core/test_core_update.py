"""A step by hand is a step of training, bit for bit, and a refused one changes nothing."""

import members
import numpy as np
import pytest
from fanin import _core
from fanin.layers._network import Network
from fanin.models._compiled import Update
from fanin.models._samples import Samples
from fanin.models._step import Batches
from members import adam, batch_normalization, dense, dropout
from numerics import RandomNetwork, objective
from refusals import assert_refused

MSE = {"kind": "mean_squared_error"}
# Rows wider than 16 stay rows in training, and no loss is one formula with the last activation: so
# that training computes what passes by hand do.
NETWORKS = {
    "dense": [dense(20, members.RELU), dense(4)],
    "batch normalization": [batch_normalization(0.8), dense(20, members.TANH),
                            batch_normalization(0.7), dense(3)],
    "dropout": [dense(24, members.activation("gelu", approximate=False)), dropout(0.3), dense(3)],
    "frozen": [{**dense(20, members.RELU), "trainable": False},
               batch_normalization(trainable=False), dense(18), batch_normalization(), dense(2)],
    "activation first": [members.activate(members.TANH), dense(20, members.RELU), dense(3)],
}  # fmt: skip
ROWS, SIZE, RATE = 30, 12, 0.02


class Run:
    """One training of a network: its arrays, and steps by the core or by hand."""

    def __init__(self, layers, optimizer, dtype="float32"):
        self.net = RandomNetwork((18,), layers, dtype)
        self.plan, self.optimizer = self.net.plan, optimizer
        rng = np.random.default_rng(3)
        self.x = rng.normal(size=(ROWS, 18)).astype(dtype)
        self.y = rng.normal(size=(ROWS, *self.plan.output_shapes[-1])).astype(dtype)
        count = len(_core.optimizer_slots(optimizer))
        self.slots = np.full((count, self.plan.parameter_count), 0.1, dtype)
        self.network = Network(self.plan, self.net.params, self.net.state)
        self.steps = 0

    def rows(self):
        return [slice(start, start + SIZE) for start in range(0, ROWS, SIZE)]

    def train(self, outputs=None):
        """Train on all rows in order."""
        order, progress = np.arange(ROWS, dtype=np.uint32), np.zeros(3)
        batches = Batches(order, SIZE, np.full(len(self.rows()), RATE), progress, outputs)
        samples = Samples(self.x, self.y, None)
        _core.train(
            [self.network], [Update(self.optimizer, self.slots)], objective(MSE), samples, [batches]
        )

    def forward(self, rows):
        """Return the outputs, the cache and the state after a pass of training."""
        state = self.network.state.copy()
        outputs, cache = self.plan.forward(
            self.network.params, state, self.x[rows], True, step=self.steps
        )
        return outputs, cache, state

    def update(self, cache, dy, state, number=None, rate=RATE, slots=None):
        number = self.steps + 1 if number is None else number
        update = Update(self.optimizer, self.slots if slots is None else slots)
        progress, after = np.zeros(3), np.array([number, 5, 7.5])
        _core.update(self.network, update, cache, dy, state, progress, after, rate)
        assert (progress == after).all()

    def by_hand(self):
        """Train on all rows in order; return the outputs of each batch."""
        found = []
        for rows in self.rows():
            outputs, cache, state = self.forward(rows)
            found.append(outputs)
            _, dy = _core.loss_rows(MSE, outputs, self.y[rows])
            scale = np.asarray(1.0 / len(outputs), outputs.dtype)
            self.update(cache, dy * scale, state)
            self.steps += 1
        return np.concatenate(found)

    def arrays(self):
        return {"params": self.network.params, "state": self.network.state, "slots": self.slots}

    def copies(self):
        return {name: array.copy() for name, array in self.arrays().items()}


def assert_equal(ours, theirs):
    for name, array in ours.items():
        assert (array == theirs[name]).all(), name


@pytest.mark.parametrize("row", members.OPTIMIZERS, ids=members.name_of)
def test_steps_by_hand_are_those_of_training_for_each_optimizer(row):
    trained, by_hand = (Run(NETWORKS["batch normalization"], row.settings) for _ in range(2))
    before = trained.copies()
    trained.train()
    by_hand.by_hand()
    assert_equal(by_hand.arrays(), trained.arrays())
    moved = [name for name, array in trained.arrays().items() if (array != before[name]).any()]
    assert moved == ["params", "state", "slots"][: 3 if trained.slots.size else 2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_steps_by_hand_are_those_of_training_for_each_network(layers, dtype):
    trained, by_hand = (Run(layers, adam(global_clipnorm=0.05), dtype) for _ in range(2))
    outputs = np.full((ROWS, *trained.plan.output_shapes[-1]), np.nan, dtype)
    trained.train(outputs)
    assert (by_hand.by_hand() == outputs).all()
    assert_equal(by_hand.arrays(), trained.arrays())


def test_several_axes_and_a_network_that_computes_nothing():
    for layers in ([members.FLATTEN], [members.activate(members.TANH)], [dropout(0.5)]):
        plan = _core.Plan((2, 3), layers, "float64")
        nothing = np.zeros(0)
        x = np.arange(24.0).reshape(4, 2, 3)
        outputs, cache = plan.forward(nothing, nothing.copy(), x, True)
        update = Update(adam(), np.zeros((2, 0)))
        network = Network(plan, nothing, np.zeros(0))
        _core.update(
            network, update, cache, np.ones_like(outputs), np.zeros(0), np.zeros(1), np.ones(1), 0.1
        )


FUSED = {
    "softmax": (members.SOFTMAX, members.LOSSES[4], {"kind": "sparse_categorical_accuracy"}),
    "softmax and values": (members.SOFTMAX, members.LOSSES[0], MSE),
    "sigmoid": (members.activation("sigmoid"), members.LOSSES[6], {"kind": "binary_accuracy",
                                                                  "threshold": 0.5}),
}  # fmt: skip


@pytest.mark.parametrize("with_metric", [False, True], ids=["", "with a metric"])
@pytest.mark.parametrize("width", [3, 20], ids=["narrow", "wide"])
@pytest.mark.parametrize("name", FUSED)
def test_outputs_are_those_of_the_whole_network_where_the_loss_takes_its_last_step(
    name, width, with_metric
):
    """And to ask for them changes no bit of what is trained and reported."""
    activation, loss, metric = FUSED[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, width)).astype("float32")
    classes = rng.integers(0, 3, 40)
    y = classes if loss["kind"].startswith("sparse") else np.eye(3, dtype="float32")[classes]
    order = rng.permutation(40).astype(np.uint32)

    def train(outputs):
        net = RandomNetwork((width,), [dense(6, members.TANH), dense(3, activation)], "float32")
        expected = net.run(x[order[:8]], False)[0]
        progress, slots = np.zeros(3 + with_metric), np.zeros((2, net.params.size), "float32")
        batches = Batches(order, 8, np.full(5, 0.1), progress, outputs)
        goal = objective(loss, metric) if with_metric else objective(loss)
        _core.train([net], [Update(adam(), slots)], goal, Samples(x, y, None), [batches])
        return expected, (net.params, slots, progress)

    outputs = np.full((40, 3), np.nan, "float32")
    expected, arrays = train(outputs)
    assert np.isfinite(outputs).all()
    # Narrow rows are added up in another order.
    assert np.allclose(outputs[:8], expected, rtol=0, atol=1e-6)
    if width > 16:
        assert (outputs[:8] == expected).all()
    if name.startswith("softmax"):
        assert np.allclose(outputs.sum(axis=1), 1)
    for ours, theirs in zip(arrays, train(None)[1], strict=True):
        assert (ours == theirs).all()


def test_several_networks_leave_the_outputs_of_their_own_rows():
    runs = [Run(NETWORKS["dense"], adam()) for _ in range(2)]
    alone = [np.zeros((ROWS, 4), "float32") for _ in runs]
    runs[0].train(alone[0])
    networks = [run.network for run in (Run(NETWORKS["dense"], adam()), runs[1])]
    order, rates = np.arange(ROWS, dtype=np.uint32), np.full(3, RATE)
    together = [np.zeros((ROWS, 4), "float32") for _ in runs]
    orders = [order, order[::-1].copy()]
    batches = [
        Batches(o, SIZE, rates, np.zeros(3), y) for o, y in zip(orders, together, strict=True)
    ]
    updates = [Update(adam(), np.full_like(run.slots, 0.1)) for run in runs]
    samples = Samples(runs[0].x, runs[0].y, None)
    _core.train(networks, updates, objective(MSE), samples, batches)
    assert (together[0] == alone[0]).all()
    reversed_rows = Run(NETWORKS["dense"], adam())
    first = reversed_rows.net.run(reversed_rows.x[::-1][:SIZE].copy(), True)[0]
    assert (together[1][:SIZE] == first).all()


@pytest.mark.parametrize(
    ("outputs", "kinds", "words"),
    [
        (np.zeros((ROWS, 4)), TypeError, ["outputs", "float32"]),
        (np.zeros((ROWS, 4), "float32").tolist(), TypeError, ["outputs"]),
        (np.zeros((ROWS - 1, 4), "float32"), ValueError, ["outputs", "(30, 4)", "(29, 4)"]),
        (np.zeros(ROWS * 4, "float32"), ValueError, ["outputs", "(30, 4)"]),
        (np.zeros((4, ROWS), "float32").T, ValueError, ["outputs", "C-contiguous"]),
        (np.broadcast_to(np.zeros(4, "float32"), (ROWS, 4)), ValueError, ["outputs"]),
        ("params", ValueError, ["params", "twice"]),
    ],
)
def test_outputs_that_do_not_fit_are_refused(outputs, kinds, words):
    run = Run([dense(20, members.RELU), dense(4)], adam())
    if isinstance(outputs, str):
        outputs = run.network.params[: ROWS * 4].reshape(ROWS, 4)
    before = run.copies()
    assert_refused(lambda: run.train(outputs), kinds, *words)
    assert_equal(run.arrays(), before)


def changed(run):
    """Calls of `update` with one thing that is wrong, and words of the refusal."""
    outputs, cache, state = run.forward(slice(0, SIZE))
    dy = np.ones_like(outputs)
    inference = run.plan.forward(run.network.params, state.copy(), run.x[:SIZE], False)[1]
    trace = run.plan.trace(run.network.params, state.copy(), run.x[:SIZE], True)[1]
    other = Run(NETWORKS["dense"], adam()).forward(slice(0, SIZE))[1]
    none = run.plan.forward(run.network.params, state.copy(), run.x[:0], True)[1]
    read_only = run.slots.copy()
    read_only.flags.writeable = False
    return {
        "a cache of inference": (lambda: run.update(inference, dy, state), "cache"),
        "a cache of a trace": (lambda: run.update(trace, dy, state), "cache"),
        "a cache of another": (lambda: run.update(other, dy, state), "cache"),
        "no cache": (lambda: run.update(None, dy, state), "cache"),
        "a cache of no samples": (lambda: run.update(none, dy[:0], state), "cache"),
        "dy of another batch": (lambda: run.update(cache, dy[:-1], state), "dy"),
        "dy of another dtype": (lambda: run.update(cache, dy.astype(float), state), "dy"),
        "a state too short": (lambda: run.update(cache, dy, state[:-1].copy()), "state"),
        "the network's own state": (lambda: run.update(cache, dy, run.network.state), "state"),
        "slots too short": (lambda: run.update(cache, dy, state, slots=run.slots[:1]), "slots"),
        "slots to read": (lambda: run.update(cache, dy, state, slots=read_only), "slots"),
        "step 0": (lambda: run.update(cache, dy, state, number=0), "after"),
        "step 1.5": (lambda: run.update(cache, dy, state, number=1.5), "after"),
        "an infinite rate": (lambda: run.update(cache, dy, state, rate=np.inf), "learning_rate"),
    }  # fmt: skip


def test_a_refused_step_by_hand_changes_nothing():
    run = Run(NETWORKS["batch normalization"], adam())
    before = run.copies()
    for name, (call, word) in changed(run).items():
        assert_refused(call, (ValueError, TypeError), word)
        for array, copy in zip(run.arrays().values(), before.values(), strict=True):
            assert (array == copy).all(), name


def test_a_step_by_hand_takes_outputs_that_are_the_gradient():
    """What forward returned may be changed into dy."""
    runs = [Run(NETWORKS["dense"], adam()) for _ in range(2)]
    for run, copied in zip(runs, (False, True), strict=True):
        outputs, cache, state = run.forward(slice(0, SIZE))
        outputs -= run.y[:SIZE]
        run.update(cache, outputs.copy() if copied else outputs, state)
    assert_equal(runs[0].arrays(), runs[1].arrays())
