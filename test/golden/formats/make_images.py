"""Write the convolutional networks of this folder: what PyTorch saves of them, and what it computes with them.

Run it from anywhere:    /usr/bin/python3 test/golden/formats/make_images.py      (Debian 12's python3-torch 1.13)
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

SEED = 20150211
HERE = Path(__file__).parent

torch.set_num_threads(1)
torch.manual_seed(SEED)
torch.set_default_dtype(torch.float64)


class BasicBlock(nn.Module):
    """The block of torchvision's ResNet-18, under its names (He et al. 2016)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def small():
    """Every layer for images that has a counterpart here."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0)),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AvgPool2d(2, stride=1, padding=1),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(6 * 3 * 3, 3),
        nn.LogSoftmax(dim=1),
    )


def resnet():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        BasicBlock(4, 4, 1),
        BasicBlock(4, 6, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    )


def trained(network, shape):
    """After five steps, so that running statistics, gamma and beta are not the initial ones."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(5):
        x = torch.randn(6, *shape) * 2 + 0.5
        loss = nn.functional.cross_entropy(network(x), torch.randint(3, (6,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


golden = {"source": {"torch": torch.__version__, "script": "make_images.py", "seed": SEED}}
for name, network in (("small", small()), ("resnet", resnet())):
    trained(network, (2, 8, 7))
    np.savez(HERE / f"images-{name}.npz", **{key: value.numpy() for key, value in network.state_dict().items()})
    x = torch.randn(3, 2, 8, 7)
    network.eval()
    with torch.no_grad():
        golden[name] = {"x": x.tolist(), "inference": network(x).tolist()}
    if name == "resnet":  # the small one drops out
        with torch.no_grad():
            golden[name]["train"] = network.train()(x).tolist()
(HERE / "images.json").write_text(json.dumps(golden) + "\n")
