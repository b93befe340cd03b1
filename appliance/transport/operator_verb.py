"""What every verb of an operator is."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from appliance.domain.operators import Role


class Verb(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb"):
    """A request."""

    needs: ClassVar[Role] = Role.ADMIN
    """The least role that may ask it. What says nothing needs the most."""
