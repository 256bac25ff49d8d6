"""Every knob of an installation, typed and explained. docs/configuration.md is generated from it."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from limits import parse
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
_SECRETS = Path("/run/secrets")
# Sessions are signed and secrets sealed with it, unstretched: a word that somebody typed is no key.
LEAST_SECRET = 32


class Env(BaseSettings):
    """Values of ``KB_*`` variables; a file of the same name in /run/secrets serves as well."""

    model_config = SettingsConfigDict(
        env_prefix="KB_",
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
        env_file=None,
        extra="ignore",
        hide_input_in_errors=True,  # a refused value may be a secret
    )

    # --- the installation -------------------------------------------------------------------
    data_dir: Path = Field(
        ROOT / "var", description="Folder of everything that must survive: SQL, files, index, key."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Signs sessions and seals stored secrets; 32 characters at least. None: made once in data_dir.",
    )
    secret_key_before: SecretStr | None = Field(
        None,
        description="Earlier values of secret_key, comma separated: what they sealed still opens.",
    )
    debug: bool = Field(default=False, description="Django's debug pages. Never on a real machine.")
    host: str = Field("127.0.0.1", description="Address the web process listens on.")
    port: int = Field(8000, description="Port the web process listens on.")
    allowed_hosts: str = Field(
        "localhost,127.0.0.1,[::1]",
        description="Host names this site answers to beside that of public_url, comma separated.",
    )
    public_url: str = Field(
        "", description="Address people use; links begin with it. Empty: http://host:port."
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses of proxies whose X-Forwarded headers are believed, comma separated.",
    )
    secure_cookies: bool = Field(
        default=False, description="Cookies only over TLS; turn on behind the TLS proxy."
    )
    limit_anonymous: str = Field(
        "50/second",
        description="Most requests from one address that nobody is signed in at. Empty: no limit.",
    )
    limit_person: str = Field(
        "100/second",
        description="Most requests of one signed-in person, their own keys included. Empty: none.",
    )
    password_words: str = Field(
        "",
        description="Words that no password here may be made of: company, products, projects; comma "
        "separated.",
    )
    session_days: int = Field(
        14, ge=1, description="Days after which one signs in again, however busy one was."
    )
    session_idle_hours: int = Field(
        72, ge=1, description="Hours without a request after which one signs in again."
    )
    language: Literal["en", "zh-hans"] = Field(
        "en", description="Language when a browser asks for none."
    )
    time_zone: str = Field("UTC", description="IANA time zone in which pages show times.")

    # --- first start ------------------------------------------------------------------------
    admin_email: str = Field(
        "", description="Unattended install: e-mail of the first administrator."
    )
    admin_password: SecretStr | None = Field(
        None, description="Unattended install: password of the first administrator."
    )

    # --- mail -------------------------------------------------------------------------------
    mail_host: str = Field(
        "", description="Server that sends mail to people. Empty: nobody is written to."
    )
    mail_port: int = Field(587, description="Its port.")
    mail_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to it is encrypted."
    )
    mail_user: str = Field("", description="Name to sign in there with. Empty: none.")
    mail_password: SecretStr | None = Field(None, description="Its password.")
    mail_from: str = Field(
        "footnote@localhost", description="Address that the mails of this installation come from."
    )

    # --- services ---------------------------------------------------------------------------
    database_url: str = Field(
        "", description="postgresql://user:password@host/name. Empty: SQLite in data_dir."
    )
    redis_url: str = Field(
        "", description="redis://host:port/0 or unix://path. Empty: a Redis of its own on a socket."
    )
    broker_url: str = Field("", description="Celery broker, e.g. amqp://. Empty: redis_url.")
    model_host_url: str = Field(
        "", description="Where the local embedding models answer. Empty: loopback, model_host_port."
    )
    model_host_port: int = Field(8011, description="Port of the local model host.")
    index_host_url: str = Field(
        "", description="Where the index host answers. Empty: loopback, index_host_port."
    )
    index_host_port: int = Field(8012, description="Port of the local index host.")
    index_cache_mb: int = Field(
        512,
        ge=16,
        description="Memory in which the index host may keep parts of its tables, in MB.",
    )
    llm_host_url: str = Field(
        "", description="Where the local language model answers. Empty: loopback, llm_port."
    )
    index_host_token: SecretStr | None = Field(
        None,
        description="Shared secret between this product's own processes. None: from secret_key.",
    )

    # --- models -----------------------------------------------------------------------------
    llm_base_url: str = Field(
        "", description="OpenAI-compatible server such as vLLM. Empty: the local language model."
    )
    llm_api_key: SecretStr | None = Field(None, description="Key of that server.")
    llm_model: str = Field(
        "",
        description="Model name to ask that server for; of the catalogue when there is no server.",
    )
    llm_port: int = Field(8013, description="Port of the local language model.")
    llm_context_tokens: int = Field(
        0, description="Tokens of sources and history per question. 0: chosen for the model server."
    )
    llm_max_tokens: int = Field(700, description="Longest answer in tokens.")
    embeddings_base_url: str = Field(
        "", description="OpenAI-compatible embeddings server. Empty: the local model host."
    )
    embeddings_api_key: SecretStr | None = Field(None, description="Key of that server.")
    embeddings_model: str = Field("", description="Model name there. Empty: multilingual-e5-small.")
    embeddings_dimensions: int = Field(384, description="Length of that model's vectors.")
    embeddings_query_prefix: str = Field("query: ", description="Put before a question.")
    embeddings_passage_prefix: str = Field("passage: ", description="Put before a passage.")
    models_dir: Path = Field(
        Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "footnote" / "models",
        description="Cache of downloaded models, outside the checkout.",
    )
    vllm: str = Field(
        "vllm",
        description="The vllm program that `manage.py engine serve` runs, in a virtual environment "
        "of its own.",
    )
    engines: Literal["real", "fake"] = Field(
        "real",
        description="fake: hash embeddings, an index in memory and a scripted model (tests).",
    )

    # --- limits -----------------------------------------------------------------------------
    upload_max_mb: int = Field(200, description="Largest file that is accepted, in MiB.")
    clamav: str = Field(
        "",
        description="Address of ClamAV's clamd: path of its socket, or host:port. With it no file is "
        "read before it was scanned. Empty: no scan.",
    )
    archive_max_mb: int = Field(
        2048, description="Most that one archive may hold once it is unpacked, in MiB."
    )
    disk_reserve_mb: int = Field(
        100, description="Room that uploads leave free on the disk, in MiB: the database needs it."
    )
    parse_seconds: int = Field(300, description="Longest time one file may take to be read.")
    parse_memory_mb: int = Field(2048, description="Most memory one file may take to be read.")
    ocr: Literal["on", "off"] = Field(
        "on",
        description="on: text in scans and pictures is recognised, some 2 s a page on two processors.",
    )
    ocr_pages: int = Field(
        1000,
        ge=1,
        description="Most pages of one file that are recognised; each may take two minutes.",
    )
    fetch_private_addresses: bool = Field(
        default=False, description="Let documents be fetched from private addresses (tests only)."
    )

    # --- sources ----------------------------------------------------------------------------
    source_folders: str = Field(
        "",
        description="Folders below which sources may read, comma separated. Empty: none.",
    )
    source_hosts: str = Field(
        "",
        description="Internal servers that sources may ask, comma separated: name, name:port or a "
        "network such as 10.20.0.0/16. Public ones need no line.",
    )
    source_minutes: int = Field(45, description="Longest run of a source; the next one goes on.")
    source_mb: int = Field(20480, description="Most MiB that one run of a source fetches.")
    source_entries: int = Field(100_000, description="Most entries that a source may have.")

    # --- single sign-on ---------------------------------------------------------------------
    sign_on_hosts: str = Field(
        "",
        description="Internal servers that sign people in, comma separated: name, name:port or a "
        "network such as 10.20.0.0/16. Public ones need no line.",
    )

    # --- webhooks ---------------------------------------------------------------------------
    webhook_hosts: str = Field(
        "",
        description="Internal servers that webhooks may be sent to, comma separated: name, name:port "
        "or a network such as 10.20.0.0/16. Public ones need no line, but https.",
    )

    # --- events to a SIEM -------------------------------------------------------------------
    syslog: str = Field(
        "",
        description="Where events are sent as syslog: tls://siem.example.com:6514, or tcp:// and "
        "udp:// to this machine. Empty: nowhere.",
    )
    syslog_ca_file: str = Field(
        "", description="Certificates (PEM) that vouch for that server. Empty: the system's."
    )
    syslog_cert_file: str = Field(
        "", description="Certificate (PEM) that this installation shows there. Empty: none."
    )
    syslog_key_file: str = Field("", description="Key (PEM) of that certificate.")
    syslog_details: Literal["ids", "names"] = Field(
        "ids",
        description="ids: of documents and collections only their ids are sent; names: names too.",
    )

    # --- directory --------------------------------------------------------------------------
    ldap_servers: str = Field(
        "",
        description="Servers of the directory that people sign in with, comma separated, such as "
        "ldaps://dc1.example.com. They and what follows win over the pages, for the directory "
        "`main`. Empty: as entered on the pages.",
    )
    ldap_kind: Literal["", "ldap", "ad"] = Field(
        "", description="ad: Active Directory; ldap: any other."
    )
    ldap_start_tls: bool = Field(default=False, description="Encrypt ldap:// with StartTLS.")
    ldap_plain_hosts: str = Field(
        "",
        description="Hosts to which ldap:// may go without StartTLS, comma separated: passwords "
        "can be read on the way. This machine itself needs no line.",
    )
    ldap_ca_file: str = Field(
        "", description="Certificates (PEM) that vouch for the servers. Empty: the system's."
    )
    ldap_bind_dn: str = Field("", description="Account with which the directory is read.")
    ldap_bind_password: SecretStr | None = Field(None, description="Its password.")
    ldap_user_bases: str = Field(
        "", description="Where people are, as DNs, separated by semicolons."
    )
    ldap_group_bases: str = Field(
        "", description="Where groups are, as DNs, separated by semicolons."
    )

    # --- one machine ------------------------------------------------------------------------
    parts: str = Field(
        "redis,model-host,index-host,llm,worker-light,worker-parse,worker-embed,beat,web",
        description="Which parts the supervisor starts on this machine, comma separated.",
    )
    node_name: str = Field(
        "",
        pattern=r"^[A-Za-z0-9.-]{0,60}$",
        description="Name of this machine among those that share a broker. Empty: its host name.",
    )
    parse_workers: int = Field(1, description="Parser processes on this machine.")
    hosts_bind: str = Field(
        "127.0.0.1", description="Address the model, index and language hosts listen on."
    )
    model_threads: int = Field(
        0, description="Threads of each local model. 0: one per processor, at most 8."
    )
    local_models: Literal["real", "fake"] = Field(
        "real",
        description="fake: the model host answers with hashes and nothing is downloaded (tests).",
    )
    log_to: Literal["files", "stdout"] = Field(
        "files", description="Where the parts log: data_dir/logs, or the supervisor's own output."
    )
    log_format: Literal["lines", "json"] = Field(
        "lines", description="One line a message for people, or one JSON object for programs."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Log level."
    )

    @field_validator("data_dir", "models_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < LEAST_SECRET:
            raise ValueError(
                f"at least {LEAST_SECRET} characters; `openssl rand -base64 48` makes one"
            )
        return value

    @field_validator("limit_anonymous", "limit_person")
    @classmethod
    def _rate(cls, value: str) -> str:
        if value.strip():
            parse(value)  # ValueError says what is wrong
        return value.strip()

    @property
    def redis_socket(self) -> Path:
        """Socket of the embedded Redis. Kept short: over 107 bytes it silently fails to appear."""
        path = self.data_dir / "run" / "redis.sock"
        if len(str(path).encode()) <= 100:
            return path
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]
        return Path("/tmp") / f"footnote-{digest}" / "redis.sock"  # noqa: S108 - 0700 folder, made by the supervisor

    @property
    def effective_redis_url(self) -> str:
        return self.redis_url or f"unix://{self.redis_socket}"

    @property
    def effective_public_url(self) -> str:
        near = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared
        name = f"[{near}]" if ":" in near else near
        return (self.public_url or f"http://{name}:{self.port}").rstrip("/")

    @property
    def effective_model_host_url(self) -> str:
        return self.model_host_url or f"http://127.0.0.1:{self.model_host_port}"

    @property
    def effective_llm_host_url(self) -> str:
        return self.llm_host_url or f"http://127.0.0.1:{self.llm_port}"

    @property
    def effective_index_host_url(self) -> str:
        return self.index_host_url or f"http://127.0.0.1:{self.index_host_port}"


@lru_cache
def env() -> Env:
    """The environment, read and checked once. Raises pydantic's ValidationError naming all faults."""
    return Env()


def directory_of(read: Env) -> dict[str, Any]:
    """What the environment says of the directory ``main``; empty values leave it to the pages."""
    password, ca = read.ldap_bind_password, read.ldap_ca_file
    return {
        "addresses": _list_of(read.ldap_servers, ","),
        "preset": read.ldap_kind,
        "is_start_tls": read.ldap_start_tls,
        "ca": Path(ca).read_text(encoding="utf-8") if ca else "",
        "bind_dn": read.ldap_bind_dn,
        "bind_password": password.get_secret_value() if password else "",
        "user_bases": _list_of(read.ldap_user_bases, ";"),
        "group_bases": _list_of(read.ldap_group_bases, ";"),
    }


def _list_of(text: str, sign: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(sign) if part.strip())
