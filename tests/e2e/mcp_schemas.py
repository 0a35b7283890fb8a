"""Checks each message of a server against the official JSON schema of the revision that is spoken.

The schemas are not part of this project: AGENT_DISPATCH_MCP_SCHEMAS names a directory that has them, as
`schema-2025-11-25.json` and so on. Without it, or without the package jsonschema, nothing is checked, and the test that asks for the
checks says that it was skipped."""

import functools
import json
import os
from pathlib import Path

try:
    import jsonschema
except ImportError:
    jsonschema = None

HANDSHAKE_REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
STATELESS_REVISIONS = ["2026-07-28"]
REVISIONS = HANDSHAKE_REVISIONS + STATELESS_REVISIONS

RESULTS = {
    "initialize": "InitializeResult",
    "ping": "EmptyResult",
    "server/discover": "DiscoverResult",
    "tools/list": "ListToolsResult",
    "tools/call": "CallToolResult",
    "subscriptions/listen": "SubscriptionsListenResult",
    "resources/list": "ListResourcesResult",
    "resources/templates/list": "ListResourceTemplatesResult",
    "resources/read": "ReadResourceResult",
    "resources/subscribe": "EmptyResult",
    "resources/unsubscribe": "EmptyResult",
    "prompts/list": "ListPromptsResult",
    "prompts/get": "GetPromptResult",
    "completion/complete": "CompleteResult",
    "logging/setLevel": "EmptyResult",
}

# The extension for tasks has a schema of its own.
TASKS = "ext-tasks"
TASK_RESULTS = {"tasks/get": "GetTaskResult", "tasks/cancel": "CancelTaskResult", "tasks/update": "UpdateTaskResult"}


def directory():
    place = os.environ.get("AGENT_DISPATCH_MCP_SCHEMAS")
    return Path(place) if place and jsonschema is not None else None


@functools.lru_cache(maxsize=None)
def schema(revision):
    return json.loads((directory() / f"schema-{revision}.json").read_text())


@functools.lru_cache(maxsize=None)
def validator(revision, name):
    whole = schema(revision)
    definitions = "$defs" if "$defs" in whole else "definitions"
    assert name in whole[definitions], f"{revision} has no {name}"
    kind = jsonschema.validators.validator_for(whole)
    return kind({**whole, "$ref": f"#/{definitions}/{name}"})


def problems(revision, name, value):
    """What is wrong with a value, as sentences."""
    return [f"{name} of {revision}: {problem.json_path}: {problem.message[:300]}" for problem in validator(revision, name).iter_errors(value)]


def problems_of_message(revision, message, method=None):
    """What is wrong with a whole message. `method`: of the request that it answers."""
    if directory() is None:
        return []
    if message.get("method") == "notifications/tasks":
        return problems(TASKS, "TaskStatusNotification", message)
    if message.get("method") == "notifications/subscriptions/acknowledged":
        return problems(revision, "SubscriptionsAcknowledgedNotification", message)
    if "method" in message:
        return problems(revision, "ServerRequest" if "id" in message else "ServerNotification", message)
    if "error" in message:
        newer = revision >= "2025-11-25"
        return problems(revision, "JSONRPCErrorResponse" if newer else "JSONRPCError", message)
    found = problems(revision, "JSONRPCResponse", message)
    kind = message["result"].get("resultType") if method == "tools/call" and not found else None
    if kind == "task":
        return problems(TASKS, "CreateTaskResult", message["result"])
    if kind == "input_required":
        return problems(revision, "InputRequiredResult", message["result"])
    if method in TASK_RESULTS and not found:
        return problems(revision, "Result", message["result"]) + problems(TASKS, TASK_RESULTS[method], message["result"])
    if method in RESULTS and not found:
        found = problems(revision, RESULTS[method], message["result"])
    return found


def problems_of_answer(tool, result):
    """What is wrong with a tool's structured answer, by the tool's own output schema."""
    if jsonschema is None or "outputSchema" not in tool:
        return []
    kind = jsonschema.Draft202012Validator
    kind.check_schema(tool["outputSchema"])
    if result.get("resultType", "complete") != "complete":
        return []
    if "structuredContent" not in result:
        return [f"{tool['name']} has an output schema and no structured answer"]
    return [f"{tool['name']}: {each.json_path}: {each.message[:300]}" for each in kind(tool["outputSchema"]).iter_errors(result["structuredContent"])]
