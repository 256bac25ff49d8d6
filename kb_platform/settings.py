"""Environment → Django settings. The only settings module; values come from ``kb_platform.env``."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from apps.core.lines import FORMATTERS
from kb_platform.database import database
from kb_platform.env import ROOT, directory_of, env
from kb_platform.rest import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401 - read by Django
from kb_platform.secret import earlier_keys, secret_key, token_for

_env = env()

# --- the installation ---------------------------------------------------------------------------
DATA_DIR: Path = _env.data_dir
BLOB_DIR = DATA_DIR / "files"
PARSED_DIR = DATA_DIR / "parsed"
INDEX_DIR = DATA_DIR / "index"
RUN_DIR = DATA_DIR / "run"
SECRET_KEY = secret_key(_env)
SECRET_KEY_FALLBACKS = earlier_keys(_env)
DEBUG = _env.debug
PUBLIC_URL = _env.effective_public_url
# The address people use, and loopback for health checks, are always answered.
ALLOWED_HOSTS = [name.strip() for name in _env.allowed_hosts.split(",") if name.strip()] + [
    urlsplit(PUBLIC_URL).hostname or "localhost",
    "127.0.0.1",
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith(("http://", "https://")) else []
ROOT_URLCONF = "kb_platform.urls"
ASGI_APPLICATION = "kb_platform.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "csp",
    "axes",
    "apps.core",
    "apps.events",
    "apps.accounts",
    "apps.workspaces",
    "apps.applications",
    "apps.engines",
    "apps.gateway",
    "apps.topics",
    "apps.documents",
    "apps.intake",
    "apps.sources",
    "apps.directory",
    "apps.scim",
    "apps.signon",
    "apps.webhooks",
    "apps.search",
    "apps.chat",
    "apps.dialects",
    "apps.isolation",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "apps.applications.cors.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.core.middleware.NoStoreMiddleware",
    "apps.accounts.sessions.middleware.LastUseMiddleware",
    "apps.signon.middleware.SignOnMiddleware",
    "apps.accounts.language.LanguageMiddleware",
    "apps.core.middleware.LimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.workspaces.middleware.ScopeMiddleware",
    "apps.core.middleware.ErrorMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "apps.chat.context.sidebar",
            ],
        },
    },
]

# --- services -----------------------------------------------------------------------------------
# Every in_thread() worker may hold a connection; see apps/core/aio.py.
DATABASES = {"default": database(_env, pool_size=20)}
REDIS_URL = _env.effective_redis_url
CHANNEL_LAYERS = {
    "default": (
        {"BACKEND": "channels.layers.InMemoryChannelLayer"}
        if _env.engines == "fake" and not _env.redis_url
        else {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # redis-py gives up reading after 5 s, as long as the layer waits for news: sockets fell.
            "CONFIG": {
                "hosts": [{"address": REDIS_URL, "socket_timeout": 20}],
                "prefix": "fn",
                "expiry": 30,
            },
        }
    )
}
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        if _env.engines == "fake" and not _env.redis_url
        else {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    )
}
# Redis counts for all web processes; see apps/core/limits.py.
LIMITS_STORAGE = (
    "memory://"
    if _env.engines == "fake" and not _env.redis_url
    else REDIS_URL.replace("unix://", "redis+unix://", 1)
)
LIMIT_ANONYMOUS = _env.limit_anonymous
LIMIT_PERSON = _env.limit_person

# --- people -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
# Passwords of this installation first: that way in never waits for a directory.
AUTHENTICATION_BACKENDS = [
    "apps.accounts.backends.EmailOrLoginBackend",
    "apps.directory.backends.DirectoryBackend",
    "apps.accounts.backends.EqualTime",
]
LDAP = directory_of(_env)
LDAP_PLAIN_HOSTS = [
    part.strip().lower() for part in _env.ldap_plain_hosts.split(",") if part.strip()
]
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # e-mail is unique without regard to case, by a constraint
    "axes.W002",
    "axes.W003",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
# Argon2 is slow on purpose; the suite signs in thousands of times.
if os.environ.get("PYTEST_VERSION"):
    PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "apps.accounts.passwords.GuessableValidator"},
]
PASSWORD_WORDS = [
    word.strip().casefold() for word in _env.password_words.split(",") if word.strip()
]
REAUTH_SECONDS = 5 * 60  # so long one need not confirm again before a dangerous act
# Failures are asked for where a password is checked (apps/accounts/throttle.py), so that the page
# can say when to try again: neither the backend nor the middleware of axes is needed.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=5)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "apps.accounts.throttle.who"
AXES_CLIENT_IP_CALLABLE = "apps.accounts.throttle.address_of"
AXES_SENSITIVE_PARAMETERS = ["username", "password", "code", "next", "csrfmiddlewaretoken"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "home"
ADMIN_EMAIL = _env.admin_email
ADMIN_PASSWORD = _env.admin_password.get_secret_value() if _env.admin_password else ""

# --- security -----------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _env.secure_cookies
# Two installations on one host (other ports) would share cookie names and sign each other out.
# Behind TLS the prefix makes browsers refuse one that another host or a plain page has planted.
_PREFIX = "__Host-" if _env.secure_cookies else ""
SESSION_COOKIE_NAME = f"{_PREFIX}fn_session_{_env.port}"
CSRF_COOKIE_NAME = f"{_PREFIX}fn_csrf_{_env.port}"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "apps.accounts.sessions.store"
SESSION_COOKIE_AGE = int(timedelta(days=_env.session_days).total_seconds())
SESSION_IDLE = timedelta(hours=_env.session_idle_hours)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if _env.secure_cookies else 0
if _env.secure_cookies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "apps.core.views.csrf_failure"
_SELF = "'self'"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [_SELF],
        "script-src": [_SELF],
        "style-src": [_SELF],
        "img-src": [_SELF, "data:", "blob:"],
        "font-src": [_SELF, "data:"],
        "connect-src": [_SELF],
        "worker-src": [_SELF, "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": [_SELF],
        "frame-ancestors": ["'none'"],
    }
}

# --- uploads ------------------------------------------------------------------------------------
UPLOAD_MAX_BYTES = _env.upload_max_mb * 1024 * 1024
CLAMAV = _env.clamav.strip()
ARCHIVE_MAX_BYTES = _env.archive_max_mb * 1024 * 1024
DISK_RESERVE_BYTES = _env.disk_reserve_mb * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024  # fields; files stream to disk
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
PARSE_SECONDS = _env.parse_seconds
PARSE_WORKERS = _env.parse_workers
PARSE_MEMORY_BYTES = _env.parse_memory_mb * 1024 * 1024
OCR_PAGES = _env.ocr_pages if _env.ocr == "on" else 0
# More find no more to do at once on a page.
OCR_THREADS = max(1, min(4, (os.cpu_count() or 2) // _env.parse_workers))
FETCH_PRIVATE_ADDRESSES = _env.fetch_private_addresses

# --- sources ------------------------------------------------------------------------------------
SOURCE_FOLDERS = [Path(part.strip()) for part in _env.source_folders.split(",") if part.strip()]
SOURCE_HOSTS = [part.strip().lower() for part in _env.source_hosts.split(",") if part.strip()]
SOURCE_SECONDS = _env.source_minutes * 60
SOURCE_BYTES = _env.source_mb * 1024 * 1024
SOURCE_ENTRIES = _env.source_entries
SOURCE_PAUSE_S = 0.5  # between two requests to a site that names no Crawl-delay

# --- single sign-on -----------------------------------------------------------------------------
SIGN_ON_HOSTS = [part.strip().lower() for part in _env.sign_on_hosts.split(",") if part.strip()]

# --- mail ---------------------------------------------------------------------------------------
EMAIL_HOST = _env.mail_host
EMAIL_PORT = _env.mail_port
EMAIL_USE_TLS, EMAIL_USE_SSL = _env.mail_tls == "starttls", _env.mail_tls == "tls"
EMAIL_HOST_USER = _env.mail_user
EMAIL_HOST_PASSWORD = _env.mail_password.get_secret_value() if _env.mail_password else ""
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = _env.mail_from

# --- webhooks -----------------------------------------------------------------------------------
WEBHOOK_HOSTS = [part.strip().lower() for part in _env.webhook_hosts.split(",") if part.strip()]

# --- events to a SIEM ---------------------------------------------------------------------------
SYSLOG = _env.syslog.strip()
SYSLOG_CA_FILE = _env.syslog_ca_file
SYSLOG_CERT_FILE, SYSLOG_KEY_FILE = _env.syslog_cert_file, _env.syslog_key_file
SYSLOG_DETAILS = _env.syslog_details

# --- engines ------------------------------------------------------------------------------------
ENGINES = _env.engines
MODEL_HOST_URL = _env.effective_model_host_url
INDEX_HOST_URL = _env.effective_index_host_url
INDEX_HOST_TOKEN = (
    _env.index_host_token.get_secret_value()
    if _env.index_host_token
    else token_for("index host", SECRET_KEY)
)
LLM_BASE_URL = _env.llm_base_url or f"{_env.effective_llm_host_url}/v1"
LLM_IS_LOCAL = not _env.llm_base_url
# The local hosts want a token as well: a web page open on this machine can reach loopback.
LLM_API_KEY = (
    token_for("language host", SECRET_KEY)
    if LLM_IS_LOCAL
    else _env.llm_api_key.get_secret_value()
    if _env.llm_api_key
    else ""
)
LLM_MODEL = _env.llm_model or ("qwen2.5-coder-1.5b" if LLM_IS_LOCAL else "")
# A CPU reads about 70 tokens/s: 900 tokens of sources are 13 s before the first word.
LLM_CONTEXT_TOKENS = _env.llm_context_tokens or (1100 if LLM_IS_LOCAL else 6000)
LLM_MAX_TOKENS = _env.llm_max_tokens
VLLM_PROGRAM = _env.vllm
LOG_TO = _env.log_to
EMBEDDINGS_BASE_URL = _env.embeddings_base_url or f"{MODEL_HOST_URL}/v1"
EMBEDDINGS_API_KEY = (
    token_for("model host", SECRET_KEY)
    if not _env.embeddings_base_url
    else _env.embeddings_api_key.get_secret_value()
    if _env.embeddings_api_key
    else ""
)
EMBEDDINGS_MODEL = _env.embeddings_model or "e5-small"
# Hashes have no language to be freed from.
EMBEDDINGS_MAY_BE_CENTRED = _env.local_models == "real"
EMBEDDINGS_DIMENSIONS = _env.embeddings_dimensions
EMBEDDINGS_QUERY_PREFIX = _env.embeddings_query_prefix
EMBEDDINGS_PASSAGE_PREFIX = _env.embeddings_passage_prefix

# --- languages ----------------------------------------------------------------------------------
LANGUAGE_CODE = _env.language
LANGUAGES = [("en", _("English")), ("zh-hans", _("简体中文"))]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = _env.time_zone
USE_TZ = True
USE_I18N = True

# --- static files -------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [ROOT / "static"]
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# --- lines of the parts ---------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": FORMATTERS[_env.log_format]}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": _env.log_level},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "uvicorn": {"handlers": ["stderr"], "propagate": False},
        # Links that work once are in addresses. Uvicorn writes them down where this has a handler,
        # whatever its own switch says.
        "uvicorn.access": {"handlers": [], "propagate": False},
        "django.request": {"level": "ERROR"},
        "axes": {"level": "ERROR"},
        "django.channels.server": {"level": "WARNING"},
    },
}

# --- background work ----------------------------------------------------------------------------
# Measured under faults (docs/adr/0006): prefetch 1 and late acknowledgement lose nothing, and
# remote control together with gossip must never both be off: busy workers hung after a restart.
_REDIS_SOCKET = REDIS_URL.removeprefix("unix://").partition("?")[0]
CELERY_BROKER_URL = _env.broker_url or (
    f"redis+socket://{_REDIS_SOCKET}?virtual_host=1"
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
CELERY_IMPORTS = [
    "workers.lifecycle",
    "workers.ingest",
    "workers.isolation",
    "workers.maintenance",
    "workers.sources",
    "workers.directory",
    "workers.events",
    "workers.webhooks",
    "workers.scim",
    "workers.schedule",
]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_DEFAULT_QUEUE = "light"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
_IS_AMQP = CELERY_BROKER_URL.startswith("amqp")
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {}
    if _IS_AMQP
    else {
        # Above the longest stage: a task longer than this would be handed out twice.
        "visibility_timeout": max(3600, PARSE_SECONDS * 4),
        "unacked_restore_interval": 1,
    }
)
