"""Every operation of the OpenAPI document, with data that fits it and data that does not, as everybody.

GOIP_FUZZ_EXAMPLES says how often each is called in each way; a thousand is a good night's work.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import booleans, sampled_from
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.fuzz.neighbour import must_be_decent
from tests.http_calls import bearer
from tests.live_server import LiveServer

N_EXAMPLES = int(os.environ.get("GOIP_FUZZ_EXAMPLES", "12"))
LONGEST_ANSWER_SECONDS = 10.0
CALLERS = ["admin", "admin", "viewer", "device", "nobody"]

load_all_checks()


@pytest.fixture(scope="module")
def document(server: LiveServer) -> dict[str, Any]:
    """The document, but for how long a long poll may wait: nobody has the time."""
    document: dict[str, Any] = server.get("/api/openapi.json").must()
    for operations in document["paths"].values():
        for parameter in operations.get("get", {}).get("parameters", []):
            if parameter["name"] == "wait":
                parameter["schema"] |= {"maximum": 0.05}
    return document


def proof_of(caller: str, server: LiveServer) -> dict[str, str]:
    """The headers of a caller who was made for this alone: some operations end what they are called with."""
    if caller == "nobody":
        return {}
    if caller == "device":
        return bearer(server.enrol(server.new_id("fuzzer")))
    body = {
        "name": server.new_id("fuzzer"),
        "scopes": ["read"] if caller == "viewer" else ["read", "operate", "admin"],
    }
    return bearer(server.post("/api/tokens", body, server.admin).must(201)["apiToken"])


def real_ids(server: LiveServer) -> dict[str, str]:
    """Something that is there, for every parameter of a path: new each time, for it may be removed."""
    device_id = server.new_id("real")
    slot = {
        "slotIndex": 0,
        "carrierName": "Example",
        "iccid": "8901490312345678901",
        "phoneNumber": "+15550100",
    }
    key = server.enrol(device_id, name="Real", batteryLevel=50, signalStrength=20, simSlots=[slot])
    sms = server.receive_sms(device_id, key, "hello", slotIndex=0).must()
    body = {"username": device_id, "password": "password-of-a-user", "role": "viewer"}
    user = server.post("/api/users", body, server.admin).must(201)["user"]
    token = server.post("/api/tokens", {"name": device_id, "scopes": ["read"]}, server.admin).must(201)[
        "token"
    ]
    return {"deviceId": device_id, "smsId": sms["messageId"], "userId": user["id"], "tokenId": token["id"]}


@pytest.mark.timeout(180 + 60 * N_EXAMPLES)
def test_no_operation_is_upset_by_anything_from_anybody(
    document: dict[str, Any], server: LiveServer, subtests: pytest.Subtests
) -> None:
    operations = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(operations) > 30
    n_calls = 0
    with requests.Session() as session:
        for operation in operations:
            proofs = {caller: proof_of(caller, server) for caller in CALLERS}
            for mode in schemathesis.GenerationMode:
                with subtests.test(msg=f"{operation.label}, {mode}"):
                    n_calls += fuzz(operation, mode, server, session, proofs, real_ids(server))
    print(f"{n_calls} calls of {len(operations)} operations")
    assert n_calls > 2 * len(operations)


def fuzz(
    operation: schemathesis.APIOperation,
    mode: schemathesis.GenerationMode,
    server: LiveServer,
    session: requests.Session,
    proofs: dict[str, dict[str, str]],
    real: dict[str, str],
) -> int:
    """Call it with whatever comes to mind, as everybody; returns how often."""
    n_calls = 0

    @settings(max_examples=N_EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), caller=sampled_from(CALLERS), is_real=booleans())
    def call(case: schemathesis.Case, caller: str, is_real: bool) -> None:
        nonlocal n_calls
        n_calls += 1
        if is_real:
            case.path_parameters.update(
                {name: id_ for name, id_ in real.items() if name in case.path_parameters}
            )
        response = case.call(
            base_url=server.url,
            session=session,
            headers=proofs[caller],
            timeout=LONGEST_ANSWER_SECONDS,
            allow_redirects=False,
        )
        headers = {name.title(): ", ".join(values) for name, values in response.headers.items()}
        must_be_decent(response.status_code, headers, response.content, f"{caller}: {case.as_curl_command()}")
        if response.status_code < 300:
            case.validate_response(response, checks=[response_schema_conformance])

    with contextlib.suppress(Unsatisfiable):  # what takes nothing cannot be given anything wrong
        call()
    return n_calls
