"""Every scenario. Each is an async function of a context; its name is the scenario's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.scenarios import brokers, clients, embedded, gateways, networks, replays, stores, writers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.context import Context

EMBEDDED: list[Callable[[Context], Awaitable[None]]] = [
    embedded.up_killed_at_random_moments,
    writers.writer_killed_at_each_failpoint,
    clients.same_body_three_times,
    clients.two_patch_storms,
    stores.dead_letters_replayed_twice,
]
"""Of `sluice up`, one after the other on the same data."""

FULL_DISKS: list[Callable[[Context], Awaitable[None]]] = [
    embedded.disk_of_the_stream_full,
    embedded.disk_of_the_store_full,
]
"""Of `sluice up` on small file systems of their own, which takes the right to mount them."""

CLUSTER: list[Callable[[Context], Awaitable[None]]] = [
    writers.writer_killed_beside_others,
    writers.frozen_writer,
    writers.writers_come_and_go,
    gateways.gateway_killed_mid_request,
    gateways.rolling_restart,
    stores.store_down,
    stores.store_killed_mid_insert,
    stores.store_slow,
    stores.poisonous_rows,
    networks.black_hole_before_the_gateway,
    networks.black_hole_before_a_writer,
    networks.connections_reset,
    brokers.broker_restarted,
    replays.group_rewound,
]
"""Of every role apart over one broker, one after the other on the same deployment."""

ALONE: list[Callable[[Context], Awaitable[None]]] = [
    gateways.rolling_restart_under_sdks,
    replays.topic_made_anew,
    brokers.leader_killed_then_two_of_three,
]
"""Each on a deployment of its own."""

SCENARIOS = [*EMBEDDED, *FULL_DISKS, *CLUSTER, *ALONE]
