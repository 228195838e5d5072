"""Connections to the processes that have other services: one channel for each set of addresses, shared by all calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc

from services.chassis.grpc_server.door import LEAST_PING_MILLISECONDS
from services.chassis.grpc_server.problems import LARGEST
from services.chassis.settings.addresses import is_loopback
from services.chassis.telemetry.logs import logger

log = logger(__name__)

_TURNS: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
_METADATA_BYTES = 4 * LARGEST

OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.service_config", json.dumps(_TURNS)),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_metadata_size", _METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", 2 * _METADATA_BYTES),
    ("grpc.keepalive_time_ms", 3 * LEAST_PING_MILLISECONDS),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
)
"""All addresses of a peer take turns. One that stands still is noticed by pings the server allows, one that comes back
within two seconds. An answer has no limit of its own: it is the city's own data."""


class Channels:
    """The channels to these addresses, by service. They are made at the first call, on the event loop of the doors."""

    def __init__(self, peers: Mapping[str, Sequence[str]], roots: bytes | None = None) -> None:
        """`roots`: the certificates (PEM) that those of peers must be signed by; None: in plain text, which is told
        where a peer is on another machine."""
        self._credentials = None if roots is None else grpc.ssl_channel_credentials(roots)
        if roots is None and (elsewhere := sorted(filter(lambda name: _elsewhere(peers[name]), peers))):
            log.warning("peers_in_plain_text", services=elsewhere, setting="BIZENV_PEERS_CA_FILE")
        self._targets = {service: target_of(addresses) for service, addresses in peers.items()}
        self._made: dict[str, Any] = {}

    @property
    def services(self) -> frozenset[str]:
        """What peers have."""
        return frozenset(self._targets)

    def of(self, service: str) -> Any:
        """The channel to whoever has this service; KeyError where no peer does."""
        target = self._targets[service]
        if target not in self._made:
            self._made[target] = self._open(target)
        return self._made[target]

    def _open(self, target: str) -> Any:
        if self._credentials is None:
            return grpc.aio.insecure_channel(target, options=OPTIONS)
        return grpc.aio.secure_channel(target, self._credentials, options=OPTIONS)

    async def close(self) -> None:
        """End all connections; calls in hand fail as if the peer had gone."""
        made, self._made = list(self._made.values()), {}
        await asyncio.gather(*(channel.close() for channel in made))


def _elsewhere(addresses: Sequence[str]) -> bool:
    return not all(is_loopback(address.rpartition(":")[0]) for address in addresses)


def target_of(addresses: Sequence[str]) -> str:
    """gRPC's name for them: a single one is looked up (a name may stand for many), several are IP addresses."""
    if len(addresses) == 1:
        return f"dns:///{addresses[0]}"
    scheme = "ipv6" if addresses[0].startswith("[") else "ipv4"
    return f"{scheme}:{','.join(sorted(addresses))}"
