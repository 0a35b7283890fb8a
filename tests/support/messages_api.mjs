// A stand-in for the Messages API, on loopback only, for tests with the real claude CLI.
//
//   node messages_api.mjs [LOG]      prints "port N" on stdout, then serves until it is killed or its stdin ends
//
// What it answers is written in the prompt: every line that begins with "%% " is a step, a JSON object; the n-th request
// of a conversation gets the n-th step. The last message of the user's that has such lines counts, so a resumed session
// follows its new prompt, and a script inside a tool's input (one line of JSON) belongs to whoever gets that input.
// Without steps, or after the last, the answer is a fixed text.
//
//   say        text of the answer
//   use, with  a tool to call, and its input;  tools: [[name, input], …]  several in one answer
//   tokens     [input, output]: the usage that is reported, from which the CLI computes the cost
//   status     an HTTP error instead; with `times`, only the first so many times this step is asked for; `message`
//   wait_ms    before anything is sent;  pause_ms  between the parts of a streamed answer
//   hang       "before" anything is sent, or "after" the content, before the message's end
//   cut        true: the connection is closed after the content
//
// LOG gets one JSON object per line: a request as it arrives, with its last message of the user's, and whether its client
// went away.
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'

const logFile = process.argv[2]
const errorNames = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
}
const refusals = new Map()
let serial = 0

const fresh = (prefix) => `${prefix}_local${String(++serial).padStart(8, '0')}`
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
const record = (entry) => logFile && appendFileSync(logFile, JSON.stringify({ at: Date.now(), ...entry }) + '\n')

function texts(message) {
  if (typeof message.content === 'string') return [message.content]
  return (message.content ?? []).filter((block) => block.type === 'text').map((block) => block.text)
}

function stepsIn(message) {
  const steps = []
  for (const line of texts(message).join('\n').split('\n')) {
    if (!line.startsWith('%% ')) continue
    try {
      steps.push(JSON.parse(line.slice(3)))
    } catch (problem) {
      steps.push({ say: `The script has a line that is no JSON: ${problem.message}` })
    }
  }
  return steps
}

/** The step that answers this request: {step, number}; number is -1 when no script is there. */
function nextStep(messages) {
  for (let at = messages.length - 1; at >= 0; --at) {
    if (messages[at].role !== 'user') continue
    const steps = stepsIn(messages[at])
    if (steps.length === 0) continue
    const number = messages.slice(at + 1).filter((message) => message.role === 'assistant').length
    return { step: steps[number] ?? { say: 'The script has ended.' }, number }
  }
  return { step: { say: 'No script was given.' }, number: -1 }
}

/** True when this request is one of the first `times` for its step. */
function refused(step, messages) {
  if (!step.status) return false
  const key = JSON.stringify([step, messages.length, texts(messages[0])])
  const soFar = (refusals.get(key) ?? 0) + 1
  refusals.set(key, soFar)
  return !step.times || soFar <= step.times
}

function contentOf(step) {
  const blocks = []
  if (step.say !== undefined) blocks.push({ type: 'text', text: step.say })
  const calls = step.tools ?? (step.use ? [[step.use, step.with ?? {}]] : [])
  for (const [name, input] of calls) blocks.push({ type: 'tool_use', id: fresh('toolu'), name, input })
  return blocks.length > 0 ? blocks : [{ type: 'text', text: 'Nothing to say.' }]
}

function sendJson(response, status, value, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': fresh('req'), ...headers })
  response.end(JSON.stringify(value))
}

function refuse(response, step) {
  const { status } = step
  // The CLI would follow "true" on any status: on a 4xx other than 429 it has to see none.
  const worthRetrying = status === 429 || status >= 500
  const error = { type: errorNames[status] ?? 'api_error', message: step.message ?? `scripted error ${status}` }
  sendJson(response, status, { type: 'error', error }, worthRetrying ? { 'x-should-retry': 'true' } : {})
}

/** Sends one block in the parts a streaming client expects. */
async function streamBlock(emit, index, block) {
  if (block.type === 'text') {
    await emit('content_block_start', { index, content_block: { type: 'text', text: '' } })
    for (const part of block.text.match(/[\s\S]{1,24}/gu) ?? [''])
      await emit('content_block_delta', { index, delta: { type: 'text_delta', text: part } })
  } else {
    await emit('content_block_start', { index, content_block: { ...block, input: {} } })
    const partial_json = JSON.stringify(block.input)
    await emit('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } })
  }
  await emit('content_block_stop', { index })
}

async function answer(response, request, step) {
  const [input_tokens, output_tokens] = step.tokens ?? [10, 5]
  const usage = { input_tokens, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens, service_tier: 'standard' }
  const content = contentOf(step)
  const stop_reason = content.some((block) => block.type === 'tool_use') ? 'tool_use' : 'end_turn'
  const message = { id: fresh('msg'), type: 'message', role: 'assistant', model: request.model, stop_sequence: null }
  if (!request.stream) return sendJson(response, 200, { ...message, content, stop_reason, usage })

  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'request-id': fresh('req') })
  const emit = async (type, fields) => {
    if (response.destroyed) return
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`)
    if (step.pause_ms) await pause(step.pause_ms)
  }
  await emit('message_start', { message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } })
  for (const [index, block] of content.entries()) await streamBlock(emit, index, block)
  if (step.hang === 'after') return
  if (step.cut) return response.destroy()
  await emit('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens } })
  await emit('message_stop', {})
  response.end()
}

async function handle(request, response, body) {
  const path = new URL(request.url, 'http://loopback').pathname
  const asked = body ? JSON.parse(body) : {}
  if (request.method === 'HEAD') return response.writeHead(200).end()
  if (path.endsWith('/count_tokens')) return sendJson(response, 200, { input_tokens: 100 })
  if (request.method !== 'POST' || path !== '/v1/messages') {
    record({ unknown: `${request.method} ${path}` })
    return sendJson(response, 404, { type: 'error', error: { type: errorNames[404], message: `no ${path} here` } })
  }
  const messages = asked.messages ?? []
  const { step, number } = nextStep(messages)
  record({
    step: number,
    model: asked.model,
    messages: messages.length,
    tools: (asked.tools ?? []).map((tool) => tool.name),
    bytes: body.length,
    user: messages.findLast((message) => message.role === 'user'),
  })
  response.on('close', () => response.writableFinished || record({ gone: number }))
  if (step.wait_ms) await pause(step.wait_ms)
  if (step.hang === 'before') return
  if (refused(step, messages)) return refuse(response, step)
  await answer(response, asked, step)
}

const server = createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', () => {
    handle(request, response, Buffer.concat(parts).toString()).catch((problem) => {
      record({ broken: String(problem?.stack ?? problem) })
      response.destroy()
    })
  })
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
process.stdin.on('end', () => process.exit(0)).resume()
