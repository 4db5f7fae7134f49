"""Doors and layers: each heavy dependency is imported behind its own door, and arrows point down."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("synth", "scenes") for path in (ROOT / folder).rglob("*.py"))

DOORS = {  # module: the places that may import it
    "bpy": ("synth/blender/", "scenes/*/build.py"),
    "mathutils": ("synth/blender/", "scenes/*/build.py"),
    "ray": ("synth/farm/",),
    "h5py": ("synth/storage/", "synth/models/"),
    "deflate": ("synth/storage/",),  # packs and unpacks HDF5's chunks
    "hdf5plugin": ("synth/storage/",),  # only where output.codec or a dataset asks for it
    "hydra": ("synth/__main__.py", "synth/compose.py"),
    "omegaconf": ("synth/__main__.py", "synth/compose.py"),
    "aiohttp": ("synth/view/",),  # the server of `view`, an extra
    "anny": (),
    "torch": ("synth/adapters/torch.py", "synth/learning/", "synth/models/torch.py"),
    "trimesh": ("synth/models/meshes.py",),  # OBJ and PLY, of the extra `models`
    "matplotlib": ("synth/models/build.py", "synth/noise/report.py"),  # curves: of a built model, of `bench noise`
    "flip_evaluator": ("synth/noise/errors.py",),  # of `bench noise`
    "fsspec": ("synth/storage/remote.py",),
    **dict.fromkeys(("pycocotools", "datasets", "pyarrow", "OpenEXR"), ("synth/export/",)),
    "webdataset": ("synth/storage/rivals.py",),  # `bench storage` compares with it; the export needs only tarfile
}

LAYERS = (  # from the ground up: a file imports its own layer and those below
    ("synth/__init__.py", "synth/rng.py", "synth/geometry.py", "synth/spec.py", "synth/config.py", "synth/passes.py"),
    (
        "synth/folders.py",
        "synth/memory.py",
        "synth/camera.py",
        "synth/scene.py",
        "synth/optics.py",
        "synth/sensor.py",
        "synth/install.py",
    ),
    ("synth/record.py", "synth/agreement.py", "synth/models/", "synth/labels/"),
    ("synth/storage/", "synth/blender/", "scenes/"),
    ("synth/adapters/", "synth/export/", "synth/learning/"),
    ("synth/pipeline.py", "synth/preview.py", "synth/info.py", "synth/check.py"),
    ("synth/columns.py", "synth/histograms.py", "synth/derived.py"),
    ("synth/report/", "synth/view/"),
    ("synth/farm/", "synth/compose.py", "synth/rerender.py"),
    ("synth/verbs.py", "synth/bench/", "synth/noise/", "synth/__main__.py"),
)


def imports(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, at its top or in a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where the arrows point"
            yield node.module or ""


def matches(path: str, place: str) -> bool:
    return path.startswith(place) if place.endswith("/") else Path(path).full_match(place)


def layer(path: str) -> int:
    found = [level for level, places in enumerate(LAYERS) if any(matches(path, place) for place in places)]
    assert found, f"{path} has no layer: add it to LAYERS"
    return found[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_dependencies_are_imported_behind_their_doors(path):
    name = path.relative_to(ROOT).as_posix()
    outside = {m for m in imports(path) for door in [DOORS.get(m.split(".")[0])] if door is not None
               and not any(matches(name, place) for place in door)}  # fmt: skip
    assert not outside


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_down(path):
    name = path.relative_to(ROOT).as_posix()
    if name == "synth/__init__.py":
        return  # the package's face: it shows what lies above, loaded on first use
    ours = [module for module in imports(path) if module.startswith(("synth", "scenes."))]
    up = [module for module in ours if layer(file_of(module)) > layer(name)]
    assert not up


def file_of(module: str) -> str:
    path = Path(*module.split("."))
    return f"{path}.py" if (ROOT / f"{path}.py").exists() else f"{path}/__init__.py"


def test_nothing_imports_the_torch_module_of_the_models():
    assert not [path for path in FILES for module in imports(path) if module == "synth.models.torch"]


def test_the_engine_names_no_scene():
    named = [path.name for path in FILES for module in imports(path) if module.startswith("scenes.")
             and path.is_relative_to(ROOT / "synth")]  # fmt: skip
    assert not named


@pytest.mark.parametrize("module", ["synth", "synth.config", "synth.__main__", "synth.models", "synth.scene"])
def test_importing_it_loads_no_heavy_dependency(module):
    code = f"import sys, {module}; print(*sorted({set(DOORS)} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
