"""What a caller shows, and where it is found."""

import base64

import pytest
from multidict import CIMultiDict

from goip.auth import csrf
from goip.auth.credentials import (
    ACCESS_COOKIE,
    COOKIES,
    CSRF_COOKIE,
    cookie_attributes,
    key_in_headers,
    key_in_query,
)
from goip.errors import Forbidden


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "query", "key"),
    [
        ({"Authorization": "Bearer abc"}, {}, "abc"),
        ({"authorization": "bearer   abc "}, {}, "abc"),
        ({"X-Api-Key": " abc "}, {}, "abc"),
        ({"Authorization": basic("gateway", "abc")}, {}, "abc"),
        ({"Authorization": basic("", "a:b:c")}, {}, "a:b:c"),
        ({"Authorization": basic("gateway", "клю́ч")}, {}, "клю́ч"),
        ({}, {"key": "abc"}, "abc"),
        ({"Authorization": "Bearer first", "X-Api-Key": "second"}, {"key": "third"}, "first"),
        ({"Authorization": "Digest x"}, {"key": "abc"}, "abc"),
    ],
)
def test_a_key_is_found_wherever_the_hardware_can_put_it(
    headers: dict[str, str], query: dict[str, str], key: str
) -> None:
    assert (key_in_headers(CIMultiDict(headers)) or key_in_query(query)) == key


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic /w=="},
        {"Authorization": basic("only a name", "")},
        {"X-Api-Key": "  "},
    ],
)
def test_where_there_is_no_key_none_is_found(headers: dict[str, str]) -> None:
    assert not key_in_headers(CIMultiDict(headers))
    assert key_in_query({"key": " "}) is None


@pytest.mark.parametrize("name", COOKIES)
def test_no_cookie_of_ours_goes_with_another_sites_request(name: str) -> None:
    assert cookie_attributes(name, is_https=True)["samesite"] == "Strict"
    assert cookie_attributes(name, is_https=True)["secure"] is True
    assert cookie_attributes(name, is_https=False)["secure"] is False


def test_the_page_can_read_only_what_it_has_to_repeat() -> None:
    assert [name for name in COOKIES if not cookie_attributes(name, is_https=True)["httponly"]] == [
        CSRF_COOKIE
    ]
    assert cookie_attributes(ACCESS_COOKIE, is_https=True)["path"] == "/"


def test_a_header_that_repeats_the_cookie_is_let_through() -> None:
    value = csrf.new_csrf_token()
    csrf.check({"goip_csrf": value}, CIMultiDict({"x-csrf-token": value}))


@pytest.mark.parametrize(
    ("cookie", "header"),
    [("a", "b"), ("a", ""), ("", "a"), ("", ""), ("a", None), (None, "a"), ("é", "\udcff")],
)
def test_a_header_that_is_missing_or_wrong_is_forbidden(cookie: str | None, header: str | None) -> None:
    cookies = {} if cookie is None else {"goip_csrf": cookie}
    headers = {} if header is None else {"X-CSRF-Token": header}
    with pytest.raises(Forbidden) as refusal:
        csrf.check(cookies, headers)
    assert refusal.value.code == "csrf"
