"""Orders given one by one to a served city."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
from typing import Self

import grpc

from services.catalogue import SERVICES
from services.chassis.contracts.descriptors import build_contracts
from services.chassis.domain import Command
from services.projection.queries import GetProject
from tests.bench.messages import Message, Messages
from tests.bench.project_life import opening
from tests.bench.served import Served

REGISTERED = date(2017, 3, 1)
"""A day on which every project given here was on the list."""


class Orders:
    """Gives the next order of an invented project's life; `with` closes the connection."""

    def __init__(self, city: Served, name: str) -> None:
        self._messages = Messages(build_contracts(SERVICES))
        self._metadata = (("authorization", f"Bearer {city.token}"),)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{city.grpc}")
        self._orders = _openings(name)

    def give(self) -> None:
        """Returns when the views show what came of it. The question is about another day, so that nobody has worked
        out today's figures yet."""
        order = next(self._orders)
        receipt = self._messages.answer_to(order, self._call(self._messages.of(order)))
        project = receipt.stream.partition("-")[2]
        self._call(self._messages.of(GetProject(project_id=project, on=REGISTERED, token=receipt.token)))

    def _call(self, message: Message) -> bytes:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(message.method)
        answer: bytes = call(message.data, metadata=self._metadata)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._channel.close()


def _openings(name: str) -> Iterator[Command]:
    for number in itertools.count():
        yield from opening(f"{name}-{number}")
