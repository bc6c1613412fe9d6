"""Messages for people and scripts: lists, search, conversations, export."""

from __future__ import annotations

import csv
import io
from typing import Any

from aiohttp import web

from goip.api.appkeys import STORE
from goip.api.bodies import answer, load_query
from goip.api.schemas.sms import ConversationsQuery, SmsQuery
from goip.clock import to_iso
from goip.errors import NotFound
from goip.models import Sms
from goip.store import sms as messages
from goip.wire import sms_json

_CSV_COLUMNS = (
    "id", "receivedAt", "timestamp", "deviceId", "slotIndex", "carrierName",
    "direction", "sender", "recipient", "message", "status",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_ONCE = 200


async def list_sms(request: web.Request) -> web.StreamResponse:
    """`GET /api/sms`: a page of messages, newest first, or with `format=csv` all that match."""
    query = load_query(SmsQuery(), request.query)
    wanted = _filter(query)
    if query.get("format") == "csv":
        return await _export(request, wanted)
    async with request.app[STORE].reading() as connection:
        page = await messages.list_sms(connection, wanted, limit=query["limit"], before=query.get("cursor"))
    following = None if page.next_before is None else str(page.next_before)
    found = [sms_json(sms) for sms in page.rows]
    return answer({"messages": found, "nextCursor": following, "total": page.total})


def _filter(query: dict[str, Any]) -> messages.SmsFilter:
    return messages.SmsFilter(
        search=query.get("search"),
        device_id=query.get("device_id"),
        slot_index=query.get("slot_index"),
        peer=query.get("peer"),
        direction=query.get("direction"),
        from_at=query.get("from_at"),
        to_at=query.get("to_at"),
    )


async def _export(request: web.Request, wanted: messages.SmsFilter) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="sms.csv"',
        }
    )
    async with request.app[STORE].reading() as connection:
        await response.prepare(request)
        rows = [",".join(_CSV_COLUMNS) + "\r\n"]
        async for sms in messages.stream_sms(connection, wanted):
            rows.append(csv_row(sms))
            if len(rows) >= _ROWS_AT_ONCE:
                await response.write("".join(rows).encode())
                rows.clear()
        await response.write("".join(rows).encode())
    await response.write_eof()
    return response


def csv_row(sms: Sms) -> str:
    """A message as a line of CSV (RFC 4180) that no spreadsheet takes for a formula."""
    wire = sms_json(sms)
    line = io.StringIO()
    csv.writer(line).writerow([_defused(wire[column]) for column in _CSV_COLUMNS])
    return line.getvalue()


def _defused(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value


async def show_sms(request: web.Request) -> web.Response:
    """`GET /api/sms/{id}`."""
    async with request.app[STORE].reading() as connection:
        sms = await messages.find_sms(connection, _sms_id(request))
    if sms is None:
        raise NotFound("Message not found", code="unknown_message")
    return answer({"message": sms_json(sms)})


async def delete_sms(request: web.Request) -> web.Response:
    """`DELETE /api/sms/{id}`: the message, and the fact that told its text."""
    sms_id = _sms_id(request)

    async def work(connection: Any) -> Sms | None:
        sms = await messages.find_sms(connection, sms_id)
        if sms is not None:
            await messages.delete_sms(connection, sms)
        return sms

    if await request.app[STORE].transact(work) is None:
        raise NotFound("Message not found", code="unknown_message")
    return answer({"success": True})


def _sms_id(request: web.Request) -> int:
    text = request.match_info["smsId"]
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotFound("Message not found", code="unknown_message")
    return int(text)


async def list_conversations(request: web.Request) -> web.Response:
    """`GET /api/sms/conversations`: one row for each device and peer, by the newest message."""
    query = load_query(ConversationsQuery(), request.query)
    store = request.app[STORE]
    async with store.reading() as connection:
        page = await messages.list_conversations(
            connection,
            device_id=query.get("device_id"),
            search=query.get("search"),
            limit=query["limit"],
            before=query.get("cursor"),
        )
    following = None if page.next_before is None else str(page.next_before)
    talks = []
    for last, n_messages in page.rows:
        device = store.fleet.find(last.device_id)
        talks.append(
            {
                "deviceId": last.device_id,
                "deviceName": device.name if device else None,
                "peer": last.peer,
                "nMessages": n_messages,
                "lastAt": to_iso(last.received_at),
                "lastMessage": sms_json(last),
            }
        )
    return answer({"conversations": talks, "nextCursor": following, "total": None})
