"""Settings: environment variables, typed, and loud about a bad value."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from goip.addresses import BoxAddress, BrokerAddress
from goip.config import Config, env_name
from goip.errors import StartupError


def test_without_any_variable_every_setting_has_its_default() -> None:
    assert Config.from_env({}) == Config()
    assert (Config().host, Config().port) == ("127.0.0.1", 8080)


def test_every_setting_is_read_from_its_variable() -> None:
    given = {
        "host": ("0.0.0.0", "0.0.0.0"),
        "port": ("80", 80),
        "enrollment": ("approve", "approve"),
        "trusted_proxies": ("10.0.0.1, 10.1.0.0/16  ::1", ("10.0.0.1", "10.1.0.0/16", "::1")),
        "udp_allow": ("192.0.2.0/24", ("192.0.2.0/24",)),
        "max_body_bytes": ("2048", 2048),
        "admin_password": ("correct horse", "correct horse"),
    }
    config = Config.from_env({env_name(name): text for name, (text, _) in given.items()})
    assert {name: getattr(config, name) for name in given} == {
        name: value for name, (_, value) in given.items()
    }


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOIP_PORT", "4711")
    assert Config.from_env().port == 4711


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("GOIP_PORT", "http", "GOIP_PORT must be a whole number"),
        ("GOIP_PORT", "", "GOIP_PORT must be a whole number"),
        ("GOIP_PORT", "80.5", "GOIP_PORT must be a whole number"),
        ("GOIP_PORT", "65536", "GOIP_PORT must be from 0 to 65535"),
        ("GOIP_PORT", "-1", "GOIP_PORT must be from 0 to 65535"),
        ("GOIP_WRITE_QUEUE", "0", "GOIP_WRITE_QUEUE must be from 1 to 1000000"),
        (
            "GOIP_TRUSTED_PROXIES",
            "10.0.0.1 proxy",
            "GOIP_TRUSTED_PROXIES must be addresses or networks: proxy",
        ),
        ("GOIP_ENROLLMENT", "Auto", "GOIP_ENROLLMENT must be one of auto, approve"),
        ("GOIP_LOG_LEVEL", "loud", "GOIP_LOG_LEVEL must be one of debug, info, warning, error"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_its_variable(name: str, text: str, complaint: str) -> None:
    with pytest.raises(StartupError, match=complaint):
        Config.from_env({name: text})


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(Config)])
def test_every_setting_may_come_from_a_file(setting: str, tmp_path: Path) -> None:
    texts = {int: "8081", bool: "true", str: "info", tuple: "a b"}
    special = {"enrollment": "approve", "log_format": "json", "trusted_proxies": "10.0.0.1 192.0.2.0/24"}
    special["yeastar"] = "office=tcp://u:s@192.0.2.7"
    special["dinstar"] = special["ejoin"] = "office=https://u:s@192.0.2.7"
    special["mqtt"] = "mqtt://u:s@192.0.2.8"
    special["udp_allow"] = special["dinstar_allow"] = "192.0.2.0/24"
    default = getattr(Config(), setting)
    path = tmp_path / "value"
    path.write_text((special.get(setting) or texts[type(default)]) + "\r\n")
    limits = {"access_token_seconds": "60", "refresh_token_days": "7", "event_retention_days": "7"}
    limits |= {"rollup_retention_days": "7", "heartbeat_retention_hours": "7"}
    if setting in limits:
        path.write_text(limits[setting] + "\n")
    value = getattr(Config.from_env({f"{env_name(setting)}_FILE": str(path)}), setting)
    assert default is None or type(value) is type(default)
    assert value != default or setting == "log_level"


def test_a_secret_in_a_file_loses_its_line_end_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes("  geheim  \nsecond line ü \r\n\r\n".encode())
    config = Config.from_env({"GOIP_ADMIN_PASSWORD_FILE": str(path)})
    assert config.admin_password == "  geheim  \nsecond line ü "


def test_a_value_and_a_file_for_it_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("one")
    environ = {"GOIP_ADMIN_PASSWORD": "two", "GOIP_ADMIN_PASSWORD_FILE": str(path)}
    with pytest.raises(StartupError, match="GOIP_ADMIN_PASSWORD and GOIP_ADMIN_PASSWORD_FILE are both set"):
        Config.from_env(environ)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00secret"])
def test_a_file_that_cannot_be_read_stops_the_start(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StartupError, match="GOIP_ADMIN_PASSWORD_FILE cannot be read"):
        Config.from_env({"GOIP_ADMIN_PASSWORD_FILE": str(path)})


def test_a_flag_of_the_command_wins_over_the_environment_and_none_does_not() -> None:
    config = Config.from_env({"GOIP_PORT": "1", "GOIP_HOST": "::1"}, port=2, host=None)
    assert (config.port, config.host) == (2, "::1")


def test_a_bad_value_does_not_matter_where_a_flag_replaces_it() -> None:
    assert Config.from_env({"GOIP_PORT": "http"}, port=2).port == 2


def test_settings_cannot_be_changed_after_the_start() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_means_and_every_secret_that_it_is_one() -> None:
    fields = {field.name: field.metadata for field in dataclasses.fields(Config)}
    assert all(metadata["meaning"].endswith(".") for metadata in fields.values())
    secrets = {name for name, metadata in fields.items() if metadata["is_secret"]}
    assert secrets >= {"admin_password", "enrollment_key", "secret_key", "database_url"}


def test_a_printed_config_shows_no_secret() -> None:
    fields = [field for field in dataclasses.fields(Config) if field.metadata["is_secret"]]
    config = Config(**{field.name: f"shown-{field.name}" for field in fields})
    assert "shown-" not in repr(config)


def test_boxes_to_dial_are_read_with_signs_in_their_secrets() -> None:
    text = "office=tcp://apiuser:s%2Cc%40r%3At@192.0.2.7, shop=tcp://u:p@[2001:db8::1]:5039/ ,"
    office, shop = Config.from_env({"GOIP_YEASTAR": text}).yeastar
    assert office == BoxAddress("office", "192.0.2.7", 5038, "apiuser", "s,c@r:t")
    assert shop == BoxAddress("shop", "2001:db8::1", 5039, "u", "p")
    assert "s,c@r:t" not in repr(office)


@pytest.mark.parametrize(
    "text",
    [
        "tcp://u:hidden@h",
        "=tcp://u:hidden@h",
        "a/b=tcp://u:hidden@h",
        "a=http://u:hidden@h",
        "a=tcp://u:hidden@",
        "a=tcp://:hidden@h",
        "a=tcp://u@h",
        "a=tcp://u:hidden@h:0x1",
        "a=tcp://u:hidden@h:70000",
        "a=tcp://u:hidden@h/path",
        "a=tcp://u:hidden#@h",
        "a=tcp://u:hidden?x@h",
        "a=tcp://u:hidden%0D%0AAction:x@h",
        "a=tcp://u:hidden@[::1",
    ],
)
def test_a_box_that_cannot_be_dialled_stops_the_start_and_shows_no_secret(text: str) -> None:
    with pytest.raises(StartupError, match=r"GOIP_YEASTAR must be NAME=tcp://.*: box 2 is not") as refusal:
        Config.from_env({"GOIP_YEASTAR": f"b=tcp://u:hidden@h,{text}"})
    assert "hidden" not in str(refusal.value)


def test_boxes_with_an_http_api_have_its_usual_ports() -> None:
    text = "office=https://admin:s%3At@192.0.2.7,roof=http://admin:s@box.example,hut=http://admin:s@192.0.2.9:8081"
    office, roof, hut = Config.from_env({"GOIP_DINSTAR": text}).dinstar
    assert office == BoxAddress("office", "192.0.2.7", 443, "admin", "s:t", is_tls=True)
    assert (roof.port, roof.is_tls, hut.port) == (80, False, 8081)
    with pytest.raises(StartupError, match="GOIP_DINSTAR must be NAME=http:// or https://USER"):
        Config.from_env({"GOIP_DINSTAR": "a=http://u%3Av:s@h"})


def test_two_boxes_of_one_name_stop_the_start() -> None:
    with pytest.raises(StartupError, match="GOIP_YEASTAR must not have two boxes of one name"):
        Config.from_env({"GOIP_YEASTAR": "a=tcp://u:s@h,a=tcp://u:s@i"})


def test_a_broker_is_read_with_signs_in_its_password() -> None:
    text = "mqtts://goip:s%2Fc%40r%3At@[2001:db8::1]:8884/site/gsm?client_id=goip-1"
    broker = Config.from_env({"GOIP_MQTT": text}).mqtt
    assert broker == BrokerAddress("2001:db8::1", 8884, "site/gsm", "goip", "s/c@r:t", "goip-1", is_tls=True)
    assert broker is not None
    assert "s/c@r:t" not in repr(broker)
    assert broker.public_address == "mqtts://[2001:db8::1]:8884/site/gsm"


@pytest.mark.parametrize(("text", "port"), [("mqtt://h", 1883), ("mqtts://h/", 8883)])
def test_of_a_broker_the_host_is_enough(text: str, port: int) -> None:
    broker = Config.from_env({"GOIP_MQTT": text}).mqtt
    assert broker == BrokerAddress("h", port, "goip", is_tls=port == 8883)


def test_no_broker_is_one_that_is_not_named() -> None:
    assert Config.from_env({}).mqtt is None
    assert Config.from_env({"GOIP_MQTT": " "}).mqtt is None


@pytest.mark.parametrize(
    "text",
    [
        "h:1883",
        "tcp://u:hidden@h",
        "mqtt://u:hidden@",
        "mqtt://:hidden@h",
        "mqtt://u:hidden@h:0x1",
        "mqtt://u:hidden@h/a/+/b",
        "mqtt://u:hidden@h/%23",
        "mqtt://u:hidden@h/$share/a",
        "mqtt://u:hidden@h/#",
        "mqtt://u:hidden@h/a%00b",
        "mqtt://u:hidden@h/a?qos=2",
        "mqtt://u:hidden@h/a?client_id",
    ],
)
def test_what_is_no_broker_stops_the_start_and_shows_no_password(text: str) -> None:
    with pytest.raises(StartupError, match="GOIP_MQTT must be mqtt://USER:PASSWORD@HOST/PREFIX") as refusal:
        Config.from_env({"GOIP_MQTT": text})
    assert "hidden" not in str(refusal.value)
