"""Why brokers refuse us. aiokafka only logs that, and says of all of them together that none could be reached."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from shared.errors import Misconfigured

if TYPE_CHECKING:
    from shared.stream.kafka.config import KafkaConfig

_TIMEOUT_MS: Final = 5_000


async def raise_refusal(config: KafkaConfig) -> None:
    """Raise Misconfigured when a broker answers and refuses our certificate authority, user or password.

    Returns when no broker does so: they are down, or not ready. Waits up to 5 s for each.
    """
    arguments = config.connection()
    brokers = arguments.pop("bootstrap_servers").split(",")
    for broker in brokers:
        host, _, port = broker.rpartition(":")
        try:
            connection = await create_conn(host.strip("[]"), int(port), request_timeout_ms=_TIMEOUT_MS, **arguments)
        except ssl.SSLError as error:
            # One that closes the connection in the middle is going down, or has no TLS on this port.
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            raise Misconfigured(
                f"Kafka at {broker}: no TLS connection: {reason} (ca_file, cert_file and key_file in SLUICE_STREAM)"
            ) from None
        except KafkaConnectionError:
            continue
        except KafkaError as error:
            raise Misconfigured(
                f"Kafka at {broker} refuses the user {config.user} by {config.sasl_mechanism}: {error}"
                " (user, password and sasl_mechanism in SLUICE_STREAM)"
            ) from None
        except OSError:
            continue
        else:
            connection.close()
