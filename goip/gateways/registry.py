"""Every make that posts to us over HTTP: one more is one folder, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from goip.gateways import (
    HttpMake,
    capcom6,
    dinstar,
    ejoin,
    forwarder,
    httpsms,
    jasmin,
    kannel,
    smssync,
    textbee,
)

HTTP_MAKES: Mapping[str, HttpMake] = {
    make.name: make
    for make in (
        forwarder.MAKE,
        forwarder.OPENVOX,
        dinstar.MAKE,
        capcom6.MAKE,
        httpsms.MAKE,
        textbee.MAKE,
        ejoin.MAKE,
        jasmin.MAKE,
        kannel.MAKE,
        smssync.MAKE,
    )
}  # fmt: skip
