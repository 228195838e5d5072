"""One project's events are handed to somebody who has the public key and no city."""

from __future__ import annotations

from pathlib import Path

from tests import lives
from tests.e2e.test_restore import record
from tests.processes import bizenv, refused, told


def test_a_projects_events_are_proved_to_somebody_without_a_city(city: Path, tmp_path: Path) -> None:
    record(city, [lives.registration("p1"), *lives.preparation("p1")])
    pack, key = tmp_path / "p1.evidence.json", tmp_path / "auditor.pub"
    key.write_bytes((city / "published" / "truth.pub").read_bytes())
    prove = ("audit", "prove", "project-p1", "--service", "project_tracking", "--to", str(pack))
    assert "events 1 to" in told(city, *prove)
    assert "can't be written" in refused(city, *prove)
    nowhere = tmp_path / "nowhere"
    assert "✓ project_tracking 的 'project-p1' 第 1 至" in told(nowhere, "audit", "check", str(pack), "--key", str(key))
    assert not nowhere.exists()
    pack.write_text(pack.read_text(encoding="utf-8").replace('"actor":"', '"actor":"x', 1), encoding="utf-8")
    assert bizenv(nowhere, "audit", "check", str(pack), "--key", str(key)).returncode == 1
