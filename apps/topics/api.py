"""Topics and rules about them, for programs of administrators."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth
from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.permissions.views import AdministrationView
from apps.topics import queries, services
from apps.topics.deciding import as_json
from apps.topics.forms import TopicForm, TopicRuleForm
from apps.topics.models import Topic, TopicRule
from apps.topics.serializers import (
    TopicIn,
    TopicOut,
    TopicPatch,
    TopicRuleIn,
    TopicRuleOut,
    TopicRulePatch,
    TryIn,
    TryOut,
)

TAGS = ["topics"]


class TopicsView(AdministrationView):
    @extend_schema(
        operation_id="topics_list",
        summary="Topics: kinds of question",
        tags=TAGS,
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(TopicOut, "TopicPage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        return page(request, Topic.objects.all(), TopicOut)

    @extend_schema(
        operation_id="topics_create",
        summary="Name a kind of question",
        description="By words, by patterns, by a sentence for the language model, or by several.",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=TopicIn,
        responses={201: TopicOut, **errors(400, 403, 409)},
        examples=[
            OpenApiExample(
                "Pay",
                value={"name": "Pay", "words": ["salar*", "工资", "奖金"]},
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        reauth.require(request)
        made = services.save_topic(**checked(TopicIn, request.data))
        return Response(TopicOut(made).data, status=201)


class TopicView(AdministrationView):
    def place(self, *, topic: UUID) -> Topic:
        return Topic.objects.get(pk=topic)

    @extend_schema(
        operation_id="topics_get",
        summary="One topic",
        tags=TAGS,
        responses={200: TopicOut, **errors(403, 404)},
    )
    def get(self, request: Request, topic: UUID) -> Response:
        return Response(TopicOut(self.place(topic=topic)).data)

    @extend_schema(
        operation_id="topics_change",
        summary="Change a topic",
        description="It counts from the next question on.",
        tags=TAGS,
        request=TopicPatch,
        responses={200: TopicOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, topic: UUID) -> Response:
        reauth.require(request)
        found = self.place(topic=topic)
        wanted = {**TopicForm.values_of(found), **checked(TopicPatch, request.data)}
        return Response(TopicOut(services.save_topic(topic=found, **wanted)).data)

    @extend_schema(
        operation_id="topics_delete",
        summary="Remove a topic that no rule names",
        tags=TAGS,
        responses={204: None, **errors(403, 404, 409)},
    )
    def delete(self, request: Request, topic: UUID) -> Response:
        reauth.require(request)
        services.delete_topic(topic=self.place(topic=topic))
        return Response(status=204)


class TopicRulesView(AdministrationView):
    @extend_schema(
        operation_id="topic_rules_list",
        summary="Who is kept to topics, or away from them",
        tags=TAGS,
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(TopicRuleOut, "TopicRulePage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        return page(request, queries.rules(), TopicRuleOut)

    @extend_schema(
        operation_id="topic_rules_create",
        summary="Keep groups, applications or keys to topics, or away from them",
        description="Rules only take away: every one that holds for an asker has to let a question "
        "pass. One that is refused gets 403 TOPIC_FORBIDDEN, with the rule and its sentence.",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=TopicRuleIn,
        responses={201: TopicRuleOut, **errors(400, 403, 409)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        reauth.require(request)
        made = services.save_rule(**checked(TopicRuleIn, request.data))
        return Response(TopicRuleOut(made).data, status=201)


class TopicRuleView(AdministrationView):
    def place(self, *, topic_rule: UUID) -> TopicRule:
        return queries.rules().get(pk=topic_rule)

    @extend_schema(
        operation_id="topic_rules_get",
        summary="One rule about topics",
        tags=TAGS,
        responses={200: TopicRuleOut, **errors(403, 404)},
    )
    def get(self, request: Request, topic_rule: UUID) -> Response:
        return Response(TopicRuleOut(self.place(topic_rule=topic_rule)).data)

    @extend_schema(
        operation_id="topic_rules_change",
        summary="Change a rule about topics",
        tags=TAGS,
        request=TopicRulePatch,
        responses={200: TopicRuleOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, topic_rule: UUID) -> Response:
        reauth.require(request)
        found = self.place(topic_rule=topic_rule)
        wanted = checked(TopicRulePatch, request.data)
        changed = services.save_rule(rule=found, **{**_values_of(found), **wanted})
        return Response(TopicRuleOut(changed).data)

    @extend_schema(
        operation_id="topic_rules_delete",
        summary="Remove a rule about topics",
        tags=TAGS,
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, topic_rule: UUID) -> Response:
        reauth.require(request)
        services.delete_rule(rule=self.place(topic_rule=topic_rule))
        return Response(status=204)


def _values_of(rule: TopicRule) -> dict[str, Any]:
    rows = {
        "topics": list(rule.topics.all()),
        "groups": list(rule.groups.all()),
        "applications": list(rule.applications.all()),
        "application_keys": list(rule.application_keys.all()),
    }
    return {**TopicRuleForm.values_of(rule), **rows}


class TopicsTryView(AdministrationView):
    @extend_schema(
        operation_id="topics_try",
        summary="Which rule would refuse this question?",
        description="Every rule in force, whoever it holds for. Nothing is written down.",
        tags=TAGS,
        request=TryIn,
        responses={200: TryOut, **errors(400, 403, 503)},
    )
    def post(self, request: Request) -> Response:
        wanted = checked(TryIn, request.data)
        rules = [rule for rule in queries.rules() if rule.is_active]
        said = services.tried(wanted["question"], rules=rules)
        return Response(TryOut({"rules": [as_json(verdict) for verdict in said]}).data)


urlpatterns = [
    path("administration/topics", TopicsView.as_view(), name="topics"),
    path("administration/topics/try", TopicsTryView.as_view(), name="topics-try"),
    path("administration/topics/<uuid:topic>", TopicView.as_view(), name="topic"),
    path("administration/topic-rules", TopicRulesView.as_view(), name="topic-rules"),
    path(
        "administration/topic-rules/<uuid:topic_rule>", TopicRuleView.as_view(), name="topic-rule"
    ),
]
