"""SMSsync at the real server."""

from __future__ import annotations

from tests.api.conftest import Client, refused
from tests.api.test_inbound import ENROLMENT_KEY, messages, store_of

TAKEN = b'{"payload":{"success":true,"error":null}}'
FORM = {
    "secret": "sesame",
    "from": "+15550101",
    "message": "Hello",
    "sent_timestamp": "1795238540000",
    "sent_to": "+15550199",
    "message_id": "042b3515-ef6b-f424-c4qd",
    "device_id": "kisumu-1",
}


async def test_a_message_is_stored_once_and_answered_to_the_byte(client: Client) -> None:
    for _ in range(3):
        answer = await client.post(f"/in/smssync/{ENROLMENT_KEY}", data=FORM)
        assert (answer.status, answer.content_type, await answer.read()) == (200, "application/json", TAKEN)
    another = await client.post(f"/in/smssync/{ENROLMENT_KEY}", data={**FORM, "message_id": "2"})
    assert await another.read() == TAKEN
    stored = await messages(client)
    assert [(each["deviceId"], each["sender"], each["recipient"]) for each in stored] == [
        ("kisumu-1", "+15550101", "+15550199")
    ] * 2


async def test_to_ask_for_tasks_is_a_sign_of_life(client: Client) -> None:
    answer = await client.get(f"/in/smssync/{ENROLMENT_KEY}/kisumu-1?task=send&secret=sesame")
    assert await answer.json() == {"payload": {"task": "send", "secret": "", "messages": []}}
    device = store_of(client).fleet.find("kisumu-1")
    assert device is not None
    assert (device.make, device.status) == ("smssync", "online")
    assert await messages(client) == []


async def test_an_incomplete_message_is_not_taken(client: Client) -> None:
    form = {name: value for name, value in FORM.items() if name != "from"}
    body = await refused(await client.post(f"/in/smssync/{ENROLMENT_KEY}", data=form), 400, "invalid_payload")
    assert list(body["fields"]) == ["from"]
    assert store_of(client).fleet.find("kisumu-1") is None
