"""Errors that carry a code for the user and a cause for the log; worded at the edge."""

from collections.abc import Mapping
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class ErrorCode(StrEnum):
    """Every code that a person or a machine can be shown. ``MESSAGES`` has the sentences."""

    # requests
    BAD_REQUEST = "BAD_REQUEST"
    NOT_SIGNED_IN = "NOT_SIGNED_IN"
    INVALID_KEY = "INVALID_KEY"
    KEY_ADDRESS = "KEY_ADDRESS"
    ASSERTION_REQUIRED = "ASSERTION_REQUIRED"
    ASSERTION_REFUSED = "ASSERTION_REFUSED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    FORBIDDEN = "FORBIDDEN"
    TOPIC_FORBIDDEN = "TOPIC_FORBIDDEN"
    TOPIC_UNCHECKED = "TOPIC_UNCHECKED"
    CONFIRM_IDENTITY = "CONFIRM_IDENTITY"
    SECOND_FACTOR = "SECOND_FACTOR"
    PASSKEY_REFUSED = "PASSKEY_REFUSED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    CONFLICT = "CONFLICT"
    PRECONDITION_FAILED = "PRECONDITION_FAILED"
    NAME_TAKEN = "NAME_TAKEN"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    INTERNAL = "INTERNAL"
    # files
    UNSUPPORTED = "UNSUPPORTED"
    NEW_IWORK = "NEW_IWORK"
    TOO_LARGE = "TOO_LARGE"
    EMPTY = "EMPTY"
    ENCRYPTED = "ENCRYPTED"
    UNREADABLE = "UNREADABLE"
    NO_TEXT = "NO_TEXT"
    OCR_OFF = "OCR_OFF"
    TOO_COSTLY = "TOO_COSTLY"
    ARCHIVE_TOO_LARGE = "ARCHIVE_TOO_LARGE"
    HIDDEN_FILE = "HIDDEN_FILE"
    NESTED_TOO_DEEP = "NESTED_TOO_DEEP"
    NOT_A_FILE = "NOT_A_FILE"
    OUTSIDE_PATH = "OUTSIDE_PATH"
    INFECTED = "INFECTED"
    NOT_SCANNED = "NOT_SCANNED"
    SCAN_WAIT = "SCAN_WAIT"
    ADDRESS_REFUSED = "ADDRESS_REFUSED"
    FETCH_FAILED = "FETCH_FAILED"
    DISK_FULL = "DISK_FULL"
    FILE_MISSING = "FILE_MISSING"
    GAVE_UP = "GAVE_UP"
    NOT_FOUND_AGAIN = "NOT_FOUND_AGAIN"
    # single sign-on
    SIGN_ON_ANSWER = "SIGN_ON_ANSWER"
    SIGN_ON_EXPIRED = "SIGN_ON_EXPIRED"
    SIGN_ON_NOT_ALLOWED = "SIGN_ON_NOT_ALLOWED"
    SIGN_ON_NO_ACCOUNT = "SIGN_ON_NO_ACCOUNT"
    SIGN_ON_REFUSED = "SIGN_ON_REFUSED"
    SIGN_ON_UNREACHABLE = "SIGN_ON_UNREACHABLE"
    SIGN_ON_WAIT = "SIGN_ON_WAIT"
    # sources
    SOURCE_OWNER = "SOURCE_OWNER"
    SOURCE_MISSING = "SOURCE_MISSING"
    SOURCE_NOT_ALLOWED = "SOURCE_NOT_ALLOWED"
    SOURCE_REFUSED = "SOURCE_REFUSED"
    SOURCE_UNREACHABLE = "SOURCE_UNREACHABLE"
    SOURCE_ANSWER = "SOURCE_ANSWER"
    SOURCE_INCOMPLETE = "SOURCE_INCOMPLETE"
    SOURCE_LIMIT = "SOURCE_LIMIT"
    SOURCE_ROBOTS = "SOURCE_ROBOTS"
    STILL_WRITTEN = "STILL_WRITTEN"
    CHANGED_BY_HAND = "CHANGED_BY_HAND"
    REMOVED_BY_HAND = "REMOVED_BY_HAND"
    ATTACHMENT_REMOVED = "ATTACHMENT_REMOVED"
    TOO_MANY_REMOVALS = "TOO_MANY_REMOVALS"
    PASSAGE_CHANGED = "PASSAGE_CHANGED"
    PASSAGE_EMPTY = "PASSAGE_EMPTY"
    PASSAGE_TOO_LONG = "PASSAGE_TOO_LONG"
    TOO_MANY_PASSAGES = "TOO_MANY_PASSAGES"
    # directories
    DIRECTORY_ADDRESS = "DIRECTORY_ADDRESS"
    DIRECTORY_NAME = "DIRECTORY_NAME"
    DIRECTORY_DOWN = "DIRECTORY_DOWN"
    DIRECTORY_TLS = "DIRECTORY_TLS"
    DIRECTORY_WANTS_TLS = "DIRECTORY_WANTS_TLS"
    DIRECTORY_PLAIN = "DIRECTORY_PLAIN"
    DIRECTORY_PASSWORD = "DIRECTORY_PASSWORD"  # noqa: S105 - a code
    DIRECTORY_RIGHTS = "DIRECTORY_RIGHTS"
    DIRECTORY_BASE = "DIRECTORY_BASE"
    DIRECTORY_FILTER = "DIRECTORY_FILTER"
    DIRECTORY_LIMIT = "DIRECTORY_LIMIT"
    DIRECTORY_ANSWER = "DIRECTORY_ANSWER"
    DIRECTORY_EMPTY = "DIRECTORY_EMPTY"
    DIRECTORY_KEY = "DIRECTORY_KEY"
    ACCOUNT_IS_LOCAL = "ACCOUNT_IS_LOCAL"
    BREAK_GLASS = "BREAK_GLASS"
    TOO_MANY_LEAVERS = "TOO_MANY_LEAVERS"
    # engines
    ENGINE_ERROR = "ENGINE_ERROR"
    ENGINE_UNAVAILABLE = "ENGINE_UNAVAILABLE"
    ENGINE_BUSY = "ENGINE_BUSY"
    ENGINE_REJECTED = "ENGINE_REJECTED"
    ENGINE_WAIT = "ENGINE_WAIT"
    CONTEXT_TOO_LONG = "CONTEXT_TOO_LONG"
    NO_MODEL = "NO_MODEL"
    INDEX_UNAVAILABLE = "INDEX_UNAVAILABLE"
    ANSWER_WITHHELD = "ANSWER_WITHHELD"
    ANSWER_INTERRUPTED = "ANSWER_INTERRUPTED"


MESSAGES: dict[ErrorCode, Promise] = {
    ErrorCode.BAD_REQUEST: _("The request is not understood. See the details for what to change."),
    ErrorCode.NOT_SIGNED_IN: _("Sign in, or send an API key in the Authorization header."),
    ErrorCode.INVALID_KEY: _("This API key is not valid. It may have expired or been revoked."),
    ErrorCode.KEY_ADDRESS: _(
        "This key may not be used from this address. An administrator can allow the address."
    ),
    ErrorCode.ASSERTION_REQUIRED: _(
        "This application asks for people only. Say for whom, in the header X-On-Behalf-Of."
    ),
    ErrorCode.ASSERTION_REFUSED: _(
        "The statement in X-On-Behalf-Of is not accepted. See details.reason for what to change."
    ),
    ErrorCode.QUOTA_EXCEEDED: _(
        "The tokens of this key are used up for today. An administrator can raise its quota."
    ),
    ErrorCode.BUDGET_EXCEEDED: _(
        "A budget for answers is used up. There is more from the time in resets_at on, or when an administrator raises it."
    ),
    ErrorCode.FORBIDDEN: _("You may see this, but not do that. A manager of the workspace can."),
    ErrorCode.TOPIC_FORBIDDEN: _(
        "Questions of this kind are not answered here. details.rule names the rule; an administrator can change it."
    ),
    ErrorCode.TOPIC_UNCHECKED: _(
        "Whether this question is allowed has to be checked first, and the model that checks it does not answer. Try again in a moment."
    ),
    ErrorCode.CONFIRM_IDENTITY: _(
        "Confirm first that it is you: this is asked before anything that is hard to undo."
    ),
    ErrorCode.SECOND_FACTOR: _(
        "A second factor is needed here. Load the page again and give it, or set one up."
    ),
    ErrorCode.PASSKEY_REFUSED: _(
        "This passkey was not accepted. Try again, or use another way to show who you are."
    ),
    ErrorCode.NOT_FOUND: _("There is nothing here, or nothing that you may see."),
    ErrorCode.METHOD_NOT_ALLOWED: _("This address does not take that method."),
    ErrorCode.PRECONDITION_FAILED: _(
        "This changed since you read it. Read it again, then repeat with its new ETag."
    ),
    ErrorCode.CONFLICT: _("Somebody changed this at the same time. Load it again and repeat."),
    ErrorCode.NAME_TAKEN: _(
        "There is already a document of this name. Add it as a new version, or rename it."
    ),
    ErrorCode.IDEMPOTENCY_CONFLICT: _("This Idempotency-Key was used with another request."),
    ErrorCode.TOO_MANY_REQUESTS: _("Too many requests. Wait a moment and try again."),
    ErrorCode.INTERNAL: _("Something went wrong on our side. It has been logged; try again."),
    ErrorCode.UNSUPPORTED: _(
        "This kind of file is not read. PDF, OFD, Word, PowerPoint, Excel, OpenDocument, RTF, e-books, e-mail, web "
        "pages, Markdown, text, CSV, JSON, XML, YAML, subtitles and pictures are, and archives (ZIP, TAR, 7Z) of them."
    ),
    ErrorCode.NEW_IWORK: _(
        "This file was made by a newer Pages, Keynote or Numbers and carries no preview. Export it there as PDF, Word, PowerPoint or Excel, and upload that."
    ),
    ErrorCode.TOO_LARGE: _("The file is larger than this installation accepts."),
    ErrorCode.EMPTY: _("The file is empty. Check it and upload it again."),
    ErrorCode.ENCRYPTED: _("The file needs a password. Save it without one and upload it again."),
    ErrorCode.UNREADABLE: _(
        "The file is damaged or is not what its name says. Open it in its own program, save it and upload it again."
    ),
    ErrorCode.NO_TEXT: _(
        "No text was found in this file, nor recognised in its pictures. If it is a scan, scan it again, sharper and straight."
    ),
    ErrorCode.OCR_OFF: _(
        "This file is a scan or a picture, and text in pictures is not recognised here: OCR is switched off. Upload a version with text, or ask an administrator to switch it on (KB_OCR=on) and try again."
    ),
    ErrorCode.TOO_COSTLY: _(
        "Reading this file took too much time or memory. Split it into smaller files."
    ),
    ErrorCode.ARCHIVE_TOO_LARGE: _(
        "More comes out of this archive than is unpacked here: too many files, or too much in them. Split it into smaller ones."
    ),
    ErrorCode.HIDDEN_FILE: _("A hidden file that a system put there. It was left out."),
    ErrorCode.NESTED_TOO_DEEP: _(
        "An archive inside of archives, deeper than is opened. Unpack it and upload what is in it."
    ),
    ErrorCode.NOT_A_FILE: _("A link or a device, not a file. It was left out."),
    ErrorCode.OUTSIDE_PATH: _("Its path leads out of the archive. It was left out."),
    ErrorCode.INFECTED: _(
        "The virus scanner found something harmful in this file. It was not read, and nobody can download it. Delete it, and look at where it came from."
    ),
    ErrorCode.NOT_SCANNED: _(
        "The virus scanner does not take a file of this size, so it was not read. An administrator can raise StreamMaxLength of clamd; then try again."
    ),
    ErrorCode.SCAN_WAIT: _(
        "The virus scanner does not answer. The file is read as soon as it was scanned."
    ),
    ErrorCode.ADDRESS_REFUSED: _(
        "This address is not fetched: only public http and https addresses are."
    ),
    ErrorCode.FETCH_FAILED: _("The page could not be fetched. Check the address and try again."),
    ErrorCode.DISK_FULL: _(
        "The disk of this installation is full. Nothing was stored; free some space and try again."
    ),
    ErrorCode.FILE_MISSING: _("The stored file is missing. Upload it again."),
    ErrorCode.GAVE_UP: _(
        "This file stopped its reader several times and was set aside. The others went on."
    ),
    ErrorCode.NOT_FOUND_AGAIN: _(
        "It was indexed, but a search for its own words did not find it. Try again; if it stays so, an administrator can rebuild the index."
    ),
    ErrorCode.SIGN_ON_ANSWER: _(
        "The sign-in server answers, but not as a server of this kind does. An administrator can check its address and settings."
    ),
    ErrorCode.SIGN_ON_EXPIRED: _(
        "This sign-in took too long, or was begun in another window. Begin again."
    ),
    ErrorCode.SIGN_ON_NOT_ALLOWED: _(
        "This sign-in server may not be asked: it is on an internal network that nobody named, or public and without https. Whoever runs the installation can name internal ones in KB_SIGN_ON_HOSTS."
    ),
    ErrorCode.SIGN_ON_NO_ACCOUNT: _(
        "You are signed in there, but no account here opens with it. If you have one with a password, sign in with that and connect the two on your own page; otherwise ask an administrator."
    ),
    ErrorCode.SIGN_ON_REFUSED: _(
        "What the sign-in server sent is not believed, so nobody was signed in. Begin again; if it stays so, an administrator finds the reason in the log."
    ),
    ErrorCode.SIGN_ON_WAIT: _(
        "Sign-ins cannot be checked at the moment. Try again soon; an administrator sees why."
    ),
    ErrorCode.SIGN_ON_UNREACHABLE: _(
        "The sign-in server does not answer. Check its address, and that this installation can reach it."
    ),
    ErrorCode.SOURCE_OWNER: _(
        "The person this source acts for may not add documents here any more. A manager can take it over: open it and save it."
    ),
    ErrorCode.SOURCE_MISSING: _("Nothing was found there. Check the address or folder."),
    ErrorCode.SOURCE_NOT_ALLOWED: _(
        "This folder or address may not be opened. Whoever runs the installation can allow it with KB_SOURCE_FOLDERS or KB_SOURCE_HOSTS."
    ),
    ErrorCode.SOURCE_REFUSED: _(
        "The server refuses the name, password or key, or does not let them in here. Check them."
    ),
    ErrorCode.SOURCE_UNREACHABLE: _(
        "The server does not answer. Check the address, and that this installation can reach it."
    ),
    ErrorCode.SOURCE_ANSWER: _(
        "The server answers, but not as a server of this kind does. Check the address."
    ),
    ErrorCode.SOURCE_INCOMPLETE: _(
        "Not everything could be listed. What was found was taken in, and nothing was removed."
    ),
    ErrorCode.SOURCE_LIMIT: _(
        "The run reached its limit of time, size or number. What was taken in stays, nothing was removed, and the next run goes on."
    ),
    ErrorCode.SOURCE_ROBOTS: _("The site asks programs to stay away from this page (robots.txt)."),
    ErrorCode.STILL_WRITTEN: _("It is still being written. A later run takes it."),
    ErrorCode.CHANGED_BY_HAND: _(
        "This document was changed here by hand as well. Both versions are kept; look which one is right."
    ),
    ErrorCode.REMOVED_BY_HAND: _(
        "This document was deleted here by hand, so it stays away. A run that takes everything again brings it back."
    ),
    ErrorCode.ATTACHMENT_REMOVED: _(
        "This attachment was deleted here by hand, so it stays away. A new version of its mail brings it back."
    ),
    ErrorCode.TOO_MANY_REMOVALS: _(
        "An unusual number of documents would be removed. Nothing was; look at it, then confirm."
    ),
    ErrorCode.DIRECTORY_ADDRESS: _(
        "This is not the address of a directory. It begins with ldap:// or ldaps:// and names a server."
    ),
    ErrorCode.DIRECTORY_NAME: _(
        "The name of the server is not known here. Look at its spelling and at this machine's DNS."
    ),
    ErrorCode.DIRECTORY_DOWN: _(
        "The directory does not answer. Look whether it runs, and whether a firewall lets this machine through."
    ),
    ErrorCode.DIRECTORY_TLS: _(
        "The connection could not be encrypted. The certificate has to carry the name of the server, and to be of the authority that is entered here."
    ),
    ErrorCode.DIRECTORY_PLAIN: _(
        "Passwords would go to this directory unencrypted. Use ldaps:// or StartTLS, or let whoever "
        "runs the machine name the host in KB_LDAP_PLAIN_HOSTS."
    ),
    ErrorCode.DIRECTORY_WANTS_TLS: _(
        "The directory takes passwords over an encrypted connection only. Use ldaps:// or StartTLS."
    ),
    ErrorCode.DIRECTORY_PASSWORD: _(
        "The directory refuses the service account. Look at its DN and its password."
    ),
    ErrorCode.DIRECTORY_RIGHTS: _(
        "The service account may not read this. Give it the right to read people and groups."
    ),
    ErrorCode.DIRECTORY_BASE: _(
        "There is no such place in the directory. Look at the base DN: browse the tree to find it."
    ),
    ErrorCode.DIRECTORY_FILTER: _("The filter is not understood. Count its parentheses."),
    ErrorCode.DIRECTORY_LIMIT: _(
        "The directory gave only a part of what was asked for. Raise its size limit for the service account."
    ),
    ErrorCode.DIRECTORY_ANSWER: _("The directory answered with an error. Its log says more."),
    ErrorCode.DIRECTORY_EMPTY: _(
        "Nobody was found. Look at the base and the filter for people, and at what the service account may read."
    ),
    ErrorCode.DIRECTORY_KEY: _(
        "The directory gives no unmistakable identifier for this person. Ask whoever runs it."
    ),
    ErrorCode.ACCOUNT_IS_LOCAL: _(
        "There is a local account with this e-mail address already. An administrator has to connect the two."
    ),
    ErrorCode.BREAK_GLASS: _(
        "One active administrator with a password of this installation has to stay: the way in when the directory is down."
    ),
    ErrorCode.TOO_MANY_LEAVERS: _(
        "An unusual number of people would lose something. Nothing was changed; look at it, then confirm."
    ),
    ErrorCode.PASSAGE_CHANGED: _(
        "Somebody else changed this passage meanwhile. Look at what they wrote, then save again."
    ),
    ErrorCode.PASSAGE_EMPTY: _("A passage needs a text. To take it out of search, disable it."),
    ErrorCode.PASSAGE_TOO_LONG: _(
        "This is longer than a passage can be: what comes last would not be found. Shorten it, and add the rest as a passage of its own."
    ),
    ErrorCode.TOO_MANY_PASSAGES: _(
        "This document holds as many added passages as it can. Put the text into a document of its own."
    ),
    ErrorCode.ENGINE_ERROR: _("The model server answered with an error. Try again."),
    ErrorCode.ENGINE_UNAVAILABLE: _(
        "The model does not answer at the moment. Below is what was found; try again later."
    ),
    ErrorCode.ENGINE_BUSY: _("The model is busy. Try again in a moment."),
    ErrorCode.ENGINE_REJECTED: _(
        "The model server refused the request. An administrator can check its address, key and model."
    ),
    ErrorCode.ENGINE_WAIT: _(
        "The embedding model or the index does not answer. This is tried again by itself."
    ),
    ErrorCode.CONTEXT_TOO_LONG: _("The tools and their results are too long. Send fewer of them."),
    ErrorCode.NO_MODEL: _(
        "No language model is given to you. An administrator can give one to a group of yours."
    ),
    ErrorCode.INDEX_UNAVAILABLE: _("Search does not answer at the moment. Try again in a moment."),
    ErrorCode.ANSWER_WITHHELD: _("This answer used documents that you can no longer open."),
    ErrorCode.ANSWER_INTERRUPTED: _("The answer was interrupted. What was said so far is kept."),
}


def message_of(code: str) -> str:
    """The sentence for a code, in the active language."""
    known = ErrorCode[code] if code in ErrorCode.__members__ else ErrorCode.INTERNAL
    return str(MESSAGES[known])


def sentence_with(code: str, details: Mapping[str, object]) -> str:
    """The sentence that the details bring along, or else that of the code."""
    return str(details.get("sentence") or message_of(code))


class AppError(Exception):
    """A refusal with a code and an HTTP status. ``details`` are values safe to show; a ``sentence``
    among them stands for that of the code."""

    def __init__(self, code: ErrorCode, *, status: int = 400, **details: object) -> None:
        super().__init__(code.value)
        self.code = code
        self.status = status
        self.details = details

    @property
    def sentence(self) -> str:
        """What a person is told, in the active language."""
        return sentence_with(self.code, self.details)


class Permanent(AppError):
    """Work that cannot succeed however often it is tried."""

    def __init__(self, code: ErrorCode, **details: object) -> None:
        super().__init__(code, status=422, **details)


class Transient(Exception):
    """Work that may succeed later: time-outs, 503, a lost lease. Retried with back-off."""

    def __init__(self, code: ErrorCode, *, retry_after: float = 2.0) -> None:
        super().__init__(code.value)
        self.code = code
        self.retry_after = retry_after
