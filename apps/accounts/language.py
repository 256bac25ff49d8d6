"""Which language this reader gets: as set in the profile, as chosen here, as the browser asks."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin

COOKIE = "fn_language"


def language_of(request: HttpRequest) -> str:
    """Profile, then cookie, then Accept-Language, then the installation's own."""
    user = getattr(request, "user", None)
    chosen = (getattr(user, "language", ""), request.COOKIES.get(COOKIE, ""))
    known = {code for code, _name in settings.LANGUAGES}
    for code in chosen:
        if code in known:
            return str(code)
    return translation.get_language_from_request(request)


class LanguageMiddleware(MiddlewareMixin):
    """Speaks the reader's language for one request. Stands after authentication."""

    def process_request(self, request: HttpRequest) -> None:
        language = language_of(request)
        translation.activate(language)
        request.LANGUAGE_CODE = language

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response
