// bad_clients.test.mjs -- requests and messages that no good client sends: each gets its status, error or close
// code, and the server goes on.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import WebSocket from 'ws';
import { connect, exchange } from './support/raw.mjs';
import { startServer, until } from './support/server.mjs';

const DEEP = 10000;
const HEADER_MS = 10000; // header_ms in gateway/limits.h
const HEADER_SIZE_MAX = 16384, TARGET_SIZE_MAX = 8192, BODY_SIZE_MAX = 1048576;

let server, token;

before(async () => {
  server = await startServer({ music: null });
  await server.setUp();
  token = server.command('token', 'ana').stdout.trim();
});

after(async () => assert.equal((await server.stop()).code, 0, server.log));

afterEach(async () => {
  assert.equal((await server.graphql('{ me { name } }')).me.name, 'ana', 'the server goes on');
});

async function post(body, type = 'application/json') {
  const response = await fetch(`${server.origin}/graphql`, {
    method: 'POST', headers: { 'Content-Type': type, Authorization: `Bearer ${token}` }, body,
  });
  return { status: response.status, answer: await response.json() };
}

test('documents and variables nested 10,000 deep get an error that says so', async () => {
  const nest = (open, close, middle = '') => open.repeat(DEEP) + middle + close.repeat(DEEP);
  const cases = {
    fields: { query: nest('{a', '}') },
    'fields that are there': { query: nest('{node(id:"x"){id}', '}') },
    lists: { query: `{ playlist(id: ${nest('[', ']')}) { id } }` },
    objects: { query: `{ playlist(id: ${nest('{a:', '}', '1')}) { id } }` },
    types: { query: `query ($a: ${nest('[', ']', 'Int')}) { me { id } }` },
    'inline fragments': { query: `{ me { ${nest('...{', '}', 'id')} } }` },
    'unclosed fields': { query: '{a'.repeat(DEEP) },
    circle: { query: '{ me { ...a } } fragment a on User { ...b } fragment b on User { ...a }' },
    tokens: { query: `{ me { ${'id '.repeat(20000)} } }` },
    bytes: { query: `{ me { id } } #${'x'.repeat(70000)}` },
  };
  for (const [what, request] of Object.entries(cases)) {
    const { status, answer } = await post(JSON.stringify(request));
    assert.ok(status === 200 || status === 400 || status === 413, `${what}: ${status}`);
    assert.ok(answer.errors?.[0].message.length > 10, `${what}: ${JSON.stringify(answer).slice(0, 200)}`);
    assert.ok(!answer.data, what);
    assert.ok(answer.errors.length <= 100 && JSON.stringify(answer).length < 65536, `${what}: a short answer`);
  }
  const { answer } = await post(JSON.stringify({ query: nest('{a', '}') }));
  assert.match(answer.errors[0].message, /deep|nested|depth/i);
});

test('JSON that is nested 10,000 deep, broken, or no request', async () => {
  const deep = `${'['.repeat(DEEP)}1${']'.repeat(DEEP)}`;
  for (const body of [deep, `{"query":"{me{id}}","variables":{"a":${deep}}}`, '{"query":', '[]', '"x"', 'null', '',
    '{"query":1}', '{"query":"{me{id}}","variables":[1]}', '\xff\xfe', `{"query":"${'\\ud800'}"}`]) {
    const { status, answer } = await post(body);
    assert.ok(status === 400 || status === 413, `${body.slice(0, 40)}: ${status}`); // 413: a bound, LIMIT
    assert.ok(answer.errors[0].message, body.slice(0, 40));
  }
  assert.equal((await post('{"query":"{me{id}}"}', 'text/plain')).status, 415);
});

test('a header, a target and a body past their limits', async () => {
  const get = (target, ...lines) => ['GET ', target, ' HTTP/1.1\r\n', ...['Host: x', ...lines].map((line) => `${line}\r\n`), '\r\n'].join('');
  const large = `X-Large: ${'x'.repeat(HEADER_SIZE_MAX)}`;
  assert.equal((await exchange(server.port, get('/livez', large))).status, 431);
  assert.equal((await exchange(server.port, get('/livez', ...Array(200).fill('A: b')))).status, 431);
  assert.equal((await exchange(server.port, get(`/${'x'.repeat(TARGET_SIZE_MAX)}`))).status, 414);
  const line = `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n`;
  const head = (size) => `${line}Content-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`;
  const refused = await exchange(server.port, head(BODY_SIZE_MAX * 100));
  assert.equal(refused.status, 413, 'before a byte of the body');
  assert.match(refused.received.toString(), /application\/(problem|graphql-response)\+json/);
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const chunked = `${line}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
  assert.equal((await exchange(server.port, chunked, ...Array(20).fill(chunk))).status, 413, 'as it comes');
});

test('bytes that are no HTTP get 400 and the end of the connection', async () => {
  for (const bytes of [randomBytes(200), '\x16\x03\x01\x02\x00\x01\x00\x01\xfc', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n', 'GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd']) {
    const { status } = await exchange(server.port, bytes, '\r\n\r\n');
    assert.ok(status === 400 || status === 505, `${JSON.stringify(bytes.toString('latin1').slice(0, 40))}: ${status}`);
  }
});

test('a path that climbs out of its folder finds nothing', async () => {
  for (const target of ['/../../../../etc/passwd', '/..%2f..%2f..%2fetc/passwd', '/assets/%2e%2e/%2e%2e/etc/passwd',
    '/hls/1.x/../../data/keys', '/%00', '//etc/passwd']) {
    const { status, received } = await exchange(server.port,
      `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: close\r\n\r\n`);
    assert.doesNotMatch(received.toString(), /root:/, target);
    assert.ok(status >= 200 && status < 500, `${target}: ${status}`);
  }
});

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

function upgrade(...changes) {
  const header = new Map(Object.entries({
    Host: `127.0.0.1:${server.port}`, Origin: server.origin, Upgrade: 'websocket', Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': KEY, 'Sec-WebSocket-Protocol': 'graphql-transport-ws',
    Authorization: `Bearer ${token}`,
  }));
  for (const [name, value] of changes) value === null ? header.delete(name) : header.set(name, value);
  return `GET /graphql HTTP/1.1\r\n${[...header].map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

test('an upgrade that is not right is refused by its status', async () => {
  const cases = [
    [['Sec-WebSocket-Key', 'short'], 400], [['Sec-WebSocket-Key', null], 400], [['Sec-WebSocket-Version', '12'], 426],
    [['Sec-WebSocket-Version', '\x01garbage'], 400], [['Origin', 'https://evil.example'], 403],
  ];
  for (const [change, status] of cases) {
    const raw = connect(server.port);
    await raw.opened;
    raw.socket.write(upgrade(change, ['Connection', 'Upgrade, close']));
    await until(() => raw.received.length > 0, `an answer to ${change}`);
    raw.socket.destroy();
    assert.match(raw.received.toString('latin1'), new RegExp(`^HTTP/1\\.1 ${status} `), `${change}`);
  }
});

function clientFrame(first, payload, options = {}) {
  const size = options.size ?? payload.length;
  const head = Buffer.alloc(size > 65535 ? 10 : size > 125 ? 4 : 2);
  head[0] = first;
  head[1] = 0x80 | (head.length === 10 ? 127 : head.length === 4 ? 126 : size);
  if (head.length === 4) head.writeUInt16BE(size, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(size), 2);
  if (options.unmasked) head[1] &= 0x7f;
  return Buffer.concat([head, options.unmasked ? Buffer.alloc(0) : Buffer.alloc(4), Buffer.from(payload)]);
}

test('garbage after the upgrade ends with its close code', async () => {
  const FIN_TEXT = 0x81;
  const cases = {
    'no masks': [clientFrame(FIN_TEXT, '{}', { unmasked: true }), 1002],
    'reserved bits': [clientFrame(0xf1, '{}'), 1002],
    'an unknown opcode': [clientFrame(0x83, '{}'), 1002],
    'a long ping': [clientFrame(0x89, 'x'.repeat(126)), 1002],
    'a length of 2^40': [clientFrame(FIN_TEXT, '{}', { size: 2 ** 40 }), 1009],
    'no UTF-8': [clientFrame(FIN_TEXT, Buffer.from([0xc0, 0x80])), 1007],
    'no JSON': [clientFrame(FIN_TEXT, 'hello'), 4400],
    'JSON, no message': [clientFrame(FIN_TEXT, '{"type":"dance"}'), 4400],
    'JSON nested deep': [clientFrame(FIN_TEXT, '['.repeat(DEEP)), 4400],
    'a subscription before the greeting': [clientFrame(FIN_TEXT, '{"type":"subscribe","id":"1","payload":{"query":"{me{id}}"}}'), 4401],
    'binary garbage': [clientFrame(0x82, randomBytes(100)), 4400],
  };
  for (const [what, [bytes, code]] of Object.entries(cases)) {
    const raw = connect(server.port);
    await raw.opened;
    raw.socket.write(upgrade());
    await until(() => raw.received.includes('\r\n\r\n'), 'the upgrade');
    assert.match(raw.received.toString('latin1'), /^HTTP\/1\.1 101 /, what);
    const begin = raw.received.indexOf('\r\n\r\n') + 4;
    raw.socket.write(bytes);
    await until(() => raw.received.length >= begin + 4, `${what}: a close frame`);
    assert.equal(raw.received[begin], 0x88, `${what}: a close frame`);
    assert.equal(raw.received.readUInt16BE(begin + 2), code, what);
    raw.socket.destroy();
  }
});

test('a socket that never greets is closed with 4408', async () => {
  const socket = new WebSocket(server.origin.replace('http', 'ws') + '/graphql', 'graphql-transport-ws',
    { headers: { Authorization: `Bearer ${token}`, Origin: server.origin } });
  assert.equal(await new Promise((done) => socket.on('close', done)), 4408);
});

test('a client that never finishes its request is told 408 and let go, and the others are served', async () => {
  const begun = performance.now();
  const silent = connect(server.port), dripping = connect(server.port);
  await Promise.all([silent.opened, dripping.opened]);
  silent.socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n');
  const drip = setInterval(() => dripping.socket.write('G'), 200);
  assert.equal((await fetch(`${server.origin}/livez`)).status, 200);
  const [one, two] = await Promise.all([silent.closed, dripping.closed]);
  clearInterval(drip);
  const took = performance.now() - begun;
  for (const received of [one, two]) assert.match(received.toString(), /^HTTP\/1\.1 408 /);
  assert.ok(took > HEADER_MS * 0.9 && took < HEADER_MS + 5000, `${took} ms`);
});
