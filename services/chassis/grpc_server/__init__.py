"""The gRPC door: one RPC for each command and query, from the same tables as every other door."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # read as grpc is loaded; what goes wrong we tell ourselves

from services.chassis.grpc_server.door import GrpcDoor

__all__ = ["GrpcDoor"]
