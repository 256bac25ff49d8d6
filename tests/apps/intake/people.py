"""Makes alice, her collection and her key in an empty installation, and prints their ids.
``python -m tests.apps.intake.people``"""

import json
import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from tests import factories  # noqa: E402


def main() -> None:
    call_command("migrate", verbosity=0)
    alice = factories.make_user("alice")
    collection = factories.make_collection(factories.make_workspace(manager=alice), "Contracts")
    _row, key = factories.make_api_key(alice)
    sys.stdout.write(json.dumps({"collection": str(collection.pk), "key": key}) + "\n")


if __name__ == "__main__":
    main()
