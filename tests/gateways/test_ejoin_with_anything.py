"""Whatever an Ejoin box sends or answers, it is decoded or refused: never a defect, never what cannot be stored."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from goip.gateways.ejoin.decode import decode
from goip.gateways.ejoin.encode import decode_answer
from goip.gateways.ejoin.stored import decode_stored
from tests.gateways.ejoin_pushes import BLOCK, DEV_STATUS, RECV_SMS, STATUS_REPORT, forward, packed, push
from tests.gateways.posting import check_told
from tests.test_validation import json_values, texts

values = json_values | st.sampled_from(
    [
        "1.01",
        "1A",
        0,
        1,
        3,
        "3 OK",
        200,
        1466506477,
        "0 250820064536A8",
        "Sender: a\r\nSCTS: b\r\n\r\nc",
        packed(BLOCK),
    ]
)
rows = st.lists(st.lists(values, min_size=3, max_size=10) | values, max_size=3)
ports = st.lists(
    st.dictionaries(st.sampled_from(["port", "st", "sig", "opr", "bal", "sn", "iccid"]), values), max_size=3
)
near_pushes = st.fixed_dictionaries(
    {"type": st.sampled_from(["dev-status", "port-status", "recv-sms", "status-report"]), "mac": values},
    optional={
        "sms": rows | values,
        "rpts": st.lists(
            st.fixed_dictionaries({"tid": values, "sdr": rows | values, "fdr": rows | values}), max_size=3
        ),
        "status": ports | values,
        **dict.fromkeys(["port", "st", "expires", "period", "max-ports", "max-slots", "ip", "ver"], values),
    },
)
near_answers = st.fixed_dictionaries(
    {"code": st.sampled_from([0, 200]) | values},
    optional={
        "reason": values,
        "ssrc": values,
        "next_sms": values,
        "data": rows | values,
        "status": values | st.lists(st.dictionaries(st.sampled_from(["tid", "status"]), values), max_size=3),
    },
)
_heads = st.sampled_from([b"", BLOCK.encode(), DEV_STATUS, RECV_SMS, STATUS_REPORT])
near_bytes = st.builds(
    lambda head, cut, tail: head[: len(head) - cut] + tail,
    _heads,
    st.integers(0, 200),
    st.binary(max_size=20) | texts.map(lambda text: text.encode("utf-8", "replace")),
)
bodies = near_bytes | (near_pushes | near_answers | json_values).map(lambda data: json.dumps(data).encode())


@given(bodies)
def test_whatever_is_pushed_is_decoded_storable_or_refused(body: bytes) -> None:
    check_told(lambda: decode(push(body)))
    check_told(lambda: decode(push(body, content_type="")))
    check_told(lambda: decode(push(body, None)))


@given(bodies, texts, texts)
def test_whatever_is_forwarded_is_decoded_storable_or_refused(body: bytes, port: str, sender: str) -> None:
    check_told(lambda: decode(forward(body, port=port, sender=sender)))


@given(bodies)
def test_whatever_is_answered_is_decoded_storable_or_refused(body: bytes) -> None:
    check_told(lambda: decode_stored(body, "box").told)
    check_told(lambda: decode_answer(body))
