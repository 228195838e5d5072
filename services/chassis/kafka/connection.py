"""Opens the library's clients, and says in one sentence why none can be opened.

The library itself only logs why it can't connect and tries on, so the door is tried by hand before each client is
made. Nothing here waits longer than some seconds.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.manager import KafkaConnectionManager
from kafka.protocol.metadata import MetadataRequest

from services.chassis.errors import Unavailable
from services.chassis.kafka.access import AccessUnusable, KafkaAccess, require_address
from services.chassis.kafka.network import Client, Network, direct

TRY_SECONDS = 3.0
"""How long one broker may take to let us in."""

PATIENCE: dict[str, Any] = {"reconnect_backoff_max_ms": 1000, "bootstrap_timeout_ms": 5000}
"""Every client asks a broker that went away again each second; the library's own 30 s would be waited after it is
back."""

REFUSALS: dict[type[BaseException], tuple[str, str]] = {
    TopicAuthorizationFailedError: (
        "缺少主题权限(Read、Write、Create 或 DescribeConfigs)",
        "a right on the topic is missing (Read, Write, Create or DescribeConfigs)",
    ),
    GroupAuthorizationFailedError: ("缺少消费者组的 Read 权限", "the right Read on the consumer group is missing"),
    ClusterAuthorizationFailedError: (
        "缺少主题的 Write 权限(幂等发送须有)",
        "the right Write on a topic is missing, which lets the idempotent producer in",
    ),
    MessageSizeTooLargeError: (
        "记录超过主题或代理允许的大小",
        "a record is larger than the topic or the broker allows",
    ),
    RecordListTooLargeError: ("批次超过代理允许的大小", "a batch of records is larger than the broker allows"),
}
"""What a broker says no to, which no waiting mends: it did answer."""

C = TypeVar("C")

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it logs each try; what matters of it is raised or logged here


def open_client(kind: Callable[..., C], access: KafkaAccess, **settings: Any) -> C:
    """A client of the library (consumer, producer, admin); raises Unavailable with the reason."""
    require_entry(access)
    made: list[Client] = []

    def client(**config: Any) -> Client:
        made.append(Client(**config))
        return made[-1]

    try:
        return kind(**access.settings(), **{**PATIENCE, **settings}, kafka_client=client)
    except KafkaError as error:
        for each in made:  # a constructor that fails leaves its thread and sockets behind
            each.close()
        raise lost(access, error) from error


def lost(access: KafkaAccess, error: BaseException) -> Unavailable:
    """For a broker that was there and no longer answers as it should; with the reason that it shows now."""
    if isinstance(error, (NodeNotReadyError, KafkaConnectionError)):
        try:
            require_entry(access)
        except Unavailable as reason:
            return reason
    where, why = ", ".join(access.servers), str(error) or type(error).__name__
    for kind, (chinese, english) in REFUSALS.items():
        if isinstance(error, kind) or kind.__name__ in why:  # the library puts some refusals into errors of its own
            return Unavailable(f"Kafka({where})拒绝:{chinese}", f"Kafka at {where} refuses: {english} ({why})")
    return Unavailable(f"Kafka({where})暂不可用", f"Kafka at {where} does not answer: {why}")


def require_entry(access: KafkaAccess) -> None:
    """Return when a broker lets us in; else raise Unavailable with the first one's reason."""
    try:
        settings = access.settings()
    except AccessUnusable as error:
        raise Unavailable(*_halves(error)) from error
    reasons: list[Unavailable] = []
    for server in access.servers:
        try:
            return _enter(access, settings, server)
        except Unavailable as error:
            reasons.append(error)
    raise reasons[0]


def _enter(access: KafkaAccess, settings: dict[str, Any], server: str) -> None:
    host, port = require_address(server)
    _call(server, host, port)
    if access.encrypted:
        _shake_hands(server, host, port, settings["ssl_context"])
    net = Network()
    asked = {**settings, "bootstrap_servers": [server], "request_timeout_ms": int(TRY_SECONDS * 1000)}
    manager = _Listening(net, **direct(asked))
    try:
        manager.run(_introduce, manager)
    except SaslAuthenticationFailedError as error:
        raise _refused(server, "用户名或密码不被接受", f"refuses the user {access.user} or the password") from error
    except (IllegalSaslStateError, UnsupportedSaslMechanismError) as error:
        english = f"takes no password by {access.mechanism} on this port: {error}"
        raise _refused(server, f"此端口不接受 {access.mechanism} 密码登录", english) from error
    except KafkaError as error:
        raise _silent(access, server, host, port, error) from error
    finally:
        manager.close()
        net.close()


class _Listening(KafkaConnectionManager):  # type: ignore[misc]
    """The library throws away what comes together with a hang-up, such as that the password was wrong."""

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        transport = await super()._build_transport(node, timeout_at)
        receive = transport._sock_recv

        def receive_all() -> tuple[bytes, Exception | None]:
            data, error = receive()
            return data, None if data else error

        transport._sock_recv = receive_all
        return transport


async def _introduce(manager: KafkaConnectionManager) -> None:
    """Log in, and ask one question, which a broker answers only to whom it knows."""
    broker = manager.cluster.bootstrap_brokers()[0]
    await manager.get_connection(
        broker.node_id, timeout_ms=TRY_SECONDS * 1000, pop_on_close=False, refresh_metadata_on_err=False
    )
    await manager.send(MetadataRequest(topics=[]), node_id=broker.node_id)


def _call(server: str, host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), TRY_SECONDS).close()
    except socket.gaierror as error:
        raise _refused(server, "找不到此主机", f"has no such host: {error}") from error
    except OSError as error:
        raise _refused(server, "无法连接,请检查地址及服务是否启动", f"does not answer: {error}") from error


def _shake_hands(server: str, host: str, port: int, context: ssl.SSLContext) -> None:
    """TLS alone, for its precise error."""
    try:
        with socket.create_connection((host, port), TRY_SECONDS) as plain:
            context.wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        english = f"shows a certificate that is not trusted: {error.verify_message}"
        raise _refused(server, "证书不受信任,请检查 CA 文件", english) from error
    except OSError as error:
        english = f"does not take up TLS on this port, is it one without? {error}"
        raise _refused(server, "此端口未按 TLS 应答,是否为明文端口", english) from error


def _silent(access: KafkaAccess, server: str, host: str, port: int, error: KafkaError) -> Unavailable:
    """It answers calls, but not us: find out what it wants."""
    if not access.encrypted and _speaks_tls(host, port):
        return _refused(server, "此端口要求 TLS", "wants TLS on this port: set SSL or SASL_SSL")
    if access.encrypted and "alert" in str(error):
        return _refused(server, "要求客户端证书", f"does not accept our certificate, or wants one: {error}")
    if not access.by_password and "disconnected" in str(error):
        return _refused(
            server, "断开连接,可能要求用户名和密码", f"hangs up, it may want a user and a password: {error}"
        )
    return _refused(server, "没有应答", f"does not answer: {str(error) or type(error).__name__}")


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), TRY_SECONDS) as plain:
            context.wrap_socket(plain).close()
    except ssl.SSLEOFError:
        return False
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
    return True


def _refused(server: str, chinese: str, english: str) -> Unavailable:
    return Unavailable(f"Kafka {server}:{chinese}", f"Kafka at {server} {english}")


def _halves(error: Exception) -> tuple[str, str]:
    chinese, _, english = str(error).partition(" · ")
    return chinese, english
