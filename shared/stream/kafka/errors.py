"""Errors of aiokafka, turned into ours. The one place that knows both trees."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from aiokafka import errors as kafka

from shared.errors import Misconfigured, NotOwner, OutcomeUnknown, SluiceError, StreamUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

TOO_LARGE: Final = (kafka.MessageSizeTooLargeError, kafka.RecordListTooLargeError)
"""A broker's refusal of a whole batch for its size: none of it was stored."""

_NOT_OWNER: Final = (
    kafka.CommitFailedError,
    kafka.IllegalGenerationError,
    kafka.IllegalStateError,
    kafka.RebalanceInProgressError,
    kafka.UnknownMemberIdError,
)

_MISCONFIGURED: Final = (
    kafka.AuthenticationFailedError,
    kafka.AuthenticationMethodNotSupported,
    kafka.ClusterAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.InconsistentGroupProtocolError,
    kafka.InvalidConfigurationError,
    kafka.InvalidGroupIdError,
    kafka.InvalidPartitionsError,
    kafka.InvalidReplicationFactorError,
    kafka.InvalidSessionTimeoutError,
    kafka.OffsetOutOfRangeError,
    kafka.PolicyViolationError,
    kafka.SaslAuthenticationFailed,
    kafka.TopicAuthorizationFailedError,
    kafka.UnsupportedSaslMechanismError,
)

FAILURES: Final = (kafka.KafkaError, kafka.ConsumerStoppedError, OSError)
"""What aiokafka raises when a call did not succeed; TimeoutError is an OSError."""


def sluice_error(error: BaseException, doing: str) -> SluiceError:
    """Our error for a call that changes nothing when it fails, or that may be repeated."""
    text = f"Kafka, {doing}: {error or type(error).__name__}"
    if isinstance(error, _NOT_OWNER):
        return NotOwner(text)
    if isinstance(error, _MISCONFIGURED):
        return Misconfigured(text)
    return StreamUnavailable(text)


def append_error(error: BaseException) -> SluiceError:
    """Our error for an append that was handed to the producer and failed: whether it was stored can't be known."""
    return OutcomeUnknown(f"Kafka did not acknowledge the append: {error or type(error).__name__}")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise our errors instead of aiokafka's. `doing` says what was tried."""
    try:
        yield
    except FAILURES as error:
        raise sluice_error(error, doing) from error
