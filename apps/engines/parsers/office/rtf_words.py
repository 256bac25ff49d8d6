"""The words of RTF that matter to its text, and the character sets of its fonts."""

# Groups that hold no text of the document.
# fmt: off
SKIPPED = frozenset((
    "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "objdata", "themedata",
    "colorschememapping", "datastore", "latentstyles", "listtable", "listoverridetable",
    "listtext", "pntext", "pn", "pntxta", "pntxtb", "rsidtbl", "revtbl", "generator", "filetbl",
    "xmlnstbl", "fldinst", "datafield", "formfield",
    "ftnsep", "ftnsepc", "ftncn", "aftnsep",
    "aftnsepc", "aftncn", "sp", "shprslt", "nonesttables", "nesttableprops", "tc", "xe", "rxe",
    "bkmkstart", "bkmkend", "atnid", "atnauthor", "atndate", "atnref", "atrfstart", "atrfend",
    "atntime", "atnparent", "template", "docvar", "userprops", "operator", "mmathPr",
    "wgrffmtfilter", "private",
))
# fmt: on
# Destinations that a reader may ignore (they follow \*) and that hold text all the same.
KEPT = frozenset(("shpinst", "shptxt", "shp", "annotation", "footnote", "fldrslt"))
# Text of its own beside the paragraph that it is tied to.
FLOWS = frozenset(("footnote", "annotation", "shptxt"))
# What stands on every page.
HEADS = frozenset(
    f"{place}{which}" for place in ("header", "footer") for which in ("", "l", "r", "f")
)

CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "lbr": "\n",
    "emdash": "\u2014",
    "endash": "\u2013",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "bullet": "\u2022",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
    "nestcell": " ",
    "nestrow": " ",
}
ESCAPES = {"~": " ", "_": "-", "-": "", "\\": "\\", "{": "{", "}": "}"}

CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    255: "cp850",
}
PAGES = {936: "gb18030", 10000: "mac_roman", 65001: "utf-8"}
