"""An auditor needs the file and the public key, and finds whatever was changed."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from appliance.service.csv_text import csv_rows
from appliance.store.checkpoint import CheckpointKey
from appliance.store.seal import Sealer, sealed
from tests.cli.agents import Answer
from tests.cli.appliances import Appliance, new_appliance

ROOMY = "[limits]\nposition_max_pct = 20\nduplicate_window_sec = 1"


class Traded:
    """A journal with two purchases and one sale in it, and what the agent was told about them."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        child = appliance.mcp()
        agent = child.agent
        agent.fund()
        self.orders = [
            agent.order(side, amount, idempotency_key=key)
            for side, amount, key in (("buy", "0.02", "a"), ("buy", "0.03", "b"), ("sell", "0.04", "c"))
        ]
        assert child.leave() == 0


@pytest.fixture(scope="module")
def traded() -> Iterator[Traded]:
    with new_appliance(ROOMY) as appliance:
        yield Traded(appliance)


@pytest.fixture
def copy(traded: Traded) -> Iterator[Appliance]:
    """The same journal in a home of its own, to be damaged."""
    with new_appliance() as fresh:
        for name in ("journal.db", "journal.vkey"):
            (fresh.home / name).write_bytes((traded.appliance.home / name).read_bytes())
        yield fresh


def damage(appliance: Appliance, statement: str, *values: object) -> None:
    with sqlite3.connect(appliance.journal) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def test_a_journal_that_nobody_touched_is_whole(traded: Traded) -> None:
    said = traded.appliance.done("audit", "verify")
    report = traded.appliance.json("audit", "verify")
    assert (report["whole"], report["signed"], report["findings"]) == (True, True, [])
    assert said.startswith(f"OK {report['entries']} entries, {report['records']} records, signature good")
    assert report["root"] in said


def test_one_changed_byte_is_found_and_named(copy: Appliance) -> None:
    with sqlite3.connect(copy.journal) as connection:
        leaf = bytearray(connection.execute("SELECT leaf FROM entry WHERE seq = 3").fetchone()[0])
    connection.close()
    leaf[-2] ^= 1
    damage(copy, "UPDATE entry SET leaf = ? WHERE seq = 3", bytes(leaf))
    finished = copy.run("audit", "verify")
    assert finished.returncode == 4
    assert "entry 3:" in finished.stdout
    report = copy.run("audit", "verify", "--json")
    assert (report.returncode, json.loads(report.stdout)["whole"]) == (4, False)
    assert 3 in [finding["entry"] for finding in json.loads(report.stdout)["findings"]]


def test_a_journal_under_another_key_is_no_journal_of_ours(copy: Appliance, traded: Traded) -> None:
    with new_appliance() as stranger:
        stranger.done("agent", "list")
        vkey = (stranger.home / "journal.vkey").read_text().strip()
    assert copy.run("audit", "verify", "--vkey", vkey).returncode == 4


def test_an_old_checkpoint_finds_what_even_the_owner_of_the_key_changed(appliance: Appliance) -> None:
    appliance.add_agent("alice")
    before = appliance.journal.read_bytes()
    appliance.add_agent("bob")
    old = appliance.folder / "kept-elsewhere"
    old.write_text(appliance.done("audit", "prove", "1").partition("\n\n")[2])
    appliance.done("audit", "verify", "--checkpoint", str(old))

    appliance.journal.write_bytes(before)
    appliance.add_agent("carl")
    assert appliance.json("audit", "verify")["whole"]
    finished = appliance.run("audit", "verify", "--checkpoint", str(old))
    assert finished.returncode == 4
    assert "FAIL" in finished.stdout


def test_a_proof_convinces_somebody_who_has_only_the_public_key(traded: Traded, appliance: Appliance) -> None:
    proof = appliance.folder / "proof"
    proof.write_text(traded.appliance.done("audit", "prove", "3"))
    vkey = (traded.appliance.home / "journal.vkey").read_text().strip()
    said = appliance.done("audit", "check-proof", str(proof), "--vkey", vkey)
    assert said.startswith("OK entry 3 (")
    from_pipe = appliance.run("audit", "check-proof", "-", "--vkey", vkey, said=proof.read_text())
    assert (from_pipe.returncode, from_pipe.stdout) == (0, said)

    proof.write_text(proof.read_text().replace("index 3", "index 2"))
    tampered = appliance.run("audit", "check-proof", str(proof), "--vkey", vkey)
    assert (tampered.returncode, tampered.stdout.startswith("FAIL ")) == (4, True)


def test_a_proof_is_not_made_of_what_is_not_there(traded: Traded) -> None:
    finished = traded.appliance.run("audit", "prove", "100000")
    assert finished.returncode == 2
    assert "100000" in finished.stderr


@pytest.mark.parametrize("verb", [("verify",), ("prove", "0"), ("export",), ("export", "--format", "tax-csv")])
def test_a_journal_that_is_not_there_is_one_line(appliance: Appliance, verb: tuple[str, ...]) -> None:
    finished = appliance.run("audit", *verb)
    assert finished.returncode == 3
    assert str(appliance.journal) in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not appliance.journal.exists()


def test_the_whole_journal_is_exported_as_json_lines(traded: Traded) -> None:
    header, *entries = [json.loads(line) for line in traded.appliance.done("audit", "export").splitlines()]
    assert (header["format"], header["first"], header["last"]) == ("readytrader-journal/v1", 0, len(entries) - 1)
    assert len(entries) == traded.appliance.json("audit", "verify")["entries"]
    kinds = [entry["kind"] for entry in entries]
    assert (kinds[0], kinds[-1]) == ("core.started", "core.stopped")
    assert kinds.count("order.permitted") == 3
    output = traded.appliance.folder / "journal.jsonl"
    traded.appliance.done("audit", "export", "--output", str(output))
    assert [json.loads(line) for line in output.read_text().splitlines()] == [header, *entries]


REPORTS = (
    ("audit", "export"),
    ("audit", "export", "--from", "2", "--to", "5"),
    ("audit", "export", "--format", "csv"),
    ("audit", "export", "--format", "csv", "--from", "4", "--to", "3"),
    ("report", "tax", "--method", "average"),
    ("report", "tax", "--format", "json"),
    ("report", "daily", "--day", f"{datetime.now(UTC):%Y-%m-%d}"),
    ("report", "daily", "--format", "json"),
)


@pytest.mark.parametrize("verb", REPORTS, ids=" ".join)
def test_whatever_is_taken_out_proves_itself_with_the_public_key_and_comes_out_of_the_journal_again(
    traded: Traded, appliance: Appliance, verb: tuple[str, ...]
) -> None:
    vkey = (traded.appliance.home / "journal.vkey").read_text().strip()
    file = appliance.folder / "taken-out"
    file.write_text(traded.appliance.done(*verb))
    said = appliance.done("audit", "verify", "--file", str(file), "--vkey", vkey)
    assert said.startswith("OK ")
    again = appliance.done(
        "audit", "verify", "--file", str(file), "--vkey", vkey, "--journal", str(traded.appliance.journal)
    )
    assert "is what the journal gives" in again
    content = file.read_bytes()
    file.write_bytes(content.replace(b"1", b"2", 1) if b"1" in content else content[:-2])
    finished = appliance.run("audit", "verify", "--file", str(file), "--vkey", vkey)
    assert (finished.returncode, finished.stdout.startswith("FAIL ")) == (4, True)


def test_a_report_that_was_sealed_after_it_was_changed_is_found_by_whoever_has_the_journal(
    traded: Traded, appliance: Appliance
) -> None:
    """Whoever has the key can seal anything; the journal still says what it should have been."""
    key = CheckpointKey.load(traded.appliance.home / "keys" / "checkpoint.key")
    lines = traded.appliance.done("report", "tax").splitlines(keepends=True)[:-1]
    vkey = (traded.appliance.home / "journal.vkey").read_text().strip()
    forged = [line.replace("disposal", "acquisition") for line in lines]
    sealer = Sealer(key, vkey.partition("+")[0])
    file = appliance.folder / "forged.csv"
    file.write_bytes(b"".join(sealed([line.encode() for line in forged], sealer)))
    asked = ("audit", "verify", "--file", str(file), "--vkey", vkey)
    assert appliance.run(*asked).returncode == 0
    finished = appliance.run(*asked, "--journal", str(traded.appliance.journal))
    assert finished.returncode == 4
    assert ": not what the journal gives, which is 'disposal," in finished.stdout


def test_without_the_journals_own_key_a_report_is_not_sealed_and_says_so(traded: Traded, appliance: Appliance) -> None:
    finished = appliance.run("report", "tax", "--journal", str(traded.appliance.journal))
    assert (finished.returncode, "# seal" in finished.stdout) == (0, False)
    assert finished.stderr.startswith("not sealed: ")


def test_text_from_outside_is_no_formula_in_a_spreadsheet_and_numbers_stay_numbers() -> None:
    rows = csv_rows([["=1+1", "+x", "-2+3", "@SUM(A1)", " =1", "＝1", "ok", Decimal("-1.50"), -3, None]])
    assert rows == b"'=1+1,'+x,'-2+3,'@SUM(A1),' =1,'\xef\xbc\x9d1,ok,-1.5,-3,\n"


def amount(order: Answer, field: str) -> Decimal:
    return Decimal(order[field].split()[0])


def fee(order: Answer) -> Decimal:
    (text,) = order["fees"]
    return Decimal(text.split()[0])


def test_the_tax_report_has_what_was_paid_and_gained_to_the_last_digit(traded: Traded) -> None:
    """Sold first are the 0.02 that were bought first, then 0.02 of the 0.03."""
    report = traded.appliance.done("audit", "export", "--format", "tax-csv")
    assert report == traded.appliance.done("report", "tax")
    rows = list(csv.DictReader(line for line in report.splitlines() if not line.startswith("#")))
    rows = [row for row in rows if row["asset"] == "BTC" and row["row"] in ("acquisition", "disposal")]
    first, second, sale = traded.orders
    assert [row["order"] for row in rows] == [order["order_id"] for order in traded.orders]
    costs = [amount(o, "average_price") * amount(o, "filled") + fee(o) for o in (first, second)]
    assert [Decimal(row["value"]) for row in rows[:2]] == costs
    proceeds = amount(sale, "average_price") * Decimal("0.04") - fee(sale)
    cost_of_sold = costs[0] + costs[1] / Decimal("0.03") * Decimal("0.02")
    assert Decimal(rows[2]["value"]) == proceeds
    assert Decimal(rows[2]["cost"]) == cost_of_sold
    assert Decimal(rows[2]["gain"]) == proceeds - cost_of_sold
