"""The gRPC door: one RPC for each command and query, from the same tables as every other door."""

from services.chassis.grpc_server.door import GrpcDoor

__all__ = ["GrpcDoor"]
