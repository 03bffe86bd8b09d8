"""Programs of torch on sequences."""

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  as everyone writes it
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from exam import data
from exam.unseen.program import Program, bernoulli, entropy, network, rng, said
from exam.unseen.torch_images import adam


def sequences() -> tuple[torch.Tensor, torch.Tensor]:
    """Return tones of shape (n, 16, 6), and labels."""
    x, y = data.load("tones")
    return torch.from_numpy(x), torch.from_numpy(y)


def texts() -> tuple[torch.Tensor, torch.Tensor]:
    """Return words of shape (n, 20), and labels."""
    x, y = data.load("words")
    return torch.from_numpy(x), torch.from_numpy(y)


class TemporalBlock(nn.Module):
    """Two causal dilated convolutions with weight normalization, and a way past them."""

    def __init__(self, inputs, width, dilation):
        super().__init__()
        self.pad = nn.ConstantPad1d((2 * dilation, 0), 0.0)
        self.conv1 = weight_norm(nn.Conv1d(inputs, width, 3, dilation=dilation))
        self.conv2 = weight_norm(nn.Conv1d(width, width, 3, dilation=dilation))
        self.past = nn.Conv1d(inputs, width, 1) if inputs != width else nn.Identity()

    def forward(self, x):
        h = F.relu(self.conv1(self.pad(x)))
        h = F.relu(self.conv2(self.pad(h)))
        return F.relu(h + self.past(x))


class TCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(
            *(TemporalBlock(6 if k == 0 else 24, 24, 2**k) for k in range(3))
        )
        self.head = nn.Linear(24, 4)

    def forward(self, x):
        return self.head(self.blocks(x.transpose(1, 2))[:, :, -1])


@network(
    "torch",
    bias_of_minus_five=said("bias dead", "conv1 relu", hurts=False),
    magnitude_of_fifty=said("scale", "conv2 weight original0"),
)
def tcn(fault):
    x, y = sequences()
    model = TCN()
    if fault == "bias_of_minus_five":
        nn.init.constant_(model.blocks[1].conv1.bias, -5.0)
    if fault == "magnitude_of_fifty":
        model.blocks[1].conv2.parametrizations.weight.original0.data.fill_(50.0)
    return Program(model, x, y, F.cross_entropy, adam(model))


class Seq2Seq(nn.Module):
    """A GRU reads, another writes (Sutskever et al. 2014)."""

    def __init__(self, detached=False):
        super().__init__()
        self.source, self.target = nn.Embedding(12, 24), nn.Embedding(12, 24)
        self.encoder = nn.GRU(24, 48, batch_first=True)
        self.decoder = nn.GRU(24, 48, batch_first=True)
        self.words = nn.Linear(48, 12)
        self.detached = detached

    def forward(self, source, target):
        _, state = self.encoder(self.source(source))
        state = state.detach() if self.detached else state
        return self.words(self.decoder(self.target(target), state)[0])


def of_words(outputs, y):
    return F.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), y.reshape(-1), ignore_index=0)


@network("torch", detached_state=said("no_gradient frozen", "source encoder", hurts=False))
def seq2seq(fault):
    """Sorted triples: the first word of the answer says which is smallest."""
    words = torch.from_numpy(rng(2).integers(1, 11, (512, 3)))
    ordered = words.sort(1).values
    given = torch.cat([torch.full((512, 1), 11), ordered[:, :-1]], 1)
    model = Seq2Seq(bool(fault))
    return Program(model, [words, given], ordered, of_words, adam(model, 5e-3), entropy(ordered))


class Tagger(nn.Module):
    """A bidirectional LSTM that gives each word a tag."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(60, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 24, batch_first=True, bidirectional=True)
        self.drop, self.tags = nn.Dropout(0.2), nn.Linear(48, 3)

    def forward(self, x):
        return self.tags(self.drop(self.lstm(self.words(x))[0])).transpose(1, 2)


@network(
    "torch",
    softmax_over_time=said("output_activation softmax_twice loss", hurts=False),
    forget_bias_of_minus_ten=said("recurrence bias saturated", "lstm", hurts=False),
)
def tagger(fault):
    x, _ = texts()
    y = torch.where(x % 7 == 0, -100, x % 3)
    model = Tagger()
    loss = F.cross_entropy
    if fault == "softmax_over_time":
        model = nn.Sequential(model, nn.Softmax(-1))
    if fault == "forget_bias_of_minus_ten":
        for name in ("bias_ih_l0", "bias_ih_l0_reverse"):
            getattr(model.lstm, name).data[:48] = -10.0
    return Program(model, x, y, loss, adam(model, 1e-2), entropy(y[y >= 0]))


class PostNorm(nn.Module):
    """Attention, as people write it who leave padding out by themselves, and a small network."""

    def __init__(self, width, heads):
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.net = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.drop, self.heads = nn.Dropout(0.1), heads

    def forward(self, x, padding):
        n, length, width = x.shape
        shape = (n, length, self.heads, width // self.heads)
        q, k, v = (f(x).view(shape).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(2, 3) / math.sqrt(shape[-1])
        scores = scores.masked_fill(padding[:, None, None, :], -math.inf)
        h = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, length, width)
        x = self.norm1(x + self.drop(self.out(h)))
        return self.norm2(x + self.drop(self.net(x)))


class Classifier(nn.Module):
    """Post-norm blocks over words, padding masked, mean of what is left (Vaswani et al. 2017)."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(60, 32)
        self.position = nn.Parameter(0.1 * torch.randn(24, 32))
        self.blocks = nn.ModuleList(PostNorm(32, 4) for _ in range(2))
        self.head = nn.Linear(32, 4)

    def forward(self, x, padding):
        h = self.words(x) * math.sqrt(32) + self.position[: x.shape[1]]
        for block in self.blocks:
            h = block(h, padding)
        kept = (~padding).float()[:, :, None]
        return self.head((h * kept).sum(1) / kept.sum(1).clamp(min=1))


@network(
    "torch",
    all_of_a_row_masked=said("non_finite", hurts=False, mend=False, error="NaN|non-finite|mask"),
)
def padded_post_norm(fault):
    x, y = texts()
    lengths = torch.from_numpy(rng(3).integers(8, 21, len(x)))
    if fault:
        lengths[::20] = 0
    padding = torch.arange(20)[None] >= lengths[:, None]
    model = Classifier()
    return Program(model, [x, padding], y, F.cross_entropy, adam(model), epochs=20)


class GPTBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc, self.out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(n, length, 3, 4, width // 4).permute(2, 0, 3, 1, 4)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(h.transpose(1, 2).reshape(n, length, width))
        return x + self.out(F.gelu(self.fc(self.ln2(x))))


class GPT(nn.Module):
    """Causal, pre-norm, the last layer tied to the embedding (Radford et al. 2019)."""

    def __init__(self, vocabulary=30, width=32, depth=3):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(16, width)
        self.blocks = nn.ModuleList(GPTBlock(width) for _ in range(depth))
        self.ln = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight
        for name, p in self.named_parameters():
            if p.dim() > 1:
                ends = name.endswith(("proj.weight", "out.weight"))
                nn.init.normal_(p, 0.0, 0.02 / math.sqrt(2 * depth) if ends else 0.02)

    def forward(self, x):
        h = self.wte(x) + self.wpe(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.lm_head(self.ln(h))


def next_word(outputs, y):
    return F.cross_entropy(outputs.flatten(0, 1), y.flatten())


@network(
    "torch",
    tied_embedding_of_two=said("output_scale scale", "lm_head wte", hurts=False),
    summed_loss_with_sgd=said("learning_rate reduction"),
)
def gpt(fault):
    r = rng(4)
    table = r.permutation(30)
    words = r.integers(0, 30, (512, 1))
    for _ in range(12):
        words = _follow(words, table, r)
    words = torch.from_numpy(words)
    model = GPT()
    loss, guess, optimizer = next_word, math.log(30), adam(model)
    if fault == "tied_embedding_of_two":
        nn.init.normal_(model.wte.weight, 0.0, 2.0)
    if fault == "summed_loss_with_sgd":

        def loss(outputs, y):
            return F.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="sum")

        guess *= 64 * 12
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return Program(model, words[:, :-1], words[:, 1:], loss, optimizer, guess)


def _follow(words, table, r):
    """Append the next word: what the table says, or in one case of ten any."""
    following = table[words[:, -1]]
    lost = r.random(len(words)) < 0.1
    following = following * ~lost + r.integers(0, 30, len(words)) * lost
    return np.concatenate([words, following[:, None]], 1)


class Bag(nn.Module):
    """The mean of words' vectors, padding among them or not."""

    def __init__(self, drowned):
        super().__init__()
        self.words = nn.Embedding(61, 24, padding_idx=60)
        self.hidden, self.head = nn.Linear(24, 48), nn.Linear(48, 4)
        self.drowned = drowned

    def forward(self, x):
        vectors = self.words(x)
        kept = (x != 60).sum(1, keepdim=True)
        mean = vectors.mean(1) if self.drowned else vectors.sum(1) / kept
        return self.head(F.relu(self.hidden(mean)))


@network(
    "torch",
    padding_drowns_the_mean=said(
        "constant_input padding vanishing constant_output unscaled_input scale", hurts=True
    ),
)
def bag(fault):
    x, y = texts()
    x = torch.cat([x, torch.full((len(x), 780), 60)], 1)
    model = Bag(bool(fault))
    return Program(model, x, y, F.cross_entropy, adam(model))


class Demand(nn.Module):
    """A series, and vectors of shop and weekday; three quantiles of what is sold next."""

    def __init__(self):
        super().__init__()
        self.shop, self.day = nn.Embedding(10, 6), nn.Embedding(7, 4)
        self.gru = nn.GRU(1, 24, batch_first=True)
        self.hidden, self.quantiles = nn.Linear(34, 32), nn.Linear(32, 3)

    def forward(self, series, shop, day):
        state = self.gru(series)[1][-1]
        h = torch.cat([state, self.shop(shop), self.day(day)], 1)
        return self.quantiles(F.elu(self.hidden(h)))


def pinball(outputs, y):
    error = y - outputs
    levels = torch.tensor([0.1, 0.5, 0.9])
    return torch.maximum(levels * error, (levels - 1) * error).mean()


@network("torch", relu_for_signed=said("output_activation dead", hurts=True))
def demand_quantiles(fault):
    r = rng(5)
    shop, day = r.integers(0, 10, 512), r.integers(0, 7, 512)
    level = r.normal(size=10)[shop] + r.normal(size=7)[day]
    series = level[:, None] + 0.5 * r.normal(size=(512, 12))
    y = torch.tensor(level + 0.3 * r.normal(size=512), dtype=torch.float32)[:, None]
    y = (y - y.mean()) / y.std() - (1.0 if fault else 0.0)
    model = Demand()
    if fault:
        model.quantiles = nn.Sequential(model.quantiles, nn.ReLU())
    x = [
        torch.tensor(series, dtype=torch.float32)[:, :, None],
        torch.tensor(shop),
        torch.tensor(day),
    ]
    best = torch.quantile(y, torch.tensor([0.1, 0.5, 0.9]))
    guess = float(pinball(best.expand(len(y), 3), y))
    return Program(model, x, y, pinball, adam(model, 1e-2), guess)


class Words(nn.Module):
    """Attention of torch, which wants steps first unless told otherwise."""

    def __init__(self, first):
        super().__init__()
        self.words, self.norm = nn.Embedding(60, 32), nn.LayerNorm(32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=first)
        self.out, self.head = nn.LayerNorm(32), nn.Linear(32, 4)

    def forward(self, x):
        h = self.norm(self.words(x))
        h = h + self.attention(h, h, h, need_weights=False)[0]
        return self.head(self.out(h).mean(1))


@network("torch", attention_among_samples=said("mixed_samples", hurts=False))
def normalized_words(fault):
    """Vectors of size 1 before a LayerNorm are sound."""
    x, y = texts()
    model = Words(not fault)
    return Program(model, x, y, F.cross_entropy, adam(model))


class Universal(nn.Module):
    """One block, applied six times; its gates begin nearly shut."""

    def __init__(self):
        super().__init__()
        self.start = nn.Linear(6, 32)
        self.inner, self.gate = nn.Linear(32, 32), nn.Linear(32, 32)
        nn.init.constant_(self.gate.bias, -1.5)
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        h = self.start(x)
        for _ in range(6):
            gates = torch.sigmoid(self.gate(h))
            h = gates * torch.tanh(self.inner(h)) + (1 - gates) * h
        return self.head(h.abs().mean(1))


@network("torch")
def universal_highway(fault):
    x, y = sequences()
    model = Universal()
    return Program(model, x, y, F.cross_entropy, adam(model, 1e-2), epochs=20)


@network("torch")
def ctc(fault):
    """Frames to letters, by a loss that sums over alignments (Graves et al. 2006)."""
    r = rng(8)
    letters = r.integers(1, 5, (512, 3))
    frames = r.normal(size=(5, 8))[letters.repeat(4, 1)] + 0.5 * r.normal(size=(512, 12, 8))
    model = nn.Sequential(
        nn.Linear(8, 32),
        nn.ReLU(),
        nn.Linear(32, 32),
        nn.ReLU(),
        nn.Linear(32, 5),
        nn.LogSoftmax(-1),
    )

    def loss(outputs, y):
        n = len(outputs)
        return F.ctc_loss(outputs.transpose(0, 1), y, torch.full((n,), 12), torch.full((n,), 3))

    x = torch.tensor(frames, dtype=torch.float32)
    return Program(model, x, torch.from_numpy(letters), loss, adam(model, 5e-3), guess=2.0)


@network(
    "torch", softmax_for_several_labels=said("output_activation loss softmax_twice", hurts=False)
)
def multi_label_texts(fault):
    """Which of eight words a text has; averaged vectors, BatchNorm."""
    x, _ = texts()
    y = torch.stack([(x == word).any(1) for word in range(8)], 1).float()

    class Mean(nn.Module):
        def forward(self, h):
            return h.mean(1)

    model = nn.Sequential(nn.Embedding(60, 32), Mean(), nn.Linear(32, 64), nn.BatchNorm1d(64),
                          nn.ReLU(), nn.Linear(64, 8))  # fmt: skip
    loss = F.binary_cross_entropy_with_logits
    if fault:
        model.append(nn.Softmax(-1))
        loss = F.binary_cross_entropy
    return Program(model, x, y, loss, adam(model, 1e-2), bernoulli(y), epochs=20)
