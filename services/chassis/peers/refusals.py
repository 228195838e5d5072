"""What a peer answered instead of what was asked for, as the error that its own process raised."""

from __future__ import annotations

from typing import Any, NamedTuple

import grpc
import msgspec

from services.chassis import errors
from services.chassis.domain import DomainError
from services.chassis.errors import DeadlineExceeded, InvalidRequest, Problem, RequestError, TooLarge, Unavailable
from services.chassis.grpc_server.problems import PROBLEM_KEY, problem_in
from services.chassis.peers.handshakes import trouble_in
from services.chassis.telemetry.logs import logger

log = logger(__name__)

_KINDS: dict[str, type[RequestError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RequestError) and kind is not RequestError
}
_GONE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN})


class Peer(NamedTuple):
    """The service that a peer has: its title in Chinese sentences, its name in English ones; and whether a command is
    on its way to it, which may be recorded although no answer comes."""

    title: str
    name: str
    commanded: bool = False


class PeerFault(Exception):
    """A fault of the peer's own; its log has the whole. Doors answer INTERNAL, as the peer's did."""


def lost(error: Any) -> bool:
    """Whether no answer of the peer's came, because it isn't there or went away."""
    return error.code() in _GONE and _told(error) is None


def refusal(error: Any, peer: Peer, late: DeadlineExceeded) -> Exception:
    """The error to raise. `late` is for a deadline that passed here."""
    problem = _told(error)
    if problem is not None:
        return _same(problem, peer)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return late
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return TooLarge(f"请求内容超过{peer.title}所能接收的大小", f"the body is larger than {peer.name} takes")
    log.warning("peer_failed", peer=peer.name, status=error.code().name, details=error.details())
    if lost(error) and (trouble := trouble_in(error.details())) is not None:
        return _no_answer(peer, f"{peer.title}{trouble.chinese}", f"{peer.name} {trouble.english}")
    if lost(error):
        return gone(peer)
    return elsewhere(peer)


def elsewhere(peer: Peer) -> Unavailable:
    """For a process that hasn't the service which it was asked for."""
    return Unavailable(
        f"{peer.title}的地址处的进程不提供此项,请检查 BIZENV_PEERS 和版本",
        f"the process at the address of {peer.name} does not serve this; check BIZENV_PEERS and its version",
    )


def gone(peer: Peer) -> Unavailable:
    """For a peer that gave no answer, also when it was asked again."""
    return _no_answer(peer, f"{peer.title}暂时联系不上", f"{peer.name} can't be reached now")


def unreadable(peer: Peer) -> Unavailable:
    """For an answer that is not of our contract."""
    english = f"the answer of {peer.name} can't be read, its process may be of another version"
    return _no_answer(peer, f"看不懂{peer.title}的回答,其进程的版本可能不同", english)


def _no_answer(peer: Peer, chinese: str, english: str) -> Unavailable:
    if not peer.commanded:
        return Unavailable(f"{chinese},请稍后重试", f"{english}; try again later")
    return Unavailable(
        f"{chinese};命令可能已经保存,请用同一命令编号重试",
        f"{english}; the command may have been recorded: repeat it with the same id",
    )


def _told(error: Any) -> Problem | None:
    """The problem in the answer's trailers; None: it didn't come from a process of ours."""
    data = dict(error.trailing_metadata() or ()).get(PROBLEM_KEY)
    try:
        return None if data is None else problem_in(data)
    except msgspec.DecodeError:
        return None


def _same(problem: Problem, peer: Peer) -> Exception:
    if problem.grpc == "FAILED_PRECONDITION":
        field = problem.violations[0].field if problem.violations else ""
        return DomainError(problem.code, field, problem.message, problem.english)
    if problem.code == InvalidRequest.code:
        return InvalidRequest(*problem.violations)
    kind = _KINDS.get(problem.code)
    if kind is None:
        return PeerFault(f"{peer.name}: {problem.code} {problem.english}")
    return kind(problem.message, problem.english, problem.violations)
