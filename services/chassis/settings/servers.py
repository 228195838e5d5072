"""Settings as those take them who open connections: the database's URL, the addresses of peers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from services.chassis.settings.addresses import peers_in
from services.chassis.settings.environment import refuse
from services.chassis.settings.rules import Words

if TYPE_CHECKING:
    from sqlalchemy import URL

    from services.chassis.settings.declared import Settings


def database_url(settings: Settings) -> URL:
    """The database's address with its user and password; shown as a text it hides the password.

    Raises ValueError where the settings name no database.
    """
    from sqlalchemy import make_url  # noqa: PLC0415 - settings are read by commands that open no database

    if settings.database is None:
        raise ValueError("the settings name no database")
    found = make_url(settings.database)
    user, password = settings.database_user, settings.database_password
    return found.set(
        username=user or found.username, password=password.reveal() if password is not None else found.password
    )


def peers_of(settings: Settings, known: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Per service that another process has, its gRPC addresses; raises SettingsError for a service that isn't known."""
    found, names = peers_in(settings.peers or ""), sorted(known)
    for name in found:
        if name not in names:
            listed = ", ".join(names)
            refuse(
                "BIZENV_PEERS",
                settings.peers or "",
                Words(f"没有服务 {name};有:{listed}", f"there is no service {name}; there are: {listed}"),
            )
    return found
