"""Mutants of what people are given to read: files that prove themselves, reports, insights, logs, the doctor's word."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

EXPORT = "appliance/store/export.py"
EXPORTED = "tests/store/test_export.py"
LOTS = "appliance/service/tax_lots.py"
TAX = "appliance/service/tax.py"
TAXED = "tests/service/test_tax.py"
LOGS = "appliance/telemetry/logs.py"
LOGGED = "tests/telemetry/test_logs.py"
DOCTOR = "tests/doctor/test_doctor.py"
INSIGHTS = "tests/service/test_insights.py"

PROVEN = (
    Mutant(
        "an export's hashes need not make the signed root",
        EXPORT, "    if root_over(zip(nodes, hashes, strict=True)) != checkpoint.root:\n", "    if False:\n",
        EXPORTED, "every_changed_bit_of_an_export",
    ),
    Mutant(
        "an export's checkpoint may be signed by anybody",
        EXPORT, "        checkpoint = verifier.verify(header.checkpoint)\n",
        "        checkpoint = parse_unverified(header.checkpoint)\n",
        EXPORTED, "another_key_or_another_journal",
    ),
    Mutant(
        "an export's entries are not looked at",
        EXPORT, "        if seen != pin:\n", "        if False:\n",
        EXPORTED, "first_wrong_line",
    ),
    Mutant(
        "anything may follow an export's last entry",
        EXPORT, "    if file.read(1):\n", "    if False:\n",
        EXPORTED, "dropped_swapped",
    ),
    Mutant(
        "a report's seal is good for any report",
        "appliance/store/seal.py", "    if text != expected:\n", "    if False:\n",
        EXPORTED, "cut_of_a_sealed_report",
    ),
)  # fmt: skip

REPORTED = (
    Mutant(
        "last in, first out takes the oldest",
        LOTS, "                return Fraction(-self._count)\n", "                return Fraction(self._count)\n",
        TAXED, "own_lots",
    ),
    Mutant(
        "highest in, first out takes the largest lot",
        LOTS, "-Fraction(lot.cost) / Fraction(lot.quantity)", "-Fraction(lot.cost)",
        TAXED, "per_unit",
    ),
    Mutant(
        "a fee in the quote asset is dropped",
        TAX, "            gross = LEDGER.add(gross, sign * fill.fee)\n", "            pass\n",
        TAXED, "fees_in_quote",
    ),
    Mutant(
        "a fee in a third asset is dropped",
        TAX, "            fee_value = paid.cost\n", "            fee_value = ZERO\n",
        TAXED, "fees_in_quote",
    ),
    Mutant(
        "a day is told with each look",
        "appliance/service/daily_notice.py",
        "        if (told is None or told < yesterday) and self._tried != yesterday:\n",
        "        if True:\n",
        "tests/service/test_daily.py", "told_once",
    ),
    Mutant(
        "what decides may read an insight",
        "appliance/pipeline/decide.py", "from appliance.domain.snapshot import Snapshot\n",
        "from appliance.domain.snapshot import Snapshot\nfrom appliance.domain.told import Insight  # noqa: F401\n",
        INSIGHTS, "can_even_name",
    ),
    Mutant(
        "an insight is whose it says it is",
        "appliance/transport/insight_tools.py", "    if asked.agent_id not in (None, me):\n",
        "    me = asked.agent_id or me  # type: ignore[assignment]\n    if False:\n",
        INSIGHTS, "tools_are_offered",
    ),
    Mutant(
        "what was loosened on paper holds for real money",
        "appliance/service/limit_book.py", "        if looser and change.mode is not self._mode:\n",
        "        if False:\n",
        "tests/service/test_limit_book.py", "loosened_on_paper",
    ),
)  # fmt: skip

LOOKED_AT = (
    Mutant(
        "a traceback as text tells secrets",
        LOGS, '            text = f"{first} [{request_id}]{newline}{rest}"\n        return self._redact(text)\n',
        '            text = f"{first} [{request_id}]{newline}{rest}"\n'
        '        first, newline, rest = text.partition("\\n")\n'
        "        return self._redact(first) + newline + rest\n",
        LOGGED, "a and traceback and text",
    ),
    Mutant(
        "a traceback as JSON tells secrets",
        LOGS, "{name: self._redact(text) for name, text in fields.items()}",
        '{name: text if name == "exception" else self._redact(text) for name, text in fields.items()}',
        LOGGED, "a and traceback and json",
    ),
    Mutant(
        "the doctor says that all is well",
        "appliance/doctor/examination.py", "level=worst(finding.level for finding in findings),", "level=Level.OK,",
        DOCTOR, "fails_of_its_own",
    ),
    Mutant(
        "a check of the disk's room always passes",
        "appliance/doctor/storage.py", "    if free < SPACE_FAIL:\n", "    if False:\n",
        DOCTOR, "disk and full",
    ),
    Mutant(
        "a check of the venues' keys always passes",
        "appliance/doctor/running.py", "        elif venue.can_withdraw:\n", "        elif False:\n",
        DOCTOR, "key and can and withdraw",
    ),
)  # fmt: skip
