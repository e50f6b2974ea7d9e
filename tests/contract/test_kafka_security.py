"""Brokers that want TLS, and users with passwords or certificates: one broker with a listener for each."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode

import pytest

from shared.errors import Misconfigured, StreamUnavailable
from shared.stream.base import REGISTRY_TOPIC, Message
from shared.stream.factory import StreamOptions, open_stream
from tests.support.certificates import Authority, Certificate
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_fixtures import start_here
from tests.support.streams import Listener, fetch_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from shared.stream.base import Stream

USER: Final = "sluice"
PASSWORD: Final = "s3cret"
SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PLAIN: Final = (
    f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}" user_other="x";'
)


class Secured(NamedTuple):
    """A broker, whom it trusts, and a certificate that it takes."""

    broker: KafkaBroker
    authority: Authority
    client: Certificate

    def url(self, listener: str, user: str = "", /, **options: object) -> str:
        """The stream URL of a listener."""
        query = {name: str(value) for name, value in options.items()}
        return f"kafka://{user}127.0.0.1:{self.broker.listeners[listener]}?{urlencode(query)}"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    directory = tmp_path_factory.mktemp("secured")
    authority = Authority(directory / "certificates")
    server = authority.issue("127.0.0.1")
    keystore = directory / "server.pem"
    keystore.write_bytes(server.key_file.read_bytes() + server.cert_file.read_bytes())
    settings = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca_file),
        "listener.name.mutual.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    }
    for listener in ("encrypted", "plain"):
        for mechanism, module in (("plain", PLAIN), ("scram-sha-256", SCRAM), ("scram-sha-512", SCRAM)):
            settings[f"listener.name.{listener}.{mechanism}.sasl.jaas.config"] = module
    broker = KafkaBroker(
        directory / "kafka",
        settings=settings,
        secured={"MUTUAL": "SSL", "ENCRYPTED": "SASL_SSL", "PLAIN": "SASL_PLAINTEXT"},
        scram={USER: PASSWORD},
        short_lived=True,
    )
    start_here(broker)
    yield Secured(broker, authority, authority.issue("client"))
    broker.kill()


@asynccontextmanager
async def started(url: str) -> AsyncIterator[Stream]:
    stream = open_stream(url, StreamOptions("sluice-test"))
    await stream.start()
    try:
        yield stream
    finally:
        await stream.stop()


async def refusal(url: str) -> str:
    with pytest.raises(Misconfigured) as refused:
        async with started(url):
            pass
    return str(refused.value)


async def test_records_go_through_every_client_over_tls_with_a_user(secured: Secured) -> None:
    url = secured.url(
        "ENCRYPTED",
        f"{USER}:{PASSWORD}@",
        security="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        ca_file=secured.authority.ca_file,
        partitions=1,
    )
    async with started(url) as stream:
        appended = await stream.append(REGISTRY_TOPIC, 0, [Message(b"key", b"value")])
        reader = await stream.reader(REGISTRY_TOPIC, 0, appended.offset)
        (record,) = await reader.read(10, 5)
        await reader.close()
        assert record.value == b"value"
        consumer = stream.consumer(REGISTRY_TOPIC, "test-group", Listener())
        await consumer.start()
        fetched = await fetch_until(consumer, 1)
        await consumer.commit({0: fetched[0][-1].offset + 1})
        await consumer.stop()
        assert await stream.committed(REGISTRY_TOPIC, "test-group") == await stream.end_offsets(REGISTRY_TOPIC)


@pytest.mark.parametrize(
    ("listener", "mechanism"), [("PLAIN", "PLAIN"), ("PLAIN", "SCRAM-SHA-256"), ("ENCRYPTED", "PLAIN")]
)
async def test_a_user_is_known_by_a_password(secured: Secured, listener: str, mechanism: str) -> None:
    tls = {"security": "SASL_PLAINTEXT"}
    if listener == "ENCRYPTED":
        tls = {"security": "SASL_SSL", "ca_file": str(secured.authority.ca_file)}
    right = secured.url(listener, f"{USER}:{PASSWORD}@", sasl_mechanism=mechanism, partitions=1, **tls)
    async with started(right) as stream:
        assert await stream.append(REGISTRY_TOPIC, 0, [Message(b"key", b"value")])
    wrong = await refusal(secured.url(listener, f"{USER}:wr0ng@", sasl_mechanism=mechanism, **tls))
    assert f"refuses the user {USER} by {mechanism}" in wrong
    assert "wr0ng" not in wrong


async def test_a_client_is_known_by_its_certificate(secured: Secured) -> None:
    ours = {"cert_file": secured.client.cert_file, "key_file": secured.client.key_file}
    authority = {"ca_file": secured.authority.ca_file}
    async with started(secured.url("MUTUAL", security="SSL", partitions=1, **ours, **authority)) as stream:
        assert await stream.append(REGISTRY_TOPIC, 0, [Message(b"key", b"value")])
    with pytest.raises(StreamUnavailable, match="wants another client certificate"):
        async with started(secured.url("MUTUAL", security="SSL", **authority)):
            pass


async def test_a_broker_of_another_authority_is_not_believed(secured: Secured) -> None:
    message = await refusal(
        secured.url("ENCRYPTED", f"{USER}:{PASSWORD}@", security="SASL_SSL", sasl_mechanism="SCRAM-SHA-512")
    )
    assert "no TLS connection: unable to get local issuer certificate (ca_file" in message
    assert PASSWORD not in message


async def test_an_encrypted_key_is_refused_and_not_asked_for(secured: Secured) -> None:
    encrypted = secured.authority.issue("encrypted", password=b"of the key")
    files = {"cert_file": encrypted.cert_file, "key_file": encrypted.key_file}
    assert "not encrypted" in await refusal(secured.url("MUTUAL", security="SSL", **files))
