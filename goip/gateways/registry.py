"""Every make that posts to us over HTTP: one more is one folder, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from goip.gateways import HttpMake, jasmin

HTTP_MAKES: Mapping[str, HttpMake] = {
    make.name: make
    for make in (
        jasmin.MAKE,
    )
}  # fmt: skip
