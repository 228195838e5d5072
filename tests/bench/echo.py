"""A bare gRPC server: `python -m tests.bench.echo PORT BYTES [threads|loop]` answers every call with BYTES bytes.

No message is parsed, nothing is checked, nothing is kept: what is left is grpcio itself.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import uvloop

METHOD = "/bench.Echo/Echo"
THREADS = 16


def main(port: int, answer: bytes, kind: str) -> None:
    if kind == "loop":
        uvloop.run(_on_a_loop(port, answer))
    else:
        _on_threads(port, answer)


def _on_threads(port: int, answer: bytes) -> None:
    server = grpc.server(ThreadPoolExecutor(THREADS))
    server.add_generic_rpc_handlers((_handlers(lambda _data, _context: answer),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server.start()
    ended.wait()
    server.stop(0).wait()


async def _on_a_loop(port: int, answer: bytes) -> None:
    async def handle(_data: bytes, _context: Any) -> bytes:
        return answer

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handlers(handle),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await server.start()
    await ended.wait()
    await server.stop(0)


def _handlers(handle: Any) -> Any:
    service, method = METHOD[1:].split("/")
    return grpc.method_handlers_generic_handler(service, {method: grpc.unary_unary_rpc_method_handler(handle)})


if __name__ == "__main__":
    main(int(sys.argv[1]), bytes(int(sys.argv[2])), sys.argv[3] if len(sys.argv) > 3 else "threads")
