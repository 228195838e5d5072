"""`bizenv audit prove` and `audit check`: the events of one stream for a third party, who checks them without us."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from services.catalogue import SERVICES
from services.chassis.errors import NotFound, Unavailable
from services.chassis.time.clock import SHANGHAI
from services.chassis.time.instants import instant_of
from services.chassis.truth import read_public_key
from services.chassis.truth.evidence import Evidence, check, gather
from services.chassis.truth.proofs import ProofInvalid
from services.cli.app import fail
from services.cli.exit_codes import Exit
from services.cli.opening import form_of, prepare


def prove(
    stream: Annotated[str, typer.Argument(help="流,如 project-P001 · a stream, such as project-P001")],
    service: Annotated[str, typer.Option(help="记录它的服务 · the service that records it")],
    to: Annotated[Path, typer.Option(help="证据包文件,须尚不存在 · the pack, a file that is not there yet")],
) -> None:
    """写出一个流的全部事件及其签名证明 · write all events of a stream with their proofs to a file."""
    if service not in [each.name for each in SERVICES]:
        fail(f"没有服务 {service} · no such service; known: {', '.join(each.name for each in SERVICES)}")
    with form_of(prepare()) as form, closing(form.store(service)) as store:
        try:
            evidence = gather(store, stream)
        except NotFound as error:
            fail(str(error), Exit.NO)
        except Unavailable as error:
            fail(str(error))
        left = len(store.read_stream(stream, len(evidence.events)))
    try:
        with to.open("xb") as file:
            file.write(msgspec.json.encode(evidence) + b"\n")
    except OSError as error:
        fail(f"无法写入 {to}:{error.strerror} · can't be written")
    print(f"{to}: {_told(evidence)}")
    if left:
        print(f"  另有 {left} 条尚未签发,请稍后重做 · {left} more are under no signed head yet: try again later")


def check_pack(
    file: Annotated[Path, typer.Argument(help="证据包 · the pack")],
    key: Annotated[Path, typer.Option(help="核验方自行保存的公钥文件 · the public key as the checker kept it")],
) -> None:
    """离线核验证据包,只需公钥 · check a pack with nothing but the public key."""
    try:
        public = read_public_key(key)
        evidence = msgspec.json.decode(file.read_bytes(), type=Evidence)
        check(evidence, public)
    except OSError as error:
        fail(f"无法读取 {error.filename}:{error.strerror} · can't be read")
    except msgspec.DecodeError as error:
        fail(f"{file}: ✗ 不是证据包 · no evidence pack: {error}", Exit.NO)
    except ProofInvalid as error:
        fail(f"{file}: ✗ {error}", Exit.NO)
    print(f"{file}: ✓ {_told(evidence)}")


def _told(evidence: Evidence) -> str:
    head, last = evidence.head, evidence.events[-1].event
    signed = instant_of(head.signed_at).astimezone(SHANGHAI).isoformat(timespec="seconds")
    stream, count = last.stream, last.version
    return (
        f"{head.service} 的 {stream!r} 第 1 至 {count} 版事件 · events 1 to {count} of {stream!r} of {head.service}; "
        f"树头 head {head.size} ({signed}), 库 store {head.store_id}, 公钥 key {head.key_id}"
    )
