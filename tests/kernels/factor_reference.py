"""Four classes and five factors, and what DataEval 1.1.4 (numpy 2.4.6, SciPy 1.17.1) answers for them."""

from __future__ import annotations

import numpy as np

N = 400


def _inputs() -> dict[str, np.ndarray]:
    r = np.random.default_rng(99)
    label = r.integers(0, 4, N)
    dependent = np.where(r.random(N) < 0.7, label, r.integers(0, 4, N))
    independent = r.integers(0, 3, N)
    continuous = r.normal(size=N) + label * 0.5
    skewed = r.gamma(2.0, size=N)
    rare = np.where(r.random(N) < 0.02, 1, 0)
    return {
        "label": label,
        "dependent": dependent,
        "independent": independent,
        "continuous": continuous,
        "skewed": skewed,
        "rare": rare,
    }


INPUTS = _inputs()

CONTINUOUS_EDGES = (-1.247918683166929, -0.32464440732310096, 0.5986298685207272, 1.5219041443645556, 2.445178420208384)
SKEWED_EDGES = {
    "uniform_width": (4.829188896064416,),
    "uniform_count": (1.7069414612955993,),
    5: (1.989936738771617, 3.8827715103001497, 5.775606281828683, 7.668441053357215),
}
SHARE_OF_LABEL = {"dependent": 0.3843945303461593, "independent": 0.0, "rare": 0.003291014931767422}
SHARE_OF_CLASSES = {
    "dependent": (0.346778151071214, 0.39491434099119127, 0.38808257272487795, 0.2892805691661034),
    "independent": (0.0, 0.0, 0.0, 0.0),
    "rare": (0.005758108244293298, 0.0, 0.0, 0.00909712556698821),
}
DEPENDENT_WITH_RARE = {(False, False): 0.0024939168997312315, (True, True): 0.002734039299293391}
NEIGHBOR_SHARES = {"continuous": 0.05613002635114472, "skewed": 0.0}
PARITY = {  # score, p-value
    "continuous": (0.26299523015066384, 4.0258904489888395e-14),
    "skewed": (0.0, 0.5429323606139613),
    "dependent": (0.5927187328654603, 1.9071014608263722e-86),
    "independent": (0.0, 0.7199509488638259),
    "rare": (0.1017078939387071, 0.06771870533547002),
}
RARE_WITH_UPPER_CLASSES = (0.020848368162865245, 0.2781856560786218)  # 2 x 2, Yates
DIVERSITY = {  # of the first class, by index
    "simpson": {"continuous": 0.4708478513356563, "skewed": 0.11076923076923095, "independent": 0.9810256410256408},
    "shannon": {"continuous": 0.794168623547796, "skewed": 0.2974722489192897, "independent": 0.9941887364439128},
}
