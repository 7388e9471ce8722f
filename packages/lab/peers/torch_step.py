"""Times and meters training steps of PyTorch, for `mpo bench step --torch-python PATH`.

Takes one JSON object as its argument and prints one: {"msPerStep", "peakGrowthBytes", "idleBytes", "version"}.
Eager mode, channels_last, SGD, cross-entropy, gradients freed between steps. The networks are torchvision's, in the same
form for small images as the project's own zoo; torchvision itself is not needed. Each is one flat Sequential of blocks.
"""

import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint_sequential


def groups_for(channels):
    groups = 32
    while groups > 1 and (channels % groups != 0 or channels // groups < 2):
        groups //= 2
    return groups


def norm_of(kind):
    if kind == "batch":
        return nn.BatchNorm2d
    return lambda channels: nn.GroupNorm(groups_for(channels), channels)


class Build:
    """The layers that recur, with the model's normalisation."""

    def __init__(self, norm):
        self.norm = norm_of(norm)

    def conv(self, inputs, outputs, kernel, stride=1, groups=1, act=nn.ReLU):
        layers = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            self.norm(outputs),
        ]
        if act is not None:
            layers.append(act(inplace=True))
        return nn.Sequential(*layers)


class Residual(nn.Module):
    """Adds a branch to its (projected) input; then the activation, if any."""

    def __init__(self, branch, shortcut=None, activate=True):
        super().__init__()
        self.branch, self.shortcut, self.activate = branch, shortcut, activate

    def forward(self, x):
        y = self.branch(x) + (x if self.shortcut is None else self.shortcut(x))
        return torch.relu_(y) if self.activate else y


class DenseLayer(nn.Module):
    """Concatenates what its branch makes of its input to that input."""

    def __init__(self, branch):
        super().__init__()
        self.branch = branch

    def forward(self, x):
        return torch.cat([x, self.branch(x)], 1)


def stem(build, channels, filters, small):
    """Small images keep their resolution; the ImageNet form begins with strides."""
    if small:
        return build.conv(channels, filters, 3)
    return nn.Sequential(build.conv(channels, filters, 7, 2), nn.MaxPool2d(3, 2, 1))


def head(channels, classes, dropout=0.0):
    layers = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if dropout > 0:
        layers.append(nn.Dropout(dropout))
    return [*layers, nn.Linear(channels, classes)]


def resnet20(norm, channels, classes, small, _image):
    build = Build(norm)
    blocks, x = [build.conv(channels, 16, 3)], 16
    for stage, filters in enumerate([16, 32, 64]):
        for block in range(3):
            stride = 2 if stage > 0 and block == 0 else 1
            branch = nn.Sequential(build.conv(x, filters, 3, stride), build.conv(filters, filters, 3, act=None))
            shortcut = None if stride == 1 else build.conv(x, filters, 1, stride, act=None)
            blocks.append(Residual(branch, shortcut))
            x = filters
    return nn.Sequential(*blocks, *head(x, classes))


def bottleneck_resnet(counts, width, groups):
    def make(norm, channels, classes, small, _image):
        build = Build(norm)
        blocks, x = [stem(build, channels, 64, small)], 64
        for stage, count in enumerate(counts):
            inner, filters = width * 2**stage, 256 * 2**stage
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                branch = nn.Sequential(
                    build.conv(x, inner, 1),
                    build.conv(inner, inner, 3, stride, groups),
                    build.conv(inner, filters, 1, act=None),
                )
                shortcut = None if stride == 1 and x == filters else build.conv(x, filters, 1, stride, act=None)
                blocks.append(Residual(branch, shortcut))
                x = filters
        return nn.Sequential(*blocks, *head(x, classes))

    return make


def mobilenet_v2(norm, channels, classes, small, _image):
    stages = [(1, 16, 1, 1), (6, 24, 2, 1 if small else 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    build = Build(norm)
    blocks, x = [build.conv(channels, 32, 3, 1 if small else 2, act=nn.ReLU6)], 32
    for expansion, filters, count, first_stride in stages:
        for block in range(count):
            stride = first_stride if block == 0 else 1
            inner = x * expansion
            layers = [] if expansion == 1 else [build.conv(x, inner, 1, act=nn.ReLU6)]
            layers += [
                build.conv(inner, inner, 3, stride, inner, act=nn.ReLU6),
                build.conv(inner, filters, 1, act=None),
            ]
            branch = nn.Sequential(*layers)
            blocks.append(Residual(branch, activate=False) if stride == 1 and x == filters else branch)
            x = filters
    return nn.Sequential(*blocks, build.conv(x, 1280, 1, act=nn.ReLU6), *head(1280, classes, 0.2))


def densenet121(norm, channels, classes, small, _image):
    build, growth = Build(norm), 32
    blocks, x = [stem(build, channels, 2 * growth, small)], 2 * growth
    for index, count in enumerate([6, 12, 24, 16]):
        if index > 0:
            transition = [build.norm(x), nn.ReLU(inplace=True), nn.Conv2d(x, x // 2, 1, bias=False), nn.AvgPool2d(2)]
            blocks.append(nn.Sequential(*transition))
            x //= 2
        for _ in range(count):
            branch = nn.Sequential(
                build.norm(x),
                nn.ReLU(inplace=True),
                build.conv(x, 4 * growth, 1),
                nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
            )
            blocks.append(DenseLayer(branch))
            x += growth
    return nn.Sequential(*blocks, build.norm(x), nn.ReLU(inplace=True), *head(x, classes))


class Projection(nn.Linear):
    """Of an attention: of the class of convolutions when layers are frozen."""


class Attention(nn.Module):
    """Packed projection, PyTorch's own fused attention, projection."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.packed, self.project = Projection(width, 3 * width), Projection(width, width)

    def forward(self, x):
        samples, tokens, width = x.shape
        packed = self.packed(x).view(samples, tokens, 3, self.heads, width // self.heads)
        q, k, v = packed.permute(2, 0, 3, 1, 4).unbind(0)
        y = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.project(y.transpose(1, 2).reshape(samples, tokens, width))


class Tokens(nn.Module):
    """Patches, the class token before them, and their positions."""

    def __init__(self, channels, width, patch, image):
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, (image // patch) ** 2 + 1, width))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions


class First(nn.Module):
    def forward(self, x):
        return x[:, 0]


def vit_tiny(_norm, channels, classes, small, image):
    width = 192
    blocks = [Tokens(channels, width, 4 if small else 16, image)]
    for _ in range(12):
        attention = nn.Sequential(nn.LayerNorm(width, 1e-6), Attention(width, 3))
        dense = [nn.LayerNorm(width, 1e-6), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)]
        blocks += [Residual(attention, activate=False), Residual(nn.Sequential(*dense), activate=False)]
    return nn.Sequential(*blocks, nn.LayerNorm(width, 1e-6), First(), nn.Linear(width, classes))


MODELS = {
    "resnet20": resnet20,
    "resnet50": bottleneck_resnet([3, 4, 6, 3], 64, 1),
    "resnet101": bottleneck_resnet([3, 4, 23, 3], 64, 1),
    "resnext50": bottleneck_resnet([3, 4, 6, 3], 128, 32),
    "mobilenet-v2": mobilenet_v2,
    "densenet121": densenet121,
    "vit-tiny": vit_tiny,
}


def freeze(model, rate):
    """Of the layers of each class, in order, the first round(rate * count) do not train."""
    features, norms = (nn.Conv2d, Projection), (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
    for kind in [features, norms, (nn.Linear,)]:
        others = features if kind == (nn.Linear,) else ()
        layers = [module for module in model.modules() if isinstance(module, kind) and not isinstance(module, others)]
        for layer in layers[: int(rate * len(layers) + 0.5)]:
            layer.requires_grad_(False)


def memory(field):
    with open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def main():
    config = json.loads(sys.argv[1])
    torch.set_num_threads(config["threads"])
    torch.manual_seed(config["seed"])
    if config["model"] not in MODELS:
        sys.exit(f"no PyTorch definition of {config['model']}; there are {', '.join(MODELS)}")
    image, channels, classes = config["imageSize"], config["channels"], config["classes"]
    build = MODELS[config["model"]]
    model = build(config["norm"], channels, classes, config["form"] == "small", image).to(memory_format=torch.channels_last)
    model.train()
    if config["freeze"] > 0:
        freeze(model, config["freeze"])
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.01)
    segments, micro, batch = config["segments"], config["microBatch"], config["batch"]

    def step(images, labels, micro_batch):
        optimizer.zero_grad(set_to_none=True)
        for first in range(0, len(images), micro_batch):
            x = images[first : first + micro_batch]
            logits = checkpoint_sequential(model, segments, x, use_reentrant=False) if segments > 1 else model(x)
            loss = nn.functional.cross_entropy(logits, labels[first : first + micro_batch], reduction="sum")
            (loss / len(images)).backward()
            del x, logits, loss
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    images = torch.rand(batch, channels, image, image).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (batch,))
    # Two samples: PyTorch refuses to normalise a single value.
    step(images[:2], labels[:2], 2)
    idle = memory("VmRSS")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as reset:
        reset.write("5")
    times = []
    for index in range(config["steps"] + 1):
        began = time.perf_counter()
        step(images, labels, micro)
        if index > 0:
            times.append(1000 * (time.perf_counter() - began))
    print(
        json.dumps(
            {
                "msPerStep": statistics.median(times),
                "peakGrowthBytes": memory("VmHWM") - idle,
                "idleBytes": idle,
                "version": torch.__version__,
            }
        )
    )


main()
