"""Pickles read as data: nothing in the file is imported, called or executed.

Every class that a pickle names becomes an inert stand-in that keeps its arguments and state. Stand-ins of numpy's
arrays, dtypes and scalars, of scipy's sparse matrices and of chumpy's arrays are then read for their numbers; a
pickle that names anything else is refused. Python's own unpickler in C is not used: it asks for memory that a hostile
file only claims.
"""

import io
import math
import pickle
from typing import Any

import numpy as np

ARRAY, BUFFER, DTYPE, SCALAR, TEXT = "array", "buffer", "dtype", "scalar", "text"
SPARSE, CHUMPY, OTHER = "sparse", "chumpy", "other"
DEEPEST = 6  # of containers in containers, and of chumpy arrays in chumpy arrays


class Inert:
    """What a pickle made of a class that it names: arguments, state and items, and nothing that acts."""

    kind = OTHER
    __slots__ = ("args", "items", "state")

    def __new__(cls, *args: Any) -> "Inert":
        self = object.__new__(cls)
        self.args, self.items, self.state = args, [], None
        return self

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        self.items.append(item)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))


class _Unpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> type[Inert]:
        return type("Inert", (Inert,), {"kind": _kind(str(module), str(name)), "__slots__": ()})

    def persistent_load(self, pid: Any) -> Any:
        raise ValueError("it refers to objects outside of the file")


def _kind(module: str, name: str) -> str:
    """What a name in a pickle stands for; raises ValueError for names that no model needs."""
    package = module.partition(".")[0]
    if package == "numpy" and name in ("_reconstruct", "_frombuffer", "ndarray", "dtype", "scalar"):
        return {"_reconstruct": ARRAY, "_frombuffer": BUFFER, "dtype": DTYPE, "scalar": SCALAR}.get(name, OTHER)
    if (module, name) == ("_codecs", "encode"):
        return TEXT
    if module.startswith("scipy.sparse") and name in ("csc_matrix", "csr_matrix", "coo_matrix"):
        return f"{SPARSE} {name[:3]}"
    if package == "chumpy":
        return CHUMPY
    if package == "torch":
        return OTHER  # some of DECA's landmarks: left out
    if (module, name) in (("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")):
        return "instance"
    if (module, name) in (
        ("__builtin__", "object"),
        ("builtins", "object"),
        ("__builtin__", "set"),
        ("builtins", "set"),
    ):
        return OTHER
    if (module, name) == ("collections", "OrderedDict"):
        return "dict"
    raise ValueError(f"it names {module}.{name}; a model holds numpy, scipy.sparse and chumpy arrays only")


def load_pickle(raw: bytes) -> dict[str, Any]:
    """The dict in a pickle, its arrays as numpy arrays; values that are not numbers, text or containers are left out.

    Raises ValueError for anything but a pickled dict, and for a name in it that no model needs.
    """
    try:
        loaded = _Unpickler(io.BytesIO(raw), encoding="latin1").load()
    except ValueError:
        raise
    except Exception as error:  # the machine of pickle has as many kinds of errors as a hostile file has ideas
        raise ValueError(f"it is not a sound pickle: {type(error).__name__} {error}") from error
    loaded = _as_dict(_plain(loaded, 1) if isinstance(loaded, Inert) and loaded.kind == ARRAY else loaded)
    return {str(key): value for key, item in loaded.items() if (value := _plain(item, DEEPEST)) is not None}


def _as_dict(loaded: Any) -> dict[Any, Any]:
    if isinstance(loaded, np.ndarray) and loaded.dtype == object and loaded.size == 1:
        loaded = loaded.item()  # numpy.save of a dict
    if isinstance(loaded, list) and len(loaded) == 1:
        loaded = loaded[0]
    if isinstance(loaded, Inert) and loaded.kind == "dict":
        loaded = dict(item for item in loaded.items if isinstance(item, tuple) and len(item) == 2)
    if not isinstance(loaded, dict):
        raise ValueError(f"it holds no dictionary but a {type(loaded).__name__}")
    return loaded


def _plain(value: Any, depth: int) -> Any:
    """Numbers, text, arrays, and containers of these; None for anything else."""
    if isinstance(value, (bool, int, float, str, bytes)):
        return value
    if depth <= 0:
        return None
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in value] if len(value) <= 100_000 else None
    if isinstance(value, Inert):
        return _array(value, depth)
    return None


def _array(value: Inert, depth: int) -> Any:
    """What an inert array, scalar, sparse matrix or chumpy array holds; None for the rest."""
    if value.kind == ARRAY:
        return _numpy_array(value.state)
    if value.kind == BUFFER and len(value.args) == 4:  # of protocol 5
        raw, dtype, shape, order = value.args
        return _numpy_array((shape, dtype, order == "F", raw))
    if value.kind == SCALAR and len(value.args) == 2:
        return np.frombuffer(_raw(value.args[1]), _dtype(value.args[0]), count=1)[0]
    if value.kind.startswith(SPARSE):
        return _dense(value.kind[-3:], _state(value), depth)
    chumpy = value.kind == CHUMPY or (value.kind == "instance" and getattr(value.args[0], "kind", "") == CHUMPY)
    return _plain(_state(value).get("x"), depth - 1) if chumpy else None


def _state(value: Inert) -> dict[str, Any]:
    return value.state if isinstance(value.state, dict) else {}


def _numpy_array(state: Any) -> np.ndarray:
    """The array of ndarray's state: (version, shape, dtype, Fortran order, bytes, or a list of objects)."""
    if not isinstance(state, tuple) or len(state) not in (4, 5):
        raise ValueError("an array of it has no contents")
    shape, dtype, fortran, raw = state[-4:]
    if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError(f"an array of it has the shape {shape!r:.60}")
    order = "F" if fortran else "C"
    if isinstance(raw, list):
        if math.prod(shape) != len(raw):
            raise ValueError(f"an array of it claims the shape {shape} for {len(raw)} objects")
        out = np.empty(len(raw), dtype=object)
        for k, item in enumerate(raw):
            out[k] = item
        return out.reshape(shape, order=order)
    kind, raw = _dtype(dtype), _raw(raw)
    if math.prod(shape) * kind.itemsize != len(raw):
        raise ValueError(f"an array of it claims {kind} {list(shape)} in {len(raw)} bytes")
    return np.frombuffer(raw, kind).reshape(shape, order=order)


def _dtype(value: Any) -> np.dtype:
    """A dtype of plain numbers or text."""
    if not isinstance(value, Inert) or value.kind != DTYPE or not value.args or not isinstance(value.args[0], str):
        raise ValueError("an array of it has no dtype")
    order = value.state[1] if isinstance(value.state, tuple) and len(value.state) > 1 else "="
    out = np.dtype(value.args[0])
    if out.kind not in "biufSU" or out.itemsize > 1 << 16:
        raise ValueError(f"an array of it holds {out}, not numbers")
    return out.newbyteorder(order) if order in ("<", ">") else out


def _raw(value: Any) -> bytes:
    """Bytes as Python 2 and 3 write them: text in latin-1, an encode call, or bytes."""
    if isinstance(value, Inert) and value.kind == TEXT and value.args:
        value = value.args[0]
    if isinstance(value, str):
        return value.encode("latin-1")
    if not isinstance(value, (bytes, bytearray)):
        raise ValueError(f"an array of it has a {type(value).__name__} where its bytes should be")
    return bytes(value)


def _dense(layout: str, state: dict[str, Any], depth: int) -> np.ndarray:
    """A sparse matrix in full; raises ValueError where its parts do not fit together."""
    shape = state.get("_shape", state.get("shape"))
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(isinstance(n, int) and n >= 0 for n in shape)):
        raise ValueError(f"a sparse matrix of it has the shape {shape!r:.60}")
    names = ("row", "col") if layout == "coo" else ("indices", "indptr")
    held = dict(zip(names, state["coords"], strict=False)) | state if isinstance(state.get("coords"), tuple) else state
    parts = [_plain(held.get(name), depth) for name in ("data", *names)]
    if shape[0] * shape[1] > 1 << 24 or not all(isinstance(part, np.ndarray) and part.ndim == 1 for part in parts):
        raise ValueError(f"a sparse matrix of it has the shape {shape}, and no arrays that fit")
    data, first, second = parts
    if layout != "coo":
        starts = np.clip(second.astype(np.int64), 0, len(data))
        if len(starts) != shape[layout == "csc"] + 1 or (np.diff(starts) < 0).any():
            raise ValueError(f"a sparse matrix of it has {len(starts)} starts for the shape {shape}")
        lines = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        first, second = (first[: len(lines)], lines) if layout == "csc" else (lines, first[: len(lines)])
        data = data[: len(lines)]
    if not (len(first) == len(second) == len(data)) or (
        len(data) and (min(first.min(), second.min()) < 0 or first.max() >= shape[0] or second.max() >= shape[1])
    ):
        raise ValueError(f"a sparse matrix of it has entries outside of its shape {shape}")
    out = np.zeros(shape)
    np.add.at(out, (first, second), data)
    return out
