"""The bare peer: an aiohttp server that reads a JSON body and sends it back, and does nothing else.

It is what the framework alone can do; goip's ingest is measured as a part of it. `orjson` on both sides, as
in goip, so that the comparison is not flattered by a slow JSON library.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

import orjson
from aiohttp import web

from tests.bench.loops import run_on


async def echo(request: web.Request) -> web.Response:
    body = orjson.loads(await request.read())
    return web.Response(body=orjson.dumps(body), content_type="application/json")


async def serve(port: int) -> None:
    app = web.Application()
    app.router.add_post("/api/device/heartbeat", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    options = parser.parse_args()
    run_on(options.loop, lambda: serve(options.port))


if __name__ == "__main__":
    main()
