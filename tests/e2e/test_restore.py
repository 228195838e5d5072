"""A backup is put back: nothing is recorded until a new epoch is opened, then everything goes on from what was kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.deadline import Deadline
from services.chassis.domain import Command
from services.chassis.forms.embedded import Embedded, EmbeddedForm
from services.chassis.hosting.serving import keep_logs
from services.chassis.settings import Settings
from services.chassis.time.city_clock import city_clock
from tests import lives
from tests.clients import HttpClient, Refused
from tests.faults.check import check_views
from tests.processes import Server, bizenv, refused, serving, told

BACKED_UP = ("events.sqlite", "reactions.sqlite")
KEPT, LOST = "kept", "lost"


def record(data: Path, orders: Iterable[Command]) -> list[Receipt]:
    """Carry out the orders in this process, follow them, and close: every fact is under a signed head then."""
    given = Settings(data=data)
    with closing(Embedded(data, SERVICES, given, city_clock(EmbeddedForm(data, given), SERVICES))) as opened:
        keep_logs(opened, given)
        me = Principal(account="wang", role=Role.CITY_GROUP)
        receipts = [opened.do(order, Call(principal=me, deadline=Deadline.after(30))) for order in orders]
        opened.settle()
    return receipts


def put_back(backup: Path, folder: Path) -> None:
    for name in BACKED_UP:
        for old in folder.glob(f"{name}*"):
            old.unlink()
        shutil.copy(backup / name, folder / name)


@pytest.fixture
def restored_city(city: Path, tmp_path: Path) -> Path:
    """A city whose projects were put back to before the last orders; nobody has told it so yet."""
    record(city, [lives.registration(KEPT), *lives.preparation(KEPT)])
    backup = tmp_path / "backup"
    backup.mkdir()
    for name in BACKED_UP:
        assert not list((city / "project_tracking").glob(f"{name}-wal")), "a clean stop leaves whole files"
        shutil.copy(city / "project_tracking" / name, backup / name)
    record(city, [lives.registration(LOST), *lives.preparation(LOST)])
    put_back(backup, city / "project_tracking")
    return city


def test_a_restored_store_records_nothing_until_its_new_epoch(restored_city: Path, access: str) -> None:
    order = msgspec.json.encode(lives.registration("new")).decode()
    assert "bizenv restored" in refused(restored_city, "do", "RegisterProject", "--json", order, "--token", access)
    looked = bizenv(restored_city, "doctor")
    assert looked.returncode == 1
    assert "run bizenv restored" in looked.stdout
    assert "✗ projection: 视图超前于事件库(project_tracking " in looked.stdout
    assert "the views are ahead of the store: after a restore stop and run bizenv restored" in looked.stdout
    assert "events themselves are audited by bizenv audit verify" in looked.stdout
    server = Server(restored_city).announce()
    try:
        assert any("NOT ready" in line for line in server.announced)
        assert any("✗" in line and "bizenv restored" in line for line in server.announced)
        assert any("bizenv restored" in trouble for trouble in server.troubles())
        with closing(HttpClient(server.http, access)) as client, pytest.raises(Refused) as error:
            client.do(lives.registration("new"))
        assert (error.value.status, error.value.code) == ("503", "UNAVAILABLE")
        assert "another bizenv process" in refused(restored_city, "restored")
    finally:
        assert server.stop() == 0


def test_after_a_restore_everything_goes_on(restored_city: Path, access: str) -> None:
    said = told(restored_city, "restored")
    assert said.startswith("project_tracking: 第 2 期 · epoch 2: ")
    assert "no store lies behind" in refused(restored_city, "restored")
    receipts = record(restored_city, [lives.registration(LOST), lives.progress(KEPT, 3, 8, 9_000_000)])
    assert [receipt.token.split(":")[1] for receipt in receipts] == ["2", "2"]
    with serving(restored_city) as server:
        with HttpClient(server.http, access) as client:
            assert {event["epoch"] for event in client.events("project_tracking")} == {"2"}
            listed = client.ask("ListProjects", page_size=500, token=receipts[-1].token)["projects"]
            assert {line["project_id"] for line in listed} == {KEPT, LOST}
        assert server.stop() == 0, server.log()
    assert list(check_views(restored_city)) == []
    audited = told(restored_city, "audit", "verify")
    assert "第 2 期 · epoch: 恢复后保留 · kept" in audited
    assert "✗" not in audited
    assert bizenv(restored_city, "doctor").returncode == 0


def test_a_backup_from_before_an_earlier_restore_is_told_with_its_remedy(restored_city: Path, tmp_path: Path) -> None:
    told(restored_city, "restored")
    put_back(tmp_path / "backup", restored_city / "project_tracking")
    server = Server(restored_city).announce()
    try:
        assert any("run bizenv restored --service project_tracking" in line for line in server.announced)
    finally:
        assert server.stop() == 0
    assert "epoch 3" in told(restored_city, "restored", "--service", "project_tracking")
    assert bizenv(restored_city, "doctor").returncode == 0


def test_the_manuals_sequence_goes_through_where_nothing_was_recorded_since(city: Path, tmp_path: Path) -> None:
    """No head tells of anything later, which proves nothing: none may have covered what came last."""
    record(city, [lives.registration(KEPT)])
    backup = tmp_path / "backup"
    told(city, "backup", str(backup))
    for copy in backup.rglob("*.sqlite"):
        for old in (city / copy.relative_to(backup)).parent.glob(f"{copy.name}*"):
            old.unlink()
        shutil.copy(copy, city / copy.relative_to(backup))
    said = refused(city, "restored")
    assert "there is nothing to do: start" in said
    assert "bizenv restored --all" in said
    assert "only one of" in refused(city, "restored", "--all", "--service", "projection")
    said = told(city, "restored", "--all")
    assert "policy_registry: 第 2 期" in said
    assert "project_tracking: 第 2 期" in said
    receipts = record(city, [lives.registration("later")])
    assert receipts[0].token.split(":")[1] == "2"
    assert list(check_views(city)) == []
    assert "✗" not in told(city, "audit", "verify")
    assert bizenv(city, "doctor").returncode == 0


def test_a_backup_made_while_serving_is_put_back_whole(city: Path, access: str, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    with serving(city) as server:
        with closing(HttpClient(server.http, access)) as client:
            client.do(lives.registration(KEPT))
            told(city, "backup", str(backup))
            client.do(lives.registration(LOST))
        assert "not empty" in refused(city, "backup", str(backup))
        assert server.stop() == 0, server.log()
    names = [path.relative_to(backup) for path in backup.rglob("*") if path.is_file()]
    assert {str(name) for name in names} >= {f"project_tracking/{name}" for name in BACKED_UP}
    assert not [name for name in names if name.suffix != ".sqlite"]
    for name in names:
        for old in (city / name.parent).glob(f"{name.name}*"):
            old.unlink()
        shutil.copy(backup / name, city / name)
    assert "epoch 2" in told(city, "restored")
    with serving(city) as server, closing(HttpClient(server.http, access)) as client:
        receipt = client.do(lives.registration("later"))
        listed = client.ask("ListProjects", page_size=500, token=receipt.token)["projects"]
        assert {line["project_id"] for line in listed} == {KEPT, "later"}
        assert server.stop() == 0, server.log()
    assert bizenv(city, "doctor").returncode == 0
    assert "✗" not in told(city, "audit", "verify")
