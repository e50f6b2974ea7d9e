"""TLS towards the systems we stand on: which files a URL names, checked when the process starts.

Certificates of servers are always verified, their host names too. Files are read once: a renewed certificate is used
from the next start on.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS: Final = ("ca_file", "cert_file", "key_file")
"""Options of a URL that name PEM files."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files."""

    ca_file: str | None = None
    """Who may have signed the server's certificate; None: whom the system trusts."""

    cert_file: str | None = None
    """Our own certificate, for servers that ask for one, with those between it and its authority."""

    key_file: str | None = None
    """Its private key, not encrypted."""

    @classmethod
    def of(cls, options: Mapping[str, str], setting: str) -> TlsFiles:
        """The files among the options of a URL. Raises Misconfigured."""
        files = cls(**{name: options[name] for name in OPTIONS if name in options})
        if (files.cert_file is None) != (files.key_file is None):
            raise Misconfigured(f"{setting} needs cert_file and key_file together, or neither")
        return files

    def context(self, setting: str) -> ssl.SSLContext:
        """What connections are made with. Reads the files. Raises Misconfigured for one that can't be used."""
        for name in OPTIONS:
            path = getattr(self, name)
            if path is not None:
                _read(setting, name, path)
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # what is wrong with PEM is one, too
            raise Misconfigured(f"{setting}: ca_file {self.ca_file} has no certificates in PEM: {error}") from None
        if self.cert_file is not None:
            try:
                # Without a password of ours OpenSSL would ask for one on the terminal.
                context.load_cert_chain(self.cert_file, self.key_file, password="")
            except OSError as error:
                raise Misconfigured(
                    f"{setting}: cert_file {self.cert_file} and key_file {self.key_file} are no PEM certificate and its"
                    f" private key, not encrypted: {error}"
                ) from None
        return context


def _read(setting: str, name: str, path: str) -> None:
    try:
        Path(path).read_bytes()
    except OSError as error:
        raise Misconfigured(f"{setting}: {name} {path} can't be read: {error.strerror}") from None
