"""What it costs to resolve somebody's rights, with many groups.

python -m bench.rights [--groups 1000] [--levels 4] [--collections 200] [--rounds 200]

On an empty database of its own. One person is in a tenth of the groups; groups lie in groups; every
tenth group holds a role in one of 50 workspaces, every twentieth a grant on a collection.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("groups", 1000), ("levels", 4), ("collections", 200), ("rounds", 200)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as folder:
        os.environ |= {"KB_DATA_DIR": folder, "KB_ENGINES": "fake", "KB_SECRET_KEY": "k" * 50}
        os.environ |= {"DJANGO_SETTINGS_MODULE": "kb_platform.settings"}
        import django  # noqa: PLC0415 - after the environment, which settings read

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415 - after the set-up

        call_command("migrate", verbosity=0)
        _measure(options)


def _measure(options: argparse.Namespace) -> None:
    from django.db import connection  # noqa: PLC0415 - after the set-up
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415 - after the set-up

    from apps.workspaces.scopes import scope_of  # noqa: PLC0415 - after the set-up

    user = _fill(options)
    with CaptureQueriesContext(connection) as asked:
        scope = scope_of(user)
    times = []
    for _ in range(options.rounds):
        begun = time.perf_counter()
        scope_of(user)
        times.append(1000 * (time.perf_counter() - begun))
    times.sort()
    print(
        f"{options.groups} groups, {options.levels} levels, {options.collections} collections: "
        f"{len(asked)} queries, {len(scope.workspaces)} workspaces and {len(scope.readable)} "
        f"collections reached; p50 {statistics.median(times):.1f} ms, "
        f"p95 {times[int(0.95 * len(times))]:.1f} ms"
    )


def _fill(options: argparse.Namespace) -> Any:
    from apps.accounts.models import Group, GroupMember, Nesting, User  # noqa: PLC0415
    from apps.permissions.scope import system_scope  # noqa: PLC0415
    from apps.workspaces.models import (  # noqa: PLC0415
        Collection,
        CollectionGrant,
        Member,
        Workspace,
    )

    dice = random.Random(5)
    with system_scope("bench: a world of groups"):
        user = User.objects.create_user(email="bench@example.com")
        groups = Group.objects.bulk_create(Group(name=f"g{n}") for n in range(options.groups))
        rooms = Workspace.objects.bulk_create(
            [Workspace(name=f"w{n}", slug=f"w{n}") for n in range(50)]
        )
        places = Collection.objects.bulk_create(
            [
                Collection(workspace=dice.choice(rooms), name=f"c{n}", is_open=n % 2 == 0)
                for n in range(options.collections)
            ]
        )
        mine = dice.sample(groups, options.groups // 10)
        GroupMember.objects.bulk_create(GroupMember(group=group, user=user) for group in mine)
        size = options.groups // options.levels
        Nesting.objects.bulk_create(
            Nesting(outer=groups[n + size], inner=groups[n]) for n in range(options.groups - size)
        )
        Member.objects.bulk_create(
            [Member(workspace=dice.choice(rooms), group=group) for group in groups[::10]],
        )
        CollectionGrant.objects.bulk_create(
            [
                CollectionGrant(collection=place, workspace_id=place.workspace_id, group=group)
                for place, group in zip(places, groups[::20], strict=False)
            ]
        )
    return user


if __name__ == "__main__":
    main()
