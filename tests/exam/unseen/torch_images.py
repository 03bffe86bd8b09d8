"""Programs of torch on pictures."""

import torch
import torch.nn.functional as F  # noqa: N812  as everyone writes it
from torch import nn

from exam import data
from exam.unseen.program import Program, bernoulli, network, said


def pictures(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return standardized pictures, channels first, and labels."""
    x, y = data.load(name)
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(y)


def bright(name: str) -> torch.Tensor:
    """Return pictures from 0 to 1."""
    x, _ = pictures(name)
    return (x - x.min()) / (x.max() - x.min())


def adam(model: nn.Module, rate: float = 3e-3) -> torch.optim.Optimizer:
    """Return Adam for all parameters."""
    return torch.optim.Adam(model.parameters(), lr=rate)


class UNet(nn.Module):
    """Two levels, with skips (Ronneberger et al. 2015)."""

    def __init__(self, frozen_encoder: bool = False) -> None:
        super().__init__()
        self.enc1 = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())
        self.enc2 = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.dec = nn.Sequential(nn.Conv2d(32, 16, 3, padding=1), nn.ReLU())
        self.mask = nn.Conv2d(16, 1, 1)
        self.frozen_encoder = frozen_encoder

    def forward(self, x):
        skip = self.enc1(x)
        deep = self.enc2(F.max_pool2d(skip, 2))
        if self.frozen_encoder:
            skip, deep = skip.detach(), deep.detach()
        return self.mask(self.dec(torch.cat([skip, self.up(self.middle(deep))], 1)))


@network(
    "torch",
    detached_encoder=said("no_gradient frozen", "enc1 enc2", hurts=False),
    sigmoid_under_logits=said("output_activation softmax_twice loss", hurts=False),
    bias_of_minus_five=said("bias dead", "dec relu", hurts=False),
)
def unet(fault):
    x, _ = pictures("bars")
    y = (x > 1.2).float()
    model = UNet(fault == "detached_encoder")
    if fault == "sigmoid_under_logits":
        model.mask = nn.Sequential(model.mask, nn.Sigmoid())
    if fault == "bias_of_minus_five":
        nn.init.constant_(model.dec[0].bias, -5.0)
    guess = bernoulli(y.reshape(-1))
    return Program(model, x, y, F.binary_cross_entropy_with_logits, adam(model, 1e-2), guess)


class ViT(nn.Module):
    """Patches, a class token, positions, pre-norm blocks (Dosovitskiy et al. 2021)."""

    def __init__(self, width=32, patch=2, side=14, heads=4, depth=3, first=True, drop=0.0):
        super().__init__()
        self.patches = nn.Conv2d(1, width, patch, stride=patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, (side // patch) ** 2 + 1, width))
        block = nn.TransformerEncoderLayer(
            width, heads, 2 * width, drop, "gelu", batch_first=True, norm_first=first
        )
        self.blocks = nn.TransformerEncoder(block, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


@network(
    "torch",
    rate_of_a_half=said("learning_rate"),
    normalized_twice=said("unscaled_input"),
    all_normal_of_one=said("scale attention exploding output_scale saturated initializer"),
)
def vit(fault):
    x, y = pictures("digits")
    if fault == "normalized_twice":
        x = x / 255 / 16
    model = ViT(side=8)
    if fault == "all_normal_of_one":
        for p in model.parameters():
            if p.dim() > 1:
                nn.init.normal_(p)
    rate = 0.5 if fault == "rate_of_a_half" else 2e-3
    return Program(model, x, y, F.cross_entropy, adam(model, rate), epochs=20)


class MixerBlock(nn.Module):
    """Mixes tokens, then channels (Tolstikhin et al. 2021)."""

    def __init__(self, tokens, width, drop):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = self._mlp(tokens, drop)
        self.channels = self._mlp(width, drop)

    @staticmethod
    def _mlp(n, drop):
        return nn.Sequential(nn.Linear(n, 2 * n), nn.GELU(), nn.Dropout(drop), nn.Linear(2 * n, n))

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, drop=0.0, head_drop=0.0):
        super().__init__()
        self.patches = nn.Conv2d(1, 32, 2, stride=2)
        self.blocks = nn.Sequential(*(MixerBlock(49, 32, drop) for _ in range(3)))
        self.norm = nn.LayerNorm(32)
        self.drop = nn.Dropout(head_drop)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        x = self.blocks(self.patches(x).flatten(2).transpose(1, 2))
        return self.head(self.drop(self.norm(x).mean(1)))


@network("torch", dropout_of_95_percent=said("dropout", "drop"))
def mixer(fault):
    x, y = pictures("fashion")
    model = Mixer(0.1, 0.95 if fault else 0.1)
    return Program(model, x, y, F.cross_entropy, adam(model, 2e-3))


@network(
    "torch",
    targets_standardized=said("output_activation target_scale loss", hurts=False),
)
def conv_autoencoder(fault):
    x = bright("fashion")
    y = (x - x.mean()) / x.std() if fault else x
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(784, 32), nn.Linear(32, 784), nn.ReLU(),
        nn.Unflatten(1, (16, 7, 7)),
        nn.ConvTranspose2d(16, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 1, 3, 1, 1), nn.Sigmoid(),
    )  # fmt: skip
    return Program(model, x, y, F.mse_loss, adam(model))


class VAE(nn.Module):
    """Returns reconstruction, mean and logarithm of the variance (Kingma and Welling 2014)."""

    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(196, 128), nn.ReLU())
        self.mean, self.logvar = nn.Linear(128, 8), nn.Linear(128, 8)
        self.dec = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 196))

    def forward(self, x):
        h = self.enc(x)
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        return self.dec(z), mean, logvar


def elbo(outputs, y):
    x, mean, logvar = outputs
    fit = F.binary_cross_entropy_with_logits(x, y, reduction="none").sum(1)
    kl = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(1)
    return (fit + kl).mean()


@network("torch", logvar_drawn_of_one=said("scale output_scale exploding", "logvar"))
def vae(fault):
    x = bright("fashion").flatten(1)
    model = VAE()
    if fault:
        nn.init.normal_(model.logvar.weight)
    # Pixels are not binary: what is left is far from 0, so that it is counted from there.
    return Program(model, x, x, elbo, adam(model), guess=1.55 * 196 * bernoulli(x))


class ConvNeXtBlock(nn.Module):
    """Depthwise 5 x 5, LayerNorm, two pointwise layers, LayerScale that begins at 1e-6."""

    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(1e-6 * torch.ones(width))

    def forward(self, x):
        h = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        h = self.narrow(F.gelu(self.wide(h))) * self.scale
        return x + h.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 24, 2, stride=2)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(24) for _ in range(3)))
        self.norm, self.head = nn.LayerNorm(24), nn.Linear(24, 10)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.stem(x)).mean((2, 3))))


@network("torch", decay_of_one=said("weight_decay"))
def convnext(fault):
    x, y = pictures("digits")
    model = ConvNeXt()
    if fault:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1.0)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    return Program(model, x, y, F.cross_entropy, optimizer, epochs=20)


class FixupBlock(nn.Module):
    """A branch without normalization, whose last kernel begins at zero (Zhang et al. 2019)."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.kaiming_normal_(self.conv1.weight)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x):
        return torch.relu(x + self.conv2(torch.relu(self.conv1(x))))


@network(
    "torch",
    only_the_head_is_optimized=said("frozen no_optimizer optimizer", mend=True, hurts=False),
)
def fixup(fault):
    x, y = pictures("digits")
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), *(FixupBlock(24) for _ in range(4)),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(96, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam((model[-1] if fault else model).parameters(), lr=3e-3)
    return Program(model, x, y, F.cross_entropy, optimizer, epochs=20)


class FrozenStatistics(nn.BatchNorm2d):
    """Stays in inference, as people write for fine-tuning."""

    def train(self, mode=True):
        return super().train(False)


@network(
    "torch", averages_never_taken=said("batch_norm_lag normalization unscaled_input", hurts=False)
)
def frozen_norms(fault):
    x, y = pictures("fashion")
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1, bias=False), FrozenStatistics(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1, bias=False), FrozenStatistics(32), nn.ReLU(),
        nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    with torch.no_grad():
        h = x
        for layer in model:
            if isinstance(layer, nn.BatchNorm2d):
                if not fault:
                    layer.running_mean.copy_(h.mean((0, 2, 3)))
                    layer.running_var.copy_(h.var((0, 2, 3)))
                else:
                    layer.running_mean.fill_(3.0)
                    layer.running_var.fill_(25.0)
                layer.num_batches_tracked.fill_(1000)
                layer.train(False)
            h = layer(h)
    return Program(model, x, y, F.cross_entropy, adam(model))


@network(
    "torch",
    without_norms=said("scale vanishing initializer output_scale", hurts=False),
)
def dcgan_discriminator(fault):
    """Normal weights of 0.02, BatchNorm, leaky ReLU (Radford et al. 2016); real against noise."""
    real = pictures("fashion")[0][:256]
    x = torch.cat([real, torch.randn(256, 1, 14, 14)])[torch.randperm(512)]
    y = (x.flatten(1).diff(dim=1).abs().mean(1, keepdim=True) < 0.9).float()
    rows = []
    for inputs, outputs in ((1, 32), (32, 64), (64, 64), (64, 64)):
        rows += [nn.Conv2d(inputs, outputs, 3, 1 + (outputs > inputs), 1, bias=False)]
        rows += [] if fault else [nn.BatchNorm2d(outputs)]
        rows += [nn.LeakyReLU(0.2)]
    model = nn.Sequential(*rows, nn.Flatten(), nn.Linear(1024, 1))
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, 0.02)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-4, betas=(0.5, 0.999))
    return Program(model, x, y, F.binary_cross_entropy_with_logits, optimizer, bernoulli(y))


class SqueezeExcite(nn.Module):
    """Scales channels by what all places say (Hu et al. 2018); paths are dropped."""

    def __init__(self, width):
        super().__init__()
        self.conv, self.norm = (
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.down, self.up = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x):
        h = F.relu(self.norm(self.conv(x)))
        gates = torch.sigmoid(self.up(F.relu(self.down(h.mean((2, 3))))))
        h = h * gates[:, :, None, None]
        if self.training:  # stochastic depth
            h = h * (torch.rand(len(h), 1, 1, 1) < 0.9) / 0.9
        return x + h


@network("torch", clamped_logits=said("output_activation dead constant_output", hurts=False))
def squeeze_excite(fault):
    x, y = pictures("digits")

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(1, 16, 3, padding=1)
            self.blocks = nn.Sequential(*(SqueezeExcite(16) for _ in range(3)))
            self.head = nn.Linear(64, 10)

        def forward(self, x):
            h = F.adaptive_avg_pool2d(self.blocks(self.stem(x)), 2).flatten(1)
            out = self.head(h)
            return out.clamp(-0.1, 0.1) if fault else out

    model = Net()
    return Program(model, x, y, F.cross_entropy, adam(model))


class VectorQuantized(nn.Module):
    """Codes from a book, gradients straight through (van den Oord et al. 2017)."""

    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.book = nn.Embedding(24, 4)
        nn.init.uniform_(self.book.weight, -0.5, 0.5)
        self.dec = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        z = self.enc(x).view(-1, 4)
        nearest = torch.cdist(z, self.book.weight).argmin(1)
        q = self.book(nearest)
        commitment = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return self.dec((z + (q - z).detach()).view(len(x), 32)), commitment


def reconstruction(outputs, y):
    return F.mse_loss(outputs[0], y) + outputs[1]


@network("torch")
def vq_vae(fault):
    x = pictures("digits")[0].flatten(1)
    model = VectorQuantized()
    return Program(model, x, x, reconstruction, adam(model, 1e-2), guess=1.0, epochs=20)


@network("torch")
def teacher_and_student(fault):
    """A student that is to give a frozen teacher's features; the teacher is within the model."""
    x, _ = pictures("digits")

    class Distilled(nn.Module):
        def __init__(self):
            super().__init__()
            self.teacher = nn.Sequential(
                nn.Flatten(), nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 16)
            )
            self.student = nn.Sequential(
                nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16)
            )
            self.teacher.requires_grad_(False)

        def forward(self, x):
            return self.student(x), self.teacher(x)

    def distance(outputs, _):
        return F.mse_loss(outputs[0], outputs[1])

    model = Distilled()
    with torch.no_grad():
        guess = float(model(x)[1].var(0).mean())
    return Program(model, x, torch.zeros(len(x)), distance, adam(model, 1e-2), guess)
