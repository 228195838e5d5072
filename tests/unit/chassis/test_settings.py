"""Settings: defaults, the environment, and one clear sentence for what can't be used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.settings import Settings, SettingsError, settings_table
from services.chassis.settings.environment import read
from services.chassis.settings.rules import documented


class Vault(msgspec.Struct):
    """A Struct with a secret and a setting that has no default."""

    pin: Annotated[int, documented("口令", "the pin", secret=True)] = 0


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_an_empty_environment_gives_the_embedded_default() -> None:
    settings = Settings.load({"PATH": "/bin"})
    assert settings == Settings()
    assert settings.data == Path("var")
    assert (settings.http_port, settings.grpc_port, settings.metrics_port) == (8080, 50051, 9464)
    assert {settings.http_host, settings.grpc_host, settings.metrics_host} == {"127.0.0.1"}
    assert settings.public_url is None


def test_each_variable_sets_its_field() -> None:
    environ = {
        "BIZENV_DATA": "/srv/bizenv",
        "BIZENV_HTTP_PORT": "0",
        "BIZENV_LOG_LEVEL": "debug",
        "BIZENV_TREE_HEAD_SECONDS": "0.5",
        "BIZENV_SECURE_COOKIES": "true",
        "BIZENV_PUBLIC_URL": "https://bizenv.example/city",
        "BIZENV_FAULT": "store.committed",
    }
    settings = Settings.load(environ)
    assert settings.data == Path("/srv/bizenv")
    assert (settings.http_port, settings.log_level, settings.tree_head_seconds) == (0, "debug", 0.5)
    assert (settings.secure_cookies, settings.public_url) == (True, "https://bizenv.example/city")
    assert settings.fault == "store.committed"


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    assert Settings.load({"BIZENV_HTTP_PORT": "", "BIZENV_PUBLIC_URL": "", "BIZENV_DATA": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("BIZENV_HTTP_PORT", "http", "an integer from 0 to 65535"),
        ("BIZENV_HTTP_PORT", "70000", "an integer from 0 to 65535"),
        ("BIZENV_GRPC_PORT", "-1", "an integer from 0 to 65535"),
        ("BIZENV_COMMAND_QUEUE", "0", "an integer from 1 to 1000000"),
        ("BIZENV_QUERY_THREADS", "2.5", "an integer from 1 to 256"),
        ("BIZENV_TREE_HEAD_SECONDS", "0", "a number above 0, at most 86400"),
        ("BIZENV_TREE_HEAD_SECONDS", "nan", "a number above 0, at most 86400"),
        ("BIZENV_SHUTDOWN_GRACE_SECONDS", "inf", "a number from 0 to 3600"),
        ("BIZENV_SECURE_COOKIES", "maybe", "true or false"),
        ("BIZENV_LOG_LEVEL", "loud", "one of debug, error, info, warning"),
        ("BIZENV_HTTP_HOST", "a b", "a host name or an IP address"),
        ("BIZENV_PUBLIC_URL", "ftp://x", "begins with http:// or https://"),
        ("BIZENV_FAULT", "Now!", "fault point"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable_and_rule(name: str, value: str, rule: str) -> None:
    sentence = refusal(**{name: value})
    assert f"{name}={value}" in sentence
    assert rule in sentence
    assert "应为" in sentence


def test_a_typo_is_refused_with_the_nearest_name() -> None:
    sentence = refusal(BIZENV_HTPP_PORT="8080")
    assert "BIZENV_HTPP_PORT" in sentence
    assert "did you mean BIZENV_HTTP_PORT?" in sentence
    assert "did you mean" not in refusal(BIZENV_ZZZZZZZZZZZZZZ="1")


def test_a_value_may_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "port"
    path.write_text("9090\n", encoding="utf-8")
    assert Settings.load({"BIZENV_HTTP_PORT_FILE": str(path)}).http_port == 9090
    assert "BIZENV_HTTP_PORT_FILE" in refusal(BIZENV_HTTP_PORT_FILE=str(path), BIZENV_HTTP_PORT="1")
    assert "readable" in refusal(BIZENV_HTTP_PORT_FILE=str(tmp_path / "none"))
    path.write_bytes(b"\xff")
    assert "readable" in refusal(BIZENV_HTTP_PORT_FILE=str(path))


def test_an_empty_file_gives_no_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert "a path" in refusal(BIZENV_DATA_FILE=str(tmp_path / "data"))


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.write_text("hunter2", encoding="utf-8")
    for environ in ({"BIZENV_PIN": "hunter2"}, {"BIZENV_PIN_FILE": str(path)}):
        with pytest.raises(SettingsError) as refused:
            read(Vault, environ)
        assert "hunter2" not in str(refused.value)
        assert refused.value.__suppress_context__


@given(name=st.sampled_from([row.variable for row in settings_table()]), value=st.text())
def test_any_text_is_a_value_or_one_sentence(name: str, value: str) -> None:
    try:
        sentence = repr(Settings.load({name: value}))
    except SettingsError as refused:
        sentence = str(refused)
        named = name in sentence
    else:
        named = True
    assert named
    assert "\n" not in sentence


def test_the_table_lists_every_setting_with_rule_default_and_meaning() -> None:
    table = {row.variable: row for row in settings_table()}
    assert len(table) == len(msgspec.structs.fields(Settings))
    assert table["BIZENV_DATA"].default == "var"
    assert table["BIZENV_PUBLIC_URL"].default == ""
    assert table["BIZENV_SECURE_COOKIES"].default == "false"
    assert table["BIZENV_MAX_MESSAGE_BYTES"].default == "1048576"
    assert Settings(http_port=81, secure_cookies=True).shown(table["BIZENV_HTTP_PORT"]) == "81"
    assert Settings(secure_cookies=True).shown(table["BIZENV_SECURE_COOKIES"]) == "true"
    assert Settings().shown(table["BIZENV_PUBLIC_URL"]) == ""
    for row in table.values():
        assert Settings().shown(row) == row.default
        assert row.rule.chinese.startswith("应为")
        assert row.rule.english
        assert row.meaning.chinese
        assert row.meaning.english
