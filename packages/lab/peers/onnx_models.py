"""Writes ONNX models of torchvision and timm with random weights, as PyTorch's exporters write them, and PyTorch's own
gradients of one step for them.

    pip install torch torchvision timm onnx onnxscript
    python onnx_models.py OUT [NAME ...]
    MPO_ONNX_CASES=OUT node --test packages/engine/dist/model/onnx/onnx-cases.slow.test.js

Each lies in OUT/NAME-EXPORTER: model.onnx, case.json. EXPORTER is
"script" (TorchScript, normalisations folded), "dynamo" (the newer one), or "kept" (TorchScript, normalisations kept), which
has x.bin (float32, [samples, channels, height, width]) and gradients.bin: of the mean cross-entropy of x with the labels in case.json, by the names of the parameters. There,
activations with a kink are SiLU: behind normalisations of small batches PyTorch's own gradients in float32 and float64
would else be apart by more than 1 (ResNet-50, relative).
"""

import json
import os
import sys
import warnings

import numpy as np
import onnx
import timm
import torch
import torchvision

warnings.filterwarnings("ignore")
CLASSES = 10
SAMPLES = 4


def tv(name, **options):
    return lambda: torchvision.models.get_model(name, weights=None, num_classes=CLASSES, **options)


def tm(name, **options):
    return lambda: timm.create_model(name, pretrained=False, num_classes=CLASSES, **options)


class ClipImage(torch.nn.Module):
    """CLIP's image encoder as transformers has it: quick GELU, no bias in the patches, a projection without bias."""

    def __init__(self, side=64, patch=16, width=96, heads=4, layers=2, out=CLASSES):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, width, patch, patch, bias=False)
        tokens = (side // patch) ** 2 + 1
        self.class_embedding = torch.nn.Parameter(torch.randn(width) * 0.1)
        self.positional_embedding = torch.nn.Parameter(torch.randn(tokens, width) * 0.1)
        self.ln_pre = torch.nn.LayerNorm(width)
        self.blocks = torch.nn.ModuleList([ClipBlock(width, heads) for _ in range(layers)])
        self.ln_post = torch.nn.LayerNorm(width)
        self.proj = torch.nn.Parameter(torch.randn(width, out) * 0.1)

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(x.shape[0], 1, -1), x], 1) + self.positional_embedding
        x = self.ln_pre(x)
        for block in self.blocks:
            x = block(x)
        return self.ln_post(x[:, 0]) @ self.proj


class ClipBlock(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (torch.nn.Linear(width, width) for _ in range(4))
        self.ln_1, self.ln_2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.fc, self.proj = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

    def attend(self, x):
        b, n, w = x.shape
        q, k, v = (m(x).view(b, n, self.heads, w // self.heads).transpose(1, 2) for m in (self.q, self.k, self.v))
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).reshape(b, n, w))

    def forward(self, x):
        x = x + self.attend(self.ln_1(x))
        y = self.fc(self.ln_2(x))
        return x + self.proj(y * torch.sigmoid(1.702 * y))


LARGE = {
    "resnet18": (tv("resnet18"), 64),
    "resnet50": (tv("resnet50"), 64),
    "resnext50": (tv("resnext50_32x4d"), 64),
    "densenet121": (tv("densenet121"), 64),
    "mobilenet_v2": (tv("mobilenet_v2"), 64),
    "mobilenet_v3_small": (tv("mobilenet_v3_small"), 64),
    "mobilenet_v3_large": (tv("mobilenet_v3_large"), 64),
    "efficientnet_b0": (tv("efficientnet_b0"), 64),
    "efficientnet_lite0": (tm("efficientnet_lite0"), 64),
    "tf_efficientnet_b0": (tm("tf_efficientnet_b0"), 65),
    "convnext_tiny": (tm("convnext_tiny"), 64),
    "tv_convnext_tiny": (tv("convnext_tiny"), 64),
    "vit_tiny": (tm("vit_tiny_patch16_224"), 224),
    "deit_tiny": (tm("deit_tiny_patch16_224"), 224),
    "tv_vit": (lambda: torchvision.models.VisionTransformer(64, 16, 2, 3, 96, 192, num_classes=CLASSES), 64),
    "mobilevit_xxs": (tm("mobilevit_xxs"), 64),
    "mobilevitv2_050": (tm("mobilevitv2_050"), 64),
    "clip_image": (lambda: ClipImage(), 64),
    "timm_clip_image": (tm("vit_base_patch16_clip_224", depth=2, embed_dim=96, num_heads=3), 224),
}


class ZeroShot(ClipImage):
    """Classes by the embeddings of their texts: the image's, of length 1, times those and the logit scale."""

    def __init__(self, embedding=12, **options):
        super().__init__(out=embedding, **options)
        self.register_buffer("texts", torch.nn.functional.normalize(torch.randn(CLASSES, embedding)))

    def forward(self, x):
        return 10 * torch.nn.functional.normalize(super().forward(x), dim=-1) @ self.texts.T


class Mixed(torch.nn.Module):
    """What convolutional networks have, each once: windows that pad unevenly, gates, groups, activations, a flatten."""

    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 5, 2, 2, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.grouped = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=2), nn.GroupNorm(2, 8), nn.SiLU())
        self.wide = nn.Conv2d(8, 8, (1, 3), padding=(0, 1))
        self.prelu = nn.PReLU(8)
        self.counted = nn.AvgPool2d(2, 2)
        self.larger = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Linear(16 * 4 * 4, CLASSES)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.stem(x), 3, 1, 1)
        x = self.depthwise(x)
        gate = torch.nn.functional.hardsigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        x = x * gate
        y = torch.nn.functional.gelu(self.grouped(x)) + x
        z = self.prelu(self.wide(torch.nn.functional.leaky_relu(x, 0.1)))
        z = self.larger(self.counted(z))
        return self.head(self.counted(torch.cat([y, z], 1)).flatten(1))


# Committed as test data (packages/engine/cases/onnx): a few tens of kilobytes each.
SMALL = {
    "mixed": (Mixed, 32),
    "vit": (tm("vit_tiny_patch16_224", img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2), 16),
    "clip": (lambda: ClipImage(side=16, patch=8, width=16, heads=2, layers=1), 16),
    "zero_shot": (lambda: ZeroShot(side=16, patch=8, width=16, heads=2, layers=1), 16),
    "tv_vit": (lambda: torchvision.models.VisionTransformer(16, 8, 1, 2, 16, 32, num_classes=CLASSES), 16),
    "convnext": (tm("test_convnext", dims=(8, 8, 8, 8), depths=(1, 1, 1, 1)), 32),
}


def randomised(model):
    """Statistics and parameters that are all different, as after training; nothing falls out."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.7, 1.3)
            torch.nn.init.normal_(module.bias, 0, 0.2)
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("drop_prob", "p"):
            if "Drop" in type(module).__name__ or "Stochastic" in type(module).__name__:
                if hasattr(module, name):
                    setattr(module, name, 0.0)
    for name, parameter in model.named_parameters():
        if parameter.ndim <= 1 or "embed" in name or "token" in name or "gamma" in name:
            parameter.data += 0.05 * torch.randn_like(parameter)
    return model


def smooth(model):
    for name, child in model.named_children():
        if isinstance(child, (torch.nn.ReLU, torch.nn.ReLU6, torch.nn.Hardswish)):
            setattr(model, name, torch.nn.SiLU())
        else:
            smooth(child)
    return model


def without_traces(path):
    """Stack traces hold the paths of the machine."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
    onnx.save(model, path)


def export(model, x, path, exporter):
    options = {"input_names": ["input"], "output_names": ["logits"]}
    if exporter == "dynamo":
        batch = torch.export.Dim("batch", min=1, max=1024)
        options |= {"dynamo": True, "external_data": False, "dynamic_shapes": ({0: batch},)}
        torch.onnx.export(model.eval(), (x,), path, **options)
        without_traces(path)
        return
    options |= {"dynamo": False, "dynamic_axes": {"input": {0: "batch"}, "logits": {0: "batch"}}}
    if exporter == "kept":
        keep = torch.onnx.TrainingMode.PRESERVE
        torch.onnx.export(model.train(), (x,), path, training=keep, do_constant_folding=False, opset_version=17, **options)
        return
    torch.onnx.export(model.eval(), (x,), path, opset_version=int(os.environ.get("OPSET", "17")), **options)


def gradients(model, x, labels, folder):
    model.train()
    model.zero_grad()
    torch.nn.functional.cross_entropy(model(x), labels).backward()
    index, parts, offset = {}, [], 0
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            continue
        values = parameter.grad.detach().numpy().astype("<f4").ravel()
        index[name] = [offset, len(values)]
        offset += len(values)
        parts.append(values)
    np.concatenate(parts).tofile(os.path.join(folder, "gradients.bin"))
    return index


def write(out, name, make, side, exporter):
    folder = os.path.join(out, f"{name}-{exporter}")
    os.makedirs(folder, exist_ok=True)
    model = randomised(make())
    if exporter == "kept":
        smooth(model)
        torch.nn.functional.relu = torch.nn.functional.silu
    torch.manual_seed(2)
    x = torch.randn(SAMPLES, 3, side, side)
    labels = torch.arange(SAMPLES) % CLASSES
    case = {"shape": list(x.shape), "labels": labels.tolist()}
    path = os.path.join(folder, "model.onnx")
    export(model, x, path, exporter)
    if exporter == "kept":
        case["gradients"] = gradients(model, x, labels, folder)
        x.numpy().astype("<f4").tofile(os.path.join(folder, "x.bin"))
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(case, file)


def main():
    out, *names = sys.argv[1:]
    # What is kept comes last: from then on, all ReLUs are smooth.
    exporters = os.environ.get("EXPORTERS", "script,dynamo,kept").split(",")
    models = LARGE | SMALL
    for exporter in exporters:
        for name in names or list(LARGE):
            try:
                write(out, name, *models[name], exporter)
                print(name, exporter, flush=True)
            except Exception as error:  # The others are still of use.
                print(name, exporter, "FAILED", str(error).strip().splitlines()[:2], flush=True)


main()
