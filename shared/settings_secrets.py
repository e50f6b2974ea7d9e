"""Secrets apart from the rest: from files, as orchestrators mount them, and passwords apart from their URLs.

* `SLUICE_X_FILE` names the file with the value of a secret setting `SLUICE_X`. Its last line may end with a newline.
* `SLUICE_STREAM_PASSWORD` and `SLUICE_STORE_PASSWORD` (each also by file) are put into the URL of that name, which then
  has a user and no password.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from shared.errors import Misconfigured
from shared.settings_rules import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS: Final = ("api_keys", "stream", "store")
_PASSWORDS: Final = {"stream": "stream_password", "store": "store_password"}
_SUFFIX: Final = "_FILE"

_USER: Final = re.compile(r"(?P<before>[a-z]+://[^/?#@:]+)(?P<password>:[^/?#@]*)?@")

NAMES: Final = tuple(name + suffix for name in (*SETTINGS, *_PASSWORDS.values()) for suffix in ("", "_file"))
"""Every variable that is read here, as settings are named."""


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def read_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The secret settings that an environment gives, whole. An empty variable is one that is not set.

    Reads the files. Raises Misconfigured: a value given twice, a file that can't be read, a password without a user.
    """
    values = {name: value for name in (*SETTINGS, *_PASSWORDS.values()) if (value := _value(environment, name))}
    for name, password_name in _PASSWORDS.items():
        password = values.pop(password_name, None)
        if password is not None:
            values[name] = _with_password(values.get(name, ""), password, name, password_name)
    return values


def _value(environment: Mapping[str, str], name: str) -> str:
    given = environment.get(variable(name), "")
    file_variable = variable(name) + _SUFFIX
    path = environment.get(file_variable, "")
    if not path:
        return given
    if given:
        raise Misconfigured(f"{variable(name)} and {file_variable} are both set: set one of them")
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise Misconfigured(f"{file_variable}: {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{file_variable}: {path} is not UTF-8 text") from None
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise Misconfigured(f"{file_variable}: {path} is empty")
    return value


def _with_password(url: str, password: str, name: str, password_name: str) -> str:
    user = _USER.match(url)
    if user is None:
        raise Misconfigured(f"{variable(password_name)} is set, and {variable(name)} has no user: it needs user@host")
    if user["password"] is not None:
        raise Misconfigured(f"{variable(name)} has a password, and {variable(password_name)} is set: set one of them")
    return f"{user['before']}:{quote(password, safe='')}@{url[user.end() :]}"
