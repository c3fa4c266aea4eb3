"""Write the files of this folder: weights as PyTorch and NumPy save them, and what PyTorch computes with them.

Run it from anywhere:    /usr/bin/python3 test/golden/formats/make_formats.py      (Debian 12's python3-torch 1.13, NumPy 1.24)

The .npy and .npz files are NumPy's own. The .safetensors files are written here from torch tensors by the definition of
the format; reference.safetensors beside them is the reference implementation's (make_reference.py).
"""

import json
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

SEED = 20150211
HERE = Path(__file__).parent

torch.set_num_threads(1)
torch.manual_seed(SEED)


def numpy_state(module):
    return {name: value.numpy() for name, value in module.state_dict().items()}


def write_safetensors(path, state):
    """Eight bytes of length, a header in JSON, the numbers."""
    tags = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64"}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in state.items():
        numbers = value.contiguous().numpy().tobytes()
        offsets = [len(data), len(data) + len(numbers)]
        header[name] = {"dtype": tags[value.dtype], "shape": list(value.shape), "data_offsets": offsets}
        data += numbers
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (HERE / path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def trained_network(dtype):
    """Every layer that has a counterpart here, after five steps of training."""
    network = nn.Sequential(
        nn.Linear(3, 6, bias=False),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.Linear(6, 4),
        nn.GroupNorm(2, 4),
        nn.Tanh(),
        nn.Linear(4, 5),
        nn.LayerNorm(5),
        nn.Linear(5, 2),
    ).to(dtype)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(5):
        x = torch.randn(8, 3, dtype=dtype) * 2 + 0.5
        loss = (network(x) - x[:, :2].sin()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def outputs(network, x):
    """In double precision, in inference and in training; the network stays as it is."""
    state = {name: value.clone() for name, value in network.state_dict().items()}
    double = nn.Sequential(*network).double()
    with torch.no_grad():
        result = {"inference": double.eval()(x).tolist(), "train": double.train()(x).tolist()}
    dtype = state["0.weight"].dtype
    double.to(dtype).load_state_dict(state)
    return result


# What the tests compare with.
golden = {"source": {"torch": torch.__version__, "numpy": np.__version__, "script": "make_formats.py", "seed": SEED}}
x = torch.randn(7, 3, dtype=torch.float64).float().double() * 2 + 0.5
golden["x"] = x.tolist()

for dtype in ("float64", "float32"):
    network = trained_network(getattr(torch, dtype))
    write_safetensors(f"network-{dtype}.safetensors", network.state_dict())
    np.savez(HERE / f"network-{dtype}.npz", **numpy_state(network))
    golden[f"network-{dtype}"] = {**outputs(network, x), "rows": network[0].weight.tolist()}

    if dtype == "float64":
        # Wrapped for several devices: every name begins with "module."
        np.savez(HERE / "network-module.npz", **numpy_state(nn.DataParallel(network)))
        # As before version 0.4.1: no counts. Loaded and saved again by today's PyTorch: counts of 0.
        counted = numpy_state(network)
        old = OrderedDict((name, torch.from_numpy(v)) for name, v in counted.items() if "num_batches" not in name)
        np.savez(HERE / "network-old.npz", **{name: value.numpy() for name, value in old.items()})
        network.load_state_dict(old)
        assert network[1].num_batches_tracked == 0
        np.savez(HERE / "network-resaved.npz", **numpy_state(network))

        # Keras's layout of the same numbers: its order, kernels [inputs, outputs], no counts.
        words = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        keras = {}
        for index, layer in enumerate(network):
            for name, value in numpy_state(layer).items():
                if name == "num_batches_tracked":
                    continue
                if isinstance(layer, nn.Linear):
                    keras[f"sequential/dense_{index}/{'kernel' if name == 'weight' else 'bias'}"] = value.T
                else:
                    keras[f"sequential/normalization_{index}/{words[name]}"] = value
        np.savez(HERE / "keras-named.npz", **keras)
        np.savez(HERE / "keras-ordered.npz", *keras.values())

# Arrays of every dtype that is read, in both orders, of every rank; and of those that are not.
arrays = {
    "float64": np.array([[1.5, -0.0, 1e300], [5e-324, np.inf, -0.1]]),
    "float32": np.array([1.5, 3.4e38, -1e-45], dtype="<f4"),
    "int64": np.array([2**63 - 1, -(2**63), 0]),
    "int32": np.array([2**31 - 1, -(2**31)], dtype="<i4"),
    "uint8": np.arange(250, 256, dtype="u1").reshape(1, 2, 3),
    "bool": np.array([True, False, True]),
    "scalar": np.array(7.25),
    "empty": np.zeros((2, 0, 3)),
    "columns": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    "transposed": np.arange(6, dtype="<i4").reshape(2, 3).T,
    "naïve/名前": np.array([1.0]),
}
np.savez(HERE / "arrays.npz", **arrays)
golden["arrays"] = {
    name: {"shape": list(a.shape), "dtype": str(a.dtype), "values": [repr(v) for v in a.ravel().tolist()]}
    for name, a in arrays.items()
}
np.save(HERE / "columns.npy", arrays["columns"])
for version in (2, 3):
    with open(HERE / f"version-{version}.npy", "wb") as file:
        np.lib.format.write_array(file, np.array([[1.0, 2.0]]), version=(version, 0))
np.savez_compressed(HERE / "compressed.npz", a=np.zeros(3))
np.save(HERE / "big-endian.npy", np.array([1.0], dtype=">f8"))
np.save(HERE / "float16.npy", np.array([1.0], dtype="<f2"))
np.save(HERE / "structured.npy", np.array([(1.0, 2)], dtype=[("a", "<f8"), ("b", "<i4")]))
np.save(HERE / "objects.npy", np.array([None, {}], dtype=object), allow_pickle=True)

(HERE / "expected.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
