"""Which algorithms of XML signatures and encryption are believed. The program xmlsec1 would take
older ones as well."""

from collections.abc import Iterable

from lxml import etree

from apps.signon.asking import refused

_D, _E = "{http://www.w3.org/2000/09/xmldsig#}", "{http://www.w3.org/2001/04/xmlenc#}"
_MORE, _E11 = "http://www.w3.org/2001/04/xmldsig-more#", "http://www.w3.org/2009/xmlenc11#"
_ENC = "http://www.w3.org/2001/04/xmlenc#"
SIGNATURES = frozenset(
    f"{_MORE}{key}-sha{size}" for key in ("rsa", "ecdsa") for size in (256, 384, 512)
) | {f"http://www.w3.org/2007/05/xmldsig-more#sha{size}-rsa-MGF1" for size in (256, 384, 512)}
DIGESTS = frozenset({f"{_ENC}sha256", f"{_MORE}sha384", f"{_ENC}sha512"})
# No key transport of PKCS#1 v1.5, no triple DES. CBC is what most providers send, below a signature.
ENCRYPTION = frozenset(
    {f"{_ENC}rsa-oaep-mgf1p", f"{_E11}rsa-oaep"}
    | {f"{_ENC}aes{size}-cbc" for size in (128, 192, 256)}
    | {f"{_E11}aes{size}-gcm" for size in (128, 192, 256)}
)
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def require_strong(xml: bytes | str) -> None:
    """Raise AppError SIGN_ON_REFUSED for a message that names a weak algorithm anywhere."""
    try:
        root = etree.fromstring(xml if isinstance(xml, bytes) else xml.encode(), _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise refused("xml") from error
    _all_in(root.iter(f"{_D}SignatureMethod"), SIGNATURES, "signature")
    _all_in(root.iter(f"{_E}EncryptionMethod"), ENCRYPTION, "encryption")
    # The hash inside OAEP is no signature, and providers leave it at its default.
    _all_in(root.iterfind(f".//{_D}Reference/{_D}DigestMethod"), DIGESTS, "digest")


def _all_in(found: Iterable[etree._Element], allowed: frozenset[str], what: str) -> None:
    for each in found:
        if each.get("Algorithm") not in allowed:
            raise refused(f"weak {what}")
