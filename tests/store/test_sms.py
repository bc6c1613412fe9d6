"""Messages: finding, searching, conversations, deleting; the same answers from both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from goip.models import Sms
from goip.store import sms as stored
from goip.store import tables as t
from goip.store.pages import Page
from goip.store.sms import SmsFilter
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.store.lives import all_rows, beat, enrol, receive

TEXTS = [
    "Your code is 493-217.",
    "Ihre TAN lautet 88; Rückruf aus KÖLN, Straße 5",
    "Ваш код подтверждения: 5521",
    "Ο κωδικός σας είναι ΑΒΓ",
    "رمز التحقق الخاص بك هو ٤٥٦",
    "קוד האימות שלך הוא 1234",
    "您的验证码是：8842，请勿泄露",
    "รหัสยืนยันของคุณคือ 77",
    "認証コードは 12-34 です",
    "100% off_today \\ only 'now' \"here\" -- ; DROP TABLE sms",
    "party 🎉🎉 at 👩‍👩‍👧‍👦 place 🇩🇪",
    "",
    "é and e\u0301",
]


@pytest.fixture
async def filled(store: Store) -> Store:
    """A store with a message of every kind."""
    await enrol(store)
    for n, text in enumerate(TEXTS):
        await receive(store, text, message_id=str(n))
    return store


async def search(store: Store, words: str, **fields: Any) -> list[str]:
    async with store.reading() as connection:
        page = await stored.list_sms(connection, SmsFilter(search=words, **fields), limit=100)
    assert page.total == len(page.rows)
    return [sms.message for sms in reversed(page.rows)]


async def find(store: Store, limit: int = 100, before: int | None = None, **fields: Any) -> Page[Sms]:
    async with store.reading() as connection:
        return await stored.list_sms(connection, SmsFilter(**fields), limit=limit, before=before)


# ---- search ----

WORDS: dict[str, list[int]] = {
    "code": [0],
    "CODE": [0],
    "493-217": [0],
    "rückruf": [1],
    "RÜCKRUF": [1],
    "köln": [1],
    "straße": [1],
    "код": [2],
    "КОД": [2],
    "Подтверждения ВАШ": [2],
    "αβγ": [3],
    "ΚΩΔΙΚΌ": [3],
    "التحقق": [4],
    "٤٥٦": [4],
    "האימות": [5],
    "验证码": [6],
    "ยืนยัน": [7],
    "コード": [8],
    "12-34": [8],
    "🎉🎉 party": [10],
    "👩‍👩‍👧‍👦": [10],
    "🇩🇪": [10],
    "1234": [5],
    "code 493 your": [0],
    "nowhere code": [],
    "code nowhere": [],
    "bank code": [0],
    "  code  ": [0],
    "drop table": [9],
}
SHORT_WORDS: dict[str, list[int]] = {
    "7.": [0],
    "77": [7],
    "ва": [2],
    "ВА": [2],
    "ü": [1],
    "Ü": [1],
    "КО": [2],
    "验证": [6],
    "🎉": [10],
    "ta": [1, 9],
    "TA nl": [9],
    "ta ku": [],
    "ta in": [],
    "ta ln": [1],
    "ΑΒ": [3],
    "ß": [1],
    "SS": [],
}
SIGNS: dict[str, list[int]] = {
    "%": [9],
    "_": [9],
    "100%": [9],
    "off_": [9],
    "off_today": [9],
    "offXtoday": [],
    "1%off": [],
    "\\": [9],
    "/": [],
    "'now'": [9],
    '"here"': [9],
    '"': [9],
    'he"re': [],
    "--": [9],
    "*": [],
    "cod*": [],
    "code OR nowhere": [],
    "NOT code": [],
    "message:code": [],
    "^your": [],
    "(code": [],
    "NEAR(code": [],
}


async def mistaken(store: Store, expected: dict[str, list[int]]) -> dict[str, list[str]]:
    """The searches that find something else than they should."""
    found = {words: await search(store, words) for words in expected}
    return {words: texts for words, texts in found.items() if texts != [TEXTS[n] for n in expected[words]]}


async def test_a_search_finds_every_word_in_any_order_script_and_case(filled: Store) -> None:
    assert await mistaken(filled, WORDS) == {}


async def test_a_word_too_short_for_the_index_is_found_too(filled: Store) -> None:
    assert await mistaken(filled, SHORT_WORDS) == {}


async def test_signs_mean_themselves(filled: Store) -> None:
    assert await mistaken(filled, SIGNS) == {}


async def test_a_search_looks_at_sender_and_recipient_too(store: Store) -> None:
    await enrol(store)
    await receive(store, "one", sender="MyBank", recipient="+491701234567", message_id="1")
    await receive(store, "two", sender="+15550100", message_id="2")
    assert await search(store, "mybank") == ["one"]
    assert await search(store, "1701234") == ["one"]
    assert await search(store, "+1555") == ["two"]
    assert await search(store, "mybank one 1701") == ["one"]
    assert await search(store, "mybank two") == []


async def test_a_search_of_nothing_but_space_finds_everything(filled: Store) -> None:
    assert len(await search(filled, "   ")) == len(TEXTS)


async def test_a_deleted_message_is_found_no_more(filled: Store) -> None:
    (sms,) = (await find(filled, search="code")).rows
    await filled.transact(lambda connection: stored.delete_sms(connection, sms))
    assert await search(filled, "code") == []
    assert await search(filled, "Ваш") == [TEXTS[2]]


alphabet = st.sampled_from("aAzZäÄ éÉ ñÑ яЯ щЩ δΔ ωΩ 验码 กา אב عا 🎉🇩 09 +-_%'\"\\*(). ßõÕşŞ")
words = st.text(alphabet, min_size=1, max_size=6).filter(lambda word: word.strip())


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    texts=st.lists(st.text(alphabet, max_size=20), min_size=1, max_size=8), terms=st.lists(words, min_size=8)
)
def test_any_search_answers_as_reading_every_message_would(
    make_database: Any, texts: list[str], terms: list[str]
) -> None:
    async def look() -> None:
        store = Store(url)
        await store.open()
        try:
            await enrol(store)
            for n, text in enumerate(texts):
                await receive(store, text, message_id=str(n), sender="S")
            for term in terms + [text[1:5] for text in texts]:
                assert await search(store, term) == _read(texts, term), term
        finally:
            await store.close()

    url = make_database()
    asyncio.run(look())


def _read(texts: Sequence[str], terms: str) -> list[str]:
    """Those that contain each word in any case, in their text or in their sender, `S`."""
    return [
        text
        for text in texts
        if all(term.lower() in text.lower() or term.lower() in "s" for term in terms.split()[:8])
    ]


# ---- filters and pages ----


async def test_every_filter_narrows_the_list(store: Store, clock: FakeClock) -> None:
    for name in ("gw-1", "gw-2"):
        await enrol(store, name)
    started = clock()
    for n in range(6):
        await receive(
            store, str(n), f"gw-{n % 2 + 1}", sender=f"+{n % 3}", slot_index=n % 2, message_id=str(n)
        )
        clock.advance(60)
    found = {
        "device": await find(store, device_id="gw-1"),
        "slot": await find(store, slot_index=0),
        "peer": await find(store, peer="+2"),
        "inbound": await find(store, direction="inbound"),
        "outbound": await find(store, direction="outbound"),
        "from": await find(store, from_at=started + 240_000),
        "to": await find(store, to_at=started + 60_000),
        "all": await find(store, device_id="gw-1", slot_index=0, peer="+2", from_at=started),
        "none": await find(store, device_id="gw-3"),
    }
    assert {name: "".join(sms.message for sms in page.rows) for name, page in found.items()} == {
        "device": "420",
        "slot": "420",
        "peer": "52",
        "inbound": "543210",
        "outbound": "",
        "from": "54",
        "to": "0",
        "all": "2",
        "none": "",
    }
    assert all(page.total == len(page.rows) for page in found.values())


async def test_pages_hold_every_message_once_newest_first(store: Store) -> None:
    await enrol(store)
    for n in range(10):
        await receive(store, str(n), message_id=str(n))
    for limit in (1, 3, 9, 10, 11):
        seen, before, pages = "", None, 0
        while pages == 0 or before is not None:
            page = await find(store, limit, before)
            assert page.total == 10
            assert len(page.rows) <= limit
            seen += "".join(sms.message for sms in page.rows)
            before, pages = page.next_before, pages + 1
        assert seen == "9876543210"
        assert pages == -(-10 // limit)


async def test_a_page_stands_still_while_messages_come(store: Store) -> None:
    await enrol(store)
    for n in range(4):
        await receive(store, str(n), message_id=str(n))
    first = await find(store, 2)
    await receive(store, "new", message_id="new")
    second = await find(store, 2, first.next_before)
    assert [sms.message for sms in (*first.rows, *second.rows)] == ["3", "2", "1", "0"]


async def test_a_message_is_found_by_its_id_as_it_was_stored(store: Store) -> None:
    await enrol(store)
    sms = (await receive(store, "hello", sender="Bänk", recipient="+1", slot_index=3, sent_at=5)).sms
    async with store.reading() as connection:
        assert await stored.find_sms(connection, sms.id) == sms
        assert await stored.find_sms(connection, sms.id + 1) is None


async def test_a_download_streams_every_message_that_matches(store: Store) -> None:
    await enrol(store)
    await asyncio.gather(*(receive(store, f"{n} {n % 2}", message_id=str(n)) for n in range(1_200)))
    async with store.reading() as connection:
        everything = [sms.id async for sms in stored.stream_sms(connection, SmsFilter())]
        assert len(everything) == 1_200
        assert everything == sorted(everything, reverse=True)


# ---- conversations ----


async def talks(store: Store, limit: int = 100, **fields: Any) -> list[tuple[str, str, str, int]]:
    async with store.reading() as connection:
        page = await stored.list_conversations(connection, limit=limit, **fields)
    return [(sms.device_id, sms.peer, sms.message, n) for sms, n in page.rows]


async def test_conversations_come_by_their_newest_message(store: Store) -> None:
    for name in ("gw-1", "gw-2"):
        await enrol(store, name)
    for n, (device_id, sender) in enumerate(
        [("gw-1", "A"), ("gw-1", "B"), ("gw-2", "A"), ("gw-1", "A"), ("gw-2", "A"), ("gw-1", "A_%")]
    ):
        await receive(store, str(n), device_id, sender=sender, message_id=str(n))
    assert await talks(store) == [
        ("gw-1", "A_%", "5", 1),
        ("gw-2", "A", "4", 2),
        ("gw-1", "A", "3", 2),
        ("gw-1", "B", "1", 1),
    ]
    assert await talks(store, device_id="gw-2") == [("gw-2", "A", "4", 2)]
    assert [talk[1] for talk in await talks(store, search="b")] == ["B"]
    assert [talk[1] for talk in await talks(store, search="_%")] == ["A_%"]
    await receive(store, "6", sender="Банк", message_id="6")
    assert [talk[1] for talk in await talks(store, search="БАНК")] == ["Банк"]
    async with store.reading() as connection:
        page = await stored.list_conversations(connection, limit=2)
        assert page.next_before is not None
        rest = await stored.list_conversations(connection, limit=2, before=page.next_before)
    assert [sms.message for sms, _ in (*page.rows, *rest.rows)] == ["6", "5", "4", "3"]


async def test_a_repeat_does_not_make_a_conversation_longer(store: Store) -> None:
    await enrol(store)
    for _ in range(3):
        await receive(store, "one", message_id="1")
    assert await talks(store) == [("gw-1", "BANK", "one", 1)]


@pytest.mark.parametrize(
    ("deleted", "left"),
    [([0], ("2", 2)), ([1], ("2", 2)), ([2], ("1", 2)), ([2, 1], ("0", 1)), ([0, 1, 2], None)],
)
async def test_deleting_a_message_leaves_the_conversation_right(
    store: Store, deleted: list[int], left: tuple[str, int] | None
) -> None:
    await enrol(store)
    sent = [(await receive(store, str(n), message_id=str(n))).sms for n in range(3)]
    other = (await receive(store, "other", sender="OTHER", message_id="other")).sms
    for n in deleted:
        await store.transact(lambda connection, sms=sent[n]: stored.delete_sms(connection, sms))  # type: ignore[misc]
    expected = [("gw-1", "OTHER", "other", 1)] + ([("gw-1", "BANK", *left)] if left else [])
    assert await talks(store) == expected
    ids = {row["id"] for row in await all_rows(store, t.sms)}
    assert ids == {sms.id for n, sms in enumerate(sent) if n not in deleted} | {other.id}
    told = {row["seq"] for row in await all_rows(store, t.events)}
    assert told.isdisjoint({sent[n].id for n in deleted})
    assert ids <= told


async def test_messages_outlive_their_device(store: Store) -> None:
    from goip.operations import remove_device

    await enrol(store)
    await beat(store)
    await receive(store, "kept", message_id="1")
    await remove_device(store, "gw-1")
    assert await search(store, "kept") == ["kept"]
    assert await talks(store) == [("gw-1", "BANK", "kept", 1)]
