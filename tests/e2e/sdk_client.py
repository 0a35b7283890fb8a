"""Drives `agent-dispatch serve` with the official Python SDK; run by test_sdk.py in the SDK's own environment.

usage: python sdk_client.py PROGRAM TASK, with the environment for the server as JSON on stdin. Prints what it saw as JSON.
"""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(program, task, environment):
    told = []

    async def progress(step, total, message):
        told.append(message)

    parameters = StdioServerParameters(command=program, args=["serve"], env=environment)
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        greeting = await session.initialize()
        tools = await session.list_tools()
        await session.send_ping()
        listing = await session.call_tool("list_agents", {})
        answer = await session.call_tool("dispatch_stream", {"agent": "notes", "task": task}, progress_callback=progress)
        unknown = await session.call_tool("dispatch", {"agent": "nobody", "task": task})
        return {
            "revision": greeting.protocolVersion,
            "tools": [tool.name for tool in tools.tools],
            "agents": json.loads(listing.content[0].text),
            "result": json.loads(answer.content[0].text),
            "unknown": json.loads(unknown.content[0].text),
            "unknown_is_error": unknown.isError,
            "progress": told,
        }


print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], json.load(sys.stdin)))))
