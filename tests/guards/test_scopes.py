"""Reaching beyond a scope is loud, short, explained, and on a list."""

import ast

from tests.guards.code import calls, modules

# The reason of every system_scope("reason") in the product, by file.
APPROVED = {
    "apps/accounts/group_pages.py": {
        "administration: numbers of rows, none of their content",
    },
    "apps/accounts/groups.py": {
        "delete a group: its roles and grants go with it",
    },
    "apps/accounts/management/commands/create_api_key.py": {
        "command line: whoever may run it owns the installation",
    },
    "apps/accounts/management/commands/rotate_secrets.py": {
        "command line: whoever may run it owns the installation",
    },
    "apps/accounts/management/commands/factor_link.py": {
        "command line: whoever may run it owns the installation",
    },
    "apps/accounts/management/commands/reset_link.py": {
        "command line: whoever may run it owns the installation",
    },
    "apps/accounts/second_factor/passkeys.py": {
        "sign-in: whose passkey this is",
    },
    "apps/accounts/services.py": {
        "first run: there is nobody yet who could allow it",
        "one-time link: the person is not signed in yet",
        "sign-in: whose key this is",
    },
    "apps/gateway/accounts.py": {
        "accounts of models: judging a version that is tried",
    },
    "apps/gateway/limits.py": {
        "budgets: names for an administrator",
        "budgets: the workspace that an administrator names",
    },
    "apps/gateway/usage.py": {
        "accounts of models: names of workspaces for an administrator",
    },
    "apps/directory/mapping.py": {
        "mapping of outside groups: names of workspaces for an administrator",
        "mapping of outside groups: roles are given and taken back",
        "mapping of outside groups: which roles this source gave",
    },
    "apps/directory/people.py": {
        "a person of an outside source comes in for the first time",
        "a person of an outside source counts there again",
        "a person of an outside source has another name there",
        "a person of an outside source left: rights, keys and documents",
    },
    "apps/documents/management/commands/reconcile.py": {
        "command line: whoever may run it owns the installation",
    },
    "apps/documents/management/commands/reembed.py": {
        "command line: whoever may run it owns the installation",
    },
    "apps/documents/embedding/services.py": {
        "re-embedding: documents that were refused",
        "re-embedding: every current version",
        "re-embedding: how many passages there are, not what they say",
        "re-embedding: runs of a table that goes",
        "re-embedding: what is missing in the new table",
    },
    "apps/documents/runs/reindex.py": {
        "rebuild of the index: every current version is embedded again",
    },
    "apps/documents/services.py": {
        "upload refused: does another document have these bytes?",
    },
    "apps/documents/runs/waiting.py": {
        "place in the queue: how many wait, not what",
    },
    "apps/documents/why/answers.py": {
        "why: whoever manages members may name the listed collections",
        "why: whose key this is",
    },
    "apps/documents/why/programs.py": {
        "why: whether somebody holds anything in this workspace",
    },
    "apps/engines/vllm/registration.py": {
        "engine serve: its replicas are model servers",
    },
    "apps/events/management/commands/erase_from_events.py": {
        "command line: whoever may run it owns the installation",
    },
    "apps/events/management/commands/verify_events.py": {
        "command line: whoever may run it owns the installation",
    },
    "apps/isolation/caller.py": {
        "proof: what a visitor asked is forgotten before they ask again",
    },
    "apps/isolation/prove.py": {
        "proof: what it found is written down",
    },
    "apps/isolation/stored.py": {
        "proof: an answer from before the right ended is stored",
    },
    "apps/isolation/world.py": {
        "proof: secrets are planted in workspaces of their own",
        "proof: what was planted is removed",
    },
    "apps/permissions/models.py": {
        "cascade of a delete that was checked",
    },
    "apps/scim/views.py": {
        "scim: what another system tells of the people of its source",
    },
    "apps/signon/services.py": {
        "sign-on: a person who was never here",
        "sign-on: the person is not signed in yet",
        "sign-on: the provider ends sessions, nobody is signed in",
    },
    "apps/workspaces/handover/planning.py": {
        "hand over: what somebody looks after, and whether another person could",
    },
    "apps/workspaces/handover/services.py": {
        "hand over: who looks after what in a workspace that the actor manages",
        "hand over: whoever gives it away need not be able to read it",
    },
    "apps/workspaces/roles/granting.py": {
        "what roles alone give, before one is given on",
    },
    "apps/workspaces/collections.py": {
        "collections end: quotes, files and vectors of everybody's documents go",
    },
    "apps/workspaces/queries.py": {
        "listed collections: members see the names of those they cannot open",
    },
    "apps/topics/services.py": {
        "topics: which personal key begins like this",
    },
    "apps/workspaces/access/queries.py": {
        "access requests: the name that was asked for, for who asked and who decides",
    },
    "apps/workspaces/rights/explain.py": {
        "why somebody can or cannot open a collection",
    },
    "apps/workspaces/roles/pages.py": {
        "administration: how many hold a role, not who and where",
    },
    "apps/workspaces/roles/services.py": {
        "delete a role: who holds it, in any workspace",
    },
    "apps/workspaces/scopes.py": {
        "sign-in: what this person may reach",
    },
    "apps/workspaces/services.py": {
        "create workspace: nobody has a role in it yet",
        "delete workspace: an administrator cannot read its collections",
    },
    # Each task of a worker gives its own reason where it is declared.
    "workers/tasks.py": {
        "<the reason given>",
    },
}
SYSTEM_SCOPES = {f"{file}: {reason}" for file, reasons in APPROVED.items() for reason in reasons}


def _reason(call: ast.Call) -> str:
    match call.args:
        case [ast.Constant(value=str(reason))]:
            return reason
        case [ast.Name(id="reason")]:
            return "<the reason given>"
    return "<not a plain text>"


def _found() -> set[str]:
    return {
        f"{module.path}: {_reason(call)}"
        for module in modules()
        if module.path != "apps/permissions/scope.py"
        for name, call in calls(module.tree)
        if name == "system_scope"
    }


def test_every_system_scope_is_on_the_approved_list():
    assert sorted(_found() - SYSTEM_SCOPES) == []


def test_the_approved_list_has_no_stale_line():
    assert sorted(SYSTEM_SCOPES - _found()) == []


def test_every_task_gives_a_reason_for_its_system_scope():
    for module in modules("workers"):
        for name, call in calls(module.tree):
            if name == "task" and isinstance(call.func, ast.Name):
                given = {word.arg: word.value for word in call.keywords}
                assert isinstance(given.get("reason"), ast.Constant), f"{module.path}:{call.lineno}"


def test_no_system_scope_is_longer_than_a_screen():
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.With) and _opens_system_scope(node):
                assert (node.end_lineno or 0) - node.lineno <= 40, f"{module.path}:{node.lineno}"


def _opens_system_scope(node: ast.With) -> bool:
    return any(
        isinstance(item.context_expr, ast.Call)
        and isinstance(item.context_expr.func, ast.Name)
        and item.context_expr.func.id == "system_scope"
        for item in node.items
    )
