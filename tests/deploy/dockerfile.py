"""A Dockerfile read as instructions, and its build steps run without Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final, NamedTuple

from tests.deploy.objects import DEPLOY, ROOT

DOCKERFILE: Final = DEPLOY / "Dockerfile"
BUILD_TIMEOUT_S: Final = 180

_NOT_INSTALLED: Final = ("__editable__", "promptsluice", "pip", "setuptools", "distutils-precedence")


class Instruction(NamedTuple):
    """`FROM`, `RUN`, ... and what follows, in one line."""

    name: str
    text: str


def stages(text: str) -> list[list[Instruction]]:
    """The instructions of each stage; each begins with its FROM."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    found: list[list[Instruction]] = []
    for line in filter(None, joined.splitlines()):
        instruction = Instruction(*line.split(None, 1))
        if instruction.name == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def values(stage: list[Instruction], name: str) -> list[str]:
    """What follows each of the instructions of one kind."""
    return [instruction.text for instruction in stage if instruction.name == name]


def words(stage: list[Instruction], name: str) -> list[str]:
    """The arguments of an instruction in its JSON form."""
    (text,) = values(stage, name)
    found: list[str] = json.loads(text[text.index("[") :])
    return found


def environment(stage: list[Instruction]) -> dict[str, str]:
    """What ENV sets."""
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(values(stage, "ENV"))))


def build(stage: list[Instruction], directory: Path) -> Path:
    """Do what the first stage does, below a directory; returns the environment that it makes, /opt/sluice.

    The libraries are those of the environment that runs this, made visible to the new one: pip finds that they fit
    constraints.txt, and fetches none of them.
    """
    libraries = directory / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(_NOT_INSTALLED) and entry.suffix != ".pth":
            (libraries / entry.name).symlink_to(entry)
    made = directory / "opt" / "sluice"
    where = directory
    for name, text in stage:
        if name == "WORKDIR":
            where = directory / text.strip("/")
            where.mkdir()
        elif name == "COPY":
            *sources, target = text.split()
            for source in sources:
                _copy(source, where / target)
        elif name == "RUN":
            _run(text.replace("/opt/sluice", str(made)), where)
            for packages in made.glob("lib/python*/site-packages"):
                (packages / "libraries.pth").write_text(f"{libraries}\n")
    return made


def _copy(source: str, target: Path) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert source in allowed, f".dockerignore keeps {source} out"
    if (ROOT / source).is_dir():
        shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(ROOT / source, target)


def _run(command: str, where: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=where,
        env=os.environ | {"PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
