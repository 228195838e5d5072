"""What other processes of the same city own, asked for over gRPC: a caller can't tell it from what is here.

channels: connections to the peers · refusals: what a peer's status is as an error here · calling: one call, tried
again where that changes nothing · remote_gateway, remote_feed: the ports over it · routing: what is here or there.
"""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # read as grpc is loaded; what goes wrong we tell ourselves

from services.chassis.peers.channels import Channels
from services.chassis.peers.remote_feed import RemoteFeed
from services.chassis.peers.remote_gateway import RemoteGateway
from services.chassis.peers.routing import RoutingFeed, RoutingGateway

__all__ = ["Channels", "RemoteFeed", "RemoteGateway", "RoutingFeed", "RoutingGateway"]
