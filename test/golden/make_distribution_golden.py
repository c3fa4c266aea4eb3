#!/usr/bin/env python3
"""Writes distribution.json: what NumPy and SciPy say about samples and pairs of samples, in double precision.

    python3 test/golden/make_distribution_golden.py        (Debian: python3-numpy python3-scipy)

Moments, quantiles, distances between two samples, distances between two histograms, MMD and adjusted p-values.
What neither library has (Gaussian KL, PSI, MMD) is written down here from its definition, without loops shared with src.
"""

import json
import pathlib

import numpy as np
import scipy
from scipy import stats
from scipy.spatial.distance import cdist, jensenshannon, pdist

LEVELS = [0, 0.01, 0.15, 0.25, 0.5, 0.75, 0.85, 0.99, 1]
random = np.random.default_rng(20150211)


def number(x):
    return float(x)


def moments(x):
    return {
        "values": x.tolist(),
        "mean": number(np.mean(x)),
        "variance": number(np.var(x)),
        "varianceUnbiased": number(np.var(x, ddof=1)),
        "std": number(np.std(x)),
        "skewness": number(stats.skew(x)),
        "skewnessUnbiased": number(stats.skew(x, bias=False)),
        "kurtosisExcess": number(stats.kurtosis(x)),
        "kurtosisPearson": number(stats.kurtosis(x, fisher=False)),
        "kurtosisExcessUnbiased": number(stats.kurtosis(x, bias=False)),
        "quantiles": np.quantile(x, LEVELS).tolist(),
    }


def kl_gauss(a, b, ddof=0):
    va, vb = np.var(a, ddof=ddof), np.var(b, ddof=ddof)
    return number(0.5 * np.log(vb / va) + (va + (np.mean(a) - np.mean(b)) ** 2) / (2 * vb) - 0.5)


def distances(a, b):
    return {
        "a": a.tolist(),
        "b": b.tolist(),
        "wasserstein1": number(stats.wasserstein_distance(a, b)),
        "wasserstein1Relative": number(stats.wasserstein_distance(a, b) / np.sqrt((np.var(a) + np.var(b)) / 2)),
        "kolmogorovSmirnov": number(stats.ks_2samp(a, b).statistic),
        "energyDistance": number(stats.energy_distance(a, b)),
        "wasserstein2": number(np.sqrt(np.mean((np.sort(a) - np.sort(b)) ** 2))) if len(a) == len(b) else None,
        "wasserstein2GaussSquared": number((np.mean(a) - np.mean(b)) ** 2 + (np.std(a) - np.std(b)) ** 2),
        "klGaussAB": kl_gauss(a, b),
        "klGaussBA": kl_gauss(b, a),
        "klGaussSymmetric": kl_gauss(a, b) + kl_gauss(b, a),
        "klGaussABUnbiased": kl_gauss(a, b, ddof=1),
        "meanShift": number(np.mean(b) - np.mean(a)),
        "absoluteMeanShift": number(abs(np.mean(b) - np.mean(a))),
        "stdRatio": number(np.std(b) / np.std(a)),
    }


def histograms(a, b, edges):
    outer = np.concatenate([[-np.inf], edges, [np.inf]])
    p = np.histogram(a, outer)[0]
    q = np.histogram(b, outer)[0]
    # NumPy closes its last cell; here the last cell between the edges is closed, and it is not NumPy's last one.
    for counts, values in ((p, a), (q, b)):
        on_edge = int(np.sum(values == edges[-1]))
        counts[-1] -= on_edge
        counts[-2] += on_edge
    p = p / p.sum()
    q = q / q.sum()
    floor = 1e-4
    fp, fq = np.maximum(p, floor), np.maximum(q, floor)
    distance = jensenshannon(p, q)
    return {
        "a": a.tolist(),
        "b": b.tolist(),
        "edges": list(edges),
        "jensenShannonDivergence": number(distance**2),
        "jensenShannonDistance": number(distance),
        "jensenShannonDistanceBits": number(jensenshannon(p, q, base=2)),
        "psiFloored": number(np.sum((fp - fq) * np.log(fp / fq))),
        "klHistogramAB": finite_or_none(stats.entropy(p, q)),
        "klHistogramBA": finite_or_none(stats.entropy(q, p)),
        "totalVariation": number(np.abs(p - q).sum() / 2),
        "hellinger": number(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2)),
    }


def finite_or_none(x):
    return number(x) if np.isfinite(x) else None


def mmd(x, y):
    pooled = np.concatenate([x, y])
    pairs = pdist(pooled)
    h = np.median(pairs[pairs > 0])
    n, m = len(x), len(y)
    kernel = lambda u, v: np.exp(-(cdist(u, v) ** 2) / (2 * h * h))
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    biased = xx.mean() + yy.mean() - 2 * xy.mean()
    unbiased = (xx.sum() - n) / (n * (n - 1)) + (yy.sum() - m) / (m * (m - 1)) - 2 * xy.mean()
    return {
        "a": x.tolist(),
        "b": y.tolist(),
        "bandwidth": number(h),
        "mmdSquaredBiased": number(biased),
        "mmdSquaredUnbiased": number(unbiased),
        "mmd": number(np.sqrt(biased)),
    }


normal = random.normal
pairs = [
    (normal(0, 1, 40), normal(0.3, 1.2, 40)),
    (normal(0.5, 2, 17), normal(-1, 0.5, 31)),
    (np.round(normal(0, 1, 50)), np.round(normal(0.5, 1, 35))),
    (np.maximum(normal(0, 1, 64), 0), np.maximum(normal(0.2, 1, 64), 0)),
    (1e6 + normal(0, 1, 25), 1e6 + normal(0.5, 1, 30)),
    (random.exponential(1, 30) * 1e-8, random.exponential(2, 20) * 1e-8),
]
document = {
    "source": {"numpy": np.__version__, "scipy": scipy.__version__, "script": pathlib.Path(__file__).name},
    "levels": LEVELS,
    "moments": [moments(x) for pair in pairs for x in pair],
    "distances": [distances(a, b) for a, b in pairs],
    "histograms": [
        histograms(pairs[0][0], pairs[0][1], [-1.5, -0.5, 0, 0.5, 1.5]),
        histograms(pairs[1][0], pairs[1][1], [-4, -2, -1, 0, 1, 2, 4]),
        histograms(pairs[2][0], pairs[2][1], [-2, -1, 0, 1, 2]),
        histograms(pairs[3][0], pairs[3][1], [0, 0.5, 1, 2, 4]),
    ],
    "mmd": [
        mmd(normal(0, 1, (20, 3)), normal(0.5, 1, (20, 3))),
        mmd(normal(0, 1, (9, 2)), normal(0, 3, (16, 2))),
        mmd(np.round(normal(0, 1, (12, 1))), np.round(normal(1, 1, (8, 1)))),
    ],
    "benjaminiHochberg": [
        {"p": p, "adjusted": stats.false_discovery_control(p).tolist()}
        for p in ([0.001, 0.02, 0.03, 0.2, 0.5], [0.9, 0.04, 0.04, 0.001, 0.5, 0.049], [0.3], [1.0, 1.0, 0.6])
    ],
}
path = pathlib.Path(__file__).with_name("distribution.json")
path.write_text(json.dumps(document) + "\n")
