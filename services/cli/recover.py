"""`bizenv recover`: bring back from Kafka what a store lost that was put back from a backup."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from services.catalogue import SERVICES
from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.errors import Unavailable
from services.cli.app import fail
from services.cli.opening import form_with_city, prepare
from services.cli.progress import progress_bar
from services.cli.unproved import word


def recover(
    service: Annotated[str, typer.Option(help="恢复了哪个服务的事件库 · whose store was put back")],
    give_up: Annotated[
        bool, typer.Option("--give-up", help="放弃主题中缺口之后的事件 · give up what stands behind a gap of the topic")
    ] = False,
    accept_unproved: Annotated[
        bool,
        typer.Option("--accept-unproved", help="收入没有树头为证的事件 · take in events that no signed head proves"),
    ] = False,
    leave_unproved: Annotated[
        bool, typer.Option("--leave-unproved", help="放弃没有树头为证的事件 · go on without them, for good")
    ] = False,
) -> None:
    """恢复备份后,从 Kafka 找回事件库缺少的事件 · after a backup was put back, bring back from Kafka what is missing.

    须先停止该服务的所有进程 · stop all processes of the service first.
    """
    from services.chassis.forms.distributed import RELAY  # noqa: PLC0415
    from services.chassis.upkeep.continuation import NotRecoverable  # noqa: PLC0415
    from services.chassis.upkeep.recovering import recover as bring_back  # noqa: PLC0415 - its libraries are slow to load
    from services.chassis.upkeep.stepping_back import step_back  # noqa: PLC0415

    if accept_unproved and leave_unproved:
        fail("--accept-unproved 与 --leave-unproved 只能选一 · only one of the two")
    given = prepare()
    known = {each.name: each for each in SERVICES}
    if service not in known:
        fail(f"没有服务 {service} · no such service; known: {', '.join(known)}")
    with form_with_city(given) as form:
        topics = form.topics()
        if topics is None:
            fail(
                "单机形式没有 Kafka 可供找回,请运行 bizenv restored · "
                "there is no Kafka in this form: run bizenv restored"
            )
        if not known[service].aggregates:
            print(f"{service}: 该服务不记录事件,无需找回 · records nothing, there is nothing to bring back")
            return
        key = signing_key(given.keys_folder, TRUTH_KEY)
        try:
            with ExitStack() as shown:
                step = shown.enter_context(progress_bar("找回 · recovering"))
                done = bring_back(
                    lambda: form.store(service),
                    topics,
                    form.published,
                    key,
                    relay=RELAY,
                    give_up=give_up,
                    decide=word(accept_unproved, leave_unproved, before_asking=shown.close),
                    progress=lambda read, total: step(read, total, service),
                )
            behind = step_back(form, SERVICES, service) if done.given_up else []
        except NotRecoverable as refusal:
            fail(str(refusal))
        except Unavailable as trouble:
            fail(f"{service}: {trouble}")
    print(
        f"{service}: 第 {done.epoch} 期 · epoch {done.epoch}: 原有 {done.kept} 条 · events were there, "
        f"找回 {done.brought_back} 条 · brought back from Kafka"
    )
    if done.missing:
        print(
            f"  最多 {done.missing} 条已确认的事件从未到达 Kafka,可能已丢失 · up to {done.missing} acknowledged events "
            "never reached Kafka and may be missing"
        )
    if done.torn is not None:
        chinese, english = done.torn.sentence
        print(f"  {chinese} · {english}")
    if done.given_up:
        print(
            f"  放弃主题中的 {done.given_up} 条,请重建视图 · {done.given_up} events of the topic were given up, run: "
            + ", ".join(f"bizenv rebuild {name}" for name in behind)
        )
