"""Settings: environment variables, read once, typed, and loud about a bad value.

Every setting `GOIP_NAME` may also be given as `GOIP_NAME_FILE`, the path of a file that holds the value.
`docs/configuration.md` has the same table; a test holds the two together.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from goip.addresses import BoxAddress, BrokerAddress, box_addresses, broker_address
from goip.errors import StartupError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ValueError("must be true or false")


def _networks(value: str) -> tuple[str, ...]:
    for word in _words(value):
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise ValueError(f"must be addresses or networks: {word} is neither") from None
    return _words(value)


def _words(value: str) -> tuple[str, ...]:
    return tuple(word for word in value.replace(",", " ").split() if word)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError("must be a whole number") from None
        if not low <= number <= high:
            raise ValueError(f"must be from {low} to {high}")
        return number

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return read


def _setting(default: Any, read: Callable[[str], Any], meaning: str, *, is_secret: bool = False) -> Any:
    metadata = {"read": read, "meaning": meaning, "is_secret": is_secret}
    return field(default=default, repr=not is_secret, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one server. Field `name` is the environment variable `GOIP_NAME`."""

    host: str = _setting("127.0.0.1", _text, "Address to listen on; `0.0.0.0` for every network interface.")
    port: int = _setting(
        8080, _whole(0, 65535), "TCP port for HTTP, Socket.IO and the page; 0 picks a free one."
    )
    udp_port: int = _setting(
        44_444,
        _whole(0, 65_535),
        "UDP port for GoIP boxes (their own default), on the same address; 0 for none.",
    )
    udp_allow: tuple[str, ...] = _setting(
        (), _networks, "Addresses or networks that GoIP boxes may send from; empty for everybody."
    )
    dinstar_port: int = _setting(
        0,
        _whole(0, 65_535),
        "TCP port for older Dinstar boxes (their own default is 12000), on the same address; 0 for none.",
    )
    dinstar_allow: tuple[str, ...] = _setting(
        (),
        _networks,
        "Addresses or networks where an older Dinstar box that is known here needs no password; empty for none.",
    )
    dinstar: tuple[BoxAddress, ...] = _setting(
        (),
        box_addresses({"http": 80, "https": 443}),
        "Dinstar boxes to ask: `NAME=https://USER:SECRET@HOST`, with commas between.",
        is_secret=True,
    )
    ejoin: tuple[BoxAddress, ...] = _setting(
        (),
        box_addresses({"http": 80, "https": 443}),
        "Ejoin boxes to ask: `NAME=http://USER:SECRET@HOST`, with commas between.",
        is_secret=True,
    )
    yeastar: tuple[BoxAddress, ...] = _setting(
        (),
        box_addresses({"tcp": 5_038}),
        "Yeastar TG boxes to dial: `NAME=tcp://USER:SECRET@HOST`, with commas between.",
        is_secret=True,
    )
    mqtt: BrokerAddress | None = _setting(  # noqa: RUF009 - it is frozen
        None,
        broker_address,
        "MQTT broker to hear gateways from: `mqtt://USER:PASSWORD@HOST/PREFIX`, or `mqtts://…`; empty for none.",
        is_secret=True,
    )
    public_url: str = _setting(
        "", _text, "Address by which gateways and browsers reach the server, when a proxy is in between."
    )
    database_url: str = _setting(
        "sqlite:///data/goip.db",
        _text,
        "`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`.",
        is_secret=True,
    )
    admin_password: str = _setting(
        "",
        _text,
        "Password of the user `admin`, made at the first start; random and printed once when empty.",
        is_secret=True,
    )
    enrollment_key: str = _setting(
        "",
        _text,
        "Key by which an unknown device registers; random and printed once at the first start when empty.",
        is_secret=True,
    )
    enrollment: str = _setting(
        "auto",
        _one_of("auto", "approve"),
        "`auto`: a device with the enrolment key is in at once. `approve`: it waits for an operator.",
    )
    secret_key: str = _setting(
        "", _text, "Signs the access tokens; made and kept in the database when empty.", is_secret=True
    )
    access_token_seconds: int = _setting(900, _whole(30, 86_400), "How long an access token is good.")
    refresh_token_days: int = _setting(30, _whole(1, 365), "How long a login lasts without being used.")
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        _networks,
        "Addresses or networks of reverse proxies whose `X-Forwarded-For` and `-Proto` are believed.",
    )
    allowed_origins: tuple[str, ...] = _setting(
        (), _words, "Other web origins that may open sockets and call the API with a token; `*` for any."
    )
    device_rate: int = _setting(
        20, _whole(0, 1_000_000), "Requests a second that one device may make on average; 0 for no limit."
    )
    address_rate: int = _setting(
        2_000,
        _whole(0, 1_000_000),
        "Requests a second that gateways at one address may make on average; 0 for no limit.",
    )
    connections_per_address: int = _setting(
        200,
        _whole(0, 1_000_000),
        "Live connections (sockets, streams, polls that wait) that one address may hold; 0 for no limit.",
    )
    connections_per_user: int = _setting(
        50,
        _whole(0, 1_000_000),
        "Live connections that one user, API token or device may hold; 0 for no limit.",
    )
    connection_rate: int = _setting(
        50,
        _whole(0, 1_000_000),
        "New live connections a second from one address on average; 0 for no limit.",
    )
    max_body_bytes: int = _setting(1_048_576, _whole(1_024, 1_073_741_824), "Largest request body.")
    write_queue: int = _setting(
        10_000,
        _whole(1, 1_000_000),
        "Changes that may wait for the disk; beyond it gateways are told to come again (503).",
    )
    replay_limit: int = _setting(
        5_000,
        _whole(1, 1_000_000),
        "Facts that a resumed client is sent at most; beyond it a fresh snapshot.",
    )
    event_retention_days: int = _setting(
        30, _whole(1, 3_650), "How long facts are kept for resuming clients and the device's timeline."
    )
    heartbeat_retention_hours: int = _setting(
        48, _whole(1, 8_760), "How long single heartbeats are kept; charts live on from the rollups."
    )
    rollup_retention_days: int = _setting(
        30,
        _whole(1, 3_650),
        "How long the 5-minute rollups are kept; the hourly ones are kept ten times as long.",
    )
    log_level: str = _setting(
        "info", _one_of("debug", "info", "warning", "error"), "What is worth a line in the log."
    )
    log_format: str = _setting(
        "console", _one_of("console", "json"), "`console` for people, `json` for log collectors."
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Config:
        """The settings of `environ` (by default the process's); `overrides` win where they are not None.

        Raises StartupError that names the variable and what is wrong with it.
        """
        environ = os.environ if environ is None else environ
        known = {f.name: f for f in fields(cls)}
        values = {name: override for name, override in overrides.items() if override is not None}
        for name, setting in known.items():
            text = _lookup(environ, env_name(name))
            if text is None or name in values:
                continue
            try:
                values[name] = setting.metadata["read"](text)
            except ValueError as error:
                raise StartupError(f"{env_name(name)} {error}") from None
        return cls(**values)


def env_name(setting: str) -> str:
    """The environment variable of a setting."""
    return f"GOIP_{setting.upper()}"


def _lookup(environ: Mapping[str, str], name: str) -> str | None:
    path = environ.get(f"{name}_FILE")
    if path is None:
        return environ.get(name)
    if name in environ:
        raise StartupError(f"{name} and {name}_FILE are both set: keep one")
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{name}_FILE cannot be read: {error}") from None
