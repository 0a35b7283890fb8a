// Drives `agent-dispatch serve` with the official TypeScript SDK, 1.x or 2.x; run by test_sdk.py beside the SDK's packages.
//
// usage: node sdk_client.mjs PROGRAM MAJOR MODE, with the order on stdin: {"environment": …} and what data/sdk_calls.json has.
// MODE is of 2.x: `auto` or `legacy`. Prints what it saw as JSON, in the words of the protocol.

import {readFileSync, writeFileSync} from 'node:fs';

const [program, major, mode] = process.argv.slice(2);
const order = JSON.parse(readFileSync(0, 'utf8'));

const [{Client}, {StdioClientTransport}] = await Promise.all(
  major === '1'
    ? [import('@modelcontextprotocol/sdk/client/index.js'), import('@modelcontextprotocol/sdk/client/stdio.js')]
    : [import('@modelcontextprotocol/client'), import('@modelcontextprotocol/client/stdio')]
);

const client = new Client({name: 'test', version: '0'}, {versionNegotiation: {mode}});
const errors = [];
client.onerror = (error) => errors.push(String(error));

const kept = {};

/** With what was kept of earlier answers. */
function fill(value) {
  if (typeof value !== 'string') return value;
  return Object.entries(kept).reduce((text, [name, each]) => text.replaceAll(`$${name}`, each), value);
}

async function call(entry, {signal, onProgress} = {}) {
  const progress = [];
  const args = Object.fromEntries(Object.entries(entry.arguments).map(([name, value]) => [name, fill(value)]));
  const onprogress = ({message}) => {
    progress.push(message);
    if (entry.progress === undefined || !message.includes(entry.progress)) return;
    if (entry.heard) writeFileSync(entry.heard, '');
    onProgress?.();
  };
  const params = {name: entry.tool, arguments: args};
  const options = {onprogress, signal};
  const result = await (major === '1' ? client.callTool(params, undefined, options) : client.callTool(params, options));
  const value = JSON.parse(result.content[0].text);
  for (const [name, member] of Object.entries(entry.keep ?? {})) kept[name] = value[member];
  return {result, progress};
}

/** Begins a call, and gives it up once it is under way. */
async function cancel(entry) {
  const control = new AbortController();
  try {
    await call(entry, {signal: control.signal, onProgress: () => control.abort('given up')});
    return false;
  } catch (error) {
    return control.signal.aborted;
  }
}

/** What an answer that is an error says. */
async function failure(asked) {
  try {
    await asked;
    return null;
  } catch (error) {
    return String(error);
  }
}

async function inTurn(entries, ask) {
  const answers = [];
  for (const entry of entries) answers.push(await ask(entry));
  return answers;
}

let revision;
const transport = new StdioClientTransport({command: program, args: ['serve'], env: order.environment});
if (major === '1') transport.setProtocolVersion = (spoken) => (revision = spoken);
await client.connect(transport);
revision ??= client.getNegotiatedProtocolVersion();
if (major === '1' || mode === 'legacy') await client.ping();

const seen = {
  revision,
  capabilities: client.getServerCapabilities(),
  tools: (await client.listTools()).tools,
  answers: await inTurn(order.calls, (entry) => call(entry)),
  is_cancelled: await cancel(order.cancelled),
  after_cancel: await call(order.after_cancel),
  prompts: (await client.listPrompts()).prompts,
  prompt_texts: await inTurn(order.prompts, ({name, arguments: given}) => client.getPrompt({name, arguments: given})),
  resources: (await client.listResources()).resources,
  templates: (await client.listResourceTemplates()).resourceTemplates,
  contents: await inTurn(order.resources, async ({uri}) => (await client.readResource({uri: fill(uri)})).contents),
  no_resource: await failure(client.readResource({uri: 'agent://nobody'})),
  no_prompt: await failure(client.getPrompt({name: 'nonsense', arguments: {}})),
  no_tool: await failure(client.callTool({name: 'teleport', arguments: {}})),
  completions: await inTurn(order.completions, async ({ref, argument}) => (await client.complete({ref, argument})).completion.values),
  kept,
  errors,
};
await client.close();
process.stdout.write(JSON.stringify(seen));
