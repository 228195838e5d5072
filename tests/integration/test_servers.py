"""The launchers of real servers: start, stop, kill, pause, restart, and what they say when something is missing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from deploy.kafka import jars
from deploy.kafka.server import KafkaServer, Security
from deploy.kafka.wire import brokers_at_work
from deploy.postgres import programs
from deploy.postgres.server import NOT_DURABLE, PostgresServer
from deploy.processes import Process, ServerError
from services.chassis.kafka.network import Client
from tests.certificates import Authority
from tests.servers import Kafka, Postgres, folder_for, kafka_server
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_A_FORK = """
import ctypes, subprocess, sys
from pathlib import Path
from deploy.postgres.programs import run_as
from deploy.processes import spawn

forks = []
seen = ctypes.CFUNCTYPE(None)(lambda: forks.append(1))
assert ctypes.CDLL(None).__register_atfork(seen, None, None, None) == 0
subprocess.run(["true"], user="postgres")
assert forks, "a fork would not have been seen"
forks.clear()
log = Path(sys.argv[1])
process = spawn(["id", "-Gn"], log, user="postgres")
assert process.wait(30)
assert run_as("postgres", ["id", "-un"]).stdout == "postgres\\n"
assert not forks, "forked"
print(log.read_text(), end="")
"""
"""A library with threads has handlers at a fork, which get in the way of the child; `id` tells groups that it kept."""

MakePostgres = Callable[..., Postgres]
MakeKafka = Callable[..., Kafka]


def alive(server: Postgres | Kafka) -> list[Process]:
    """The processes of a server that run."""
    if isinstance(server, PostgresServer):
        return [server.process, *server.process.children()] if server.process else []
    return [process for broker in server.brokers if (process := broker.process)]


def ask(url: str, query: LiteralString) -> object:
    with psycopg.connect(url, connect_timeout=30) as connection:
        [(answer,)] = connection.execute(query)
    return answer


def make_role(server: PostgresServer) -> None:
    """As `make_role.sh` is run by hand."""
    folder = str(Path(programs.program("psql")).parent)
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGPASSWORD": server.password}
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    given = {**programs.plain_environment(), **path, **place, "BIZENV_DATABASE_PASSWORD": "not taken"}
    subprocess.run([str(ROOT / "deploy" / "postgres" / "make_role.sh")], env=given, check=True)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """One that the user postgres may enter."""
    with folder_for("launcher") as folder:
        folder.mkdir()
        folder.chmod(0o755)
        yield folder


class TestPostgres:
    def test_a_fresh_database_is_empty_and_owned_by_no_superuser(self, postgres: Postgres) -> None:
        first, second = postgres.database(), postgres.database()
        assert first != second
        assert ask(first, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert ask(first, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert ask(postgres.as_superuser(first), "SELECT current_user::text") == "postgres"

    def test_a_citys_role_has_no_more_than_it_needs(self, shared_folder: Path) -> None:
        """Also on a cluster whose role had more, and by the script as by the launcher."""
        server = PostgresServer(shared_folder / "postgres", settings=NOT_DURABLE)
        try:
            server.start()
            self.require_least_right(server)
            server.execute("ALTER ROLE bizenv CREATEDB CREATEROLE; ALTER DATABASE bizenv OWNER TO bizenv")
            make_role(server)
            self.require_least_right(server)
        finally:
            server.kill()

    def require_least_right(self, server: PostgresServer) -> None:
        rights = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles"
        assert ask(server.url(), f"{rights} WHERE rolname = 'bizenv'") is False
        assert ask(server.url(), "SELECT has_database_privilege('bizenv', 'CONNECT')") is True
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS mine")
            for more in (
                "CREATE DATABASE other",
                "CREATE TABLE public.t ()",
                "CREATE TEMP TABLE t ()",
                "CREATE ROLE r",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(more.encode())

    def test_the_password_may_have_any_signs(self, shared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PGPASSWORD", r"it's \d :x $1 %")
        server = PostgresServer(shared_folder / "postgres", settings=NOT_DURABLE)
        try:
            server.start()
            assert ask(server.url(), "SELECT 1") == 1
        finally:
            server.kill()

    def test_text_is_utf8_in_any_order_the_same(self, postgres: Postgres) -> None:
        database = postgres.database()
        assert ask(database, "SHOW server_encoding") == "UTF8"
        assert ask(database, "SELECT datcollate FROM pg_database WHERE datname = current_database()") == "C.UTF-8"

    def test_what_was_committed_outlives_a_kill(self, own_postgres: MakePostgres) -> None:
        server = own_postgres()
        database, port = server.database(), server.port
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
            before = alive(server)
            server.kill()
            assert not [process for process in before if process.alive]
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        server.start()
        assert server.port == port
        assert ask(database, "SELECT number FROM kept") == 7
        assert ask(database, "SHOW synchronous_commit") == "on"

    def test_it_is_durable_unless_told_otherwise(self, tmp_path: Path) -> None:
        assert not NOT_DURABLE.keys() & PostgresServer(tmp_path / "postgres").settings.keys()

    def test_it_stands_still_and_goes_on(self, own_postgres: MakePostgres) -> None:
        server = own_postgres(durable=False)
        server.pause()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url(), connect_timeout=2)
        server.resume()
        assert ask(server.url(), "SELECT 1") == 1

    def test_a_second_start_finds_the_running_one(self, own_postgres: MakePostgres) -> None:
        server = own_postgres(durable=False)
        process = server.process
        PostgresServer(server.folder).start()
        assert server.process == process
        with pytest.raises(ServerError, match=f"runs already, at the port {server.port}"):
            PostgresServer(server.folder, server.port + 1).start()

    def test_nothing_remains_after_a_stop(self, own_postgres: MakePostgres) -> None:
        server = own_postgres(durable=False)
        before = alive(server)
        server.stop()
        assert not [process for process in before if process.alive]
        server.stop()

    def test_a_wrong_password_is_refused(self, postgres: Postgres) -> None:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.url().replace(postgres.password, "wrong"))

    def test_the_password_is_for_the_owner_alone(self, postgres: Postgres) -> None:
        assert stat.S_IMODE((postgres.folder / "password").stat().st_mode) == 0o600

    def test_a_password_given_by_the_environment_holds(
        self, shared_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PGPASSWORD", "it's @/% given")
        server = PostgresServer(shared_folder / "postgres", settings=NOT_DURABLE)
        server.start()
        try:
            assert ask(server.url(), "SELECT 1") == 1
            monkeypatch.setenv("PGPASSWORD", "another")
            server.stop()
            with pytest.raises(ServerError, match="differs from the password"):
                server.start()
        finally:
            server.kill()

    def test_a_missing_program_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(programs, "PACKAGED", tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ServerError, match=r"PostgreSQL 的程序不在本机.*install Debian's package postgresql"):
            PostgresServer(tmp_path / "postgres").start()

    def test_encryption_holds_against_the_authority_that_signed(
        self, tmp_path: Path, own_postgres: MakePostgres, postgres: Postgres
    ) -> None:
        authority = Authority(tmp_path)
        url = own_postgres(durable=False, identity=authority.identity()).url() + "?sslmode=verify-full&sslrootcert="
        (tmp_path / "other").mkdir()
        assert ask(f"{url}{authority.certificate}", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            psycopg.connect(f"{url}{Authority(tmp_path / 'other').certificate}")
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            psycopg.connect(f"{postgres.url()}?sslmode=require")

    @pytest.mark.skipif(os.geteuid() != 0, reason="then it runs as ourselves")
    def test_a_folder_that_its_user_cannot_enter_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ServerError, match="can't enter"):
            PostgresServer(tmp_path / "postgres").start()

    @pytest.mark.skipif(os.geteuid() != 0, reason="then it runs as ourselves")
    def test_it_is_started_as_its_user_without_a_fork(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", WITHOUT_A_FORK, str(tmp_path / "log")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "postgres\n"

    def test_a_taken_port_is_a_failed_start_that_shows_the_log(
        self, postgres: Postgres, own_postgres: MakePostgres
    ) -> None:
        server = own_postgres(durable=False)
        server.stop()
        with pytest.raises(ServerError, match="Address already in use"):
            PostgresServer(server.folder, postgres.port).start()


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    """One broker for the tests that harm it; each leaves it at work."""
    with kafka_server() as server:
        yield server


def new_topic(server: Kafka, **options: int) -> str:
    name = f"test-servers-{uuid4().hex[:8]}"
    with server.admin() as admin:
        admin.create_topics({name: {"num_partitions": 1, **options}}, wait_for_metadata=True)
    return name


def send(server: Kafka, topic: str, values: Sequence[bytes], **settings: Any) -> None:
    """Return when all replicas hold all of them."""
    producer = KafkaProducer(bootstrap_servers=server.servers, kafka_client=Client, **settings)
    try:
        for sent in [producer.send(topic, value) for value in values]:
            sent.get(30)
    finally:
        producer.close(5)


def received(server: Kafka, topic: str, count: int) -> list[bytes]:
    """So many of the topic's values, from its beginning."""
    consumer = KafkaConsumer(bootstrap_servers=server.servers, auto_offset_reset="earliest", kafka_client=Client)
    found: list[bytes] = []

    def enough() -> bool:
        found.extend(record.value for records in consumer.poll(200).values() for record in records)
        return len(found) >= count

    try:
        consumer.assign([TopicPartition(topic, 0)])
        eventually(enough, 30, f"{count} values")
    finally:
        consumer.close()
    return found


@pytest.fixture
def no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine without Java."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    jars.java.cache_clear()
    yield
    jars.java.cache_clear()


class TestKafka:
    def test_a_topic_carries_what_is_sent(self, kafka: Kafka) -> None:
        topic = new_topic(kafka)
        send(kafka, topic, [b"1", b"2"])
        assert received(kafka, topic, 2) == [b"1", b"2"]
        with kafka.admin() as admin:
            admin.delete_topics([topic])

    def test_no_topic_is_made_by_a_misspelt_name(self, kafka: Kafka) -> None:
        producer = KafkaProducer(bootstrap_servers=kafka.servers, max_block_ms=500, kafka_client=Client)
        with pytest.raises(KafkaError):
            producer.send("test-servers-misspelt", b"1").get(5)
        producer.close(1)
        with kafka.admin() as admin:
            assert "test-servers-misspelt" not in admin.list_topics()

    def test_what_was_acknowledged_outlives_a_kill(self, broker: Kafka) -> None:
        topic, before, servers = new_topic(broker), alive(broker), broker.servers
        send(broker, topic, [b"kept"])
        broker.kill()
        assert not [process for process in before if process.alive]
        broker.start()
        assert broker.servers == servers
        assert received(broker, topic, 1) == [b"kept"]

    def test_it_stands_still_and_goes_on(self, broker: Kafka) -> None:
        topic = new_topic(broker)
        broker.pause()
        assert brokers_at_work(broker.brokers[0].ports.internal) == set()
        broker.resume()
        broker.brokers[0].wait_ready([1])
        send(broker, topic, [b"1"])

    def test_a_second_start_finds_the_running_one(self, broker: Kafka) -> None:
        before = alive(broker)
        KafkaServer(broker.folder).start()
        assert alive(broker) == before

    def test_a_start_that_asks_for_another_cluster_is_refused(self, broker: Kafka) -> None:
        for asked in (KafkaServer(broker.folder, brokers=3), KafkaServer(broker.folder, ports=[1])):
            with pytest.raises(ServerError, match="is laid out otherwise: 1 brokers, at the ports"):
                asked.start()

    def test_nothing_remains_after_a_stop_even_of_one_that_stood_still(self, broker: Kafka) -> None:
        before = alive(broker)
        broker.pause()
        broker.stop()
        assert not [process for process in before if process.alive]
        broker.stop()
        broker.start()

    def test_three_brokers_lose_nothing_when_one_is_killed(self, own_kafka: MakeKafka) -> None:
        cluster = own_kafka(brokers=3)
        topic = new_topic(cluster, replication_factor=3)
        values = [str(number).encode() for number in range(2_000)]
        send(cluster, topic, values[:1_000])
        cluster.brokers[0].kill()
        send(cluster, topic, values[1_000:])
        cluster.brokers[0].start()
        cluster.brokers[0].wait_ready([1, 2, 3])
        assert received(cluster, topic, 2_000) == values

    def test_a_login_and_encryption_are_asked_for(self, tmp_path: Path, own_kafka: MakeKafka) -> None:
        authority = Authority(tmp_path)
        security = Security("SASL_SSL", "bizenv", "right", authority.identity(), authority.certificate)
        server = own_kafka(security=security)
        settings: dict[str, Any] = {
            "bootstrap.servers": server.servers,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "bizenv",
            "ssl.ca.location": str(authority.certificate),
        }
        assert AdminClient({**settings, "sasl.password": "right"}).list_topics(timeout=10).topics == {}
        told: list[Any] = []
        settings["error_cb"] = told.append
        client = AdminClient({**settings, "sasl.password": "wrong"})
        eventually(lambda: client.poll(0.1) or told, what="a refusal")
        assert told[0].name() == "_AUTHENTICATION"

    def test_missing_jars_are_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KAFKA_LIB", str(tmp_path))
        with pytest.raises(ServerError, match=r"Kafka 的程序不在本机.*make servers"):
            KafkaServer(tmp_path / "kafka").start()

    def test_a_missing_java_is_named(self, tmp_path: Path, no_java: None) -> None:
        with pytest.raises(ServerError, match=r"Kafka needs Java 17 or newer \(none found\)"):
            KafkaServer(tmp_path / "kafka").start()

    def test_other_numbers_of_brokers_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ServerError, match="one or three brokers, not 2"):
            KafkaServer(tmp_path / "kafka", brokers=2)


class TestCommandLine:
    def test_postgres(self, shared_folder: Path) -> None:
        folder = str(shared_folder / "postgres")
        assert "PostgreSQL answers at 127.0.0.1:" in run("postgres", "start", "--folder", folder)
        process = PostgresServer(Path(folder)).process
        assert ask(run("postgres", "url", "--folder", folder).strip(), "SELECT 1") == 1
        run("postgres", "stop", "--folder", folder)
        assert process is not None
        assert not process.alive

    def test_kafka(self, shared_folder: Path) -> None:
        folder = str(shared_folder / "kafka")
        assert "Kafka answers at 127.0.0.1:" in run("kafka", "start", "--folder", folder)
        [broker] = KafkaServer(Path(folder)).brokers
        process = broker.process
        run("kafka", "stop", "--folder", folder)
        assert process is not None
        assert not process.alive

    def test_what_can_not_be_done_is_one_sentence_and_exit_code_2(self, tmp_path: Path) -> None:
        done = launcher("postgres", "url", "--folder", str(tmp_path))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"{tmp_path} 里没有启动过 PostgreSQL · no PostgreSQL was started in {tmp_path}\n"


def launcher(server: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with Python's standard library and nothing else."""
    command = [sys.executable, "-S", "-E", str(ROOT / "deploy" / server / "server.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run(server: str, *arguments: str) -> str:
    done = launcher(server, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout
