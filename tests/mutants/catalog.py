"""The mutants: one promise broken each, as somebody in a hurry would break it, and the tests that must notice."""

from __future__ import annotations

from tests.mutants.after_the_answer import AGREEING, ASKING, BOOKING, STOPPING
from tests.mutants.before_the_answer import CHECKS, PERMITS, SENDING
from tests.mutants.of_telling import TELLING
from tests.mutants.people_come_in import DOOR, SIGNING_IN
from tests.mutants.people_decide import AGREEING_PEOPLE, LIMITS_HOLD
from tests.mutants.taken_out import LOOKED_AT, PROVEN, REPORTED

MUTANTS = (
    CHECKS
    + SENDING
    + PERMITS
    + ASKING
    + BOOKING
    + AGREEING
    + STOPPING
    + AGREEING_PEOPLE
    + LIMITS_HOLD
    + TELLING
    + DOOR
    + SIGNING_IN
    + PROVEN
    + REPORTED
    + LOOKED_AT
)
