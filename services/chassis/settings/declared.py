"""Each setting once: its type, limits, default and meaning in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from services.chassis.settings.agreement import require_agreement
from services.chassis.settings.environment import read
from services.chassis.settings.kinds import (
    Brokers,
    Count,
    DatabaseUrl,
    File,
    Host,
    KafkaMechanism,
    KafkaSecurity,
    LogLevel,
    Password,
    Peers,
    PointName,
    Port,
    Seconds,
    TopicPrefix,
    Url,
    User,
)
from services.chassis.settings.rules import SettingRow, documented, rows, written


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told from outside. Port 0 takes any free port."""

    data: Annotated[Path, documented("数据文件夹", "folder of all data: databases, keys, attachments")] = Path("./var")
    http_host: Annotated[Host, documented("网页与 HTTP 接口地址", "address of the cockpit and the HTTP API")] = (
        "127.0.0.1"
    )
    http_port: Annotated[Port, documented("网页与 HTTP 接口端口", "port of the cockpit and the HTTP API")] = 8080
    http_connections: Annotated[
        Count, documented("HTTP 连接数上限,超过则拒绝", "open HTTP connections; more are refused with 503")
    ] = 800
    http_header_seconds: Annotated[
        Seconds,
        documented("收完请求头的时限(秒)", "seconds for a request's header to arrive, else the connection ends"),
    ] = 10.0
    http_body_seconds: Annotated[
        Seconds,
        documented("收完请求内容的时限(秒)", "seconds for a request's body to arrive, else the connection ends"),
    ] = 60.0
    http_idle_seconds: Annotated[
        int,
        Meta(ge=1, le=3_600),
        documented("连接空闲的时限(秒)", "seconds that a connection may be idle between two requests"),
    ] = 30
    grpc_host: Annotated[Host, documented("gRPC 地址", "address of the gRPC server")] = "127.0.0.1"
    grpc_port: Annotated[Port, documented("gRPC 端口", "port of the gRPC server")] = 50051
    grpc_connection_seconds: Annotated[
        Seconds,
        documented(
            "gRPC 连接的寿命(秒);到期后调用方重新解析主机名,新增的进程由此分担",
            "seconds that a gRPC connection lasts; callers then look the name up anew and find added processes",
        ),
    ] = 60.0
    grpc_certificate_file: Annotated[
        File | None,
        documented(
            "gRPC 端口的证书文件(PEM);设置后只接受 TLS",
            "certificate (PEM) of the gRPC server, with those that lead to the root; set: it speaks TLS only",
        ),
    ] = None
    grpc_key_file: Annotated[
        File | None, documented("gRPC 证书的私钥文件(PEM)", "the private key (PEM) of that certificate, not encrypted")
    ] = None
    metrics_host: Annotated[Host, documented("指标地址", "address of the Prometheus metrics")] = "127.0.0.1"
    metrics_port: Annotated[Port, documented("指标端口", "port of the Prometheus metrics")] = 9464
    log_level: Annotated[LogLevel, documented("日志级别", "least level that is logged")] = "info"
    max_message_bytes: Annotated[
        int, Meta(ge=1024, le=64 * 1024 * 1024), documented("单个请求的最大字节数", "largest request, in bytes")
    ] = 1024 * 1024
    command_queue: Annotated[
        Count,
        documented("等待写入的命令上限,超过则拒绝", "commands that may wait; more are refused (RESOURCE_EXHAUSTED)"),
    ] = 1024
    query_threads: Annotated[int, Meta(ge=1, le=256), documented("查询线程数", "threads that answer queries")] = 4
    waiting_queries: Annotated[
        Count,
        documented(
            "等待视图更新的查询上限,超过则拒绝",
            "queries that may wait for the views to reach a position; more are refused (RESOURCE_EXHAUSTED)",
        ),
    ] = 256
    consumer_batch: Annotated[Count, documented("消费者每批事件数上限", "most events in one batch of a consumer")] = (
        2000
    )
    poll_busy_milliseconds: Annotated[
        int,
        Meta(ge=1, le=10_000),
        documented(
            "有事件时的轮询间隔(毫秒);有查询等待时立即读取",
            "milliseconds between polls while events come; a query that waits for them ends the pause",
        ),
    ] = 200
    poll_idle_milliseconds: Annotated[
        int,
        Meta(ge=1, le=60_000),
        documented("空闲时的轮询间隔(毫秒)", "milliseconds between polls while nothing comes"),
    ] = 250
    park_limit: Annotated[
        Count, documented("搁置的事件流上限,超过则停止消费", "streams that may be parked before a consumer stops")
    ] = 100
    tree_head_seconds: Annotated[
        float, Meta(gt=0, le=86_400), documented("签发树头的间隔(秒)", "seconds between signed tree heads")
    ] = 1.0
    shutdown_grace_seconds: Annotated[
        float, Meta(ge=0, le=3_600), documented("停止时的宽限(秒)", "seconds to finish the work in hand when stopped")
    ] = 10.0
    login_cookie_hours: Annotated[
        int, Meta(ge=1, le=720), documented("网页登录有效期(小时)", "hours that a browser stays logged in")
    ] = 12
    secure_cookies: Annotated[
        bool, documented("登录 Cookie 仅经 HTTPS 发送", "browsers send the login cookie over HTTPS only")
    ] = False
    public_url: Annotated[
        Url | None,
        documented("对外网址,用于登录链接", "address that users open, for login links; unset: the HTTP address"),
    ] = None
    database: Annotated[
        DatabaseUrl | None,
        documented(
            "PostgreSQL 地址;与 BIZENV_KAFKA 同时设置则多进程运行,都不设置则单进程运行",
            "address of PostgreSQL; together with BIZENV_KAFKA: the distributed form; neither: the embedded one",
        ),
    ] = None
    database_user: Annotated[
        User | None, documented("数据库用户名", "the database's user, where the address names none")
    ] = None
    database_password: Annotated[
        Password | None, documented("数据库口令", "the password of the database's user", secret=True)
    ] = None
    database_pool: Annotated[
        int,
        Meta(ge=4, le=200),
        documented(
            "每个进程到每个事件库、每组视图的连接数上限",
            "most connections of a process to each event store and set of views",
        ),
    ] = 16
    kafka: Annotated[Brokers | None, documented("Kafka 地址", "addresses of Kafka's brokers")] = None
    kafka_security: Annotated[KafkaSecurity, documented("Kafka 连接方式", "how Kafka is spoken to")] = "PLAINTEXT"
    kafka_mechanism: Annotated[KafkaMechanism, documented("Kafka 登录机制", "how SASL logs in to Kafka")] = (
        "SCRAM-SHA-512"
    )
    kafka_user: Annotated[User | None, documented("Kafka 用户名", "Kafka's user, for SASL")] = None
    kafka_password: Annotated[
        Password | None, documented("Kafka 口令", "the password of Kafka's user, for SASL", secret=True)
    ] = None
    kafka_ca_file: Annotated[
        File | None,
        documented(
            "Kafka 的根证书文件(PEM)", "certificates (PEM) that Kafka's must be signed by; unset: the system's own"
        ),
    ] = None
    kafka_certificate_file: Annotated[
        File | None, documented("本进程的证书文件(PEM)", "this process's own certificate (PEM) for Kafka, if asked for")
    ] = None
    kafka_key_file: Annotated[
        File | None, documented("本进程证书的私钥文件(PEM)", "the private key (PEM) of that certificate, not encrypted")
    ] = None
    kafka_replication: Annotated[
        int, Meta(ge=1, le=9), documented("新建 Kafka 主题的副本数", "replicas of a topic that is made")
    ] = 3
    kafka_topic_prefix: Annotated[
        TopicPrefix, documented("Kafka 主题名前缀", "what the names of the topics begin with")
    ] = "bizenv."
    peers: Annotated[
        Peers | None,
        documented(
            "其他进程提供的服务及其 gRPC 地址;同一服务可写多次",
            "services of other processes and their gRPC addresses; a service may stand several times",
        ),
    ] = None
    peers_ca_file: Annotated[
        File | None,
        documented(
            "其他进程证书的根证书文件(PEM);设置后只用 TLS 联系",
            "certificates (PEM) that those of peers must be signed by; set: peers are spoken to over TLS only",
        ),
    ] = None
    keys: Annotated[
        Path | None,
        documented(
            "签名密钥文件夹", "folder of the signing keys, the same for all processes; unset: `keys` in the data"
        ),
    ] = None
    wait_for_servers_seconds: Annotated[
        float,
        Meta(ge=0, le=86_400),
        documented("启动时等待数据库和 Kafka 的时限(秒)", "seconds that a start waits for the database and Kafka"),
    ] = 300.0
    fault: Annotated[
        PointName, documented("仅供测试:进程在此处自行终止", "for tests only: the point where the process kills itself")
    ] = ""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in this environment; raises SettingsError for the first that is unknown or can't be used, or
        that doesn't go with another."""
        found = read(cls, environ)
        require_agreement(found)
        return found

    @property
    def distributed(self) -> bool:
        """Whether a database and Kafka are given: several processes share the city."""
        return self.database is not None

    @property
    def keys_folder(self) -> Path:
        """Where the signing keys lie."""
        return self.data / "keys" if self.keys is None else self.keys

    def shown(self, row: SettingRow) -> str:
        """The value in effect, as one would write it; of a secret one, only whether it is set."""
        value = written(getattr(self, row.field))
        return "…" if row.secret and value else value


def settings_table() -> list[SettingRow]:
    """Every setting, in the order of its declaration, for the manual and for `bizenv doctor`."""
    return rows(Settings)
