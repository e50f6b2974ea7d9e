"""The manifests as they are applied: every overlay, built once."""

from __future__ import annotations

from typing import Final

import pytest
import yaml

from tests.deploy.objects import DEPLOY, Objects
from tests.support.kustomize import build

OVERLAYS: Final = tuple(sorted(path.parent.name for path in DEPLOY.glob("kustomize/overlays/*/kustomization.yaml")))

_built: Final[dict[str, Objects]] = {}


def built(overlay: str) -> Objects:
    """The objects of an overlay. Not to be changed."""
    if overlay not in _built:
        _built[overlay] = list(yaml.safe_load_all(build(DEPLOY / "kustomize" / "overlays" / overlay)))
    return _built[overlay]


@pytest.fixture(params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> Objects:
    """Of each overlay in turn."""
    return built(request.param)


@pytest.fixture
def dev() -> Objects:
    """Of the overlay that needs no operators."""
    return built("dev")


@pytest.fixture
def production() -> Objects:
    """Of the overlay with everything."""
    return built("production")
