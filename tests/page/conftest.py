"""The Chromium of these tests ends with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.page.browser import shared


@pytest.fixture(scope="session", autouse=True)
def _chromium_ends() -> Iterator[None]:
    yield
    shared.close()
