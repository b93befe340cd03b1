"""`[approval]`: when a person is asked, how many, and for how long."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.forms import SECOND
from appliance.config.settings.setting import SEED, setting
from appliance.domain.limits import ApprovalMode

MODE = setting(
    "approval.mode",
    forms.one_of(ApprovalMode),
    "`auto`: what passes every rule is executed; `approve_each`: a person agrees to every order first.",
    default=ApprovalMode.AUTO,
    basis=SEED,
    environment="EXECUTION_APPROVAL_MODE",
)
NOTIONAL_MIN = setting(
    "approval.notional_min",
    forms.optional(forms.amount()),
    "Orders of at least this notional need a person, also in `auto`.",
    default=None,
    basis="no absolute amount suits every portfolio",
    unit="accounting asset",
)
FIRST_SYMBOL = setting(
    "approval.first_symbol",
    forms.boolean(),
    "An agent's first order in each instrument needs a person.",
    default=False,
    basis="`auto` asks nobody unless told to",
)
FIRST_ORDERS = setting(
    "approval.first_orders",
    forms.whole(0, 1_000),
    "An agent's first orders, this many, need a person.",
    default=0,
    basis="`auto` asks nobody unless told to",
    unit="orders",
)
PEOPLE_MIN = setting(
    "approval.people_min",
    forms.whole(1, 3),
    "How many different persons must agree to what needs a person; with 2 or 3, each with an account of their own.",
    default=1,
    basis="most appliances have one operator",
    unit="persons",
)
PROPOSAL_TTL = setting(
    "approval.proposal_ttl_sec",
    forms.duration(SECOND, 10, 86_400),
    "How long a proposal waits for a person; then it is void.",
    default=120 * SECOND,
    basis=SEED,
    unit="s",
)
PERMIT_TTL = setting(
    "approval.permit_ttl_sec",
    forms.duration(SECOND, 1, 60),
    "How long a permit may be used after the decision.",
    default=10 * SECOND,
    basis="long enough for a slow disk, short against a moving price",
    unit="s",
)
