"""The words that the islands say. TypeScript has none of its own, so that all are in gettext."""

from django.utils.translation import gettext as _


def ui_strings() -> dict[str, str]:
    """Words that any page may need."""
    return {
        "copied": _("Copied"),
        "retry": _("Try again"),
        "cancel": _("Cancel"),
        "close": _("Close"),
    }


def chat_strings() -> dict[str, str]:
    """Words of <kb-chat>: the thread, the composer, the evidence and the reader beside it."""
    return {**_thread(), **_tools(), **_evidence(), **_composer(), **_beside()}


def _thread() -> dict[str, str]:
    return {
        "you_asked": _("You asked"),
        "searching": _("Searching your documents…"),
        "reading_sources": _("Reading {n} passages…"),
        "reading_sources_one": _("Reading {n} passage…"),
        "thinking_now": _("Thinking…"),
        "thinking": _("How the model thought about it"),
        "stopped": _("Stopped. What was said so far is kept."),
        "failed": _("There is no answer this time. Try again."),
        "withheld": _("This answer used documents that you can no longer open."),
        "refused": _("The documents you can open do not answer this."),
        "refused_closest": _("These passages come closest. Read them, or ask in other words."),
        "refused_nothing": _("Nothing was found. Ask in other words, or search more collections."),
        "doubt_title": _("The cited passages do not say this"),
        "doubt_note": _(
            "{n} sentences are not in the passages they cite. They are underlined; check them yourself."
        ),
        "doubt_note_one": _(
            "One sentence is not in the passages it cites. It is underlined; check it yourself."
        ),
        "answer_complete": _("The answer is complete."),
        "sources_found": _("{n} passages found"),
        "sources_found_one": _("{n} passage found"),
        "lost": _(
            "The connection broke before the answer began. Load the page to see whether it came, or try again."
        ),
        "offline": _("The connection is lost. Trying again…"),
        "signed_out": _("You are signed out. Load the page again to sign in."),
    }


def _tools() -> dict[str, str]:
    return {
        "copy": _("Copy the answer with its sources"),
        "regenerate": _("Answer again"),
        "edit": _("Edit the question"),
        "edit_question": _("The question"),
        "ask_again": _("Ask"),
        "branch_previous": _("Earlier version"),
        "branch_next": _("Later version"),
        "branch_of": _("Version {at} of {all}"),
        "helpful": _("Helpful"),
        "not_helpful": _("Not helpful"),
        "reason": _("What was wrong?"),
        "reason_example": _("For example: the right page is in another document."),
        "send_reason": _("Send"),
        "reason_thanks": _("Noted. Thank you."),
        "skip": _("Skip"),
        "took": _("{seconds} s"),
    }


def _evidence() -> dict[str, str]:
    return {
        "sources_count": _("{n} sources"),
        "sources_count_one": _("{n} source"),
        "sources_searching": _("Passages appear here as soon as they are found."),
        "sources_none": _("Nothing was found for this question."),
        "sources_uncited": _("{n} more were found and not cited"),
        "sources_uncited_one": _("One more was found and not cited"),
        "sources_hidden": _("{n} more were found and left out: the model reads only so much."),
        "sources_hidden_one": _("One more was found and left out: the model reads only so much."),
        "source_label": _("Source {number}: {name}, page {page}"),
        "page_short": _("p. {page}"),
        "document_gone": _("Deleted document"),
        "quote_gone": _("This document was deleted."),
        "quote_edited": _("Edited by {who}, {on}."),
        "quote_added": _("Added by {who}, {on}. It is in no file."),
        "quote_original": _("The original reads"),
        "quote_around": _("What stands around it, as the model was shown"),
        "note_keyword_only": _(
            "The embedding model does not answer: passages were found by their words alone."
        ),
    }


def _composer() -> dict[str, str]:
    return {
        "send": _("Send"),
        "stop": _("Stop"),
        "stop_title": _("Stop (Esc)"),
        "scope_searching": _("Searching {names}."),
        "scope_everywhere": _("Searching all your workspaces ({names})."),
        "scope_hidden": _("You cannot see {names}: a manager of this workspace can let you in."),
        "scope_more": _("{n} more"),
        "scope_empty": _("There is nothing here yet that you may search."),
    }


def _beside() -> dict[str, str]:
    return {
        "reader": _("Document"),
        "reader_opening": _("Opening the document…"),
        "reader_close": _("Close the document (Esc)"),
        "reader_page": _("Open on its own page"),
        "reader_gone": _("This document is gone, or you may no longer open it."),
        "reader_failed": _("The document could not be opened. Try again."),
        "splitter": _("Width of the document"),
    }
