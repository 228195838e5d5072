"""A programme as a folder of files that a person writes, turned into the orders that put it in force.

The folder's form is described in `deploy/programmes/README.md`. Reading touches files, so nothing pure imports this.
"""

from __future__ import annotations

from pathlib import Path

from services.chassis.domain import Command
from services.policy_registry.programme_files.checking import check_orders
from services.policy_registry.programme_files.orders import Order
from services.policy_registry.programme_files.programme_part import programme_order, read_head
from services.policy_registry.programme_files.reading import ProgrammeFileError
from services.policy_registry.programme_files.register_part import register_orders

__all__ = ["ProgrammeFileError", "load_programme"]


def load_programme(folder: Path) -> tuple[Command, ...]:
    """The orders that put the programme of this folder in force, always in the same order.

    First `AdoptProgramme`, then the register's orders by the day from which each holds (a rehearsal gives each on
    its day). All of them were tried on an empty programme and register, so on an empty store none is refused.
    Raises ProgrammeFileError, which names the file, the key and the rule.
    """
    head = read_head(folder)
    adoption = programme_order(folder, head)
    register = sorted(register_orders(folder, head.registry_id), key=_by_day)
    orders: list[Order] = [adoption, *register]
    check_orders(orders)
    return tuple(order.command for order in orders)


def _by_day(order: Order) -> tuple[str, int]:
    return order.day.isoformat(), order.rank
