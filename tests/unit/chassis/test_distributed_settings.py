"""The settings of the distributed form: addresses, secrets, and what must go together."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from services.chassis.settings import Secret, Settings, SettingsError, database_url, peers_of, settings_table
from tests.certificates import Authority

SERVERS = {"BIZENV_DATABASE": "postgresql://db.city:5432/bizenv", "BIZENV_KAFKA": "k1:9092,k2:9092"}
SASL = {"BIZENV_KAFKA_SECURITY": "SASL_SSL", "BIZENV_KAFKA_USER": "bizenv", "BIZENV_KAFKA_PASSWORD": "hunter2"}
SERVICES = ["policy_registry", "project_tracking", "projection"]


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert " · " in sentence
    return sentence


def test_without_servers_it_is_the_embedded_form() -> None:
    settings = Settings.load({"BIZENV_DATA": "/srv/x"})
    assert not settings.distributed
    assert settings.keys_folder == Path("/srv/x/keys")
    with pytest.raises(ValueError, match="no database"):
        database_url(settings)


def test_the_servers_are_named_by_their_addresses(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("p@ss/w:rd\n", encoding="utf-8")
    environ = {
        **SERVERS,
        "BIZENV_DATABASE": "postgresql://tracking@[::1]:5433/bizenv?sslmode=verify-full",
        "BIZENV_DATABASE_PASSWORD_FILE": str(tmp_path / "pw"),
        "BIZENV_KEYS": "/srv/keys",
    }
    settings = Settings.load(environ)
    assert settings.distributed
    assert settings.keys_folder == Path("/srv/keys")
    url = database_url(settings)
    assert (url.username, url.password, url.host, url.port) == ("tracking", "p@ss/w:rd", "::1", 5433)
    assert (url.database, url.query) == ("bizenv", {"sslmode": "verify-full"})
    named = Settings.load({**SERVERS, "BIZENV_DATABASE_USER": "views"})
    assert (database_url(named).username, database_url(named).password) == ("views", None)


@pytest.mark.parametrize(
    "address",
    [
        "mysql://h/db",
        "postgresql:///db",
        "postgresql://h",
        "postgresql://h/",
        "postgresql://h:0/db",
        "postgresql://h:70000/db",
        "postgresql://h:x/db",
        "postgresql://h/db/more",
        "postgresql://h/db#x",
        "postgresql://a b@h/db",
        "h:5432",
    ],
)
def test_a_database_at_no_address_is_refused_with_the_form(address: str) -> None:
    sentence = refusal({**SERVERS, "BIZENV_DATABASE": address})
    assert "BIZENV_DATABASE=" in sentence
    assert "postgresql://host:port/name" in sentence


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:hunter2@h:5432/db",
        "postgresql://u:hun@hunter2@h:5432/db",
        "postgresql://h/db?password=hunter2",
        "postgresql://h/db?sslmode=require&password=hunter2",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_shown(address: str) -> None:
    sentence = refusal({**SERVERS, "BIZENV_DATABASE": address})
    assert "BIZENV_DATABASE_PASSWORD" in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BIZENV_DATABASE", "u:hunter2@h:5432"),
        ("BIZENV_DATABASE", "postgresql://h/db?sslpassword=hunter2"),
        ("BIZENV_KAFKA", "u:hunter2@k1:9092"),
        ("BIZENV_PEERS", "projection=http://u:hunter2@h:1"),
        ("BIZENV_PUBLIC_URL", "ftp://u:hunter2@h"),
    ],
)
def test_what_looks_like_a_password_is_left_out_of_a_refusal(name: str, value: str) -> None:
    sentence = refusal({**SERVERS, name: value})
    assert name in sentence
    assert "hunter2" not in sentence


def test_an_unknown_option_of_the_database_is_named() -> None:
    assert "'sslmod' is not known" in refusal({**SERVERS, "BIZENV_DATABASE": "postgresql://h/db?sslmod=require"})


@pytest.mark.parametrize("value", ["k1", "k1:0", "k1:70000", "k1:9092,", "k1:9092, k2:9092", ":9092", "k1:9092;k2:1"])
def test_a_broker_at_no_address_is_named(value: str) -> None:
    assert "is not host:port" in refusal({**SERVERS, "BIZENV_KAFKA": value})


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"BIZENV_KAFKA": ""}, "BIZENV_DATABASE is set, so BIZENV_KAFKA must be set too"),
        ({"BIZENV_DATABASE": ""}, "BIZENV_KAFKA is set, so BIZENV_DATABASE must be set too"),
        ({"BIZENV_KAFKA_SECURITY": "SASL_SSL"}, "BIZENV_KAFKA_SECURITY=SASL_SSL needs BIZENV_KAFKA_USER"),
        ({**SASL, "BIZENV_KAFKA_PASSWORD": ""}, "BIZENV_KAFKA_SECURITY=SASL_SSL needs BIZENV_KAFKA_PASSWORD"),
        ({**SASL, "BIZENV_KAFKA_SECURITY": "SSL"}, "BIZENV_KAFKA_SECURITY=SSL makes no use of BIZENV_KAFKA_USER"),
        ({"BIZENV_KAFKA_CA_FILE": "/x"}, "BIZENV_KAFKA_SECURITY=PLAINTEXT makes no use of BIZENV_KAFKA_CA_FILE"),
        (
            {"BIZENV_KAFKA_SECURITY": "SSL", "BIZENV_KAFKA_CERTIFICATE_FILE": "/x"},
            "BIZENV_KAFKA_CERTIFICATE_FILE is set, so BIZENV_KAFKA_KEY_FILE must be set too",
        ),
        ({"BIZENV_KAFKA_SECURITY": "SSL", "BIZENV_KAFKA_CA_FILE": "/nowhere/ca.pem"}, "can't be read"),
        ({"BIZENV_KAFKA_SECURITY": "TLS"}, "one of PLAINTEXT, SASL_PLAINTEXT, SASL_SSL, SSL"),
        ({"BIZENV_KAFKA_REPLICATION": "0"}, "an integer from 1 to 9"),
        ({"BIZENV_KAFKA_TOPIC_PREFIX": "a/b"}, "letters, digits"),
        (
            {"BIZENV_DATABASE": "postgresql://a@h/db", "BIZENV_DATABASE_USER": "b"},
            "BIZENV_DATABASE_USER must not be set",
        ),
        ({"BIZENV_PEERS": "projection"}, "'projection' is not service=host:port"),
        ({"BIZENV_PEERS": "projection=h:x"}, "'projection=h:x' is not service=host:port"),
        ({"BIZENV_PEERS": "projection=h:1,projection=10.0.0.1:1"}, "several addresses of projection"),
        ({"BIZENV_PEERS": "projection=[::1]:1,projection=10.0.0.1:1"}, "several addresses of projection"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(more: dict[str, str], rule: str) -> None:
    assert rule in refusal({**SERVERS, **more})


def test_a_secret_without_its_server_is_refused_unseen() -> None:
    sentence = refusal({"BIZENV_DATABASE_PASSWORD": "hunter2"})
    assert sentence.endswith("BIZENV_DATABASE_PASSWORD is set, so BIZENV_DATABASE must be set too")
    assert "hunter2" not in sentence


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2", encoding="utf-8")
    both = {**SERVERS, "BIZENV_DATABASE_PASSWORD": "hunter3", "BIZENV_DATABASE_PASSWORD_FILE": str(tmp_path / "pw")}
    sentence = refusal(both)
    assert "both directly and by a file" in sentence
    assert "hunter" not in sentence
    (tmp_path / "pw").write_text("\n", encoding="utf-8")
    assert "not empty" in refusal({**SERVERS, "BIZENV_DATABASE_PASSWORD_FILE": str(tmp_path / "pw")})


def test_secrets_are_shown_nowhere(tmp_path: Path) -> None:
    environ = {**SERVERS, **SASL, "BIZENV_DATABASE_PASSWORD": "hunter2"}
    settings = Settings.load({**environ, "BIZENV_KAFKA_CA_FILE": str(Authority(tmp_path).certificate)})
    shown = [settings.shown(row) for row in settings_table()]
    assert "hunter2" not in f"{settings!r} {settings} {shown} {database_url(settings)!r} {database_url(settings)}"
    assert shown.count("…") == 2
    assert settings.kafka_password is not None
    assert settings.kafka_password.reveal() == "hunter2"


def test_a_secret_equals_its_like_only() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))
    assert pickle.loads(pickle.dumps(Secret("a"))).reveal() == "a"


def test_peers_are_known_services_with_one_or_more_addresses() -> None:
    peers = "policy_registry=10.0.0.1:50051,project_tracking=tracking:50051,policy_registry=10.0.0.2:50051"
    settings = Settings.load({**SERVERS, "BIZENV_PEERS": peers})
    assert peers_of(settings, SERVICES) == {
        "policy_registry": ("10.0.0.1:50051", "10.0.0.2:50051"),
        "project_tracking": ("tracking:50051",),
    }
    assert peers_of(Settings(), SERVICES) == {}
    with pytest.raises(SettingsError, match="there is no service policy_registy; there are: policy_registry,"):
        peers_of(Settings(peers="policy_registy=h:1"), SERVICES)


@tried(deadline=None)
@given(
    name=st.sampled_from(["BIZENV_DATABASE", "BIZENV_KAFKA", "BIZENV_PEERS"]),
    value=st.text(st.sampled_from("postgresql://a@:1,=[]?#% \n=&x")) | st.text(),
)
def test_any_address_is_taken_or_refused_in_one_sentence(name: str, value: str) -> None:
    try:
        sentence = repr(Settings.load({**SERVERS, name: value}))
    except SettingsError as refused:
        sentence = str(refused)
    assert "\n" not in sentence


@pytest.mark.parametrize("end", ["city%00x", "city%0a", "city?sslmode=bogus"])
def test_an_address_that_the_library_would_read_otherwise_is_refused(end: str) -> None:
    with pytest.raises(SettingsError, match="BIZENV_DATABASE"):
        Settings.load({"BIZENV_DATABASE": f"postgresql://127.0.0.1/{end}", "BIZENV_KAFKA": "127.0.0.1:9092"})
