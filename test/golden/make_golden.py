"""Write the golden files of this folder: what the library must compute, according to PyTorch.

Run it from anywhere:    /usr/bin/python3 test/golden/make_golden.py        (Debian 12's python3-torch, version 1.13)

Every file is {source: {torch, script, seed}, cases: [...]}, one case a line. A tensor is {dtype, shape, data},
row-major; numbers are printed by repr, so that they read back bit for bit; Infinity, -Infinity and NaN are strings.

Two conventions differ from PyTorch and are translated here, once: a Dense weight is [inputs, outputs] (PyTorch's
transposed), and parameters bear this library's names (gamma, beta, runningMean, runningVariance, batchesTracked).

In a case of dtype float32 the inputs are float32 numbers, but the expected values were computed from them in double
precision: the comparison then shows the library's own error and not PyTorch's.
"""

import json
import math
from decimal import Decimal, getcontext
from pathlib import Path

import mpmath
import torch
import torch.nn.functional as F

SEED = 20150211
HERE = Path(__file__).parent
SOURCE = {"torch": torch.__version__, "script": "make_golden.py", "seed": SEED}

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


# ------------------------------------------------------------------------------------------------ JSON and random data


def number(value):
    """A JSON number, or the name of what JSON cannot hold."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def tensor(t):
    """{dtype, shape, data} of a torch tensor; integers are int32."""
    dtype = {torch.float64: "float64", torch.float32: "float32", torch.int64: "int32"}[t.dtype]
    flat = t.detach().reshape(-1).tolist()
    return {"dtype": dtype, "shape": list(t.shape), "data": [number(value) for value in flat]}


def tensors(named):
    return {name: tensor(t) for name, t in named.items()}


def write(name, cases, **extra):
    lines = ",\n".join(json.dumps(case, allow_nan=False) for case in cases)
    head = json.dumps({"source": {**SOURCE, **extra}})[1:-1]
    (HERE / name).write_text("{" + head + ', "cases": [\n' + lines + "\n]}\n")


class Draw:
    """A seeded source of test data; each file has its own, so that one file can change without the others."""

    def __init__(self, stream):
        self.generator = torch.Generator().manual_seed(SEED + stream)

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.generator)

    def uniform(self, low, high, *shape):
        return low + (high - low) * torch.rand(*shape, generator=self.generator)

    def integers(self, high, *shape):
        return torch.randint(high, shape, generator=self.generator)

    def signed(self, count):
        """Factors between 0.5 and 2 of either sign: a gamma that is nowhere 1 and not always positive."""
        return self.uniform(0.5, 2, count) * torch.tensor([1.0, -1.0]).repeat(count)[:count]

    def activations(self, *shape, axis=1):
        """0.5 + 2 normal, each channel with its own scale: neither centered nor standardized."""
        scales = torch.tensor([1.0, 0.3, 3.0]).repeat(shape[axis])[: shape[axis]]
        view = [1] * len(shape)
        view[axis] = shape[axis]
        return 0.5 + 2 * self.normal(*shape) * scales.view(view)


def gradients_of(output, grad_output, inputs):
    """The vector-Jacobian product of `output` with respect to each named input, zero where it does not depend."""
    found = torch.autograd.grad(output, list(inputs.values()), grad_output, allow_unused=True)
    return {name: torch.zeros_like(t) if g is None else g for (name, t), g in zip(inputs.items(), found)}


def as_inputs(named):
    """Double-precision leaves that record gradients."""
    return {name: t.detach().double().requires_grad_() for name, t in named.items()}


# ------------------------------------------------------------------------------------------------ batch normalization

LAYOUTS = {"NC": (7, 3), "NCL": (5, 3, 2), "NCHW": (3, 3, 2, 2), "NCDHW": (2, 2, 2, 3, 2)}


def reduced(t):
    return [axis for axis in range(t.dim()) if axis != 1]


def batch_norm_case(draw, layout, channels_last, scale, center, epsilon, dtype=torch.float64, mean=0.0):
    """Forward and backward with batch statistics and with given running statistics, on the same numbers.

    `mean` is added to the data and taken off again, which is exact, before PyTorch sees them: batch norm does not
    depend on it, and PyTorch would lose digits to it.
    """
    shape = LAYOUTS[layout]
    channels = shape[1]
    x = (mean + draw.activations(*shape)).to(dtype)
    dy = draw.normal(*shape).to(dtype)
    parameters = {}
    if scale:
        parameters["gamma"] = draw.signed(channels).to(dtype)
    if center:
        parameters["beta"] = draw.normal(channels).to(dtype)
    running = {"runningMean": mean + draw.normal(channels), "runningVariance": draw.uniform(0.2, 3, channels)}

    def arrange(t):
        return t.movedim(1, -1) if channels_last else t

    def run(training):
        inputs = as_inputs({"input": x.double() - mean, **parameters})
        output = F.batch_norm(
            inputs["input"],
            None if training else running["runningMean"] - mean,
            None if training else running["runningVariance"],
            inputs.get("gamma"),
            inputs.get("beta"),
            training=training,
            eps=epsilon,
        )
        gradients = gradients_of(output, dy.double(), inputs)
        grad_input = gradients.pop("input")
        return {
            "output": tensor(arrange(output)),
            "gradInput": tensor(arrange(grad_input)),
            "gradients": tensors(gradients),
        }

    name = layout if not channels_last else "N" + layout[2:] + "C"
    affine = " and ".join(["scale"] * scale + ["center"] * center) or "plain"
    kind = {torch.float32: "float32", torch.float64: "float64"}[dtype]
    return {
        "id": f"{name}, {affine}, epsilon {epsilon}, {kind}" + (f", mean {mean:g}" if mean else ""),
        "dtype": kind,
        "axis": -1 if channels_last else 1,
        "features": channels,
        "epsilon": epsilon,
        "scale": scale,
        "center": center,
        "input": tensor(arrange(x)),
        "gradOutput": tensor(arrange(dy)),
        "parameters": tensors(parameters),
        "statistics": tensors(running),
        "batchMean": tensor(mean + (x.double() - mean).mean(reduced(x))),
        "batchVariance": tensor((x.double() - mean).var(reduced(x), unbiased=False)),
        "train": run(training=True),
        "inference": run(training=False),
    }


def batch_norm_file():
    draw = Draw(1)
    cases = []
    for layout in LAYOUTS:
        for channels_last in (False,) if layout == "NC" else (False, True):
            for scale in (True, False):
                for center in (True, False):
                    for epsilon in (1e-5, 1e-3):
                        cases.append(batch_norm_case(draw, layout, channels_last, scale, center, epsilon))
    for layout, channels_last in (("NC", False), ("NCHW", False), ("NCHW", True)):
        cases.append(batch_norm_case(draw, layout, channels_last, True, True, 1e-5, torch.float32))
    # A mean far above the spread: E[x^2] - E[x]^2 in float32 gives a negative variance here.
    cases.append(batch_norm_case(draw, "NC", False, True, True, 1e-5, torch.float32, mean=1e4))
    cases.append(batch_norm_case(draw, "NC", False, True, True, 1e-5, torch.float64, mean=1e6))
    # "NC" with axis -1 is the same layout under another name.
    cases.append({**batch_norm_case(draw, "NC", False, True, True, 1e-5), "id": "NC, axis -1", "axis": -1})
    write("batch-norm.json", cases)


# ------------------------------------------------------------------------------------------------ running statistics


def running_statistics_case(draw, layout, momentum):
    """Five training passes with batches of different sizes, then inference: PyTorch's rule, and Keras's (biased)."""
    channels = 3
    rest = LAYOUTS[layout][2:]
    norm = torch.nn.BatchNorm1d if len(rest) < 2 else torch.nn.BatchNorm2d
    layer = norm(channels, momentum=momentum)
    with torch.no_grad():
        layer.weight.copy_(draw.signed(channels))
        layer.bias.copy_(draw.normal(channels))
    parameters = {"gamma": layer.weight.clone(), "beta": layer.bias.clone()}
    biased = torch.ones(channels)
    steps = []
    for step, size in enumerate((7, 5, 2, 11, 8), start=1):
        x = draw.activations(size, channels, *rest)
        layer.train()
        output = layer(x)
        weight = 1 / step if momentum is None else momentum
        biased = (1 - weight) * biased + weight * x.var(reduced(x), unbiased=False)
        steps.append(
            {
                "input": tensor(x),
                "output": tensor(output),
                "runningMean": tensor(layer.running_mean),
                "runningVariance": tensor(layer.running_var),
                "runningVarianceBiased": tensor(biased),
                "batchesTracked": layer.num_batches_tracked.item(),
            }
        )
    layer.eval()
    x = draw.activations(4, channels, *rest)
    biased_output = F.batch_norm(x, layer.running_mean, biased, layer.weight, layer.bias)
    return {
        "id": f"{layout}, momentum {json.dumps(momentum)}",
        "features": channels,
        "momentum": momentum,
        "epsilon": layer.eps,
        "parameters": tensors(parameters),
        "steps": steps,
        "inference": {"input": tensor(x), "output": tensor(layer(x)), "outputBiased": tensor(biased_output)},
    }


def running_statistics_file():
    draw = Draw(2)
    write(
        "running-statistics.json",
        [running_statistics_case(draw, layout, m) for layout in ("NC", "NCHW") for m in (0.1, 0.01, None)],
    )


# ------------------------------------------------------------------------------------------------ other layers, losses


def layer_case(draw, layer, function, x, parameters, options, dtype=torch.float64):
    """One forward and backward of `function(input, **parameters)`."""
    x = x.to(dtype)
    parameters = {name: t.to(dtype) for name, t in parameters.items()}
    inputs = as_inputs({"input": x, **parameters})
    output = function(**inputs)
    dy = draw.normal(*output.shape).to(dtype)
    gradients = gradients_of(output, dy.double(), inputs)
    grad_input = gradients.pop("input")
    kind = {torch.float32: "float32", torch.float64: "float64"}[dtype]
    return {
        "id": " ".join([layer, str(list(x.shape)), json.dumps(options), kind]),
        "kind": "layer",
        "layer": layer,
        "dtype": kind,
        "options": options,
        "input": tensor(x),
        "gradOutput": tensor(dy),
        "parameters": tensors(parameters),
        "output": tensor(output),
        "gradInput": tensor(grad_input),
        "gradients": tensors(gradients),
    }


def dense_cases(draw):
    def dense(input, weight, bias=None):
        return F.linear(input, weight.T, bias)

    for dtype in (torch.float64, torch.float32):
        for rows, inputs, outputs in (([1], 1, 1), ([6], 4, 3), ([5], 7, 9), ([2, 3], 4, 5)):
            for bias in (True, False):
                parameters = {"weight": draw.normal(inputs, outputs)}
                if bias:
                    parameters["bias"] = draw.normal(outputs)
                options = {"inputs": inputs, "outputs": outputs, "bias": bias}
                yield layer_case(draw, "Dense", dense, 0.5 + 2 * draw.normal(*rows, inputs), parameters, options, dtype)


def norm_cases(draw):
    """LayerNorm over the last axis and GroupNorm over groups of channels, with and without gamma and beta."""
    vectors, sequences, images = (5, 6), (3, 6, 4), (2, 6, 2, 3)
    for scale, center in ((True, True), (True, False), (False, True), (False, False)):

        def affine(features):
            gamma, beta = draw.signed(features), draw.normal(features)
            return {**({"gamma": gamma} if scale else {}), **({"beta": beta} if center else {})}

        for shape, epsilon in ((vectors, 1e-5), (sequences, 1e-5), (images, 1e-3)):

            def layer_norm(input, gamma=None, beta=None):
                return F.layer_norm(input, shape[-1:], gamma, beta, epsilon)

            options = {"features": shape[-1], "epsilon": epsilon, "scale": scale, "center": center}
            yield layer_case(draw, "LayerNorm", layer_norm, draw.activations(*shape), affine(shape[-1]), options)
        for shape, groups in ((vectors, 1), (vectors, 2), (sequences, 1), (sequences, 3), (images, 2), (images, 6)):

            def group_norm(input, gamma=None, beta=None):
                # PyTorch 1.13 cannot differentiate a group norm that has a bias and no weight.
                gamma = torch.ones(shape[1]) if gamma is None else gamma
                return F.group_norm(input, groups, gamma, beta, 1e-5)

            options = {"features": shape[1], "groups": groups, "epsilon": 1e-5, "scale": scale, "center": center}
            yield layer_case(draw, "GroupNorm", group_norm, draw.activations(*shape), affine(shape[1]), options)


def activation_cases(draw):
    functions = [
        ("ReLU", {}, lambda input: F.relu(input)),
        ("LeakyReLU", {"slope": 0.01}, lambda input: F.leaky_relu(input, 0.01)),
        ("LeakyReLU", {"slope": 0.2}, lambda input: F.leaky_relu(input, 0.2)),
        ("Sigmoid", {}, lambda input: torch.sigmoid(input)),
        ("Tanh", {}, lambda input: torch.tanh(input)),
    ]
    edges = torch.tensor([[-1000.0, -40.0, -20.0, -1e-9, -0.0, 0.0, 1e-9, 20.0, 40.0, 1000.0]])
    for layer, options, function in functions:
        for x in (0.5 + 2 * draw.normal(4, 6), 0.5 + 2 * draw.normal(2, 3, 2, 2), edges):
            for dtype in (torch.float64, torch.float32):
                yield layer_case(draw, layer, function, x, {}, options, dtype)


def loss_case(loss, function, output, target, options):
    inputs = as_inputs({"output": output})
    value = function(inputs["output"], target)
    (gradient,) = torch.autograd.grad(value, inputs["output"])
    shape = str(list(output.shape))
    return {
        "id": " ".join([loss, shape, "labels" if target.dtype == torch.int64 else "values", json.dumps(options)]),
        "kind": "loss",
        "loss": loss,
        "options": options,
        "output": tensor(output),
        "target": tensor(target),
        "value": value.item(),
        "gradOutput": tensor(gradient),
    }


def loss_cases(draw):
    for rows, classes in ((6, 4), (1, 2)):
        logits = 3 * draw.normal(rows, classes)
        labels = draw.integers(classes, rows)
        distributions = torch.softmax(draw.normal(rows, classes), dim=1)
        for smoothing in (0.0, 0.1):
            for target in (labels, distributions):
                def cross_entropy(output, target):
                    return F.cross_entropy(output, target, label_smoothing=smoothing)

                options = {"labelSmoothing": smoothing}
                yield loss_case("softmaxCrossEntropy", cross_entropy, logits, target, options)
    # exp(1000) overflows: only a loss that subtracts the row's maximum survives.
    large = torch.tensor([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -999.0]])
    case = loss_case("softmaxCrossEntropy", F.cross_entropy, large, torch.tensor([1, 2]), {"labelSmoothing": 0.0})
    yield {**case, "id": "softmaxCrossEntropy, large logits"}
    for shape in ((5, 3), (1, 1), (2, 3, 2)):
        yield loss_case("meanSquaredError", F.mse_loss, draw.normal(*shape), 0.5 + 2 * draw.normal(*shape), {})


def smooth_activation_cases(draw):
    functions = [
        ("SiLU", {}, lambda input: F.silu(input)),
        ("GELU", {}, lambda input: F.gelu(input)),
        ("GELU", {"approximate": "tanh"}, lambda input: F.gelu(input, approximate="tanh")),
        ("ELU", {}, lambda input: F.elu(input)),
        ("ELU", {"alpha": 0.3}, lambda input: F.elu(input, 0.3)),
        # A threshold of 20, PyTorch's default, would replace the function by x.
        ("Softplus", {}, lambda input: F.softplus(input, threshold=40)),
    ]
    edges = torch.tensor([[-1000.0, -40.0, -9.0, -4.5, -1.5, -1e-9, -0.0, 0.0, 1e-9, 1.5, 4.5, 9.0, 39.0, 1000.0]])
    for layer, options, function in functions:
        for x in (0.5 + 2 * draw.normal(4, 6), 0.5 + 2 * draw.normal(2, 3, 2, 2), edges):
            for dtype in (torch.float64, torch.float32):
                yield layer_case(draw, layer, function, x, {}, options, dtype)


def rms_norm_cases(draw):
    for shape in ((4, 5), (2, 3, 7), (3, 2)):
        for scale in (True, False):
            for epsilon in (1e-5, 0.5):
                def rms_norm(input, gamma=1.0):
                    return input * torch.rsqrt((input * input).mean(-1, keepdim=True) + epsilon) * gamma

                gamma = {"gamma": draw.signed(shape[-1])} if scale else {}
                options = {"features": shape[-1], "epsilon": epsilon, "scale": scale}
                for dtype in (torch.float64, torch.float32):
                    yield layer_case(draw, "RMSNorm", rms_norm, draw.activations(*shape), gamma, options, dtype)


def binary_loss_cases(draw):
    for shape in ((6, 1), (5, 3), (2, 3, 2)):
        for target in (draw.integers(2, *shape).double(), torch.sigmoid(draw.normal(*shape))):
            yield loss_case("sigmoidCrossEntropy", F.binary_cross_entropy_with_logits, 3 * draw.normal(*shape), target, {})
    # sigmoid(1000) rounds to 1, whose complement has no logarithm.
    large = torch.tensor([[1000.0, -1000.0, 800.0], [40.0, -40.0, -1000.0]])
    target = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 1.0]])
    case = loss_case("sigmoidCrossEntropy", F.binary_cross_entropy_with_logits, large, target, {})
    yield {**case, "id": "sigmoidCrossEntropy, large logits"}


def layers_file():
    draw = Draw(3)
    parts = (dense_cases, norm_cases, activation_cases, loss_cases)
    parts += (smooth_activation_cases, rms_norm_cases, binary_loss_cases)
    write("layers.json", [case for part in parts for case in part(draw)])


# ------------------------------------------------------------------------------------------------ layers for images


def convolution_cases(draw):
    """Every option on its own and all together; weights as PyTorch has them."""
    rows = (
        ((2, 3, 5, 4), 2, {"size": 3}),
        ((2, 2, 6, 6), 4, {"size": 3, "padding": 1}),
        ((2, 2, 5, 6), 3, {"size": 3, "padding": "same"}),
        ((1, 2, 5, 6), 3, {"size": [2, 4], "padding": "same"}),
        ((2, 3, 4, 3), 5, {"size": 1}),
        ((2, 2, 7, 6), 3, {"size": 3, "stride": 2, "padding": 1}),
        ((1, 1, 9, 8), 2, {"size": 2, "stride": 3}),
        ((2, 3, 5, 7), 2, {"size": [3, 2], "stride": [1, 2], "padding": [2, 1]}),
        ((3, 2, 3, 4), 2, {"size": [3, 4]}),
        ((2, 2, 8, 8), 3, {"size": 5, "stride": 2, "padding": 2}),
    )
    for dtype in (torch.float64, torch.float32):
        for shape, outputs, geometry in rows:
            for bias in (True, False) if dtype == torch.float64 else (True,):
                size = geometry["size"] if isinstance(geometry["size"], list) else [geometry["size"]] * 2
                parameters = {"weight": draw.normal(outputs, shape[1], *size)}
                if bias:
                    parameters["bias"] = draw.normal(outputs)

                def convolution(input, weight, bias=None):
                    return F.conv2d(input, weight, bias, geometry.get("stride", 1), geometry.get("padding", 0))

                options = {"inputs": shape[1], "outputs": outputs, "bias": bias, **geometry}
                x = 0.5 + 2 * draw.normal(*shape)
                yield layer_case(draw, "Conv2d", convolution, x, parameters, options, dtype)


def pooling_cases(draw):
    rows = (
        ((2, 3, 4, 6), {"size": 2}),
        ((2, 2, 5, 7), {"size": 2}),
        ((2, 2, 6, 5), {"size": 3, "stride": 2, "padding": 1}),
        ((1, 2, 5, 5), {"size": 3, "stride": 1}),
        ((1, 3, 5, 6), {"size": [1, 3], "stride": [2, 2], "padding": [0, 1]}),
        ((3, 2, 3, 4), {"size": [3, 4]}),
    )
    for shape, options in rows:
        arguments = (options["size"], options.get("stride"), options.get("padding", 0))
        # Whole numbers: several maxima in most windows.
        for x in (0.5 + 2 * draw.normal(*shape), draw.integers(3, *shape).double()):
            for layer, pool in (("MaxPool2d", F.max_pool2d), ("AveragePool2d", F.avg_pool2d)):
                yield layer_case(draw, layer, lambda input: pool(input, *arguments), x, {}, options)
    for shape in ((2, 3, 4, 3), (2, 3, 1, 1)):

        def global_average(input):
            return F.adaptive_avg_pool2d(input, 1).flatten(1)

        yield layer_case(draw, "GlobalAveragePool", global_average, 0.5 + 2 * draw.normal(*shape), {}, {})
        yield layer_case(draw, "Flatten", lambda input: torch.flatten(input, 1), draw.normal(*shape), {}, {})


def softmax_cases(draw):
    extreme = torch.tensor([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -999.0], [0.0, 0.0, 0.0]])
    for layer, function in (("Softmax", torch.softmax), ("LogSoftmax", torch.log_softmax)):
        for x, axis in ((3 * draw.normal(4, 5), -1), (3 * draw.normal(3, 4, 2), 1), (draw.normal(4, 3), 0), (extreme, 1)):
            for dtype in (torch.float64, torch.float32):
                yield layer_case(draw, layer, lambda input: function(input, axis), x, {}, {"axis": axis}, dtype)


def images_file():
    draw = Draw(20)
    parts = (convolution_cases, pooling_cases, softmax_cases)
    write("images.json", [case for part in parts for case in part(draw)])


# ------------------------------------------------------------------------------------------------ optimizers

OPTIMIZERS = [
    ("SGD", "plain", {"learningRate": 0.1}),
    ("SGD", "momentum", {"learningRate": 0.1, "momentum": 0.9}),
    ("SGD", "nesterov", {"learningRate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", "weight decay", {"learningRate": 0.1, "weightDecay": 0.01}),
    ("SGD", "nesterov, weight decay", {"learningRate": 0.1, "momentum": 0.9, "nesterov": True, "weightDecay": 0.01}),
    ("Adam", "plain", {"learningRate": 0.01}),
    ("Adam", "weight decay", {"learningRate": 0.01, "weightDecay": 0.01}),
    ("Adam", "other betas and epsilon", {"learningRate": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}),
    ("AdamW", "plain", {"learningRate": 0.01, "weightDecay": 0.0}),
    ("AdamW", "weight decay", {"learningRate": 0.01, "weightDecay": 0.01}),
    ("AdamW", "large weight decay", {"learningRate": 0.1, "weightDecay": 0.5}),
]

LATER_OPTIMIZERS = [
    ("RMSprop", "plain", {"learningRate": 0.01}),
    ("RMSprop", "momentum", {"learningRate": 0.01, "momentum": 0.9}),
    ("RMSprop", "weight decay", {"learningRate": 0.01, "weightDecay": 0.1}),
    ("RMSprop", "all", {"learningRate": 0.1, "alpha": 0.8, "epsilon": 1e-3, "momentum": 0.5, "weightDecay": 0.1}),
]

TORCH_NAMES = {"learningRate": "lr", "weightDecay": "weight_decay", "epsilon": "eps"}
TORCH_OPTIMIZERS = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}
TORCH_OPTIMIZERS["RMSprop"] = torch.optim.RMSprop


def torch_optimizer(name, parameters, options):
    named = {TORCH_NAMES.get(key, key): value for key, value in options.items()}
    if "beta1" in named:
        named["betas"] = named.pop("beta1"), named.pop("beta2")
    return TORCH_OPTIMIZERS[name](parameters, **named)


def optimizer_case(draw, name, title, options, absent=(), without_decay=()):
    """Five steps with given gradients; `absent` lists the (step, parameter) pairs that have none."""
    parameters = {"weight": draw.normal(2, 3).requires_grad_(), "bias": draw.normal(3).requires_grad_()}
    initial = tensors(parameters)
    no_decay = {"weight_decay": 0.0}
    groups = [{"params": [p], **(no_decay if key in without_decay else {})} for key, p in parameters.items()]
    optimizer = torch_optimizer(name, groups, options)
    steps = []
    for step in range(5):
        for key, parameter in parameters.items():
            parameter.grad = None if (step, key) in absent else draw.normal(*parameter.shape)
        gradients = {key: None if p.grad is None else tensor(p.grad) for key, p in parameters.items()}
        optimizer.step()
        steps.append({"gradients": gradients, "parameters": tensors(parameters)})
    return {
        "id": f"{name}, {title}",
        "optimizer": name,
        "options": {**options, **({"withoutDecay": list(without_decay)} if without_decay else {})},
        "parameters": initial,
        "steps": steps,
    }


def optimizers_file():
    draw = Draw(4)
    cases = [optimizer_case(draw, *row) for row in OPTIMIZERS]
    absent = {(0, "bias"), (2, "bias"), (3, "weight")}
    for name, options in (("SGD", {"learningRate": 0.1, "momentum": 0.9}), ("Adam", {"learningRate": 0.01})):
        cases.append(optimizer_case(draw, name, "absent gradients", options, absent))
    for name in ("SGD", "AdamW"):
        options = {"learningRate": 0.1, "weightDecay": 0.1}
        cases.append(optimizer_case(draw, name, "decay of weights only", options, without_decay=("bias",)))
    cases += [optimizer_case(draw, *row) for row in LATER_OPTIMIZERS]
    cases.append(optimizer_case(draw, "RMSprop", "absent gradients", {"learningRate": 0.01, "momentum": 0.9}, absent))
    write("optimizers.json", cases)


# ------------------------------------------------------------------------------------------------ schedules, clipping


def scheduled(steps, learning_rate, make):
    """The learning rates of the first steps under a scheduler of PyTorch."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], learning_rate)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def schedules_file():
    from torch.optim import lr_scheduler as schedulers

    cases = []

    def add(schedule, options, steps, make, learning_rate):
        rates = scheduled(steps, learning_rate, make)
        cases.append({"id": f"{schedule} {json.dumps(options)}", "schedule": schedule, "options": options, "rates": rates})

    for every, factor in ((3, 0.5), (1, 0.95)):
        options = {"start": 0.3, "factor": factor, "every": every}
        add("stepSchedule", options, 20, lambda own: schedulers.StepLR(own, every, factor), 0.3)
    for end in (0.0, 0.01):
        options = {"start": 0.1, "end": end, "steps": 20}
        add("cosineSchedule", options, 21, lambda own: schedulers.CosineAnnealingLR(own, 20, end), 0.1)
    for steps, increasing in ((20, 0.3), (33, 0.5)):
        options = {"peak": 0.5, "steps": steps, "increasing": increasing}

        # The last step has no successor: PyTorch throws there.
        def one_cycle(own):
            return schedulers.OneCycleLR(own, 0.5, total_steps=steps, pct_start=increasing, cycle_momentum=False)

        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.5)
        scheduler = one_cycle(optimizer)
        rates = [optimizer.param_groups[0]["lr"]]
        for _ in range(steps - 1):
            optimizer.step()
            scheduler.step()
            rates.append(optimizer.param_groups[0]["lr"])
        cases.append({"id": f"oneCycleSchedule {json.dumps(options)}", "schedule": "oneCycleSchedule", "options": options, "rates": rates})
    write("schedules.json", cases)


def clipping_file():
    draw = Draw(11)
    cases = []
    for limit in (0.5, 3.0, 100.0):
        gradients = {"weight": draw.normal(2, 3), "bias": draw.normal(3)}
        named = {key: torch.zeros_like(value).requires_grad_() for key, value in gradients.items()}
        for by_norm in (True, False):
            for key, parameter in named.items():
                parameter.grad = gradients[key].clone()
            if by_norm:
                norm = torch.nn.utils.clip_grad_norm_(named.values(), limit).item()
            else:
                torch.nn.utils.clip_grad_value_(named.values(), limit)
            cases.append({
                "id": f"{'norm' if by_norm else 'value'} {limit}",
                "by": "norm" if by_norm else "value",
                "limit": limit,
                "norm": norm,
                "gradients": tensors(gradients),
                "clipped": tensors({key: p.grad for key, p in named.items()}),
            })
    write("clipping.json", cases)


# ------------------------------------------------------------------------------------------------ whole networks

ACTIVATIONS = {"ReLU": torch.nn.ReLU, "Sigmoid": torch.nn.Sigmoid, "Tanh": torch.nn.Tanh}


def network(sizes, activation, batch_norm):
    """Dense, (BatchNorm,) activation for each hidden layer, then Dense. A Dense before a norm has no bias."""
    layers = []
    for inputs, outputs in zip(sizes[:-2], sizes[1:-1]):
        layers.append(torch.nn.Linear(inputs, outputs, bias=not batch_norm))
        if batch_norm:
            layers.append(torch.nn.BatchNorm1d(outputs))
        layers.append(ACTIVATIONS[activation]())
    layers.append(torch.nn.Linear(*sizes[-2:]))
    return torch.nn.Sequential(*layers)


def describe(model):
    """The layers of a network, for a reader that builds it in TypeScript."""
    rows = []
    for layer in model:
        if isinstance(layer, torch.nn.Linear):
            options = {"inputs": layer.in_features, "outputs": layer.out_features, "bias": layer.bias is not None}
            rows.append({"layer": "Dense", "options": options})
        elif isinstance(layer, torch.nn.BatchNorm1d):
            rows.append({"layer": "BatchNorm", "options": {"features": layer.num_features, "epsilon": layer.eps}})
        else:
            rows.append({"layer": type(layer).__name__, "options": {}})
    return rows


def initialize(model, draw):
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, torch.nn.Linear):
                layer.weight.copy_(draw.normal(*layer.weight.shape) / math.sqrt(layer.in_features))
                if layer.bias is not None:
                    layer.bias.copy_(0.1 * draw.normal(layer.out_features))
            elif isinstance(layer, torch.nn.BatchNorm1d):
                layer.weight.copy_(draw.signed(layer.num_features))
                layer.bias.copy_(0.5 * draw.normal(layer.num_features))


def state(model):
    """The state by this library's paths and in its layouts."""
    entries = {}
    for index, layer in enumerate(model):
        if isinstance(layer, torch.nn.Linear):
            entries[f"{index}.weight"] = tensor(layer.weight.T)
            if layer.bias is not None:
                entries[f"{index}.bias"] = tensor(layer.bias)
        elif isinstance(layer, torch.nn.BatchNorm1d):
            entries[f"{index}.gamma"] = tensor(layer.weight)
            entries[f"{index}.beta"] = tensor(layer.bias)
            entries[f"{index}.runningMean"] = tensor(layer.running_mean)
            entries[f"{index}.runningVariance"] = tensor(layer.running_var)
            entries[f"{index}.batchesTracked"] = layer.num_batches_tracked.item()
    return entries


def network_case(draw, title, sizes, activation, batch_norm, optimizer, options, loss, rows=9, steps=20):
    model = network(sizes, activation, batch_norm)
    initialize(model, draw)
    initial = state(model)
    stepper = torch_optimizer(optimizer, model.parameters(), options)
    function = {"softmaxCrossEntropy": F.cross_entropy, "meanSquaredError": F.mse_loss}[loss]
    recorded = []
    for _ in range(steps):
        x = draw.activations(rows, sizes[0])
        target = draw.integers(sizes[-1], rows) if loss == "softmaxCrossEntropy" else draw.normal(rows, sizes[-1])
        stepper.zero_grad()
        value = function(model(x), target)
        value.backward()
        stepper.step()
        recorded.append({"input": tensor(x), "target": tensor(target), "loss": value.item()})
    model.eval()
    held_out = draw.activations(5, sizes[0])
    return {
        "id": title,
        "layers": describe(model),
        "optimizer": optimizer,
        "options": options,
        "loss": loss,
        "initial": initial,
        "steps": recorded,
        "final": state(model),
        "inference": {"input": tensor(held_out), "output": tensor(model(held_out))},
    }


def networks_file():
    draw = Draw(5)
    momentum = {"learningRate": 0.05, "momentum": 0.9}
    adam, plain = {"learningRate": 0.02}, {"learningRate": 0.1}
    rows = [
        ("ReLU with BatchNorm, SGD momentum", (5, 8, 8, 3), "ReLU", True, "SGD", momentum, "softmaxCrossEntropy"),
        ("sigmoid with BatchNorm, Adam", (4, 6, 6, 2), "Sigmoid", True, "Adam", adam, "meanSquaredError"),
        ("tanh without BatchNorm, SGD", (4, 6, 6, 3), "Tanh", False, "SGD", plain, "softmaxCrossEntropy"),
    ]
    write("networks.json", [network_case(draw, *row) for row in rows])


# ------------------------------------------------------------------------------------------------ probes


class ProbedNetwork:
    """A network as a loss of one flat parameter vector: what every probe sees.

    The vector holds the parameters in the order of their paths, weights row-major [inputs, outputs]. A *block* is a
    Dense with the norm directly behind it; it is named after the path of its Dense.
    """

    def __init__(self, draw, sizes, activation, batch_norm, mode, rows=8):
        model = network(sizes, activation, batch_norm)
        initialize(model, draw)
        self.layers = describe(model)
        self.state = state(model)
        self.activation = {"ReLU": torch.relu, "Tanh": torch.tanh}[activation]
        self.mode = mode
        self.input = draw.activations(rows, sizes[0])
        self.labels = draw.integers(sizes[-1], rows)
        self.running = {}
        if mode == "inference":
            for index, row in enumerate(self.layers):
                if row["layer"] == "BatchNorm":
                    features = row["options"]["features"]
                    self.running[index] = draw.normal(features), draw.uniform(0.5, 3, features)
                    self.state[f"{index}.runningMean"] = tensor(self.running[index][0])
                    self.state[f"{index}.runningVariance"] = tensor(self.running[index][1])
                    self.state[f"{index}.batchesTracked"] = 1
        self.groups, self.blocks, values = [], [], []
        roles = {"weight": "weight", "bias": "bias", "gamma": "scale", "beta": "shift"}
        for path, entry in self.state.items():
            index, name = path.split(".")
            if name not in roles:
                continue
            start = len(values)
            values += entry["data"]
            group = {"name": path, "role": roles[name], "shape": entry["shape"], "start": start, "end": len(values)}
            self.groups.append(group)
            if name == "weight":
                self.blocks.append({"name": index, "start": start, "groups": {}})
            block = self.blocks[-1]
            # The groups of a block are nested: weight, weight and bias, everything.
            measured = {"weight": ("weight", "linear", "all"), "bias": ("linear", "all")}.get(name, ("all",))
            for key in measured:
                block["groups"][key] = {"start": block["start"], "end": len(values)}
            block["end"] = len(values)
        self.point = torch.tensor(values)

    def loss(self, point):
        parameters = {g["name"]: point[g["start"] : g["end"]].view(g["shape"]) for g in self.groups}
        x = self.input
        for index, row in enumerate(self.layers):
            if row["layer"] == "Dense":
                x = x @ parameters[f"{index}.weight"]
                if row["options"]["bias"]:
                    x = x + parameters[f"{index}.bias"]
            elif row["layer"] == "BatchNorm":
                mean, variance = self.running.get(index, (None, None))
                gamma, beta = parameters[f"{index}.gamma"], parameters[f"{index}.beta"]
                x = F.batch_norm(x, mean, variance, gamma, beta, training=mean is None, eps=row["options"]["epsilon"])
            else:
                x = self.activation(x)
        return F.cross_entropy(x, self.labels)

    def evaluate(self, point):
        point = point.detach().requires_grad_()
        value = self.loss(point)
        (gradient,) = torch.autograd.grad(value, point)
        return value.item(), gradient


def internal_covariate_shift(net, learning_rate):
    """Santurkar et al. 2018, definition 2.1: per block, the gradient before and after all blocks below have moved."""
    _, gradient = net.evaluate(net.point)
    moved = net.point - learning_rate * gradient
    blocks = []
    for block in net.blocks:
        mixed = net.point.clone()
        mixed[: block["start"]] = moved[: block["start"]]
        loss_prime, gradient_prime = net.evaluate(mixed)
        groups = {}
        for name, bounds in block["groups"].items():
            g = gradient[bounds["start"] : bounds["end"]]
            g_prime = gradient_prime[bounds["start"] : bounds["end"]]
            groups[name] = {
                "difference": (g - g_prime).norm().item(),
                "relativeDifference": ((g - g_prime).norm() / g.norm()).item(),
                "cosine": (g @ g_prime / (g.norm() * g_prime.norm())).item(),
                "normG": g.norm().item(),
                "normGPrime": g_prime.norm().item(),
            }
        blocks.append({"name": block["name"], "lossPrime": loss_prime, "groups": groups})
    return {"learningRate": learning_rate, "blocks": blocks}


def along_the_gradient(net, learning_rate):
    """Loss and gradient at x - eta g for step sizes around the learning rate."""
    loss, gradient = net.evaluate(net.point)
    norm = gradient.norm().item()
    profile = []
    for eta in [learning_rate * multiple for multiple in (0.01, 0.1, 0.5, 1, 2, 4)]:
        loss_there, gradient_there = net.evaluate(net.point - eta * gradient)
        change = (gradient_there - gradient).norm().item()
        profile.append(
            {
                "eta": eta,
                "loss": loss_there,
                "gradNorm": gradient_there.norm().item(),
                "gradientChange": change,
                "relativeGradientChange": change / norm,
                "gradientCosine": (gradient @ gradient_there).item() / (norm * gradient_there.norm().item()),
                "beta": change / (eta * norm),
                "lossSlope": abs(loss_there - loss) / (eta * norm),
                "gain": (loss - loss_there) / (eta * norm**2),
            }
        )
    losses = [row["loss"] for row in profile]
    changes = [row["gradientChange"] for row in profile]
    return {
        "learningRate": learning_rate,
        "profile": profile,
        "lossRange": max(losses) - min(losses),
        "lossRangeWithOrigin": max(losses + [loss]) - min(losses + [loss]),
        "maxLossChange": max(abs(value - loss) for value in losses),
        "gradientChangeMin": min(changes),
        "gradientChangeMax": max(changes),
        "betaMax": max(row["beta"] for row in profile),
        "lossSlopeMax": max(row["lossSlope"] for row in profile),
    }


def curvature(net):
    """The whole spectrum of the Hessian, and its product with the gradient."""
    _, gradient = net.evaluate(net.point)
    hessian = torch.autograd.functional.hessian(net.loss, net.point)
    hessian = (hessian + hessian.T) / 2
    product = hessian @ gradient
    return {
        "eigenvalues": tensor(torch.linalg.eigvalsh(hessian)),
        "trace": hessian.trace().item(),
        "hessianGradient": tensor(product),
        "rayleighQuotient": (gradient @ product / (gradient @ gradient)).item(),
    }


def probe_case(draw, title, activation, batch_norm, mode):
    net = ProbedNetwork(draw, (4, 6, 6, 3), activation, batch_norm, mode)
    loss, gradient = net.evaluate(net.point)
    return {
        "id": title,
        "layers": net.layers,
        "mode": mode,
        "state": net.state,
        "input": tensor(net.input),
        "labels": tensor(net.labels),
        "groups": net.groups,
        "blocks": net.blocks,
        "point": tensor(net.point),
        "loss": loss,
        "gradient": tensor(gradient),
        "internalCovariateShift": [internal_covariate_shift(net, rate) for rate in (0.01, 0.1, 1.0)],
        "alongTheGradient": along_the_gradient(net, 0.5),
        "curvature": curvature(net),
    }


def probes_file():
    draw = Draw(6)
    rows = [
        ("tanh with BatchNorm", "Tanh", True, "probe"),
        ("tanh without BatchNorm", "Tanh", False, "probe"),
        ("ReLU with BatchNorm", "ReLU", True, "probe"),
        ("ReLU without BatchNorm", "ReLU", False, "probe"),
        ("tanh with BatchNorm, inference", "Tanh", True, "inference"),
    ]
    write("probes.json", [probe_case(draw, *row) for row in rows])


# ------------------------------------------------------------------------------------------------ layers for experiments


def batch_renorm(x, gamma, beta, running, epsilon, largest_scale, largest_shift):
    """Ioffe 2017, algorithm 1: no gradient goes through r and d."""
    mean, variance = x.mean(0), x.var(0, unbiased=False)
    sigma_batch, sigma = (variance + epsilon).sqrt(), (running["runningVariance"] + epsilon).sqrt()
    r = (sigma_batch / sigma).clamp(1 / largest_scale, largest_scale).detach()
    d = ((mean - running["runningMean"]) / sigma).clamp(-largest_shift, largest_shift).detach()
    return gamma * ((x - mean) / sigma_batch * r + d) + beta


def ghost_batch_norm(x, gamma, beta, groups, epsilon):
    return torch.cat([F.batch_norm(rows, None, None, gamma, beta, training=True, eps=epsilon) for rows in x.split(groups)])


def lp_norm(x, gamma, beta, p, epsilon):
    scale = {1: lambda: x.abs().mean(0) + epsilon, 2: lambda: (x.square().mean(0) + epsilon).sqrt()}
    largest = lambda: x.abs().max(0).values + epsilon
    return gamma * (x - x.mean(0)) / scale.get(p, largest)() + beta


def special_layer_case(draw, layer, function, options, running=None):
    """One training pass, forward and backward; `running` are the statistics before it."""
    x, dy = draw.activations(9, 3), draw.normal(9, 3)
    parameters = {"gamma": draw.signed(3), "beta": draw.normal(3)}
    inputs = as_inputs({"input": x, **parameters})
    output = function(inputs["input"], inputs["gamma"], inputs["beta"])
    gradients = gradients_of(output, dy, inputs)
    grad_input = gradients.pop("input")
    return {
        "id": " ".join([layer, json.dumps(options)]),
        "layer": layer,
        "options": options,
        "input": tensor(x),
        "gradOutput": tensor(dy),
        "parameters": tensors(parameters),
        "statistics": tensors(running or {}),
        "output": tensor(output),
        "gradInput": tensor(grad_input),
        "gradients": tensors(gradients),
    }


def special_layers_file():
    draw = Draw(8)
    cases = []
    for epsilon in (1e-5, 0.1):
        # Wide limits: nothing is clipped. Narrow ones: some features are, in scale or shift. None: batch norm.
        for largest_scale, largest_shift in ((1000, 1000), (1.5, 0.4), (1, 0)):
            running = {"runningMean": draw.normal(3), "runningVariance": draw.uniform(0.2, 3, 3)}

            def renorm(x, gamma, beta):
                return batch_renorm(x, gamma, beta, running, epsilon, largest_scale, largest_shift)

            options = {"features": 3, "epsilon": epsilon, "largestScale": largest_scale, "largestShift": largest_shift}
            cases.append(special_layer_case(draw, "BatchRenorm", renorm, options, running))
        for size, groups in ((2, [2, 2, 2, 3]), (4, [4, 5]), (6, [6, 3])):

            def ghost(x, gamma, beta):
                return ghost_batch_norm(x, gamma, beta, groups, epsilon)

            options = {"features": 3, "epsilon": epsilon, "groupSize": size}
            cases.append(special_layer_case(draw, "GhostBatchNorm", ghost, options))
        for p in (1, 2, math.inf):

            def norm(x, gamma, beta):
                return lp_norm(x, gamma, beta, p, epsilon)

            options = {"features": 3, "epsilon": epsilon, "p": number(p)}
            cases.append(special_layer_case(draw, "LpNorm", norm, options))
    write("special-layers.json", cases)


# ------------------------------------------------------------------------------------------------ random streams

MASK = 0xFFFFFFFF


def rotate_left(x, k):
    return ((x << k) | (x >> (32 - k))) & MASK


def xoshiro128ss(state, count):
    """Blackman & Vigna, https://prng.di.unimi.it/xoshiro128starstar.c (public domain)."""
    s = list(state)
    words = []
    for _ in range(count):
        words.append((rotate_left((s[1] * 5) & MASK, 7) * 9) & MASK)
        t = (s[1] << 9) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate_left(s[3], 11)
    return words, s


def murmur3(data, seed):
    """Austin Appleby's MurmurHash3_x86_32 (public domain)."""
    h = seed
    for start in range(0, len(data), 4):
        block = data[start : start + 4]
        k = (int.from_bytes(block, "little") * 0xCC9E2D51) & MASK
        h ^= (rotate_left(k, 15) * 0x1B873593) & MASK
        if len(block) == 4:
            h = (rotate_left(h, 13) * 5 + 0xE6546B64) & MASK
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


def random_file():
    # Published vectors: of the reference C code (also in the tests of Rust's rand_xoshiro), and of MurmurHash3.
    published = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]
    assert xoshiro128ss((1, 2, 3, 4), 10)[0] == published
    assert murmur3(b"", 1) == 0x514E28B7 and murmur3(b"\xff\xff\xff\xff", 0) == 0x76293B50
    assert murmur3(b"Hello, world!", 0x9747B28C) == 0x24884CBA
    cases = []
    mixed = (0x9E3779B9, 0x243F6A88, 0xB7E15162, 0xDEADBEEF)
    for start in ((1, 2, 3, 4), (0, 0, 0, 1), (MASK, MASK, MASK, MASK), mixed):
        words, end = xoshiro128ss(start, 24)
        _, far = xoshiro128ss(start, 10_000)
        after = {"stateAfter24": end, "stateAfter10000": far}
        cases.append({"kind": "xoshiro128**", "state": start, "words": words, **after})
    texts = ["", "a", "ab", "abc", "abcd", "abcde", "weights", "Hello, world!", "größe", "\0\0\0\0", "x" * 33]
    for text in texts:
        for seed in (0, 1, 42, 0x9747B28C, MASK):
            data = text.encode("utf-8")
            cases.append(
                {"kind": "murmur3", "text": text, "bytes": list(data), "seed": seed, "hash": murmur3(data, seed)}
            )
    write("xoshiro.json", cases)


# ------------------------------------------------------------------------------------------------ special functions


def correctly_rounded(function):
    """The double nearest to the true value. 800 digits: enough for tanh at the smallest subnormal."""

    def at(x):
        if math.isnan(x):
            return x
        return float(function(Decimal(x)))

    return at


def exact_exp(x):
    if abs(x) > 1000:
        return Decimal("Infinity") if x > 0 else Decimal(0)
    return x.exp()


def exact_log(x):
    if x == 0:
        return Decimal("-Infinity")
    if x < 0:
        return Decimal("NaN")
    return x.ln() if x.is_finite() else x


def exact_tanh(x):
    if abs(x) > 100:
        return Decimal(1).copy_sign(x)
    if x == 0:
        return x
    e = (2 * x).exp()
    return (e - 1) / (e + 1)


def exact_sigmoid(x):
    if x < -1000:
        return Decimal(0)
    if x > 1000:
        return Decimal(1)
    return 1 / (1 + (-x).exp())


def neighbors(x):
    return [math.nextafter(x, -math.inf), x, math.nextafter(x, math.inf)]


def special_points(draw):
    """Where each function is hard: thresholds with both neighbors, tiny and huge arguments, then random ones."""
    subnormal, smallest_normal, largest = 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308
    tiny = [subnormal, 1e-320, smallest_normal, 1e-200, 1e-20, 1e-16, 1.1102230246251565e-16, 1e-10, 1e-5, 1e-3]
    everywhere = [0.0, -0.0, math.inf, -math.inf, math.nan, largest, -largest] + tiny + [-x for x in tiny]
    ln2 = math.log(2)

    def around_zero(radius, count):
        return draw.uniform(-radius, radius, count).tolist()

    exp = everywhere + neighbors(709.782712893384) + neighbors(-708.3964185322641) + neighbors(-745.1332191019411)
    exp += neighbors(0.5 * ln2) + neighbors(-0.5 * ln2) + neighbors(ln2) + neighbors(-1.0) + neighbors(1.0)
    exp += [float(n) for n in range(-20, 21)] + [1000.0, -1000.0, 710.0, -746.0, -720.0, -740.0, -744.5]
    exp += around_zero(1, 60) + around_zero(30, 80) + around_zero(700, 60) + draw.uniform(-745, -708, 20).tolist()

    log = everywhere + neighbors(1.0) + neighbors(0.5) + neighbors(2.0)
    log += neighbors(math.sqrt(0.5)) + neighbors(math.sqrt(2))
    log += [2.0**k for k in (-1074, -1073, -1050, -1022, -1021, -500, -52, -10, -3, 3, 10, 52, 500, 1023)]
    log += [1 + sign * 2.0**-k for k in (50, 40, 30, 20, 10, 5, 4, 3) for sign in (1, -1)] + [-1.0, 10.0, 1000.0]
    log += draw.uniform(0.5, 2, 80).tolist() + draw.uniform(0.99, 1.01, 30).tolist()
    log += torch.exp(draw.uniform(-700, 700, 60)).tolist() + torch.exp(draw.uniform(-740, -709, 20)).tolist()

    saturating = [0.1, 0.25, 0.5, 0.55, 0.625, 1.0, 2.0, 5.0, 10.0, 18.0, 19.0, 19.5, 20.0, 22.0, 30.0, 36.0, 37.0]
    saturating += [40.0, 100.0, 700.0, 709.0, 745.0, 746.0, 1000.0, 1e10]
    saturating = saturating + [-x for x in saturating]
    tanh = everywhere + saturating + neighbors(19.061547465398498) + neighbors(0.5 * ln2) + neighbors(0.25 * ln2)
    tanh += around_zero(0.01, 30) + around_zero(1, 80) + around_zero(5, 80) + around_zero(20, 40)
    sigmoid = everywhere + saturating + neighbors(36.7368005696771) + neighbors(-709.782712893384)
    sigmoid += neighbors(-745.1332191019411) + around_zero(1, 80) + around_zero(10, 80) + around_zero(40, 40)
    sigmoid += draw.uniform(-745, -40, 30).tolist()
    unit = [0.0, 1.0, 0.25, 0.5, 0.75] + neighbors(0.41) + tiny + draw.uniform(0, 1, 120).tolist()
    unit += torch.exp(draw.uniform(-40, 0, 80)).tolist()
    error = everywhere[:5] + [-x for x in tiny] + tiny + neighbors(27.0) + [26.5, 26.7, -27.5, -5.9, -6.0, 1e10]
    error += around_zero(1, 60) + around_zero(6, 100) + draw.uniform(6, 26, 30).tolist()
    return [
        ("exp", exact_exp, exp),
        ("log", exact_log, log),
        ("tanh", exact_tanh, tanh),
        ("sigmoid", exact_sigmoid, sigmoid),
        ("expm1", lambda x: exact_exp(x) - 1, everywhere[:7] + around_zero(1, 120) + around_zero(40, 80)),
        ("log1p", lambda x: (1 + x).ln(), unit),
        ("cosPi", with_mpmath(mpmath.cospi), unit),
        ("erfc", with_mpmath(mpmath.erfc), error),
    ]


def with_mpmath(function):
    """A function of mpmath, which comes with PyTorch, on decimals."""

    def at(x):
        if abs(x) > 30:
            return Decimal(0 if x > 0 else 2)  # erfc
        return Decimal(mpmath.nstr(function(mpmath.mpf(float(x))), 400))

    return at


def erfc_coefficients(count=25, points=60):
    """The Chebyshev coefficients of (1 + 2z) exp(z²) erfc(z) in (z - 3) / (z + 3), as in src/core/special.ts."""
    with mpmath.workdps(60):
        nodes = [mpmath.cos(mpmath.pi * (j + mpmath.mpf(1) / 2) / points) for j in range(points)]
        z = [3 * (1 + s) / (1 - s) for s in nodes]
        values = [(1 + 2 * at) * mpmath.exp(at * at) * mpmath.erfc(at) for at in z]

        def coefficient(m):
            angles = [m * mpmath.pi * (j + mpmath.mpf(1) / 2) / points for j in range(points)]
            total = sum(value * mpmath.cos(angle) for value, angle in zip(values, angles))
            return float((2 if m else 1) * total / points)

        return [coefficient(m) for m in range(count)]


def special_file():
    getcontext().prec = 800
    mpmath.mp.dps = 800
    cases = []
    for name, function, points in special_points(Draw(7)):
        values = [correctly_rounded(function)(x) for x in points]
        cases.append({"id": name, "x": [number(x) for x in points], "y": [number(y) for y in values]})
    coefficients = erfc_coefficients()
    write("special.json", cases, erfc=coefficients, rounding="the double nearest to the true value, from 800 decimal digits")


if __name__ == "__main__":
    for make in (
        batch_norm_file,
        running_statistics_file,
        layers_file,
        images_file,
        optimizers_file,
        schedules_file,
        clipping_file,
        networks_file,
        probes_file,
        special_layers_file,
        random_file,
        special_file,
    ):
        make()
        print(make.__name__, "done")
