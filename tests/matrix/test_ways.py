"""What is no address: every frame of a socket, every job, and what else could tell something.

Each has a row that says as whom it acts and which test asks as somebody without the right. A frame
or a job without a row fails; so does a row whose test is gone.
"""

import re
from typing import get_args, get_origin, get_type_hints

from celery import current_app

from apps.chat import frames
from tests.guards.code import ROOT

_CHAT = "tests/apps/chat/test_rights.py"
_STRANGER = f"{_CHAT}::test_a_stranger_gets_nothing_for_the_ids_of_another"

# Frame that a client sends → the test that sends it as who may not.
FRAMES = {
    "ask": _STRANGER,
    "regenerate": _STRANGER,
    "edit": _STRANGER,
    "follow": _STRANGER,
    "stop": _STRANGER,
}

# Job → as whom it acts. A job for a person resolves their scope anew when it runs.
JOBS = {
    "accounts.forget_sessions": "system: removes sessions that are over",
    "accounts.tell": "system: writes to the person whom one event is about",
    "chat.close_interrupted": "system: ends answers, reads none",
    "directory.due": "system: names directories whose time has come",
    "directory.sync": "system: people, groups and roles as the directory and its mapping say",
    "directory.watch": "system: ends the sessions and keys of leavers",
    "documents.clean_up": "system: erases what a person deleted",
    "documents.embed": "system: one version, named by its run",
    "documents.parse": "system: one version, named by its run",
    "documents.reconcile": "system: numbers",
    "documents.sweep": "system: sends again what was lost",
    "events.relay": "system: every event to the SIEM that the environment names, without names of documents",
    "events.seal": "system: appends links to the chain of events",
    "events.verify": "system: numbers",
    "index.optimize": "system: numbers",
    "intake.sweep": "system: forgets what did not arrive",
    "intake.unpack": "person: who uploaded the archive, as they are when it runs",
    "isolation.prove": "people of its own, planted and removed",
    "scim.settle": "system: groups and roles as the rules of a source say",
    "sources.due": "system: names sources whose time has come",
    "sources.sync": "person: who saved the source, asked again while it runs",
    "webhooks.deliver": "application or administrator of each webhook, asked again for each message",
    "webhooks.forget": "system: removes messages that are over",
}

# What else could tell something → the test that looks.
OTHER = {
    "open socket after a revocation": f"{_CHAT}::test_a_revoked_grant_bites_on_the_next_frame_of_an_open_socket",
    "running answer after a revocation": f"{_CHAT}::test_a_grant_that_is_revoked_while_the_answer_runs_ends_it_for_the_reader",
    "stored answer": f"{_CHAT}::test_a_stored_answer_is_withheld_after_the_revocation",
    "stored citation": f"{_CHAT}::test_a_stored_answer_is_withheld_after_the_revocation",
    "title": f"{_CHAT}::test_the_title_is_withheld_with_the_first_turn",
    "search over conversations": f"{_CHAT}::test_finding_looks_into_nothing_that_is_withheld",
    "history of the next prompt": f"{_CHAT}::test_history_of_the_next_prompt_leaves_out_what_is_withheld",
    "error and absence": "tests/guards/test_routes.py::test_a_stranger_cannot_tell_a_thing_from_nothing",
    "counts and traces of search": "tests/apps/isolation/test_prove.py::test_nothing_leaks_through_any_entry",
    "suggestions of find": "tests/apps/isolation/test_prove.py::test_nothing_leaks_through_any_entry",
    "cached rows of a queryset": "tests/apps/permissions/test_elsewhere.py::",
    "events of a document": "tests/apps/events/test_events.py::",
}


def _sent_by_clients() -> set[str]:
    kinds = set()
    for name in ("Ask", "Regenerate", "Edit", "Follow", "Stop"):
        hint = get_type_hints(getattr(frames, name)).get("type")
        if get_origin(hint) is not None:
            kinds |= set(get_args(hint))
    return kinds


def _declared_jobs() -> set[str]:
    current_app.loader.import_default_modules()
    return {name for name in current_app.tasks if not name.startswith("celery.")}


def test_every_frame_of_a_client_has_a_row() -> None:
    assert set(FRAMES) == _sent_by_clients()


def test_every_job_has_a_row() -> None:
    assert sorted(_declared_jobs() - set(JOBS)) == []


def test_no_row_names_a_job_that_is_gone() -> None:
    assert sorted(set(JOBS) - _declared_jobs()) == []


def test_the_tests_that_rows_name_are_there() -> None:
    for where in {*FRAMES.values(), *OTHER.values()}:
        file, _gap, name = where.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"def {name}" if name else r"def test_", text), where
