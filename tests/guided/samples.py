"""Where the fuzzers begin: what the tests of the decoders have already, and the words that the decoders know."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import goip
from goip.fields import camel_case
from goip.gateways import Push
from goip.gateways.native.schemas import HeartbeatSchema, SmsReceiveSchema
from tests.api import test_inbound
from tests.gateways import (
    dwg,
    ejoin_pushes,
    phone_pushes,
    posting,
    test_capcom6,
    test_capcom6_signed,
    test_dbl,
    test_dbl_events,
    test_dbl_sending,
    test_dinstar,
    test_dinstar_asking,
    test_dinstar_binary,
    test_ejoin,
    test_ejoin_status,
    test_forwarder,
    test_httpsms,
    test_httpsms_webhooks,
    test_kannel,
    test_mqtt,
    test_native,
    test_smssync,
    test_textbee,
    test_yeastar,
    test_yeastar_boxes,
)
from tests.guided import folder_of
from tests.guided.targets import input_of

Samples = Callable[[], Iterable[bytes]]

_PACKAGE = Path(goip.__file__).parent
_LONGEST_SAMPLE = 4_096
_LONGEST_WORD = 40
_OURS = ("native-heartbeat", "native-register", "native-sms", "mqtt")
"""They take objects whose names are made of the schemas'."""


def samples_of(decoder: str) -> list[bytes]:
    """What its fuzzer begins with, each once."""
    found = dict.fromkeys(SAMPLES[decoder]())
    return [sample for sample in found if len(sample) <= _LONGEST_SAMPLE]


def words_of(decoder: str) -> list[bytes]:
    """What stands as a text in the decoder's source: names of fields, verbs, marks."""
    places = [f"gateways/{folder_of(decoder)}", "gateways/forms.py", "gateways/phones.py"]
    words: dict[bytes, None] = {}
    for path in _files(places):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words |= dict.fromkeys(text.encode() for text in _texts_in(tree) if 1 < len(text) <= _LONGEST_WORD)
    fields = [*HeartbeatSchema().fields, *SmsReceiveSchema().fields]
    names = [camel_case(name).encode() for name in fields] if decoder in _OURS else []
    return list(dict.fromkeys([*words, *names]))


def _files(places: Iterable[str]) -> Iterator[Path]:
    for place in places:
        path = _PACKAGE / place
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _texts_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str | bytes):
            yield value if isinstance(value, str) else value.decode("latin-1")


def _written_in(*modules: ModuleType) -> Iterator[bytes]:
    """The texts and bytes in a module of tests, wherever they stand in it, and its constants."""
    for module in modules:
        yield from (
            text.encode("utf-8", "replace") for text in _texts_in(ast.parse(inspect.getsource(module)))
        )
        for value in vars(module).values():
            if isinstance(value, bytes):
                yield value


def _objects_in(module: ModuleType) -> list[Any]:
    """The constants of a module of tests that stand for JSON."""
    return [
        value for name, value in vars(module).items() if name.isupper() and isinstance(value, dict | list)
    ]


def _json(values: Iterable[Any]) -> Iterator[bytes]:
    return (json.dumps(value, default=str).encode() for value in values)


def _inputs(pushes: Iterable[Push]) -> Iterator[bytes]:
    return map(input_of, pushes)


def _with_texts(module: ModuleType, *more: bytes) -> Iterator[bytes]:
    """Bodies that are written in a module of tests, each as a request; and queries that are."""
    for text in [*more, *_written_in(module)]:
        yield input_of(posting.push(text))
        if b"=" in text:
            yield input_of(posting.push(query=text.decode("utf-8", "replace")))


def _native_samples() -> Iterator[bytes]:
    objects = [value for value in _objects_in(test_native) if isinstance(value, dict)]
    yield from _json(objects)
    yield from _json({name: str(value) for name, value in each.items()} for each in objects)
    yield from (posting.form({name: str(value) for name, value in each.items()}).body for each in objects)


def _dbl() -> Iterator[bytes]:
    yield from _written_in(test_dbl, test_dbl_events, test_dbl_sending)
    yield b"RECEIVE:441;id:c1;password:p;srcnum:100;msg:one; two"


def _dinstar_binary() -> Iterator[bytes]:
    yield dwg.login("user", "password")
    yield dwg.sms() + dwg.states(0, 1, 2, 3) + dwg.signals(0, 31, 99)
    yield dwg.sms("Привет", zone=-7, number="BANK")
    yield dwg.sms(b"a\x11b\x1b\x65")
    yield from (test_dinstar_binary.result(code) for code in (0, 9))
    yield from (test_dinstar_binary.ussd(text, 1, kind) for text in (b"0041", b"\x04\x1f") for kind in (0, 1))
    yield from (dwg.ack(kind) for kind in test_dinstar_binary.ANSWERED)
    yield from _written_in(test_dinstar_binary)


def _dinstar_answers() -> Iterator[bytes]:
    yield from _json([{"error_code": 202, "sms_in_queue": 2, "task_id": 14}, {"error_code": 200, "info": []}])
    yield from _json([{"error_code": 200, "info": [test_dinstar_asking.PORT] * n} for n in (1, 2)])
    yield from _json([{"error_code": 200, "sms": [test_dinstar.SMS] * n, "read": 0} for n in (1, 2)])
    rows = [{**test_dinstar.RESULT, "user_id": 7}, {**test_dinstar.RESULT, "user_id": 7, "status": "FAILED"}]
    yield from _json([{"error_code": 200, "result": rows[:1]}, {"error_code": 200, "result": rows}])
    yield from _written_in(test_dinstar_asking)


def _yeastar() -> Iterator[bytes]:
    received = test_yeastar.received
    yield received("%D0%9E+a", index=1, total=2) + received("b", index=2, total=2)
    yield from _written_in(test_yeastar, test_yeastar_boxes)


def _mqtt() -> Iterator[bytes]:
    kinds = ("heartbeat", "sms", "report", "status")
    payloads = [
        *_native_samples(),
        *_written_in(test_mqtt),
        b"online",
        b'{"messageId": "7", "status": "sent"}',
    ]
    for kind, payload in product(kinds, payloads):
        yield b"goip/phone-1/" + kind.encode() + b"\n" + payload


def _capcom6() -> Iterator[bytes]:
    yield input_of(test_capcom6_signed.signed())
    payloads = [
        *_objects_in(test_capcom6),
        {"health": test_capcom6.HEALTH},
        {"simCards": [test_capcom6.CARD]},
    ]
    names = [text for text in _texts_in(ast.parse(inspect.getsource(test_capcom6))) if text.count(":") == 1]
    bodies = [test_capcom6.event(name, payload) for name, payload in product(names, payloads)]
    yield from _inputs(phone_pushes.push(body) for body in [test_capcom6.RECEIVED, *bodies])


def _httpsms() -> Iterator[bytes]:
    yield input_of(test_httpsms_webhooks.bearer(test_httpsms_webhooks.token()))
    calls = test_httpsms
    paths = [calls.RECEIVE, calls.CALLS, calls.BEATS, calls.PHONES, calls.EVENTS, calls.OUTSTANDING]
    yield from _inputs(
        phone_pushes.push(body, path) for path, body in product(paths, _objects_in(test_httpsms))
    )
    names = [
        text
        for text in _texts_in(ast.parse(inspect.getsource(test_httpsms_webhooks)))
        if text.startswith(("message.", "phone."))
    ]
    bodies = product(names, _objects_in(test_httpsms_webhooks))
    yield from _inputs(phone_pushes.push(test_httpsms_webhooks.event(name, data)) for name, data in bodies)


def _textbee() -> Iterator[bytes]:
    yield input_of(test_textbee.signed())
    phone = test_textbee.DEVICES + "/" + test_textbee.PHONE
    paths = ["", test_textbee.DEVICES, phone, test_textbee.RECEIVE, test_textbee.BEATS, test_textbee.STATUS]
    for path, body, method in product(paths, _objects_in(test_textbee), ["POST", "PATCH"]):
        yield input_of(phone_pushes.push(body, path, method=method))


def _dinstar() -> Iterator[bytes]:
    for kind, row in test_dinstar.KINDS.items():
        yield from _inputs(posting.json({"sn": test_dinstar.SN, kind: told}) for told in (row, [row, row]))
    yield from _with_texts(test_dinstar)


def _ejoin() -> Iterator[bytes]:
    told = [ejoin_pushes.DEV_STATUS, ejoin_pushes.RECV_SMS, ejoin_pushes.STATUS_REPORT]
    yield from _inputs([*map(ejoin_pushes.push, told), ejoin_pushes.forward()])
    rows = [test_ejoin.row(), test_ejoin.row(at=0, content=ejoin_pushes.packed(ejoin_pushes.BLOCK))]
    for row in [*rows, *test_ejoin.BAD_ROWS]:
        yield input_of(ejoin_pushes.pushed({"type": "recv-sms", "sms": [row]}))
        yield input_of(ejoin_pushes.pushed({"code": 0, "ssrc": "a", "next_sms": 2, "data": [row]}))
    yield input_of(ejoin_pushes.pushed({"code": 200, "status": [{"tid": 1223, "status": "0 OK"}]}))
    yield from _with_texts(test_ejoin_status)


def _kannel() -> Iterator[bytes]:
    yield input_of(posting.push(query=test_kannel.QUERY))
    yield input_of(posting.push(b"Hello", query=f"id={test_kannel.ID}", headers=test_kannel.HEADERS))
    yield from _with_texts(test_kannel)


def _jasmin() -> Iterator[bytes]:
    message = test_inbound.MO
    report = {"id": "1", "message_status": "DELIVRD", "level": "1", "connector": "smpp-7"}
    for fields in (message, {**message, "coding": "8", "binary": "041f0430"}, report):
        yield input_of(posting.form(fields))


def _forwarder() -> Iterator[bytes]:
    objects = [value for value in _objects_in(test_forwarder) if isinstance(value, dict)]
    for each in objects:
        yield from _inputs([posting.json(each), posting.json([each, each])])
        yield input_of(posting.form({name: str(value) for name, value in each.items()}))
    yield from _with_texts(test_forwarder)


def _smssync() -> Iterator[bytes]:
    form = test_smssync.FORM
    yield from _inputs([posting.form(form), posting.json(form), posting.push(query="task=send&secret=a")])
    yield from _with_texts(test_smssync)


SAMPLES: Mapping[str, Samples] = {
    "native-heartbeat": _native_samples,
    "native-register": _native_samples,
    "native-sms": _native_samples,
    "dbl": _dbl,
    "dinstar-binary": _dinstar_binary,
    "dinstar-answers": _dinstar_answers,
    "yeastar": _yeastar,
    "mqtt": _mqtt,
    "forwarder": _forwarder,
    "openvox": _forwarder,
    "dinstar": _dinstar,
    "capcom6": _capcom6,
    "httpsms": _httpsms,
    "textbee": _textbee,
    "ejoin": _ejoin,
    "jasmin": _jasmin,
    "kannel": _kannel,
    "smssync": _smssync,
}
