"""Write reference.safetensors: the arrays of network-float32.npz as the reference implementation of safetensors saves them.

Run it from anywhere, after make_formats.py:    pip install safetensors==0.8.0 numpy==1.26.4
                                                python test/golden/formats/make_reference.py
"""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent
arrays = dict(np.load(HERE / "network-float32.npz"))
arrays["mask"] = np.array([True, False])
arrays["wide"] = np.array([0.1, 0.2])
save_file(arrays, HERE / "reference.safetensors", metadata={"format": "pt"})
