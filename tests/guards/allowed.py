"""The exceptions, each with its reason. A line that is no longer needed fails its guard."""

# Models that are neither of a collection, nor of a workspace, nor of one person.
UNSCOPED = {
    "accounts.User": "a person is in many workspaces; views decide who sees whom",
    "accounts.Group": "an installation's groups; what one grants is decided in workspaces",
    "accounts.Nesting": "as the groups that it puts into each other",
    "accounts.BrowserSession": "found by the secret in a cookie; listed and ended by its owner only",
    "accounts.OneTimeLink": "used before anybody is signed in; found by the hash of its token only",
    "accounts.GroupMember": "who is in which group of the installation, and why",
    "directory.IdentitySource": "outside places that know people; for administrators",
    "directory.Identity": "who a person is outside; a person may be in many workspaces",
    "directory.MappingRule": "what groups outside give, in any workspace; for administrators",
    "directory.Directory": "how directories are reached; for administrators",
    "directory.DirectoryRun": "who would get and lose what, for administrators",
    "directory.GivenAdministrator": "the installation's administrators; in no workspace",
    "topics.Topic": "one list for the installation, for administrators",
    "topics.TopicRule": "one list for the installation, for administrators",
    "applications.Application": "one list for the installation, for administrators",
    "applications.ApplicationKey": "keys of the installation's applications; found by their hash",
    "applications.KeyUsage": "numbers of a key of an application, for administrators",
    "applications.KeyHold": "numbers of a key of an application, for as long as an answer takes",
    "applications.PublicKey": "public halves of keys of the installation's applications",
    "engines.Endpoint": "one list for the installation, for administrators",
    "engines.EmbeddingProfile": "one list for the installation; holds no documents",
    "scim.Provisioning": "one list for the installation, for administrators",
    "scim.ProvisioningToken": "found by the hash of what a system shows; for administrators",
    "scim.ProvisioningCall": "the last calls of a system, for administrators",
    "scim.ProvisionedPerson": "read by a token of its source only",
    "scim.ProvisionedGroup": "read by a token of its source only",
    "scim.ProvisionedMember": "as the groups and people that it joins",
    "gateway.LanguageModel": "one list for the installation; offers.my_models says who may use which",
    "gateway.ModelVersion": "how models of the installation are answered, for administrators",
    "gateway.Rule": "where questions of the installation go, for administrators",
    "gateway.Generation": "numbers of answers, no word of them; for administrators",
    "gateway.UsageDay": "sums of numbers of answers, for administrators",
    "gateway.Quota": "budgets of the installation, for administrators",
    "gateway.QuotaUse": "numbers of a budget, for administrators",
    "gateway.Hold": "numbers of a budget, for as long as an answer takes",
    "signon.SignOnProvider": "one list for the installation, for administrators",
    "signon.SignOnIdentity": "found by what a provider says, before anybody is signed in",
    "signon.SignOnSession": "ended by a provider, when nobody is signed in",
    "signon.SignOnPolicy": "one row for the installation, for administrators",
    "documents.DeletionReceipt": "read through documents.receipts, which applies the reader's scope",
    "documents.Reconciliation": "numbers of the whole installation, for administrators",
    "isolation.Proof": "numbers of the whole installation, for administrators",
    "webhooks.Webhook": "addresses outside; for administrators and the application whose it is",
    "webhooks.Round": "one row: who sends at present",
    "webhooks.Delivery": "as its webhook; what it tells is asked of the scope when it is sent",
    "workspaces.AccessRequest": "read through access.queries: by who asks and by who decides",
    "workspaces.CustomRole": "one list for the installation; says what a role allows, not to whom",
    "events.Chain": "the end of the chain: numbers of the installation",
    "events.Relay": "how far events were sent: numbers of the installation",
    "events.Event": "read through events.queries, which applies the reader's scope",
}

# Routes that answer without signing in.
PUBLIC_ROUTES: dict[str, str] = {
    "accounts:sign-in": "where one signs in",
    "accounts:setup": "first run: the token in the address is the right",
    "accounts:join": "an invitation: the token in the address is the right",
    "accounts:passkey-options": "a challenge to sign in with; names nobody",
    "api-docs": "describes this program, as its schema does",
    "accounts:passkey": "a signed challenge, to sign in with",
    "accounts:lost-factor": "the token in the address and a password together are the right",
    "accounts:language": "the sign-in page is read in a language too",
    "signon:begin": "another way to sign in",
    "signon:callback": "where the provider sends people back: its answer is the right",
    "signon:metadata": "how we describe ourselves to a provider, which asks without an account",
    "signon:ended": "the provider ends sessions: its signature, or an unguessable name of the session",
    "health": "for load balancers; names parts and no more",
    "api:schema": "describes the program, says nothing of the installation",
}

# Files where `async def` is at home: sockets, streams, and the ASGI and model server edges.
ASYNC_FILES = {
    "apps/webhooks/sending.py": "a time limit on a whole post: one of a read begins anew with each byte",
    "apps/accounts/sessions/store.py": "Django reads sessions in both ways",
    "apps/chat/answer.py": "generates on the event loop",
    "apps/chat/consumers.py": "the socket",
    "apps/chat/running.py": "the registry of running answers",
    "apps/chat/sse.py": "the same frames as server-sent events",
    "apps/core/aio.py": "where both worlds meet",
    "apps/core/uploads.py": "ASGI: Django reads a whole body before any middleware",
    "apps/topics/deciding.py": "asks the language model for an opinion",
    "apps/isolation/wire.py": "the proof asks through the socket and streams too",
    "apps/gateway/generator.py": "passes the stream of a model server on",
    "apps/gateway/slots.py": "waits for a place at a model server",
    "apps/permissions/models.py": "asynchronous iteration is guarded as the plain one is",
    "apps/dialects/mcp.py": "the SDK's ASGI application behind a view",
    "apps/dialects/mcp_server.py": "handlers of the SDK",
    "apps/dialects/streaming.py": "an answer streamed to a program",
    "apps/dialects/spoken.py": "a model's words streamed to a program",
    "apps/core/late.py": "an answer whose first piece is waited for on the event loop",
    "apps/documents/consumers.py": "the socket of live rows",
    "apps/documents/reader/delivery.py": "a large file is streamed without being held in memory",
    "apps/workspaces/middleware.py": "runs in both kinds of request",
    "apps/events/export.py": "a long list is sent as it is read",
    "kb_platform/handler.py": "ASGI: Django itself",
    "kb_platform/headers.py": "ASGI: answers that Django did not give carry them too",
    "kb_platform/lifespan.py": "ASGI",
    "kb_platform/peer.py": "ASGI",
}
ASYNC_FOLDERS = {
    "apps/engines/adapters/": "clients of model servers",
    "apps/rag/": "the generator port is a stream",
    "workers/": "the hosts are ASGI programs",
}

# Raw SQL, `file: name` → reason.
RAW_SQL = {
    "apps/core/backup_sql.py: cursor": "copies whole tables, for the installation's administrator",
    "apps/core/reclaim.py: cursor": "VACUUM and the like, which read nothing",
    "apps/engines/parsers/archive/names.py: extra": "a field of a zip, no query",
    "apps/permissions/models.py: _base_manager": "the guarded manager's own checks and cascades",
}

# Names of routes that run the installation.
ADMINISTRATION = (
    "administration:",
    "signon-administration:",
    "applications:",
    "directory:",
    "provisioning:",
    "events:",
    "engines:",
    "documents:embedding",
    "workspaces:role",
    "workspaces:hand-over-person",
    "workspaces:without-owner",
    "isolation:",
    "webhooks:",
)

# What somebody who may only read and ask is answered otherwise than by a refusal.
VIEWER_WRITES: dict[str, str] = {
    "POST workspaces:access-ask": "asks for access: an empty reason is refused before anything",
}

# Packages whose metadata does not name a permissive licence.
LICENCES = {
    "certifi": "MPL-2.0: a list of certificates, used unchanged",
    "inflate64": "LGPL-2.1: as py7zr, which brings it",
    "multivolumefile": "LGPL-2.1: as py7zr, which brings it",
    "psycopg": "LGPL-3.0: a library of its own, imported and unchanged",
    "psycopg-binary": "LGPL-3.0: as psycopg",
    "psycopg-pool": "LGPL-3.0: as psycopg",
    "py7zr": "LGPL-2.1: a library of its own, imported and unchanged",
    "pybcj": "LGPL-2.1: as py7zr, which brings it",
    "pyppmd": "LGPL-2.1: as py7zr, which brings it",
    "tld": "MPL-1.1, one of the three to choose from: used unchanged by another package",
    "tqdm": "MPL-2.0: used unchanged by other packages",
}
