"""One of everything in a live installation, and a key of each caller; printed as JSON.

python -m tests.fuzz.seed, in the environment of an installation.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_platform.settings")
django.setup()

from apps.accounts.models import User  # noqa: E402
from apps.documents.models import Chunk, PassageEdit  # noqa: E402
from apps.permissions.roles import KeyScope  # noqa: E402
from apps.permissions.scope import system_scope  # noqa: E402
from apps.workspaces.models import Collection  # noqa: E402
from tests import factories  # noqa: E402


def main() -> None:
    administrator = factories.make_user("fuzz-admin", is_administrator=True)
    manager, member = factories.make_user("fuzz-manager"), factories.make_user("fuzz-member")
    workspace = factories.make_workspace("Procurement", manager=manager)
    collection = factories.make_collection(workspace, "Contracts", is_open=False)
    factories.make_grant(collection, member)
    people = {"administrator": administrator, "manager": manager, "member": member}
    keys = {name: factories.make_api_key(person)[1] for name, person in people.items()}
    keys["read-only key"] = factories.make_api_key(manager, scope=KeyScope.READ)[1]
    seeded = {
        "workspace": workspace.slug,
        **_documents(collection),
        **_things(collection, manager, member),
        **factories.make_application_names(),
    }
    names = {name: str(value) for name, value in seeded.items()}
    sys.stdout.write(json.dumps({"keys": keys, "names": names}))


def _documents(collection: Collection) -> dict[str, object]:
    document = factories.make_document(collection)
    with system_scope("test: fuzz"):
        edit = PassageEdit.objects.create(collection=collection, document=document, text="t")
        chunk = Chunk.objects.filter(document=document)[0]
    return {
        "collection": collection.pk,
        "document": document.pk,
        "version": document.current_id,
        "chunk": chunk.pk,
        "edit": edit.pk,
    }


def _things(collection: Collection, manager: User, member: User) -> dict[str, object]:
    conversation = factories.make_conversation(manager, workspace=collection.workspace)
    source, rule = factories.make_source(collection, manager), factories.make_rule()
    other = factories.make_user("fuzz-other")
    return {
        "member": factories.make_member(collection.workspace, member).pk,
        "grant": factories.make_grant(collection, other).pk,
        "source": source.pk,
        "run": factories.make_source_run(source).pk,
        "conversation": conversation.pk,
        "turn": factories.make_turn(conversation).pk,
        "key": factories.make_api_key(manager)[0].pk,
        "unpacking": factories.make_unpacking(collection).pk,
        "upload": factories.make_upload(manager, collection).pk,
        "access": factories.make_access_request(collection, other).pk,
        "user": other.pk,
        "group": factories.make_group().pk,
        "inner": factories.make_group().pk,
        "role": factories.make_role().pk,
        "rule": rule.pk,
        "identity_source": rule.source_id,
        "directory": rule.source.directory.pk,
    }


if __name__ == "__main__":
    main()
