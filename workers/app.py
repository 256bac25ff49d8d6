"""The Celery app. Its settings are the ``CELERY_*`` values of Django's settings."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_platform.settings")

celery_app = Celery("footnote")
celery_app.config_from_object("django.conf:settings", namespace="CELERY")
