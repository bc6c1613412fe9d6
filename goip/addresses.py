"""Addresses of what goip dials, as settings write them: boxes with a user and a secret, an MQTT broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from marshmallow import ValidationError

from goip.fields import Identifier, length


@dataclass(frozen=True, slots=True)
class BoxAddress:
    """A box that waits to be dialled: what it is called here, where it listens, and as whom to log in."""

    name: str
    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    is_tls: bool = False


_BOX_NAME = Identifier(validate=length(1, 128))
_TLS = {"https", "mqtts"}
_NO_COLON = {"http", "https"}
"""Where the first colon ends the user."""


def box_addresses(ports: Mapping[str, int]) -> Callable[[str], tuple[BoxAddress, ...]]:
    """Reads boxes with commas between them; `ports` has the usual port of each scheme that one may have."""

    def read(value: str) -> tuple[BoxAddress, ...]:
        texts = [text.strip() for text in value.split(",") if text.strip()]
        boxes = tuple(_box_address(text, place, ports) for place, text in enumerate(texts, 1))
        if len({box.name for box in boxes}) < len(boxes):
            raise ValueError("must not have two boxes of one name")
        return boxes

    return read


def _box_address(text: str, place: int, ports: Mapping[str, int]) -> BoxAddress:
    """Raises ValueError, in words that hold no part of the secret."""
    name, _, address = text.partition("=")
    try:
        _BOX_NAME.deserialize(name)
        return _box_at(name, urlsplit(address), ports)
    except (ValueError, KeyError, ValidationError):
        schemes = " or ".join(f"{scheme}://" for scheme in ports)
        raise ValueError(
            f"must be NAME={schemes}USER:SECRET@HOST or …:PORT, with commas between boxes and %XX for signs in "
            f"USER and SECRET: box {place} is not"
        ) from None


def _box_at(name: str, parts: SplitResult, ports: Mapping[str, int]) -> BoxAddress:
    host, username, secret = parts.hostname, unquote(parts.username or ""), unquote(parts.password or "")
    usual = ports[parts.scheme]
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError
    if not host or not username or not secret or not (username + secret).isprintable():
        raise ValueError
    if ":" in username and parts.scheme in _NO_COLON:
        raise ValueError
    return BoxAddress(name, host, parts.port or usual, username, secret, parts.scheme in _TLS)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """An MQTT broker: where it listens, as whom to log in, and below which topic gateways publish.

    `client_id` is how the broker knows this server again; empty for one that is made of the database.
    """

    host: str
    port: int
    prefix: str = "goip"
    username: str = ""
    password: str = field(default="", repr=False)
    client_id: str = ""
    is_tls: bool = False

    @property
    def public_address(self) -> str:
        """Where it is and the prefix, and nothing that lets anybody in."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.is_tls else 'mqtt'}://{host}:{self.port}/{quote(self.prefix)}"


_BROKER_PORTS = {"mqtt": 1_883, "mqtts": 8_883}
_NO_TOPIC = frozenset("+#")
"""Wildcards: they stand for levels of a topic."""


def broker_address(value: str) -> BrokerAddress | None:
    """Reads a broker, None for an empty text. Raises ValueError, in words that hold no part of the password."""
    if not value.strip():
        return None
    try:
        return _broker_at(urlsplit(value.strip().replace("#", "%23")))
    except (ValueError, KeyError):
        raise ValueError(
            "must be mqtt://USER:PASSWORD@HOST/PREFIX or mqtts://…, with %XX for signs in USER and PASSWORD"
        ) from None


def _broker_at(parts: SplitResult) -> BrokerAddress:
    options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    prefix, client_id = unquote(parts.path).strip("/"), options.pop("client_id", "")
    if not parts.hostname or options or (password and not username):
        raise ValueError
    if not (username + password + prefix + client_id).isprintable():
        raise ValueError
    if _NO_TOPIC & set(prefix) or prefix.startswith("$"):
        raise ValueError
    return BrokerAddress(
        host=parts.hostname,
        port=parts.port or _BROKER_PORTS[parts.scheme],
        prefix=prefix or "goip",
        username=username,
        password=password,
        client_id=client_id,
        is_tls=parts.scheme in _TLS,
    )
