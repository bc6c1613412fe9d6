"""A fleet of boxes, from the first power-up to the last acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import aiohttp

from goip.errors import StartupError
from goip.simulator.boxes.box import Box
from goip.simulator.boxes.capcom6 import Capcom6Phone
from goip.simulator.boxes.dbl import DblBox
from goip.simulator.boxes.dinstar import DinstarBox
from goip.simulator.boxes.dwg import DwgBox
from goip.simulator.boxes.ejoin import EjoinBox
from goip.simulator.boxes.fleet import Fleet, OnOutcome, OnTextOut
from goip.simulator.boxes.forwarder import ForwarderPhone
from goip.simulator.boxes.httpsms import HttpsmsPhone
from goip.simulator.boxes.jasmin import JasminRelay
from goip.simulator.boxes.kannel import KannelRelay
from goip.simulator.boxes.options import BoxOptions
from goip.simulator.boxes.smssync import SmssyncPhone
from goip.simulator.boxes.tally import BoxTally
from goip.simulator.boxes.textbee import TextbeePhone
from goip.simulator.boxes.yeastar import YeastarBox

PROGRESS_SECONDS: Final = 0.25
_CONNECTIONS = 64

OnProgress = Callable[[BoxTally], None]

_BOXES: Mapping[str, type[Box]] = {
    "dbl": DblBox,
    "ejoin": EjoinBox,
    "dinstar": DinstarBox,
    "dinstar-tcp": DwgBox,
    "yeastar": YeastarBox,
    "capcom6": Capcom6Phone,
    "httpsms": HttpsmsPhone,
    "forwarder": ForwarderPhone,
    "textbee": TextbeePhone,
    "smssync": SmssyncPhone,
    "kannel": KannelRelay,
    "jasmin": JasminRelay,
}


def _box_type(make: str) -> type[Box]:
    """Raises StartupError where a make needs a library that is not installed."""
    if make != "mqtt":
        return _BOXES[make]
    try:
        from goip.simulator.boxes.mqtt import MqttBox
    except ImportError as error:
        raise StartupError("--make mqtt needs the extra: pip install 'goip[mqtt]'") from error
    return MqttBox


async def emulate(
    options: BoxOptions,
    *,
    on_progress: OnProgress | None = None,
    on_outcome: OnOutcome | None = None,
    on_text_out: OnTextOut | None = None,
    stop: asyncio.Event | None = None,
) -> BoxTally:
    """Let a fleet live for the time that `options` give, or until `stop` is set; returns its counts.

    At the end nothing new is begun, and boxes go on repeating what is not acknowledged for the time that they are
    given. `on_progress` is called several times a second, `on_outcome` once for each message when it is decided,
    `on_text_out` for each SMS that the server had a line send. Raises StartupError.
    """
    make_box = _box_type(options.make)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS)) as session:
        fleet = Fleet(options, session, on_outcome, on_text_out)
        boxes = [make_box(fleet, index) for index in range(options.devices)]
        progress = asyncio.create_task(_tell_progress(fleet.tally, on_progress))
        try:
            await _live(boxes, options.duration_seconds, stop or asyncio.Event())
            await fleet.finish()
        finally:
            await fleet.end()
            for box in boxes:
                box.close()
            progress.cancel()
            await asyncio.gather(progress, return_exceptions=True)
    return fleet.tally


async def _live(boxes: list[Box], seconds: float | None, stop: asyncio.Event) -> None:
    """Until the time is up, or it is stopped, or a box fails by a fault of the emulator."""
    stopped = asyncio.create_task(stop.wait())
    lives = [asyncio.create_task(box.live()) for box in boxes]
    try:
        done, _ = await asyncio.wait((*lives, stopped), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for life in done - {stopped}:
            life.result()
    finally:
        for task in (*lives, stopped):
            task.cancel()
        await asyncio.gather(*lives, stopped, return_exceptions=True)


async def _tell_progress(tally: BoxTally, on_progress: OnProgress | None) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        tally.seconds = clock() - began
        if on_progress:
            with suppress(OSError):  # a terminal that went away does not end the fleet
                on_progress(tally)
        await asyncio.sleep(PROGRESS_SECONDS)
