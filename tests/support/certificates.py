"""Certificates of an authority of the test's own, as PEM files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path


class Certificate(NamedTuple):
    """A certificate and its private key (PKCS 8)."""

    cert_file: Path
    key_file: Path


class Authority:
    """Issues certificates into a directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        self._authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    def issue(self, name: str, *, password: bytes | None = None) -> Certificate:
        """One for a host name or address; its key encrypted with the password."""
        issued = self._authority.issue_cert(name)
        certificate = Certificate(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        certificate.cert_file.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        encryption: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        certificate.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return certificate
