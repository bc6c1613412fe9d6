"""What Ejoin boxes send, to the byte. Ids and numbers are fictitious."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from goip.gateways import Push
from goip.wire import dumps
from tests.gateways import posting

MAC = "00-30-f1-00-b7-d5"
JSON = "application/json;charset=utf-8"

DEV_STATUS = b"""{"type":"dev-status", "seq":2124, "expires":-1, "mac":"00-30-f1-00-b7-d5", "ip":"192.168.1.111", \
"ver":"608-520-840-841-100-0F0", "max-ports":8, "max-slot":32, "status":[{"port":"1.01", "sim":"", "seq":18566, \
"st":6, "imei":"862032045299211", "iccid":"42402117840804563386", "imsi":"001012345678901", "sn":"", "opr":"0 ", \
"bal":"0.00", "sig":0, "tot_dur":"0/-1", "mon_dur":"0/-1", "day_dur":"0/-1"}, {"port":"5.01", "sim":"", "seq":2124, \
"st":0, "imei":"862032045299252"}]}"""
"""A box as it answers and reports."""

RECV_SMS = (
    b'{"type":"recv-sms","sim_src":1,"sms_num":1,"sms":[[0,"12.sp256.101",1755697537,"12055550122","16465550179",'
    b'"U2VuZGVyOiAxMjA1NTU1MDEyMg0KUmVjZWl2ZXI6ICIxMi4wMSIgMTY0NjU1NTAxNzkNClNNU0M6IDE0MDU0NzI0MDcwDQpTQ1RTOiAy'
    b'NTA4MjAwNjQ1MzZBOA0KDQpKampqampqampqampqampqampqampqampqamo="]]}'
)
"""A message of a card in a SIM pool, with a block inside the base64."""

BLOCK = (
    'Sender: 12055550122\r\nReceiver: "12.01" 16465550179\r\nSMSC: 14054724070\r\nSCTS: 250820064536A8\r\n'
    "\r\nJjjjjjjjjjjjjjjjjjjjjjjjjjj"
)
"""What that base64 holds, and what the "SMS to HTTP" setting posts as it is."""

STATUS_REPORT = (
    b'{"type":"status-report","rpt_num":1,"rpts":[{"tid":1223,"sending":0,"sent":5,"failed":1,"unsent":0,'
    b'"sdr":[[0,"13686876620","1.01",1466506477]],"fdr":[[1,"13686876621","1.02",1466506480,"6 Timeout",""]]}]}'
)


def push(body: bytes | str, device_id: str | None = "box", content_type: str = JSON, **query: str) -> Push:
    """One request of a box."""
    return posting.push(
        body if isinstance(body, bytes) else body.encode(),
        query=urlencode(query, errors="replace"),
        headers={"Content-Type": content_type},
        device_id=device_id,
        path=device_id or "",
    )


def pushed(data: Any, device_id: str | None = "box", **query: str) -> Push:
    """One request with JSON."""
    return push(dumps(data), device_id, **query)


def forward(text: bytes | str = BLOCK, device_id: str | None = "box", **query: str) -> Push:
    """One request of the "SMS to HTTP" setting."""
    return push(
        text, device_id, "application/octet-stream", **{"port": "12.01", "sender": "12055550122", **query}
    )


def packed(text: str) -> str:
    """A text as rows of `recv-sms` carry it."""
    return b64encode(text.encode()).decode()
