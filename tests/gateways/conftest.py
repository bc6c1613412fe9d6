"""Servers for the makes that speak a protocol of their own."""

from __future__ import annotations

from tests.gateways.dinstar_boxes import box_keyring, plug_in, serve_boxes
from tests.gateways.mosquitto import broker, road
from tests.live_fixtures import _server_log, make_server

__all__ = ["_server_log", "box_keyring", "broker", "make_server", "plug_in", "road", "serve_boxes"]
