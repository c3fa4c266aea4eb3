"""Write files of every kind of number that NumPy reads, in this folder, and numbers.json with their values.

Run it from anywhere:    /usr/bin/python3 test/golden/formats/make_numpy.py      (Debian 12's python3-numpy 1.24)

All files are NumPy's own, except for python2.npy, whose header is that of NumPy under Python 2; NumPy reads it here.
"""

import json
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def values(array):
    """Exact, as text: JSON has neither infinities nor whole numbers beyond 2^53."""
    wide = array.astype("f8") if array.dtype.kind == "f" else array
    return [repr(value) for value in wide.ravel().tolist()]


def extremes(dtype):
    info = np.iinfo(dtype)
    return np.array([info.min, 0, 1, info.max - 1, info.max], dtype=dtype)


halves = [0.0, -0.0, 1.0, -2.5, 1 / 3, 65504.0, 2**-14, 2**-15, 2**-24, -3 * 2**-24, np.inf, -np.inf]
arrays = {}
for order in "<>":
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
        arrays[f"{order}{kind}"] = extremes(order + kind)
    for kind in ("f2", "f4", "f8"):
        arrays[f"{order}{kind}"] = np.array(halves, dtype=order + kind)
arrays["|b1"] = np.array([True, False, True])
arrays[">f4 columns"] = np.asfortranarray(np.arange(6, dtype=">f4").reshape(1, 2, 3))
arrays["<f2 columns"] = np.asfortranarray(np.arange(6, dtype="<f2").reshape(3, 2, 1))

np.savez(HERE / "numbers.npz", **arrays)
np.savez_compressed(HERE / "numbers-compressed.npz", **arrays, long=np.arange(20000, dtype="<i4") % 1000)
foreign = {
    "complex": np.array([1 + 2j]),
    "text": np.array(["a"]),
    "bytes": np.array([b"a"]),
    "objects": np.array([None, {}], dtype=object),
    "records": np.array([(1.0, 2)], dtype=[("a", "<f8"), ("b", "<i4")]),
    "dates": np.array(["2015-02-11"], dtype="M8[D]"),
    "long double": np.array([1.0], dtype=np.longdouble),
}
np.savez(HERE / "foreign.npz", **foreign, good=np.array([1.5]))

# Small archives in zip64, as programs write them that do not know the sizes beforehand.
zipfile.ZIP64_LIMIT = 1
np.savez(HERE / "zip64.npz", a=np.array([1.0, 2.0]), b=np.array([3], dtype="<i2"))
zipfile.ZIP64_LIMIT = (1 << 31) - 1
np.testing.assert_equal(np.load(HERE / "zip64.npz")["a"], [1, 2])

header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3L,), }".ljust(117) + b"\n"
numbers = np.array([1.0, 2.0, 3.0]).tobytes()
(HERE / "python2.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + numbers)
np.testing.assert_equal(np.load(HERE / "python2.npy"), [1, 2, 3])

golden = {
    "source": {"numpy": np.__version__, "script": "make_numpy.py"},
    "arrays": {name: {"shape": list(a.shape), "dtype": a.dtype.name, "values": values(a)} for name, a in arrays.items()},
}
(HERE / "numbers.json").write_text(json.dumps(golden, indent=1) + "\n")
