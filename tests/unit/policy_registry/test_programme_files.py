"""Another city's programme is another folder; what is wrong in it is named by file, key and rule."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.policy_registry.events import UnitRegister
from services.policy_registry.programme import AdoptProgramme
from services.policy_registry.programme_files import ProgrammeFileError, load_programme
from services.policy_registry.programme_files.reading import LARGEST_FILE_BYTES
from services.policy_registry.unit_registry import (
    UNIT_REGISTRY,
    AbolishPost,
    EstablishPost,
    JoinUnit,
    LeaveUnit,
    MakeResponsible,
    RecodeUnit,
    RelievePost,
)
from tests.unit.policy_registry.samples import FACTS

BAODING = Path(__file__).parents[3] / "deploy" / "programmes" / "baoding-2017"

SMALL = {
    "programme.toml": """
        id = "small-2020"
        registry_id = "small"
        title = "小城方案"
        city = "小城"
        year = 2020
        issued_on = 2020-01-01
        goals = ["办好事"]
    """,
    "campaigns.toml": """
        [[campaigns]]
        id = "windows"
        title = "窗口整治"
        clause = "一"
        quote = "对慢的问题进行整治"
        faults = [{ id = "slow", title = "慢" }]
    """,
    "measures.toml": """
        [[groups]]
        id = "g1"
        title = "第一组"
        clause = "二"

        [[measures]]
        id = "m1"
        number = 1
        group = "g1"
        title = "快办"
        summary = "快办"
        quote = "快办"
        departments = [{ unit_id = "banshi", part = "快办" }]
    """,
    "phases.toml": """
        [[phases]]
        id = "p1"
        title = "第一阶段"
        clause = "三"
        starts_on = 2020-01-01
        ends_on = 2020-06-30
        summary = "做"
    """,
    "duties.toml": """
        [[duties]]
        id = "d1"
        title = "月报"
        clause = "四"
        quote = "每月报"
        form = "report"
        subject = "unit"
        author = { words = "各单位", kinds = ["county"] }
        addressee = { words = "办事处", units = ["banshi"], posts = ["head"] }
        rhythm = { every = "month", day = 5 }
    """,
    "rules/lamps.toml": """
        id = "lamps"
        version = 1
        effective_on = 2020-01-01
        title = "亮灯"

        [[parameters]]
        name = "green_from"
        value = "0.9"
        unit = "ratio"
        origin = "ours"
        source = "默认"
    """,
    "units.toml": """
        [[units]]
        id = "dong"
        code = "990101"
        name = "东县"
        kind = "county"
        scored = true
        joined = 2019-01-01
        recoded = [{ on = 2019-06-01, code = "990103", name = "东新县" }]
        left = { on = 2021-01-01, reason = "撤销" }

        [[units]]
        id = "xi"
        code = "990101"
        name = "西县"
        kind = "county"
        scored = true
        joined = 2019-06-01

        [[units]]
        id = "banshi"
        code = "banshi"
        name = "办事处"
        kind = "office"
        scored = false
        joined = 2019-01-01
    """,
    "posts.toml": """
        [[posts]]
        id = "head"
        unit = "banshi"
        title = "主任"
        since = 2019-01-01
        responsible_for = [
          { subject = "campaign:windows", since = 2020-01-01, until = 2020-03-01 },
          { subject = "duty:d1", since = 2020-01-01 },
        ]
        abolished = { on = 2021-06-01, reason = "机构改革" }

        [[posts_of_each]]
        kinds = ["county"]
        id = "{unit}_head"
        title = "{name}县长"
        since = 2020-01-01
        responsible_for = [{ subject = "unit:{code}", since = 2020-01-01 }]
    """,
}

LATE_POST = """[[posts]]
        id = "late"
        unit = "dong"
        title = "末任县长"
        since = 2021-01-01

        """


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    shutil.copy(BAODING / "rules" / "project.toml", tmp_path / "rules")
    for name, text in SMALL.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def replace(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_folder_becomes_orders_in_the_order_of_days(folder: Path) -> None:
    commands = load_programme(folder)
    assert [type(command) for command in commands] == [
        AdoptProgramme,
        JoinUnit,  # dong
        JoinUnit,  # banshi
        EstablishPost,  # head
        RecodeUnit,  # dong gives up 990101 …
        JoinUnit,  # … which xi takes on the same day
        EstablishPost,
        EstablishPost,
        MakeResponsible,
        MakeResponsible,
        MakeResponsible,
        MakeResponsible,
        RelievePost,
        LeaveUnit,
        AbolishPost,
    ]
    assert load_programme(folder) == commands


def test_posts_of_each_unit_carry_its_name_and_the_code_of_that_day(folder: Path) -> None:
    commands = load_programme(folder)
    titles = [command.title for command in commands if isinstance(command, EstablishPost)]
    subjects = [command.subject for command in commands if isinstance(command, MakeResponsible)]
    assert titles == ["主任", "西县县长", "东新县县长"]
    assert {"unit:990103", "unit:990101"} <= set(subjects)


def test_on_an_empty_store_none_of_the_orders_is_refused() -> None:
    register: UnitRegister = UNIT_REGISTRY.initial
    for command in load_programme(BAODING)[1:]:
        register = UNIT_REGISTRY.fold(UNIT_REGISTRY.decide(register, command, FACTS), register)
    assert len(register.units) > 30


def test_baoding_is_the_same_at_every_reading() -> None:
    assert load_programme(BAODING) == load_programme(BAODING)


def test_files_of_rules_may_be_called_anything(folder: Path) -> None:
    newer = SMALL["rules/lamps.toml"].replace("version = 1", "version = 2")
    (folder / "rules" / "a.toml").write_text(newer, encoding="utf-8")
    adoption = load_programme(folder)[0]
    assert isinstance(adoption, AdoptProgramme)
    assert [each.version for each in adoption.rule_sets if each.id == "lamps"] == [1, 2]


def test_defaults_hold_for_units_without_a_first_day(folder: Path) -> None:
    replace(folder, "units.toml", "joined = 2019-06-01", "")
    defaults = '[defaults]\njoined = 2019-07-01\ninferred = true\nbasis = "不详"\n'
    text = (folder / "units.toml").read_text(encoding="utf-8")
    (folder / "units.toml").write_text(defaults + text, encoding="utf-8")
    joins = {command.unit_id: command for command in load_programme(folder) if isinstance(command, JoinUnit)}
    assert (joins["xi"].inferred, joins["xi"].basis) == (True, "不详")
    assert (joins["dong"].inferred, joins["dong"].basis) == (False, None)


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "rule"),
    [
        ("programme.toml", "city =", "town =", "town", "unknown field"),
        ("programme.toml", "year = 2020", "", "year", "required field is missing"),
        ("programme.toml", "year = 2020", "year = ", "", "not valid TOML"),
        ("campaigns.toml", "[[campaigns]]", "[[campaign]]", "campaigns", "required field is missing"),
        ("campaigns.toml", 'clause = "一"', 'clause = ""', "campaigns[windows].clause", "must not be empty"),
        ("campaigns.toml", 'title = "慢"', 'title = "慢", name = "慢"', "campaigns[windows].faults[0].name", "unknown"),
        ("campaigns.toml", '[{ id = "slow", title = "慢" }]', "[]", "campaigns[windows].faults", "must not be empty"),
        ("measures.toml", "departments = [", "named = [", "measures[m1].departments", "name the departments"),
        ("measures.toml", 'unit_id = "banshi"', 'unit_id = "nobody"', "measures[m1].departments", "nobody is not in"),
        ("measures.toml", "[[measures]]", "[measures]", "measures", "must be written as [[measures]]"),
        ("measures.toml", 'group = "g1"', 'group = "g2"', "measures", "no known group: g2"),
        ("phases.toml", "ends_on = 2020-06-30", "ends_on = 2019-06-30", "phases", "before it starts"),
        ("phases.toml", "ends_on = 2020-06-30", 'ends_on = "June"', "phases[p1].ends_on", "must be a date"),
        ("duties.toml", 'every = "month"', 'every = "moon"', "duties[d1].rhythm.every", "not one of the choices"),
        ("duties.toml", 'units = ["banshi"]', 'units = ["nobody"]', "duties[d1].addressee.units", "nobody is not in"),
        ("duties.toml", 'posts = ["head"]', 'posts = ["nobody"]', "duties[d1].addressee.posts", "nobody is not in"),
        ("rules/lamps.toml", 'origin = "ours"', 'origin = "hearsay"', "parameters[0].origin", "not one of the choices"),
        ("units.toml", 'code = "990101"', 'code = "9901"', "units[dong].code", "six digits"),
        ("units.toml", "on = 2019-06-01", "on = 2019-06-02", "units[xi].code", "no two units bear one code"),
        ("units.toml", "joined = 2019-01-01", "", "units[dong].joined", "required field is missing"),
        ("units.toml", "on = 2021-01-01", "on = 2018-01-01", "units[dong].left.unit_id", "not registered"),
        ("posts.toml", 'unit = "banshi"', 'unit = "nobody"', "posts[head].unit_id", "not registered"),
        ("posts.toml", "since = 2019-01-01", "since = 2018-12-31", "posts[head].unit_id", "not registered"),
        (
            "posts.toml",
            "[[posts_of_each]]",
            LATE_POST + "[[posts_of_each]]",
            "posts[late].occurred_on",
            "the unit dong does not belong on 2021-01-01",
        ),
        (
            "posts.toml",
            'subject = "duty:d1"',
            'subject = "unit:990104"',
            "posts[head].responsible_for[unit:990104]",
            "there is no",
        ),
        (
            "posts.toml",
            'subject = "campaign:windows"',
            'subject = "campaign:doors"',
            "posts[head].responsible_for[campaign:doors]",
            "there is no campaign:doors",
        ),
        ("posts.toml", "unit:{code}", "unit:990199", "posts[xi_head].responsible_for[unit:990199]", "there is no"),
        ("posts.toml", 'kinds = ["county"]', 'kinds = ["shire"]', "posts_of_each[{unit}_head]", "shire"),
    ],
)
def test_what_is_wrong_is_named_by_file_key_and_rule(
    folder: Path, file: str, old: str, new: str, key: str, rule: str
) -> None:
    replace(folder, file, old, new)
    with pytest.raises(ProgrammeFileError) as caught:
        load_programme(folder)
    assert (caught.value.file, caught.value.key) == (file, key)
    assert rule in caught.value.english
    assert caught.value.message
    assert file in str(caught.value)


def test_a_broken_rule_of_a_rule_set_points_to_the_rules(folder: Path) -> None:
    shutil.copy(folder / "rules" / "lamps.toml", folder / "rules" / "again.toml")
    with pytest.raises(ProgrammeFileError, match="RULE_SET_VERSION_NOT_NEWER") as caught:
        load_programme(folder)
    assert caught.value.file == "rules/"


@pytest.mark.parametrize("file", [name for name in SMALL if not name.startswith("rules/")])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(ProgrammeFileError, match="文件不存在") as caught:
        load_programme(folder)
    assert caught.value.file == file


@pytest.mark.parametrize("missing", ["rules", "rules/project.toml"])
def test_a_programme_without_rules_of_projects_is_refused(folder: Path, missing: str) -> None:
    """With them missing, every start of a project would be refused later."""
    path = folder / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(ProgrammeFileError, match="the rule set project is missing") as caught:
        load_programme(folder)
    assert (caught.value.file, caught.value.key) == ("rules/", "project")


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


NOT_READ: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (_replace_by_folder, "can't be read: Is a directory"),
    "symlink to itself": (_replace_by_loop, "can't be read: Too many levels of symbolic links"),
    "too large": (lambda path: path.write_bytes(b"#" * (LARGEST_FILE_BYTES + 1)), "larger than 1048576 bytes"),
    "too deep": (lambda path: path.write_text("a = " + "[" * 100_000), "not valid TOML"),
    "no text": (lambda path: path.write_bytes(b"\xff\x00"), "not valid TOML"),
}


@pytest.mark.parametrize("made", NOT_READ)
@pytest.mark.parametrize("file", ["programme.toml", "units.toml", "rules/lamps.toml"])
def test_a_file_that_is_not_to_be_read_is_named(folder: Path, file: str, made: str) -> None:
    make, rule = NOT_READ[made]
    make(folder / file)
    with pytest.raises(ProgrammeFileError) as caught:
        load_programme(folder)
    assert caught.value.file == file
    assert rule in caught.value.english


def test_a_file_without_the_right_to_read_it_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in for the operating system, which refuses root nothing."""
    opened = Path.open

    def refusing(path: Path, *arguments: Any) -> Any:
        if path.name == "duties.toml":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments)

    monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(ProgrammeFileError, match="the file can't be read: Permission denied") as caught:
        load_programme(folder)
    assert caught.value.file == "duties.toml"


def test_the_largest_file_is_still_read(folder: Path) -> None:
    path = folder / "phases.toml"
    path.write_bytes(path.read_bytes().ljust(LARGEST_FILE_BYTES, b"\n"))
    assert load_programme(folder)


@pytest.mark.parametrize("defaults", ["defaults = 3\n", '[defaults]\nscored = true\n[[units]]\nid = "x"\n'])
def test_defaults_say_only_the_first_day_and_its_basis(folder: Path, defaults: str) -> None:
    (folder / "units.toml").write_text(defaults, encoding="utf-8")
    with pytest.raises(ProgrammeFileError) as caught:
        load_programme(folder)
    assert caught.value.key.startswith("defaults")
