"""Why brokers refuse us. aiokafka only logs that, and says of all of them together that none could be reached."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from shared.errors import Misconfigured, StreamUnavailable
from shared.stream.kafka.errors import sluice_error

if TYPE_CHECKING:
    from shared.stream.kafka.config import KafkaConfig

_TIMEOUT_MS: Final = 5_000


async def raise_refusal(config: KafkaConfig) -> None:
    """Raise Misconfigured when a broker refuses our user or password, or we its certificate.

    Raises StreamUnavailable when one ends TLS connections, which says less of the reason. Returns when none does
    any of this: they are down, or not ready. Waits up to 5 s for each broker.
    """
    arguments = config.connection()
    brokers = arguments.pop("bootstrap_servers").split(",")
    for broker in brokers:
        host, _, port = broker.rpartition(":")
        try:
            connection = await create_conn(host.strip("[]"), int(port), request_timeout_ms=_TIMEOUT_MS, **arguments)
        except ssl.SSLEOFError:
            continue
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            raise Misconfigured(
                f"Kafka at {broker}: no TLS connection: {reason} (ca_file, cert_file and key_file in SLUICE_STREAM)"
            ) from None
        except KafkaConnectionError:
            if config.ssl_context is not None:
                # What TLS 1.3 looks like from here when the broker does not like our certificate, or that we have none.
                raise StreamUnavailable(
                    f"Kafka at {broker} closes the connection: it is not ready, or wants another client certificate"
                    " (cert_file, key_file in SLUICE_STREAM)"
                ) from None
        except KafkaError as error:
            if not isinstance(sluice_error(error, "connecting"), Misconfigured):
                continue
            raise Misconfigured(
                f"Kafka at {broker} refuses the user {config.user} by {config.sasl_mechanism}: {error}"
                " (user, password and sasl_mechanism in SLUICE_STREAM)"
            ) from None
        except OSError:
            continue
        else:
            connection.close()
