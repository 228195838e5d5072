"""`bizenv audit`: prove that nothing recorded was altered, removed, inserted or re-ordered."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.exc import DatabaseError

from services.catalogue import SERVICES
from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.errors import Unavailable
from services.chassis.event_store import StoreUnusable
from services.chassis.event_store.store_info import OtherVersion
from services.chassis.flow import Topics
from services.chassis.forms.form import Form
from services.chassis.postgres.trouble import is_passing
from services.chassis.settings import Settings
from services.chassis.time.clock import SHANGHAI
from services.chassis.time.instants import instant_of
from services.chassis.truth import AuditReport, read_public_key
from services.chassis.truth import verify as verify_store
from services.cli.app import app, fail
from services.cli.evidence import check_pack, prove
from services.cli.exit_codes import Exit, worst
from services.cli.flow import flow
from services.cli.opening import form_of, form_with_city, prepare, unreadable
from services.cli.progress import progress_bar

audit = typer.Typer(no_args_is_help=True, help="核验事件库 · verify the event stores")
app.add_typer(audit, name="audit")


@audit.callback()
def about() -> None:
    """核验事件库 · verify the event stores."""


audit.command()(flow)
audit.command()(prove)
audit.command("check")(check_pack)


class Source(StrEnum):
    """Where the events are read."""

    STORE = "store"
    KAFKA = "kafka"


@audit.command()
def verify(
    service: Annotated[str | None, typer.Option(help="只核验一个服务 · one service only")] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="审计方保存的公钥文件;省略则用本库的密钥 · the public key as the auditor kept it"),
    ] = None,
    source: Annotated[
        Source,
        typer.Option(
            "--from", help="从事件库或 Kafka 读取,后者无需数据库 · read the store, or Kafka without any store"
        ),
    ] = Source.STORE,
) -> None:
    """逐条重算并与已签发的树头比对;退出码 0 未发现改动,1 有异常,2 无法核验 · recompute every event's place in the
    signed log; exit code 0: unaltered, 1: there are findings, 2: can't be audited."""
    given = prepare()
    names = [each.name for each in SERVICES if service in (None, each.name)]
    if not names:
        fail(f"没有服务 {service} · no such service; known: {', '.join(each.name for each in SERVICES)}")
    if source is Source.STORE:
        with form_with_city(given) as form:
            public = _key(given, key)
            verdicts = [_verdict(form, name, public) for name in names]
    else:
        verdicts = _verdicts_of_topics(given, service, key)
    if code := worst(verdicts):
        raise typer.Exit(code)


def _verdicts_of_topics(given: Settings, service: str | None, key: Path | None) -> list[Exit]:
    names = [service] if service else [each.name for each in SERVICES if each.aggregates]  # the others have no topic
    with form_of(given) as form:
        topics = form.topics()
        if topics is None:
            fail("未设置 BIZENV_KAFKA,没有可读取的主题 · BIZENV_KAFKA is not set: there are no topics to read")
        public = _key(given, key)
        return [_verdict_of_topic(topics, name, public) for name in names]


def _key(given: Settings, path: Path | None) -> Ed25519PublicKey:
    if path is None:
        _require_key(given.keys_folder / TRUTH_KEY)
        return signing_key(given.keys_folder, TRUTH_KEY).public_key()
    try:
        return read_public_key(path)
    except OSError as error:
        fail(f"无法读取公钥文件 {path}:{error.strerror} · the public key can't be read")


def _require_key(path: Path) -> None:
    """An audit makes no key: with one that signed nothing it would accuse every head."""
    if not path.exists():
        fail(
            f"本机没有签名密钥 {path};请用 --key 给出公钥文件(该城市的 published/truth.pub)· there is no signing key "
            "here: give the public key with --key (the city's published/truth.pub, as the auditor kept it)"
        )


def _verdict(form: Form, name: str, key: Ed25519PublicKey) -> Exit:
    """Audit one store and tell; a store that can't be read at all keeps the others from nothing."""
    try:
        report = _verified(form, name, key)
    except OtherVersion as trouble:
        return _not_audited(name, str(trouble))
    except StoreUnusable as trouble:
        print(f"{name}: ✗ {trouble}")
        return Exit.NO
    except DatabaseError as trouble:
        if is_passing(trouble.orig):
            return _not_audited(name, str(trouble.orig).strip())
        print(f"{name}: ✗ {unreadable(trouble)}")
        return Exit.NO
    _print(report)
    return Exit.WELL if report.ok else Exit.NO


def _not_audited(name: str, reason: str) -> Exit:
    print(f"bizenv: {name}: 未核验 · not audited: {reason}", file=sys.stderr)
    return Exit.NOT_TRIED


def _verdict_of_topic(topics: Topics, name: str, key: Ed25519PublicKey) -> Exit:
    """Audit one topic and tell."""
    from services.chassis.flow.verify_topic import verify_topic  # noqa: PLC0415 - its library is slow to load

    try:
        with progress_bar(f"核验 · verifying {name}") as step:
            report = verify_topic(topics, name, key, lambda stage, done, total: step(done, total, stage))
    except Unavailable as trouble:
        fail(f"{name}: {trouble}")
    _print(report)
    return Exit.WELL if report.ok else Exit.NO


def _verified(form: Form, name: str, key: Ed25519PublicKey) -> AuditReport:
    with closing(form.store(name)) as store, progress_bar(f"核验 · verifying {name}") as step:
        return verify_store(store, form.published, key, lambda stage, done, total: step(done, total, stage))


def _print(report: AuditReport) -> None:
    verdict = "✓ 未发现改动 · unaltered" if report.ok else f"✗ {sum(report.counts.values())} 处异常 · findings"
    signed = "从未签发 · never" if report.signed_at is None else _moment(report.signed_at)
    print(
        f"{report.service}: {verdict};{report.events} 条事件 · events, "
        f"其中 {report.covered} 条已签发 · covered by heads (最近 · latest: {signed})"
    )
    for restore in report.restores:
        print(f"  第 {restore.epoch} 期 · epoch: 恢复后保留 · kept {restore.kept}, 放弃 · given up {restore.given_up}")
    for torn in report.torn:
        chinese, english = torn.sentence
        print(f"  TORN: {chinese} · {english}")
    for finding in report.findings:
        print(f"  {finding.code} {finding.place}: {finding.message} · {finding.english}")
    listed = len(report.findings)
    if sum(report.counts.values()) > listed:
        print(f"  …… 仅列出 {listed} 处 · only so many are listed; {report.counts}")


def _moment(micros: int) -> str:
    moment = instant_of(micros).astimezone(SHANGHAI)
    return (moment - timedelta(microseconds=moment.microsecond)).isoformat()
