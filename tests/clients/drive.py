"""A whole deal through the official Python client, in both protocol eras, over standard input and output and over HTTP.

    drive.py URL PROGRAM DATA

URL is that of a running server's /mcp, whose token stands in MILEPOST_DRIVE_TOKEN; PROGRAM is the milepost program and
DATA the data folder of both. Prints one JSON document; the exit code is 0 when every run went through. The client itself
holds each answer against the output schema of its tool, and raises when it does not fit.
"""

import asyncio
import json
import os
import sys
import traceback
from contextlib import asynccontextmanager

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult

ERAS = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}
NOBODYS = "01900000-0000-7000-8000-00000000dead"


class Run:
    """One client's connection, and what came of it."""

    def __init__(self, client, asked):
        self.client, self.asked, self.calls = client, asked, 0

    async def raw(self, tool, arguments):
        self.calls += 1
        result = await self.client.call_tool(tool, arguments)
        said = json.loads(result.content[0].text)
        assert said == result.structured_content, f"{tool}: the text says something else than the structure"
        return result

    async def ok(self, tool, arguments):
        result = await self.raw(tool, arguments)
        assert not result.is_error, f"{tool} was refused: {result.structured_content}"
        return result.structured_content

    async def no(self, tool, arguments):
        result = await self.raw(tool, arguments)
        assert result.is_error, f"{tool} was not refused: {result.structured_content}"
        refusal = result.structured_content
        assert refusal["sentence"] and refusal["next"], refusal
        return refusal


async def drive(run, name):
    listed = (await run.client.list_tools()).tools
    tools = {tool.name: tool for tool in listed}
    for tool in listed:
        assert tool.output_schema and tool.input_schema["type"] == "object", tool.name
        hints = tool.annotations
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)

    new = {
        "title": f"12 Oak Street ({name})",
        "address": "12 Oak Street, Chicago, IL 60601",
        "side": "buyer",
        "financing": "fha",
        "state": "IL",
        "price": 450000,
        "time_zone": "America/Chicago",
        "key_dates": {"contract_date": "2026-12-01", "closing_date": "2027-01-22"},
        "parties": [{"role": "buyer", "name": "Ann Lee", "email": "ann@example.com"}],
        "idempotency_key": f"create {name}".replace(" ", "-"),
    }
    created = await run.ok("deal_create", new)
    assert created == await run.ok("deal_create", new), "a repeated call got another answer"
    deal = created["deal"]["id"]
    assert created["receipt"]["read_back"] is True, created["receipt"]

    got = await run.ok("deal_get", {"id": deal})
    assert got["deal"]["title"] == new["title"]
    assert "ann@" not in json.dumps(got), "an address was not masked"

    pages, cursor, seen = 0, None, []
    while True:
        page = await run.ok("milestone_list", {"deal_id": deal, "limit": 4} | ({"cursor": cursor} if cursor else {}))
        pages, seen, cursor = pages + 1, seen + [m["id"] for m in page["milestones"]], page.get("next_cursor")
        if not cursor:
            break
    assert pages > 1 and sorted(seen) == sorted(m["id"] for m in created["milestones"]), (pages, len(seen))

    def milestone(of, kind):
        return next(m for m in of["milestones"] if m["type"] == kind)

    prep = milestone(created, "closing_prep")
    why = await run.ok("milestone_explain", {"id": prep["id"]})
    assert "closing_date" in why["explanation"], why

    first = milestone(created, "earnest_money")
    complete = {"id": first["id"], "note": "Wired", "idempotency_key": f"complete-{name}".replace(" ", "-")}
    done = await run.ok("milestone_complete", complete)
    assert done["milestone"]["status"] == "completed" and done["receipt"]["event"], done
    assert done == await run.ok("milestone_complete", complete), "a repeated call got another answer"

    refused = [
        await run.no("deal_get", {"id": NOBODYS}),
        await run.no("milestone_complete", {"id": prep["id"], "version": 99}),
        await run.no("milestone_list", {"limit": 1000, "colour": "red"}),
        await run.no("milestone_complete", complete | {"note": "Something else"}),
    ]
    codes = [refusal["code"] for refusal in refused]
    assert codes == ["not_found", "stale", "invalid", "key_reused"], codes
    assert {problem["field"] for problem in refused[2]["problems"]} == {"limit", "colour"}, refused[2]

    change = {"deal_id": deal, "key_dates": {"closing_date": "2027-01-29"}}
    preview = await run.ok("key_dates_preview", change)
    assert preview["changes"], preview
    applied = await run.ok("key_dates_apply", {"plan_token": preview["plan_token"]})
    assert applied["deal"]["key_dates"]["closing_date"] == "2027-01-29"
    assert milestone(applied, "closing_prep")["due_on"] != prep["due_on"]

    letter = {"deal_id": deal, "role": "buyer", "subject": "Your closing", "body": "You close on January 29, 2027."}
    proposed = await run.ok("draft_propose", letter)
    waiting = await run.ok("approval_list", {})
    assert proposed["draft"]["id"] in json.dumps(waiting), "the letter does not wait for anybody"

    lists = {"tools": len(tools)}
    can = run.client.server_capabilities
    if can.resources:
        lists["resources"] = len((await run.client.list_resources()).resources)
        lists["resource_templates"] = len((await run.client.list_resource_templates()).resource_templates)
    if can.prompts:
        lists["prompts"] = len((await run.client.list_prompts()).prompts)
    return {
        "version": run.client.protocol_version,
        "lists": lists,
        "calls": run.calls,
        "pages": pages,
        "codes": codes,
        "asked": run.asked["times"],
    }


@asynccontextmanager
async def connected(transport, mode, url, program, data):
    asked = {"times": 0}

    async def say_yes(_context, _question):
        asked["times"] += 1
        return ElicitResult(action="accept", content={})

    more = {"mode": mode, "elicitation_callback": say_yes, "read_timeout_seconds": 60}
    if transport == "stdio":
        # A standing clock and the like, for the program.
        env = {name: value for name, value in os.environ.items() if name.startswith("MILEPOST_CLOCK__")}
        server = StdioServerParameters(command=program, args=["--data", data, "mcp"], env=env, cwd=data)
        async with Client(server, **more) as client:
            yield Run(client, asked)
    else:
        headers = {"Authorization": f"Bearer {os.environ['MILEPOST_DRIVE_TOKEN']}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
            async with Client(streamable_http_client(url, http_client=http), **more) as client:
                yield Run(client, asked)


async def main(url, program, data):
    runs = []
    for transport in ("stdio", "http"):
        for version, mode in ERAS.items():
            run = {"transport": transport, "era": version, "ok": False}
            try:
                async with connected(transport, mode, url, program, data) as connection:
                    run |= await drive(connection, f"python {transport} {version}")
                assert run["version"] == version, f"spoke {run['version']}"
                run["ok"] = True
            except BaseException as error:
                run["error"] = "".join(traceback.format_exception(error))[-4000:]
            runs.append(run)
    whole = all(run["ok"] for run in runs)
    print(json.dumps({"client": "Python", "ok": whole, "runs": runs}, indent=2))
    return 0 if whole else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(*sys.argv[1:])))
