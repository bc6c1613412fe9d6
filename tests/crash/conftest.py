"""Servers of the test's own, and the seed that all chance comes from."""

from __future__ import annotations

import os
import random
import secrets

import pytest

from tests.live_fixtures import _server_log, make_server, postgres_database

__all__ = ["_server_log", "make_server", "postgres_database"]


@pytest.fixture
def chance() -> random.Random:
    """Seeded; set GOIP_TEST_SEED to the seed that a failure printed to have the same moments again."""
    seed = os.environ.get("GOIP_TEST_SEED") or secrets.token_hex(4)
    print(f"GOIP_TEST_SEED={seed}")
    return random.Random(seed)
