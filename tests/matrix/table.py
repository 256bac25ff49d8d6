"""The table as a file: a row an address and method, a column an actor.

    FOOTNOTE_MATRIX=write pytest -n0 tests/matrix

writes it from what the program answers; read the difference before committing it.
"""

import csv
from pathlib import Path

FILE = Path(__file__).parent / "expected.csv"
WORDS = {
    401: "sign in",
    403: "refused",
    404: "absent",
}


def word(status: int, location: str) -> str:
    """What an answer means to who asked. What is wrong in the body was looked at after the right."""
    if location.startswith("/sign-in"):
        return "sign in"
    if status in WORDS:
        return WORDS[status]
    assert status != 429, "a limit of the test's caller, and no answer"
    return "yes" if status < 400 else "incomplete"


def load() -> dict[str, dict[str, str]]:
    """{"GET w/<slug:slug>/": {actor: word}}."""
    if not FILE.exists():
        return {}
    with FILE.open(encoding="utf-8", newline="") as file:
        return {row.pop("address"): row for row in csv.DictReader(file)}


def save(column: str, answers: dict[str, str], columns: list[str]) -> None:
    """Replace one column; rows that no answer is for any more go."""
    rows = load()
    kept = {address: {**rows.get(address, {}), column: said} for address, said in answers.items()}
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["address", *columns], restval="", lineterminator="\n")
        writer.writeheader()
        for address in sorted(kept, key=_by_address):
            writer.writerow({"address": address, **kept[address]})


def _by_address(row: str) -> tuple[str, str]:
    method, _gap, pattern = row.partition(" ")
    return pattern, method
