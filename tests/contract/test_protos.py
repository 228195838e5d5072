"""The .proto files: what they say is what the server speaks, numbers stay, and buf has nothing against them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.protobuf import descriptor_pb2

from services.chassis.contracts.descriptors import PROTO_FOLDER, Contracts, build_contracts
from services.chassis.contracts.model import Rpc, RpcService
from services.chassis.contracts.numbers import NEW, Numbers, parse_numbers
from services.chassis.contracts.shapes import ContractError, fields_of, upper_snake, words_of
from services.chassis.domain import Command
from services.chassis.service import Service
from tests.contract.buf import buf
from tests.contract.sample import SERVICE, WORK, ExpireWork

RELEASED = "released"


def write(folder: Path, contracts: Contracts) -> None:
    shutil.copy(PROTO_FOLDER / "buf.yaml", folder)
    for path, text in contracts.texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, build_contracts([SERVICE], tmp_path))
    return tmp_path


def test_buf_finds_nothing(folder: Path) -> None:
    assert buf("lint", cwd=folder) == (0, "")
    assert buf("format", "--diff", "--exit-code", cwd=folder) == (0, "")


def test_the_text_says_what_the_server_speaks(folder: Path) -> None:
    code, said = buf("build", "--exclude-source-info", "--exclude-imports", "-o", "image.binpb", cwd=folder)
    assert code == 0, said
    image = descriptor_pb2.FileDescriptorSet.FromString((folder / "image.binpb").read_bytes())
    contracts = build_contracts([SERVICE], folder)
    assert {file.name for file in image.file} == set(contracts.texts)
    for file in image.file:
        ours = descriptor_pb2.FileDescriptorProto.FromString(contracts.pool.FindFileByName(file.name).serialized_pb)
        assert _plain(file) == _plain(ours)


def _plain(file: descriptor_pb2.FileDescriptorProto) -> str:
    """What a file says, without json names (derived), the order of imports and buf's own remarks."""
    copy = descriptor_pb2.FileDescriptorProto()
    copy.CopyFrom(file)
    copy.DiscardUnknownFields()
    imports = sorted(copy.dependency)
    del copy.dependency[:]
    copy.dependency.extend(imports)
    for message in copy.message_type:
        for inner in [message, *message.nested_type]:
            for field in inner.field:
                field.ClearField("json_name")
    return str(copy)


def test_an_internal_command_has_no_rpc() -> None:
    names = {rpc.name for service in build_contracts([SERVICE]).services for rpc in service.rpcs}
    assert ExpireWork.__name__ not in names
    assert {"RegisterWork", "SignWork", "JoinTeam", "ListWorks", "GetWork", "ReadEvents"} == names


def test_writing_again_changes_nothing(folder: Path) -> None:
    assert build_contracts([SERVICE], folder).texts == build_contracts([SERVICE], folder / "none").texts


def test_what_is_new_comes_last_and_what_is_gone_is_reserved(folder: Path) -> None:
    path = folder / "bizenv/sample_works/v1/work.proto"
    text = path.read_text(encoding="utf-8")
    older = text.replace("optional string work_id = 1;", "optional string work_id = 7;\n  optional string old = 20;", 1)
    assert older != text
    path.write_text(older.replace("optional bool urgent = 7;", ""), encoding="utf-8")
    message = build_contracts([SERVICE], folder).message("bizenv.sample_works.v1.RegisterWorkRequest").DESCRIPTOR
    assert message.fields_by_name["work_id"].number == 7
    assert message.fields_by_name["urgent"].number == 21
    printed = build_contracts([SERVICE], folder).texts["bizenv/sample_works/v1/work.proto"]
    assert '  reserved 20;\n  reserved "old";\n' in printed
    path.write_text(printed, encoding="utf-8")
    assert buf("lint", cwd=folder) == (0, "")
    assert build_contracts([SERVICE], folder).texts["bizenv/sample_works/v1/work.proto"] == printed


def test_a_reserved_number_is_never_given_again() -> None:
    numbers = Numbers({"a": 1, "b": 2}).of(["a"])
    assert numbers == Numbers({"a": 1}, frozenset({2}), frozenset({"b"}))
    assert numbers.of(["a", "b"]) == Numbers({"a": 1, "b": 3}, frozenset({2}), frozenset())
    assert NEW.of(["NONE", "A"], first=0).used == {"NONE": 0, "A": 1}


def test_numbers_are_read_from_every_form_of_line() -> None:
    text = """
    // message Comment {
    message Empty {}
    message Full {
      reserved 4, 6;
      reserved "gone", "lost";
      // optional string comment = 9;
      optional string a = 1;
      repeated bizenv.x.v1.B b = 2;
      map<string, int64> c = 3;
      google.protobuf.Timestamp d = 5;
    }
    enum Kind {
      KIND_UNSPECIFIED = 0;
      KIND_A = 2;
    }
    """
    reserved = (frozenset({4, 6}), frozenset({"gone", "lost"}))
    assert parse_numbers(text) == {
        "Empty": NEW,
        "Full": Numbers({"a": 1, "b": 2, "c": 3, "d": 5}, *reserved),
        "Kind": Numbers({"KIND_UNSPECIFIED": 0, "KIND_A": 2}),
    }


BREAKS = {
    "a field's type": ("optional bool urgent = 7;", "optional string urgent = 7;"),
    "a field's number": ("optional bool urgent = 7;", "optional bool urgent = 17;"),
    "a removed field": ("optional bool urgent = 7;", ""),
    "a removed method": ("rpc JoinTeam(JoinTeamRequest) returns (JoinTeamResponse);", ""),
}


@pytest.mark.parametrize("name", BREAKS)
def test_buf_refuses_a_breaking_change_of_the_released_contract(folder: Path, name: str) -> None:
    released = folder / RELEASED
    shutil.copytree(folder / "bizenv", released / "bizenv")
    shutil.copy(folder / "buf.yaml", released)
    assert buf("breaking", "--against", RELEASED, cwd=folder) == (0, "")
    path = folder / "bizenv/sample_works/v1/work.proto"
    before, after = BREAKS[name]
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    code, said = buf("breaking", "--against", RELEASED, cwd=folder)
    assert code == 100, said


class ListInList(msgspec.Struct):
    rows: tuple[tuple[int, ...], ...]


class OptionalList(msgspec.Struct):
    rows: tuple[int, ...] | None = None


class TwoKinds(msgspec.Struct):
    value: int | str


class Anything(msgspec.Struct):
    value: Any


@pytest.mark.parametrize("struct", [ListInList, OptionalList, TwoKinds, Anything])
def test_refuses_what_no_contract_can_say_and_names_the_field(struct: type[msgspec.Struct]) -> None:
    with pytest.raises(ContractError, match=f"{struct.__name__}."):
        fields_of(struct)


def test_splits_names_into_words() -> None:
    assert words_of("PutHTTPDoorIntoUse2Now") == ["put", "http", "door", "into", "use2", "now"]
    assert words_of("unit_registry-x") == ["unit", "registry", "x"]
    assert upper_snake("LampColour") == "LAMP_COLOUR"


def test_a_service_is_named_for_its_aggregate() -> None:
    found: dict[str, RpcService] = {service.full_name: service for service in build_contracts([SERVICE]).services}
    assert set(found) == {
        "bizenv.sample_works.v1.WorkService",
        "bizenv.sample_works.v1.SampleWorksQueryService",
        "bizenv.events.v1.EventFeedService",
    }
    rpc: Rpc = found["bizenv.sample_works.v1.WorkService"].rpcs[0]
    command: type[Command] = next(iter(WORK.decisions))
    assert (rpc.name, rpc.request) == ("RegisterWork", command)
    assert isinstance(SERVICE, Service)
