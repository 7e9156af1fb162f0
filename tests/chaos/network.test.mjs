// network.test.mjs -- the faults are faults: each is seen by a connection through it, and gone when it is healed; and
// nothing is left of a test that is killed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../e2e/support/server.mjs';
import { Network } from './support/network.mjs';
import { startProxy } from './support/proxy.mjs';

const PORT = 7000, SOON_MS = 300; // so long nothing comes where nothing may come
const here = fileURLToPath(new URL('.', import.meta.url));
const answers = 'require("net").createServer((s) => { s.on("error", () => {}); s.pipe(s); }).listen(7000, () => console.log("ready"))';
let network, echo;

before(async () => {
  network = await Network.build('near', 'far');
  const [command, ...words] = network.at('far').through;
  echo = spawn(command, [...words, process.execPath, '-e', answers], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(echo.stdout, 'data');
});
after(() => echo.kill('SIGKILL'));

/** A connection from the street; `said` is what came back. */
async function connect(port = PORT, host = network.at('far').address) {
  const socket = net.connect(port, host), line = { socket, said: '', isClosed: false };
  socket.on('data', (bytes) => (line.said += bytes));
  socket.on('error', (error) => (line.error = error.code));
  socket.on('close', () => (line.isClosed = true));
  await once(socket, 'connect');
  return line;
}

const pause = (ms) => new Promise((next) => setTimeout(next, ms));
const heard = (line, text) => until(() => line.said.endsWith(text), `"${text}" comes back`);
async function talk(line, text) {
  line.socket.write(text);
  await heard(line, text);
}
async function staysSilent(line, text) {
  const before = line.said;
  line.socket.write(text);
  await pause(SOON_MS);
  assert.equal(line.said, before);
}

/** What "hello" to `far` gives when it is sent by `near`. */
function fromNear() {
  const [command, ...words] = network.at('near').through, { address } = network.at('far');
  const script = `const s = require("net").connect(${PORT}, "${address}", () => s.end("hello"));
    s.on("data", (bytes) => process.stdout.write(bytes))`;
  const line = { said: '' }, { stdout } = spawn(command, [...words, process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  stdout.on('data', (text) => (line.said += text));
  return line;
}

const CUTS = {
  'both ways': () => network.cut('street', 'far'),
  'there': () => network.cutOneWay('street', 'far'),
  'back': () => network.cutOneWay('far', 'street'),
};
for (const [way, cut] of Object.entries(CUTS))
  test(`cut off ${way}: nothing comes, and all of it when it is healed`, async () => {
    const line = await connect();
    await talk(line, 'one ');
    const fault = await cut();
    await staysSilent(line, 'two ');
    await fault.heal();
    await heard(line, 'one two ');
    assert.equal(line.said, 'one two ');
    line.socket.destroy();
  });

test('two sides are split, and who is on none hears both', async () => {
  const line = await connect(), fault = await network.split(['near'], ['far']), between = fromNear();
  await talk(line, 'it comes ');
  await pause(SOON_MS);
  assert.equal(between.said, '');
  await fault.heal();
  await heard(between, 'hello');
  line.socket.destroy();
});

test('a refused connection is reset', async () => {
  const line = await connect(), fault = await network.refuse('street', 'far');
  line.socket.write('x');
  await until(() => line.isClosed, 'it is reset');
  assert.equal(line.error, 'ECONNRESET');
  await fault.heal();
  (await connect()).socket.destroy();
});

test('a share is lost, and TCP makes up for it', async () => {
  const fault = await network.lose(0.3, 'far', 'street'), line = await connect();
  for (let i = 0; i < 20; i++) await talk(line, `${i} `);
  await fault.heal();
  line.socket.destroy();
});

test('through the proxy: delayed, silent, forgotten by one side, reset', async () => {
  const proxy = await startProxy({ host: network.at('far').address, port: PORT });
  const slow = await connect(proxy.port, '127.0.0.1'), begun = Date.now();
  proxy.delay(100, 100);
  await talk(slow, 'one ');
  assert.ok(Date.now() - begun >= 200, 'there and back');
  proxy.silence();
  await staysSilent(slow, 'two ');
  const late = await connect(proxy.port, '127.0.0.1');
  await staysSilent(late, 'late ');
  proxy.pass();
  await heard(slow, 'one two ');
  await heard(late, 'late ');
  proxy.halfOpen();
  await staysSilent(slow, 'three ');
  assert.ok(!slow.isClosed, 'it does not know that nobody is there');
  const last = await connect(proxy.port, '127.0.0.1');
  await talk(last, 'last ');
  proxy.reset();
  await until(() => last.isClosed, 'it is reset');
  await proxy.stop();
});

test('each connection waits for itself: what was sent later comes earlier, and all of it whole', async () => {
  const proxy = await startProxy({ host: network.at('far').address, port: PORT });
  const lines = await Promise.all([connect(proxy.port, '127.0.0.1'), connect(proxy.port, '127.0.0.1')]);
  proxy.delay(3600000);
  const before = proxy.taken;
  lines[0].socket.write('first ');
  await until(() => proxy.taken > before, 'the proxy has it');
  proxy.delay(0, 60);
  for (let i = 0; i < 30; i++) lines[1].socket.write(`${i} `);
  await heard(lines[1], ' 28 29 ');
  assert.equal(lines[1].said, Array.from({ length: 30 }, (_, i) => `${i} `).join(''));
  assert.equal(lines[0].said, '');
  proxy.pass();
  await heard(lines[0], 'first ');
  await proxy.stop();
});

test('a detour is seen by nobody', async () => {
  const proxy = await startProxy({ host: network.at('far').address, port: PORT });
  await network.detour('near', 'far', PORT, proxy);
  await heard(fromNear(), 'hello');
  assert.equal(proxy.accepted, 1);
  assert.ok(proxy.passed >= 10);
  await network.heal();
  await proxy.stop();
});

test('of a test that is killed nothing is left', async () => {
  const mark = `mark-${process.pid}`;
  const script = `mkdir "$TMPDIR/${mark}"; ip link add ${mark} type bridge; unshare --net sleep 987654 & sleep 987654 & echo ready; wait`;
  const child = spawn(`${here}in_namespaces`, ['bash', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const sleepers = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('987654\0');
    } catch {
      return false; // it ended meanwhile
    }
  });
  await until(() => sleepers().length >= 2, 'they run');
  child.kill('SIGKILL');
  await until(() => sleepers().length === 0, 'its processes end with it');
  assert.ok(!existsSync(`/mnt/${mark}`) && !existsSync(`/sys/class/net/${mark}`));
});
