"""The words that uploading and reading say in TypeScript, from gettext like all others."""

from django.utils.translation import gettext as _


def upload_strings() -> dict[str, str]:
    """Words of <kb-upload>."""
    return {
        "uploads": _("Uploads"),
        "upload_progress": _("Sent so far"),
        "upload_waiting": _("Waiting"),
        "upload_sending": _("Sending, {percent}"),
        "upload_checking": _("Sent. Being checked…"),
        "upload_cancelled": _("Cancelled. Nothing was stored."),
        "upload_no_network": _("The connection broke. Nothing was stored."),
        "upload_interrupted": _("The connection broke. It goes on by itself."),
        "upload_stopped": _("The connection broke. Try again: it goes on where it stopped."),
        "upload_recall": _("This did not arrive whole. Choose the file again to go on."),
        "upload_forget": _("Forget it"),
        "upload_failed": _("This did not work. Try again."),
        "upload_duplicate": _("These bytes are here already. Nothing was added."),
        "upload_name_taken": _("There is a document of this name."),
        "upload_too_large": _("Larger than {limit}, which is the most that is accepted here."),
        "upload_empty": _("The file is empty."),
        "upload_unsupported": _(
            "{suffix} is not read. PDF, OFD, Word, PowerPoint, Excel, OpenDocument, RTF, e-books, e-mail, web "
            "pages, Markdown, text, CSV, JSON, XML, YAML, subtitles, pictures and archives of them are."
        ),
        "upload_count": _("{n} files added to the uploads"),
        "upload_count_one": _("{n} file added to the uploads"),
        "drop_here": _("Drop files or folders anywhere to add them"),
        "new_version": _("New version"),
        "keep_both": _("Keep both"),
        "skip": _("Skip"),
        "dismiss": _("Dismiss {name}"),
    }


def reader_strings() -> dict[str, str]:
    """Words of <kb-reader>."""
    return {
        "reader_page_of": _("of {pages}"),
        "reader_page_label": _("Page {page}"),
        "reader_loading": _("Opening the document…"),
        "reader_broken": _(
            "The pages cannot be shown here. Below is the text as it was read; the original can be downloaded."
        ),
        "reader_found": _("{at} of {n}"),
        "reader_not_found": _("Not found"),
        "reader_cited": _("Cited passage"),
    }
