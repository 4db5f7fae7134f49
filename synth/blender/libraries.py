"""Which system libraries bpy needs and does not find. Never imports bpy: that is what would fail."""

import importlib.util
import re
import shutil
import subprocess

# Debian's and Ubuntu's packages of what a bare system or container lacks.
PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXrender.so.1": "libxrender1",
    "libXt.so.6": "libxt6",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libgomp.so.1": "libgomp1",
    "libwayland-client.so.0": "libwayland-client0",
    "libxkbcommon.so.0": "libxkbcommon0",
}


def require_libraries() -> None:
    """ValueError that names every shared library that bpy needs and this system lacks, with its Debian package."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise ValueError("bpy must be installed to render, and is not found; say: pip install bpy==5.2.3")
    missing = missing_libraries(_ldd(spec.origin))
    if missing:
        packages = " ".join(PACKAGES.get(name, f"(the package with {name})") for name in missing)
        raise ValueError(
            f"Blender needs {', '.join(missing)}, which this system lacks; say: apt-get install {packages}"
        )


def missing_libraries(ldd_output: str) -> list[str]:
    """Names of the libraries that `ldd` did not find, sorted."""
    return sorted(set(re.findall(r"^\s*(\S+) => not found", ldd_output, re.MULTILINE)))


def _ldd(path: str) -> str:
    """What ldd says of a library, or nothing where there is no ldd: then the import itself will tell."""
    if shutil.which("ldd") is None:
        return ""
    return subprocess.run(["ldd", path], capture_output=True, text=True, timeout=60).stdout
