"""PyTorch on one thread. Reads one JSON request a line, writes one JSON answer a line."""

import base64
import json
import sys
import time

import numpy
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def read(text, shape):
    return torch.from_numpy(numpy.frombuffer(base64.b64decode(text), dtype=numpy.float32).copy()).reshape(shape)


def matmul(work):
    a = read(work["a"], (work["rows"], work["inner"]))
    b = read(work["b"], (work["inner"], work["columns"]))
    return lambda: torch.matmul(a, b)


def inference(work):
    x = read(work["x"], work["shape"])
    gamma, beta, mean, variance = (read(work[name], -1) for name in ("gamma", "beta", "mean", "variance"))

    def run():
        with torch.no_grad():
            return F.batch_norm(x, mean, variance, gamma, beta, False, 0.1, work["epsilon"])

    return run


def batch_norm(work):
    x = read(work["x"], work["shape"]).requires_grad_()
    dy = read(work["dy"], work["shape"])
    gamma, beta = (read(work[name], -1).requires_grad_() for name in ("gamma", "beta"))
    mean, variance = torch.zeros_like(gamma), torch.ones_like(gamma)

    def run():
        y = F.batch_norm(x, mean, variance, gamma, beta, True, 0.1, work["epsilon"])
        return torch.autograd.grad(y, (x, gamma, beta), dy)[0]

    return run


def stack(work):
    x = read(work["x"], work["shape"]).requires_grad_()
    dy = read(work["dy"], work["shape"])
    layers = []
    for _ in range(work["layers"]):
        gamma, beta = (read(work[name], -1).requires_grad_() for name in ("gamma", "beta"))
        layers.append((torch.zeros_like(gamma), torch.ones_like(gamma), gamma, beta))
    parameters = [parameter for layer in layers for parameter in layer[2:]]

    def run():
        y = x
        for mean, variance, gamma, beta in layers:
            y = torch.relu(F.batch_norm(y, mean, variance, gamma, beta, True, 0.1, work["epsilon"]))
        return torch.autograd.grad(y, (x, *parameters), dy)[0]

    return run


def net(work):
    """Input, parameters and the loss of a net."""
    widths, norm, activation = work["widths"], work["norm"], work.get("activation")
    parameters = [read(each["values"], each["shape"]).requires_grad_() for each in work["parameters"]]
    x = read(work["input"], (work["batch"], widths[0]))
    labels = torch.tensor(work["labels"]) if "labels" in work else None
    target = None if "labels" in work else read(work["target"], (work["batch"], widths[-1]))
    statistics_of = [(torch.zeros(width), torch.ones(width)) for width in widths[1:]]

    def loss():
        rest = iter(parameters)
        y = x
        for layer, (mean, variance) in enumerate(statistics_of):
            weight, bias = next(rest), next(rest)
            y = torch.addmm(bias, y, weight)
            if layer == len(statistics_of) - 1:
                break
            if norm:
                y = F.batch_norm(y, mean, variance, next(rest), next(rest), True, 0.1, work["epsilon"])
            if activation:
                y = getattr(torch, activation)(y)
        return F.mse_loss(y, target) if labels is None else F.cross_entropy(y, labels)

    return parameters, loss


def training(work):
    parameters, loss = net(work)
    optimizer = torch.optim.SGD(parameters, lr=work["learningRate"])

    def run():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        return value

    return run


def gradient(work):
    parameters, loss = net(work)
    return lambda: torch.autograd.grad(loss(), parameters)[0]


def images(work):
    parameters = [read(each["values"], each["shape"]).requires_grad_() for each in work["parameters"]]
    x = read(work["input"], (work["net"]["batch"], 1, 32, 32))
    labels = torch.tensor(work["labels"])

    def run_layers(layers, y, rest):
        for layer in layers:
            kind = layer["kind"]
            if kind == "conv":
                weight = next(rest)
                bias = next(rest) if layer["bias"] else None
                y = F.conv2d(y, weight, bias, layer["stride"], (layer["size"] - 1) // 2)
            elif kind == "dense":
                weight = next(rest)
                y = torch.addmm(next(rest), y, weight) if layer["bias"] else y @ weight
            elif kind == "norm":
                running = torch.zeros(layer["features"]), torch.ones(layer["features"])
                y = F.batch_norm(y, *running, next(rest), next(rest), True, 0.1, work["epsilon"])
            elif kind == "relu":
                y = torch.relu(y)
            elif kind == "maxPool":
                y = F.max_pool2d(y, 2)
            elif kind == "globalAveragePool":
                y = y.mean((2, 3))
            elif kind == "flatten":
                y = y.flatten(1)
            else:
                body = run_layers(layer["body"], y, rest)
                y = body + (run_layers(layer["projection"], y, rest) if layer["projection"] else y)
        return y

    optimizer = torch.optim.SGD(parameters, lr=work["learningRate"])

    def run():
        optimizer.zero_grad()
        value = F.cross_entropy(run_layers(work["net"]["layers"], x, iter(parameters)), labels)
        value.backward()
        optimizer.step()
        return value

    return run


def convolution(work):
    batch, channels, height, width = work["shape"]
    x = read(work["x"], work["shape"]).requires_grad_()
    weight = read(work["weight"], (work["outputs"], channels, 3, 3)).requires_grad_()
    dy = read(work["dy"], (batch, work["outputs"], height, width))
    return lambda: torch.autograd.grad(F.conv2d(x, weight, None, 1, 1), (x, weight), dy)[0]


WORKS = {
    "images": images,
    "convolution": convolution,
    "matmul": matmul,
    "inference": inference,
    "into": inference,
    "batchNorm": batch_norm,
    "stack": stack,
    "training": training,
    "gradient": gradient,
}


def time_of_calls(run, seconds):
    """Times of a call in milliseconds, over as many calls as fit, at least two."""
    calls = 0
    start, processor_start = time.perf_counter(), time.process_time()
    while calls < 2 or time.perf_counter() < start + seconds:
        run()
        calls += 1
    wall, processor = time.perf_counter() - start, time.process_time() - processor_start
    return {"wall": 1000 * wall / calls, "processor": 1000 * processor / calls}


def gigaflops():
    """The speed of matrix products, which tells an optimized BLAS from the reference one."""
    a = torch.randn(512, 512)
    torch.matmul(a, a)
    return 2 * 512**3 / time_of_calls(lambda: torch.matmul(a, a), 0.1)["processor"] / 1e6


def main():
    print(json.dumps({"version": torch.__version__, "gigaflops": gigaflops()}), flush=True)
    run = None
    for line in sys.stdin:
        request = json.loads(line)
        if "work" in request:
            run = WORKS[request["work"]["kind"]](request["work"])
            answer = None
        elif "seconds" in request:
            answer = time_of_calls(run, request["seconds"])
        else:
            start, processor_start = time.perf_counter(), time.process_time()
            values = run().detach().numpy().ravel().tolist()
            wall, processor = time.perf_counter() - start, time.process_time() - processor_start
            answer = {"values": values, "times": {"wall": 1000 * wall, "processor": 1000 * processor}}
        print(json.dumps(answer), flush=True)


main()
