"""Gateways that publish to an MQTT broker, in goip's own format: goip is one more client of that broker.

`docs/gateways.md` has the topics. Whoever the broker lets publish at a device's topics speaks for that device.
"""

from __future__ import annotations

from dataclasses import dataclass

from goip.errors import StartupError

MAKE = "mqtt"


@dataclass(slots=True)
class LinkState:
    """How the line to the broker is: `trouble` is what is wrong with it, None where nothing is."""

    trouble: str | None = "not connected yet"


def need_library() -> None:
    """Raises StartupError where the extra is not installed; `client` and `link` can be imported after it only."""
    try:
        import paho.mqtt.client  # noqa: F401
    except ImportError as error:
        raise StartupError("GOIP_MQTT needs the extra: pip install 'goip[mqtt]'") from error
