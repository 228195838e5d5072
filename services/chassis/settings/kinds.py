"""The kinds of values that settings have, with their limits and the words for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from services.chassis.settings.addresses import addresses_flaw, database_flaw, peers_flaw
from services.chassis.settings.rules import checked, worded
from services.chassis.settings.secret import Secret

LogLevel = Literal["debug", "info", "warning", "error"]
Host = Annotated[str, Meta(pattern=r"^\S+$"), worded("应为主机名或 IP 地址", "a host name or an IP address")]
Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=3_600)]
Url = Annotated[
    str,
    Meta(pattern=r"^https?://[^\s/]+(/\S*)?$"),
    worded("应为以 http:// 或 https:// 开头的网址", "an address that begins with http:// or https://"),
]
PointName = Annotated[
    str,
    Meta(pattern=r"^([a-z_.]+(:[1-9][0-9]*)?)?$"),
    worded("应为故障点名称,可加 :次数", "the name of a fault point, with :count if wanted"),
]
DatabaseUrl = Annotated[
    str,
    worded(
        "应为 postgresql://主机:端口/库名,可带 用户@ 和 ?sslmode=…",
        "postgresql://host:port/name, with user@ and ?sslmode=… if wanted",
    ),
    checked(database_flaw),
]
Brokers = Annotated[
    str, worded("应为 主机:端口,多个以逗号分隔", "host:port, several with commas between"), checked(addresses_flaw)
]
Peers = Annotated[
    str,
    worded("应为 服务名=主机:端口,多个以逗号分隔", "service=host:port, several with commas between"),
    checked(peers_flaw),
]
User = Annotated[
    str,
    Meta(pattern=r"^[^\s:/@]{1,128}$"),
    worded("应为用户名,不含空格和 : / @", "a user's name, without blanks and : / @"),
]
Password = Annotated[Secret, worded("应为非空文字", "a text that is not empty")]
TopicPrefix = Annotated[
    str,
    Meta(pattern=r"^[a-zA-Z0-9._-]{0,60}$"),
    worded("应为字母、数字和 . _ -,至多 60 个字符", "letters, digits, '.', '_' and '-', at most 60 characters"),
]
KafkaSecurity = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
KafkaMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
File = Annotated[Path, worded("应为文件路径", "the path of a file")]
