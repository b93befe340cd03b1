// Run by node with @modelcontextprotocol/sdk and nothing of ours: ask the appliance four things, print the answers.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const where = JSON.parse(process.argv[2]);
const headers = { Authorization: `Bearer ${where.token}` };
const transport =
  where.kind === "stdio"
    ? new StdioClientTransport({ command: where.command[0], args: where.command.slice(1), env: where.env })
    : new StreamableHTTPClientTransport(new URL(where.url), { requestInit: { headers } });
const client = new Client({ name: "foreign", version: "1" });
await client.connect(transport);
const tools = (await client.listTools()).tools.length;
const answers = [];
for (const [name, args] of where.calls) {
  answers.push((await client.callTool({ name, arguments: args })).structuredContent);
}
await client.close();
console.log(JSON.stringify({ tools, answers }));
