"""Access tokens that are not ours, and refresh tokens in their order."""

import base64
import json

import jwt
import pytest

from goip.auth.tokens import Tokens, hash_refresh, new_refresh_token, session_of
from goip.errors import StartupError, Unauthorized
from tests.conftest import FakeClock

SECRET = "s" * 32


@pytest.fixture
def tokens(clock: FakeClock) -> Tokens:
    return Tokens(SECRET, clock)


def access(tokens: Tokens) -> str:
    return tokens.access(user_id=7, username="vera", role="viewer", session_id="abc", lives_seconds=60)


def refused(tokens: Tokens, token: str) -> bool:
    with pytest.raises(Unauthorized) as refusal:
        tokens.read(token)
    return refusal.value.code == "invalid_token"


def part(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_says_what_it_was_made_with(tokens: Tokens, clock: FakeClock) -> None:
    claims = tokens.read(access(tokens))
    assert (claims.user_id, claims.username, claims.role, claims.session_id) == (7, "vera", "viewer", "abc")
    assert claims.expires_at == (clock() // 1000 + 60) * 1000


def test_a_tampered_token_is_refused(tokens: Tokens) -> None:
    header, payload, signature = access(tokens).split(".")
    as_admin = part({**claims_of(access(tokens)), "role": "admin"})
    assert refused(tokens, f"{header}.{as_admin}.{signature}")
    assert refused(tokens, f"{header}.{payload}.{'A' * len(signature)}")
    assert refused(tokens, f"{header}.{payload}.")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
def test_a_token_without_a_signature_is_refused(tokens: Tokens, algorithm: str) -> None:
    header = part({"alg": algorithm, "typ": "JWT"})
    assert refused(tokens, f"{header}.{part(claims_of(access(tokens)))}.")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_token_of_another_algorithm_is_refused_though_the_key_is_right(
    tokens: Tokens, algorithm: str
) -> None:
    key = tokens._access_key * 2
    assert refused(tokens, jwt.encode(claims_of(access(tokens)), key, algorithm=algorithm))


def test_a_token_of_another_secret_or_issuer_is_refused(tokens: Tokens, clock: FakeClock) -> None:
    assert refused(tokens, access(Tokens("t" * 32, clock)))
    assert refused(
        tokens, jwt.encode({**claims_of(access(tokens)), "iss": "other"}, tokens._access_key, "HS256")
    )


@pytest.mark.parametrize("claim", ["iss", "sub", "sid", "name", "role", "iat", "exp"])
def test_a_token_that_lacks_a_claim_is_refused(tokens: Tokens, claim: str) -> None:
    claims = claims_of(access(tokens))
    del claims[claim]
    assert refused(tokens, jwt.encode(claims, tokens._access_key, "HS256"))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        "\ud800.b.c",
        "x" * 100_000,
        part({}) + ".e30.AA",
        "[" * 2000 + ".e30.AA",
    ],
)
def test_what_is_no_token_at_all_is_refused(tokens: Tokens, token: str) -> None:
    assert refused(tokens, token)


def test_a_refresh_token_is_no_access_token(tokens: Tokens) -> None:
    assert refused(tokens, new_refresh_token())


def test_a_refresh_token_has_one_successor_in_the_same_session(tokens: Tokens, clock: FakeClock) -> None:
    first = new_refresh_token()
    second = tokens.following(first)
    assert second == tokens.following(first) != first
    assert session_of(second) == session_of(first)
    assert tokens.following(second) not in (first, second)
    assert Tokens("t" * 32, clock).following(first) != second


def test_what_is_stored_of_a_refresh_token_does_not_show_it() -> None:
    token = new_refresh_token()
    assert token not in hash_refresh(token)
    assert len(hash_refresh(token)) == 64


def test_a_secret_must_be_long(clock: FakeClock) -> None:
    with pytest.raises(StartupError, match="at least 32 characters"):
        Tokens("x" * 31, clock)
