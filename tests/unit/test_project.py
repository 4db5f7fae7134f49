"""The repository: what may not be in it, and what its documents claim of files and versions."""

import hashlib
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from synth import __version__

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
OURS = ("synth", "scenes", "configs", "deploy", "docs", "examples")
ASSETS = (ROOT / "assets/README.md").read_text(encoding="utf-8")
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
FORBIDDEN = re.compile(rb"/(?:work|root|home)/\w|\bpypi\.\w|pythonhosted|--?(?:extra-)?index-url|://[^/\s]*/simple\b")


def files() -> list[Path]:
    """All files that are or would be committed; pytest skips where there is no git."""
    words = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(words, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_folder_of_some_machine():
    named = {path.name: FORBIDDEN.findall(path.read_bytes()) for path in files() if path != Path(__file__)}
    assert {name: found for name, found in named.items() if found} == {}


def test_no_lock_file_is_committed():
    assert not [path for path in files() if path.name == "uv.lock"]


@pytest.mark.parametrize("requirement", PROJECT["dependencies"])
def test_every_requirement_has_an_upper_bound(requirement):
    assert re.search(r"==|<", requirement)


def test_no_hint_installs_the_package_of_that_name_on_a_registry():
    hints = [path for path in files() if path.suffix in (".py", ".md") and path.parts[len(ROOT.parts)] in OURS]
    assert not [path for path in hints if re.search(r"pip install '?synth\b", path.read_text(encoding="utf-8"))]


def test_every_choice_that_a_hint_installs_is_one_of_the_projects():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "synth").rglob("*.py"))
    said = set(re.findall(r"to_install\('--(extra|group) ([^']+)'\)", sources))
    there = {("extra", name) for name in PROJECT["optional-dependencies"]} | {("group", name) for name in GROUPS}
    assert said
    assert said <= there


def test_the_versions_agree():
    assert PROJECT["version"] == __version__
    assert __version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("requirement", PROJECT["dependencies"])
def test_the_readme_names_the_licence_of_every_requirement(requirement):
    name = re.match(r"[\w-]+", requirement)[0]
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Licences")[1].split("\n## ")[0]
    assert re.search(rf"^\|[^|]*\b{name}\b[^|]*\|", section, re.MULTILINE)


@pytest.mark.parametrize(("name", "digest"), re.findall(r"^\| `([^`]+)` \| `(\w{64})` \|", ASSETS, re.MULTILINE))
def test_an_asset_is_the_file_that_was_looked_at(name, digest):
    assert hashlib.sha256((SITE_PACKAGES / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    ("folder", "count", "digest"), re.findall(r"^\| `([^`]+)` \| (\d+) \| `(\w{64})` \|", ASSETS, re.MULTILINE)
)
def test_a_folder_of_assets_is_the_one_that_was_looked_at(folder, count, digest):
    names = sorted(path.relative_to(SITE_PACKAGES).as_posix() for path in (SITE_PACKAGES / folder).rglob("*.target*"))
    lines = [f"{hashlib.sha256((SITE_PACKAGES / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    assert (len(names), hashlib.sha256("".join(lines).encode()).hexdigest()) == (int(count), digest)
