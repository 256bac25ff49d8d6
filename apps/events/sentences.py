"""What each kind of event says to a person. A guard test finds kinds without words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SENTENCES: dict[str, Promise] = {
    "access.denied": _("Refused: not allowed to do this"),
    "access.granted": _("Access granted"),
    "access.refused": _("Access refused"),
    "access.requested": _("Access requested"),
    "application.changed": _("Application changed"),
    "application.created": _("Application added"),
    "application.key_created": _("Key of an application made"),
    "application.key_revoked": _("Key of an application revoked"),
    "application.key_rotated": _("Key of an application replaced"),
    "application.public_key_added": _("Public key of an application registered"),
    "application.public_key_removed": _("Public key of an application removed"),
    "application.resumed": _("Application goes on"),
    "application.stopped": _("Application stopped"),
    "archive.failed": _("Archive could not be unpacked"),
    "archive.received": _("Archive received"),
    "archive.unpacked": _("Archive unpacked"),
    "audit.exported": _("Audit list exported"),
    "chat.answered": _("Question answered"),
    "chat.asked": _("Question asked"),
    "collection.changed": _("Collection changed"),
    "collection.created": _("Collection made"),
    "collection.cutting_changed": _("Cutting of a collection changed"),
    "collection.deleted": _("Collection deleted"),
    "collection.granted": _("Collection granted"),
    "collection.revoked": _("Grant of a collection revoked"),
    "conversation.created": _("Conversation begun"),
    "conversation.deleted": _("Conversation deleted"),
    "conversation.renamed": _("Conversation renamed"),
    "directory.asks": _("Directory run asks before it removes"),
    "directory.connected": _("Directory connected"),
    "directory.deleted": _("Directory removed"),
    "directory.failed": _("Directory run failed"),
    "directory.last_administrator": _("Directory would have removed the last administrator"),
    "directory.mapped": _("Groups of a directory mapped"),
    "directory.rule_added": _("Mapping rule added"),
    "directory.rule_removed": _("Mapping rule removed"),
    "directory.started": _("Directory run started"),
    "directory.synchronised": _("Directory run done"),
    "document.added": _("Document added"),
    "document.deleted": _("Document deleted"),
    "document.failed": _("Document could not be read"),
    "document.handed_over": _("Document given to another owner"),
    "document.ready": _("Document searchable"),
    "document.renamed": _("Document renamed"),
    "document.retried": _("Document tried again"),
    "document.validity": _("Validity of a document changed"),
    "document.version_added": _("Version of a document added"),
    "document.version_returned": _("Earlier version of a document returned to"),
    "embedding.begun": _("Re-embedding begun"),
    "embedding.released": _("Old vectors released"),
    "embedding.switched": _("Embedding model switched"),
    "quota.added": _("Budget added"),
    "quota.deleted": _("Budget removed"),
    "quota.nearly_used": _("Budget nearly used up"),
    "model.saved": _("Language model saved"),
    "model.deleted": _("Language model removed"),
    "model.version_added": _("Version of a language model added"),
    "model.version_tried": _("Version of a language model tried on a share"),
    "model.version_live": _("Version of a language model made live"),
    "model.version_withdrawn": _("Version of a language model taken away"),
    "endpoint.activated": _("Model server chosen"),
    "endpoint.added": _("Model server added"),
    "endpoint.changed": _("Model server changed"),
    "endpoint.deleted": _("Model server removed"),
    "events.erased": _("A person was taken out of the events"),
    "group.created": _("Group made"),
    "group.deleted": _("Group deleted"),
    "group.joined": _("People added to a group"),
    "group.left": _("People taken out of a group"),
    "group.nested": _("Group put into a group"),
    "group.renamed": _("Group renamed"),
    "group.second_factor": _("Second factor of a group changed"),
    "group.unnested": _("Group taken out of a group"),
    "key.created": _("Personal key made"),
    "key.refused": _("A key was refused"),
    "key.revoked": _("Personal key revoked"),
    "member.added": _("Member added"),
    "member.removed": _("Member removed"),
    "member.role_changed": _("Role of a member changed"),
    "passage.changed": _("Passage changed"),
    "person.added": _("Person added"),
    "person.administrator": _("Administrator made or unmade"),
    "person.deactivated": _("Person deactivated"),
    "person.joined": _("Person signed in for the first time"),
    "person.left": _("Person left"),
    "person.link_made": _("Sign-in link made"),
    "person.password_changed": _("Password changed"),
    "person.reactivated": _("Person reactivated"),
    "person.renamed": _("Person renamed"),
    "person.session_ended": _("Session ended"),
    "person.sessions_ended": _("All sessions ended"),
    "person.unlocked": _("Person unlocked"),
    "role.changed": _("Role changed"),
    "role.created": _("Role made"),
    "role.deleted": _("Role deleted"),
    "second_factor.added": _("Second factor added"),
    "second_factor.codes_made": _("Recovery codes made"),
    "second_factor.removed": _("Second factor removed"),
    "second_factor.reset": _("Second factor reset"),
    "second_factor.reset_link": _("Link to reset the second factor made"),
    "scim.added": _("Provisioning added"),
    "scim.changed": _("Provisioning changed"),
    "scim.deleted": _("Provisioning removed"),
    "scim.token_made": _("Token of a provisioning made"),
    "scim.token_revoked": _("Token of a provisioning revoked"),
    "sign_in.done": _("Signed in"),
    "sign_in.failed": _("Sign-in failed"),
    "sign_in.flood": _("Many failed sign-ins from one address; for ten minutes no more are listed"),
    "sign_in.left": _("Signed out"),
    "sign_in.locked": _("Locked after too many failed sign-ins"),
    "sign_on.ended": _("Sessions ended by the provider"),
    "sign_on.linked": _("Sign-on account linked"),
    "sign_on.policy_changed": _("Rules of sign-in changed"),
    "sign_on.provider_added": _("Sign-on provider added"),
    "sign_on.provider_changed": _("Sign-on provider changed"),
    "sign_on.provider_deleted": _("Sign-on provider removed"),
    "sign_on.unlinked": _("Sign-on account unlinked"),
    "source.changed": _("Source changed"),
    "source.confirmed": _("Removals of a source confirmed"),
    "source.created": _("Source added"),
    "source.deleted": _("Source removed"),
    "source.failed": _("Run of a source failed"),
    "source.followed": _("Source followed"),
    "source.paused": _("Source paused"),
    "source.resumed": _("Source goes on"),
    "topic.changed": _("Topic changed"),
    "topic.created": _("Topic made"),
    "topic.deleted": _("Topic deleted"),
    "topic.refused": _("Question refused by a rule about topics"),
    "topic_rule.changed": _("Rule about topics changed"),
    "topic_rule.created": _("Rule about topics made"),
    "topic_rule.deleted": _("Rule about topics deleted"),
    "turn.rated": _("Answer rated"),
    "webhook.changed": _("Webhook changed"),
    "webhook.created": _("Webhook registered"),
    "webhook.deleted": _("Webhook removed"),
    "webhook.resumed": _("Webhook goes on"),
    "webhook.rotated": _("Secret of a webhook replaced"),
    "webhook.stopped": _("Webhook switched off"),
    "webhook.switched_off": _("Webhook switched off because it did not answer"),
    "workspace.changed": _("Workspace changed"),
    "workspace.created": _("Workspace made"),
    "workspace.deleted": _("Workspace deleted"),
}
# Values of an event that name what it is about, in order.
_NAMES = ("name", "email", "title", "group")


def sentence_of(kind: str) -> str:
    """What happened, in the active language; the kind itself for one that has no words."""
    return str(SENTENCES.get(kind, kind))


def about(data: dict[str, object]) -> str:
    """The name of what an event is about, if it wrote one down."""
    return next((str(data[name]) for name in _NAMES if data.get(name)), "")


_LABELS: dict[str, Promise] = {
    "action": _("what was done"),
    "application": _("application"),
    "at": _("where"),
    "by": _("by"),
    "code": _("reason"),
    "count": _("how many"),
    "counts": _("how many"),
    "documents": _("documents"),
    "fields": _("changed"),
    "from_version": _("from version"),
    "gained": _("gained"),
    "gives": _("gives"),
    "inner": _("inner group"),
    "is_administrator": _("administrator"),
    "is_needed": _("required"),
    "is_on": _("on"),
    "keys": _("keys"),
    "kind": _("kind"),
    "left": _("left out"),
    "lost": _("lost"),
    "model": _("model"),
    "needs": _("needs"),
    "origin": _("given by"),
    "outside": _("group outside"),
    "people": _("people"),
    "permissions": _("may"),
    "provider": _("provider"),
    "purpose": _("purpose"),
    "reason": _("reason"),
    "role": _("role"),
    "scope": _("scope"),
    "second_factor": _("second factor"),
    "taken": _("taken"),
    "until": _("until"),
    "use": _("use"),
    "user": _("person"),
    "version": _("version"),
    "way": _("way"),
    "who": _("person"),
}
# Words of our own that stand as values.
_WORDS: dict[object, Promise] = {
    "directory": _("directory"),
    "link": _("one-time link"),
    "passkey": _("passkey"),
    "password": _("password"),
    "provider": _("sign-on provider"),
    "recovery": _("recovery code"),
    "totp": _("authenticator app"),
}
_WORDED = ("way", "by", "second_factor")


def details(data: dict[str, object]) -> str:
    """What else an event wrote down, as text."""
    rest = {
        str(_LABELS.get(name, name.replace("_", " "))): _value(value, is_word=name in _WORDED)
        for name, value in data.items()
        if name not in _NAMES and value not in ("", None)
    }
    return ", ".join(f"{label}: {value}" for label, value in sorted(rest.items()))


def _value(value: object, *, is_word: bool = False) -> str:
    match value:
        case str() if is_word:
            return str(_WORDS.get(value, value))
        case bool():
            return str(_("yes") if value else _("no"))
        case list():
            return ", ".join(map(str, value))
        case dict():
            return ", ".join(f"{name} {count}" for name, count in value.items())
        case _:
            return str(value)
