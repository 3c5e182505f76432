// A whole deal through the official TypeScript client, in both protocol eras, over standard input and output and over HTTP.
//
//     drive.mjs URL PROGRAM DATA
//
// URL is that of a running server's /mcp, whose token stands in MILEPOST_DRIVE_TOKEN; PROGRAM is the milepost program and
// DATA the data folder of both. Prints one JSON document; the exit code is 0 when every run went through. The client itself
// holds each answer against the output schema of its tool, refusals too, and throws when it does not fit.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// Packages are looked up where tests/with-clients put them, not beside this file.
const require = createRequire(`${process.env.MILEPOST_TEST_CLIENTS}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { Client, StreamableHTTPClientTransport } = await load("@modelcontextprotocol/client");
const { StdioClientTransport, getDefaultEnvironment } = await load("@modelcontextprotocol/client/stdio");

const NOBODYS = "01900000-0000-7000-8000-00000000dead";

class Run {
  constructor(client, asked) {
    Object.assign(this, { client, asked, calls: 0 });
  }

  async raw(name, args) {
    this.calls += 1;
    const result = await this.client.callTool({ name, arguments: args });
    const said = JSON.parse(result.content[0].text);
    assert.deepEqual(said, result.structuredContent, `${name}: the text says something else than the structure`);
    return result;
  }

  async ok(name, args) {
    const result = await this.raw(name, args);
    assert(!result.isError, `${name} was refused: ${result.content[0].text}`);
    return result.structuredContent;
  }

  async no(name, args) {
    const result = await this.raw(name, args);
    assert(result.isError, `${name} was not refused: ${result.content[0].text}`);
    const refusal = result.structuredContent;
    assert(refusal.sentence && refusal.next, result.content[0].text);
    return refusal;
  }
}

async function drive(run, name) {
  const { tools } = await run.client.listTools();
  for (const tool of tools) {
    assert(tool.outputSchema && tool.inputSchema.type === "object", tool.name);
    for (const hint of ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"]) {
      assert.equal(typeof tool.annotations[hint], "boolean", `${tool.name}: ${hint}`);
    }
  }

  const create = {
    title: `12 Oak Street (${name})`,
    address: "12 Oak Street, Chicago, IL 60601",
    side: "buyer",
    financing: "fha",
    state: "IL",
    price: 450000,
    time_zone: "America/Chicago",
    key_dates: { contract_date: "2026-12-01", closing_date: "2027-01-22" },
    parties: [{ role: "buyer", name: "Ann Lee", email: "ann@example.com" }],
    idempotency_key: `create ${name}`.replaceAll(" ", "-"),
  };
  const created = await run.ok("deal_create", create);
  assert.deepEqual(await run.ok("deal_create", create), created, "a repeated call got another answer");
  const deal = created.deal.id;
  assert.equal(created.receipt.read_back, true);

  const got = await run.ok("deal_get", { id: deal });
  assert.equal(got.deal.title, create.title);
  assert(!JSON.stringify(got).includes("ann@"), "an address was not masked");

  const seen = [];
  let [pages, cursor] = [0, undefined];
  do {
    const page = await run.ok("milestone_list", { deal_id: deal, limit: 4, ...(cursor && { cursor }) });
    seen.push(...page.milestones.map((milestone) => milestone.id));
    [pages, cursor] = [pages + 1, page.next_cursor];
  } while (cursor);
  assert(pages > 1);
  assert.deepEqual(seen.toSorted(), created.milestones.map((milestone) => milestone.id).toSorted());

  const milestone = (of, type) => of.milestones.find((one) => one.type === type);
  const prep = milestone(created, "closing_prep");
  const why = await run.ok("milestone_explain", { id: prep.id });
  assert.match(why.explanation, /closing_date/);

  const first = milestone(created, "earnest_money");
  const complete = { id: first.id, note: "Wired", idempotency_key: `complete-${name}`.replaceAll(" ", "-") };
  const done = await run.ok("milestone_complete", complete);
  assert(done.milestone.status === "completed" && done.receipt.event, JSON.stringify(done));
  assert.deepEqual(await run.ok("milestone_complete", complete), done, "a repeated call got another answer");

  const refused = [
    await run.no("deal_get", { id: NOBODYS }),
    await run.no("milestone_complete", { id: prep.id, version: 99 }),
    await run.no("milestone_list", { limit: 1000, colour: "red" }),
    await run.no("milestone_complete", { ...complete, note: "Something else" }),
  ];
  const codes = refused.map((refusal) => refusal.code);
  assert.deepEqual(codes, ["not_found", "stale", "invalid", "key_reused"]);
  assert.deepEqual(refused[2].problems.map((problem) => problem.field).toSorted(), ["colour", "limit"]);

  const change = { deal_id: deal, key_dates: { closing_date: "2027-01-29" } };
  const preview = await run.ok("key_dates_preview", change);
  assert(preview.changes.length > 0);
  const applied = await run.ok("key_dates_apply", { plan_token: preview.plan_token });
  assert.equal(applied.deal.key_dates.closing_date, "2027-01-29");
  assert.notEqual(milestone(applied, "closing_prep").due_on, prep.due_on);

  const letter = { deal_id: deal, role: "buyer", subject: "Your closing", body: "You close on January 29, 2027." };
  const proposed = await run.ok("draft_propose", letter);
  const waiting = await run.ok("approval_list", {});
  assert(JSON.stringify(waiting).includes(proposed.draft.id), "the letter does not wait for anybody");

  const lists = { tools: tools.length };
  const can = run.client.getServerCapabilities();
  if (can.resources) {
    lists.resources = (await run.client.listResources()).resources.length;
    lists.resource_templates = (await run.client.listResourceTemplates()).resourceTemplates.length;
  }
  if (can.prompts) {
    lists.prompts = (await run.client.listPrompts()).prompts.length;
  }
  return { lists, calls: run.calls, pages, codes, asked: run.asked.times };
}

async function connected(transport, era, [url, program, data]) {
  const asked = { times: 0 };
  const mode = era === "2025-11-25" ? "legacy" : { pin: era };
  const about = { name: "milepost-drive", version: "1.0.0" };
  const client = new Client(about, { capabilities: { elicitation: {} }, versionNegotiation: { mode } });
  client.setRequestHandler("elicitation/create", async () => {
    asked.times += 1;
    return { action: "accept", content: {} };
  });
  if (transport === "stdio") {
    // A standing clock and the like, for the program.
    const ours = Object.entries(process.env).filter(([name]) => name.startsWith("MILEPOST_CLOCK__"));
    const env = { ...getDefaultEnvironment(), ...Object.fromEntries(ours) };
    const args = ["--data", data, "mcp"];
    await client.connect(new StdioClientTransport({ command: program, args, env, cwd: data }));
  } else {
    const headers = { Authorization: `Bearer ${process.env.MILEPOST_DRIVE_TOKEN}` };
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  }
  return new Run(client, asked);
}

if (process.argv.length !== 5) {
  console.error("usage: drive.mjs URL PROGRAM DATA");
  process.exit(2);
}
const runs = [];
for (const transport of ["stdio", "http"]) {
  for (const era of ["2025-11-25", "2026-07-28"]) {
    const run = { transport, era, ok: false };
    try {
      const connection = await connected(transport, era, process.argv.slice(2));
      Object.assign(run, await drive(connection, `typescript ${transport} ${era}`));
      run.version = connection.client.getNegotiatedProtocolVersion();
      assert.equal(run.version, era);
      await connection.client.close();
      run.ok = true;
    } catch (error) {
      run.error = String(error.stack ?? error).slice(0, 4000);
    }
    runs.push(run);
  }
}
const ok = runs.every((run) => run.ok);
console.log(JSON.stringify({ client: "TypeScript", ok, runs }, null, 2));
process.exit(ok ? 0 : 1);
