"""`bizenv audit`: prove that nothing recorded was altered, removed, inserted or re-ordered."""

from __future__ import annotations

from typing import Annotated

import typer

from services.catalogue import SERVICES
from services.chassis.truth import verify as verify_store
from services.chassis.truth import published_key
from services.cli.app import app
from services.cli.opening import open_store, prepare, store_info
from services.cli.progress import progress_bar

audit = typer.Typer(no_args_is_help=True, help="核验事件库 · verify the event stores")
app.add_typer(audit, name="audit")


@audit.command()
def verify(
    service: Annotated[str | None, typer.Option(help="只核验一个服务 · one service only")] = None,
) -> None:
    """逐条重算并与已签发的树头比对 · recompute every event's place in the signed log."""
    given = prepare()
    store_info(given)
    folder = given.data / "published"
    sound = True
    for name in [each.name for each in SERVICES if service in (None, each.name)]:
        store = open_store(given, name)
        with progress_bar(f"核验 · verifying {name}") as step:
            report = verify_store(store, folder, published_key(folder), lambda done, total: step(done, total, ""))  # noqa: B023
        store.close()
        sound = sound and report.ok
        _print(name, report)
    if not sound:
        raise typer.Exit(1)
