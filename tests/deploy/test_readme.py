"""deploy/README.md names what there is: alerts, Secrets, commands, and files."""

from __future__ import annotations

import re
from typing import Final

from tests.deploy.metrics import alerts
from tests.deploy.objects import DEPLOY, Objects
from tests.deploy.secrets import BY_HAND, OF_AN_EXTERNAL_KAFKA
from tests.deploy.settings_check import argument_complaints

README: Final = (DEPLOY / "README.md").read_text()

_COMMAND: Final = re.compile(r"(?:-- |^ *|`)sluice ((?:[a-z]+[a-z-]*)(?: [^`\n#|]*)?)", re.MULTILINE)


def test_every_alert_says_what_to_do(production: Objects) -> None:
    assert re.findall(r"^\| `(Sluice\w+)` \|", README, re.MULTILINE) == alerts(production)


def test_every_secret_is_made() -> None:
    made = re.findall(r"create secret (?:generic|tls) ([a-z-]+)", README)
    assert sorted(made) == sorted(BY_HAND | OF_AN_EXTERNAL_KAFKA)


def test_files_that_are_named_exist() -> None:
    named = set(re.findall(r"(?:deploy/)?((?:kustomize|components|overlays|base)/[a-z./-]+)", README))
    places = {name.removeprefix("kustomize/").rstrip(".") for name in named if "mine" not in name}
    assert len(places) > 5
    assert [place for place in sorted(places) if not (DEPLOY / "kustomize" / place).exists()] == []


def test_commands_are_commands_of_the_program() -> None:
    commands = [command.strip() for command in _COMMAND.findall(README)]
    assert len(commands) > 5
    assert [(command, told) for command in commands if (told := argument_complaints(command.split()))] == []
