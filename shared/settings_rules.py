"""What settings must hold together, how wrong ones are told to people, and what of them is secret. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidationError

PREFIX: Final = "SLUICE_"

_HIDDEN: Final = "***"
_SECRET: Final = frozenset({"api_keys", "stream", "store"})
"""Settings whose values are not shown in errors (URLs hold passwords)."""

_PASSWORD: Final = re.compile(r"(://[^/?#@:]*:)([^/?#]*)(@)")

_TEST_PREFIX: Final = "SLUICE_TEST_"
_KUBERNETES: Final = re.compile(r"_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP)(_[A-Z]+)?)?$")
"""What Kubernetes puts into every container for a Service whose name begins with `sluice`."""

_RULES: Final = (
    ("insert_timeout_s", "<", "drain_timeout_s", "an insert under way must end before the drain gives up on it"),
    ("drain_timeout_s", "<", "rebalance_timeout_s", "a drain must end before the group goes on without this member"),
    ("session_timeout_s", "<=", "rebalance_timeout_s", "a dead member must be missed before a slow one is given up"),
    ("rebalance_timeout_s", "<", "termination_grace_s", "a stop must end before the process is killed"),
    ("produce_deadline_s", "<", "graceful_timeout_s", "creates in flight must be answered before they are cancelled"),
    ("visibility_timeout_s", "<", "graceful_timeout_s", "reads in flight must be answered before they are cancelled"),
    ("query_timeout_s", "<", "graceful_timeout_s", "searches in flight must be answered before they are cancelled"),
    ("query_timeout_s", "<", "insert_timeout_s", "a search that takes too long must not look like a silent store"),
    ("max_body_bytes", "<", "max_message_bytes", "the largest body must fit into one record"),
    ("max_body_bytes", "<=", "max_inflight_bytes", "the largest body must be admissible"),
    ("max_message_bytes", "<=", "batch_max_bytes", "the largest record must fit into one batch"),
)

_STOP: Final = ("drain_delay_s", "graceful_timeout_s", "drain_timeout_s")
"""What a stop of `sluice up` may take, one after the other."""


def broken_rule(settings: Mapping[str, Any]) -> str | None:
    """The first rule between settings that does not hold, as a sentence; None when all hold."""
    for low, relation, high, reason in _RULES:
        if not (settings[low] < settings[high] or (relation == "<=" and settings[low] == settings[high])):
            return f"{_shown(settings, low)} must be {relation} {_shown(settings, high)}: {reason}"
    if sum(settings[name] for name in _STOP) >= settings["termination_grace_s"]:
        parts = " + ".join(_shown(settings, name) for name in _STOP)
        return f"{parts} must be < {_shown(settings, 'termination_grace_s')}: else a stop ends in a kill"
    return None


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return f"{PREFIX}{name.upper()} ({settings[name]})"


def describe_errors(error: ValidationError, given: Mapping[str, Any]) -> str:
    """One line per wrong setting: where it comes from, its value unless secret, what is allowed.

    `given` are the settings that came from the command line.
    """
    return "\n".join(_describe(problem, given) for problem in error.errors(include_url=False, include_context=False))


def _describe(problem: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return f"{name} is not a setting"
    variable = f"{PREFIX}{name.upper()}"
    source = f"--{name.replace('_', '-')} ({variable})" if name in given else variable
    value = problem.get("input")
    if isinstance(value, str) and value.startswith("tcp://"):
        return f"{source} was set by Kubernetes for a Service of that name: set enableServiceLinks: false in the pod"
    shown = "" if name in _SECRET else f"={value!r}"
    return f"{source}{shown}: {message[:1].lower()}{message[1:]}"


_CLIENT_VARIABLES: Final = frozenset({"SLUICE_URL", "SLUICE_KEY", "SLUICE_API_KEY"})


def unknown_variables(environment: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """A warning for each `SLUICE_...` variable that is no setting, with the setting that was probably meant.

    `known` are names of settings; variables of the test suite, of clients (the README's examples) and those that
    Kubernetes makes are passed over.
    """
    variables = [f"{PREFIX}{name.upper()}" for name in known]
    warnings = []
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name.startswith(_TEST_PREFIX):
            continue
        if name in variables or name in _CLIENT_VARIABLES or _KUBERNETES.search(name):
            continue
        close = difflib.get_close_matches(name, variables, n=1)
        warnings.append(f"{name} is not a setting" + (f"; did you mean {close[0]}?" if close else ""))
    return warnings


def redact_url(url: str) -> str:
    """The URL without its password."""
    return _PASSWORD.sub(rf"\1{_HIDDEN}\3", url)


def url_passwords(*urls: str) -> list[str]:
    """The passwords in URLs, as they are written there and decoded."""
    written = [match[2] for url in urls for match in _PASSWORD.finditer(url)]
    return [*written, *(unquote(password) for password in written)]


def redact_keys(api_keys: str) -> str:
    """`workspace:key,workspace:key` without the keys."""
    workspaces = [entry.strip().partition(":")[0] for entry in api_keys.split(",") if ":" in entry]
    return ",".join(f"{workspace}:{_HIDDEN}" for workspace in workspaces)


def key_texts(api_keys: str) -> list[str]:
    """The keys in `workspace:key,workspace:key`."""
    return [key for entry in api_keys.split(",") if (key := entry.strip().partition(":")[2])]
