"""Takes weights of PyTorch into the zoo and back, and compares what both compute.

usage: python3 packages/lab/peers/torch_weights.py [MODEL...]     (from the repository's root, after `npm run build`)

Needs torch, torchvision, timm, safetensors and numpy. Weights are random, running statistics too. For each model as
torchvision and as timm build it: its state dict becomes a .safetensors file, `mpo convert` reads it, `mpo predict` must give
PyTorch's logits; `mpo convert` writes it again, and `load_state_dict` must take it whole and give the same logits.
"""

import os
import subprocess
import sys
import tempfile

import numpy
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file

MPO = ["node", "packages/cli/dist/main.js"]
SIDE = 96
MODELS = {
    "resnet50": ("resnet50", "resnet50"),
    "resnet101": ("resnet101", "resnet101"),
    "resnext50": ("resnext50_32x4d", "resnext50_32x4d"),
    "densenet121": ("densenet121", "densenet121"),
    "mobilenet-v2": ("mobilenet_v2", "mobilenetv2_100"),
    "mobilenet-v3-small": ("mobilenet_v3_small", "mobilenetv3_small_100"),
    "mobilenet-v3-large": ("mobilenet_v3_large", "mobilenetv3_large_100"),
}


def randomised(model):
    """With statistics and scales that are not neutral; close enough to one that values stay in bounds."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor, middle in ((module.weight, 1), (module.bias, 0), (module.running_mean, 0), (module.running_var, 1)):
                tensor.data = middle + 0.4 * (torch.rand(tensor.shape, generator=generator) - 0.5)
    return model.eval()


def run(*args):
    subprocess.run([*MPO, *args], check=True, stdout=subprocess.DEVNULL)


def compare(name, naming, model, folder):
    x = torch.randn(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = model(x).numpy()
    scale = numpy.abs(expected).max()
    path = lambda ending: os.path.join(folder, f"{name}-{naming}{ending}")
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path(".safetensors"))
    run("convert", path(".safetensors"), path(""), "--model", name, "--image-size", str(SIDE), "--form", "imagenet")
    numpy.save(path(".x.npy"), x.numpy().transpose(0, 2, 3, 1).copy())
    run("predict", "--weights", path(""), "--input", path(".x.npy"), "-o", path(".y.npy"), "--logits")
    read = numpy.abs(numpy.load(path(".y.npy")) - expected).max() / scale
    run("convert", path(""), path(".back.safetensors"), "--names", naming)
    model.load_state_dict(load_file(path(".back.safetensors")))
    with torch.no_grad():
        back = numpy.abs(model(x).numpy() - expected).max() / scale
    is_fine = read <= 1e-4 and back <= 1e-4
    print(f"{name:20} {naming:12} read {read:.1e}, written back {back:.1e}{'' if is_fine else '  DIFFERS'}", flush=True)
    return is_fine


def main(names):
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for name in names or MODELS:
            vision, timm_name = MODELS[name]
            results.append(compare(name, "torchvision", randomised(getattr(torchvision.models, vision)(weights=None)), folder))
            results.append(compare(name, "timm", randomised(timm.create_model(timm_name)), folder))
    return 0 if all(results) else 1


sys.exit(main(sys.argv[1:]))
