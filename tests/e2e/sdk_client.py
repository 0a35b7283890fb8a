"""Drives `agent-dispatch serve` with the official Python SDK, 1.x or 2.x; run by test_sdk.py in the SDK's own environment.

usage: python sdk_client.py PROGRAM MODE, with the order on stdin: {"environment": …} and what data/sdk_calls.json has. MODE is of
2.x: `auto` or `legacy`. Prints what it saw as JSON, in the words of the protocol."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import mcp
from mcp import StdioServerParameters, types

IS_FIRST = not hasattr(mcp, "Client")


def plain(model):
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


@contextlib.asynccontextmanager
async def connect(parameters, mode):
    """A connected client, and what it says of the connection."""
    if IS_FIRST:
        async with mcp.stdio_client(parameters) as (read, write), mcp.ClientSession(read, write) as session:
            greeting = await session.initialize()
            yield session, {"revision": greeting.protocolVersion, "capabilities": plain(greeting.capabilities)}
    else:
        async with mcp.Client(parameters, mode=mode) as client:
            yield client, {"revision": client.protocol_version, "capabilities": plain(client.server_capabilities)}


class Driver:
    def __init__(self, client):
        self.client, self.kept = client, {}

    def fill(self, value):
        """With what was kept of earlier answers."""
        for name, kept in self.kept.items():
            value = value.replace(f"${name}", kept) if isinstance(value, str) else value
        return value

    async def call(self, entry, on_progress=None):
        told = []

        async def progress(step, total, message):
            told.append(message)
            if entry.get("progress", "\0") in message:
                if "heard" in entry:
                    Path(entry["heard"]).touch()
                if on_progress:
                    on_progress()

        arguments = {name: self.fill(value) for name, value in entry["arguments"].items()}
        result = plain(await self.client.call_tool(entry["tool"], arguments, progress_callback=progress))
        value = json.loads(result["content"][0]["text"])
        self.kept |= {name: value[member] for name, member in entry.get("keep", {}).items()}
        return {"result": result, "progress": told}

    async def cancel(self, entry):
        """Begins a call, and gives it up once it is under way."""
        begun = asyncio.Event()
        number = self.client._request_id if IS_FIRST else None
        call = asyncio.ensure_future(self.call(entry, begun.set))
        await begun.wait()
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        if IS_FIRST:  # 2.x tells the server by itself
            params = types.CancelledNotificationParams(requestId=number, reason="given up")
            await self.client.send_notification(types.ClientNotification(types.CancelledNotification(params=params)))
        return call.cancelled()

    async def complete(self, entry):
        kind = types.PromptReference if entry["ref"]["type"] == "ref/prompt" else types.ResourceTemplateReference
        return (await self.client.complete(kind(**entry["ref"]), entry["argument"])).completion.values


async def failure(asked):
    """What an answer that is an error says."""
    try:
        await asked
    except Exception as problem:
        return str(problem)


async def drive(client, order, revision):
    driver = Driver(client)
    if revision < "2026":
        await client.send_ping()
    return {
        "tools": [plain(tool) for tool in (await client.list_tools()).tools],
        "answers": [await driver.call(entry) for entry in order["calls"]],
        "is_cancelled": await driver.cancel(order["cancelled"]),
        "after_cancel": await driver.call(order["after_cancel"]),
        "prompts": [plain(prompt) for prompt in (await client.list_prompts()).prompts],
        "prompt_texts": [plain(await client.get_prompt(entry["name"], entry["arguments"])) for entry in order["prompts"]],
        "resources": [plain(resource) for resource in (await client.list_resources()).resources],
        "templates": plain(await client.list_resource_templates())["resourceTemplates"],
        "contents": [plain(await client.read_resource(driver.fill(entry["uri"])))["contents"] for entry in order["resources"]],
        "no_resource": await failure(client.read_resource("agent://nobody")),
        "no_prompt": await failure(client.get_prompt("nonsense", {})),
        "no_tool": await failure(client.call_tool("teleport", {})),
        "completions": [await driver.complete(entry) for entry in order["completions"]],
        "kept": driver.kept,
    }


async def main(program, mode, order):
    parameters = StdioServerParameters(command=program, args=["serve"], env=order["environment"])
    async with connect(parameters, mode) as (client, greeting):
        return greeting | await drive(client, order, greeting["revision"])


print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], json.load(sys.stdin)))))
