"""How the REST API answers, and how its schema is written: settings of DRF and drf-spectacular."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.ApiKeyAuthentication",
        "apps.accounts.authentication.SameSiteSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.core.drf.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Footnote",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "kb_platform.api.with_health",
        "kb_platform.api.with_conditions",
        "kb_platform.api.with_refusals",
    ],
    # One name for each set of choices, whichever fields have it.
    "ENUM_NAME_OVERRIDES": {
        "AccessState": "apps.workspaces.access.api.ACCESS_STATES",
        "AnswerMode": "apps.workspaces.models.AnswerMode",
        "AnswerLanguage": "apps.workspaces.serializers.ANSWER_LANGUAGES",
        "DocumentState": "apps.documents.serializers.STATES",
        "EndpointKind": "apps.engines.models.Endpoint.Kind",
        "ErrorCode": "apps.core.drf.ERROR_CODES",
        "GrantRole": "apps.workspaces.serializers.GRANT_ROLES",
        "KeyScope": "apps.permissions.roles.KeyScope",
        "DirectoryPreset": "apps.directory.models.Directory.Preset",
        "Permission": "apps.permissions.roles.Permission",
        "ProviderKind": "apps.signon.serializers.KIND_NAMES",
        "Role": "apps.permissions.roles.Role",
        "RuleEffect": "apps.workspaces.rights.explain.EFFECTS",
        "SearchMode": "apps.rag.retrieve.Mode",
        "SourceKind": "apps.sources.serializers.KIND_NAMES",
        "SourceRunState": "apps.sources.serializers.RUN_STATES",
        "SourceState": "apps.sources.serializers.SOURCE_STATES",
        "TopicEffect": "apps.topics.models.Effect",
        "TurnState": "apps.chat.models.Turn.State",
    },
}
