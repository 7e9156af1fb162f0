// command.test.mjs -- the command line: exit codes, where what is said, secrets, signals.

import assert from 'node:assert/strict';
import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { program, run, startServer, temporaryFolder } from './support/server.mjs';

let server, nowhere;
const say = (args, input) => run(program, args, { mayFail: true, input });

before(async () => {
  server = await startServer({ music: null });
});

after(async () => {
  await server.stop();
  rmSync(nowhere, { recursive: true, force: true });
});

test('0 is ok, 1 failed, 2 usage; a failure says on standard error what to do', () => {
  nowhere = temporaryFolder();
  const cases = [
    [['--help'], 0, /usage/, ''],
    [['version'], 0, /^musicstream /, ''],
    [['--version'], 0, /^musicstream /, ''],
    [['scan', '--help'], 0, /usage: musicstream scan/, ''],
    [['config'], 0, /listen = 127\.0\.0\.1:8484/, ''],
    [[], 2, '', /usage/],
    [['frobnicate'], 2, '', /--help/],
    [['serve', 'extra'], 2, '', /usage: musicstream serve/],
    [['serve', '--listen'], 2, '', /needs a value/],
    [['serve', '--schedulers', 'many'], 2, '', /whole number/],
    [['serve', '--config', '/nonexistent.conf'], 2, '', /nonexistent\.conf/],
    [['scan', 'sideways'], 2, '', /usage: musicstream scan/],
    [['search'], 2, '', /usage: musicstream search/],
    [['library', 'add'], 2, '', /usage/],
    [['user', 'add'], 2, '', /usage/],
    [['token'], 2, '', /usage/],
    [['inspect'], 2, '', /usage/],
    [['inspect', '/nonexistent.mp3'], 1, '', /nonexistent\.mp3/],
    [['scan', '--data', nowhere], 1, '', /musicstream serve/],
    [['search', 'x', '--data', nowhere], 1, '', /musicstream serve/],
    [['library', 'add', '/nonexistent', '--data', server.data], 1, '', /no folder/],
    [['token', 'nobody', '--data', server.data], 1, '', /./],
    [['user', 'list', '--data', server.data], 0, '', ''],
  ];
  for (const [args, status, out, error] of cases) {
    const done = say(args);
    assert.equal(done.status, status, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
    for (const [text, want] of [[done.stdout, out], [done.stderr, error]])
      if (want === '') assert.equal(text, '', args.join(' '));
      else assert.match(text, want, args.join(' '));
  }
});

test('the control socket is for the owner alone', () => {
  assert.equal(statSync(path.join(server.data, 'control.sock')).mode & 0o777, 0o600);
});

test('a user is made and signed in by the command line; passwords are read from standard input only', async () => {
  const data = ['--data', server.data];
  assert.equal(say(['user', 'add', 'eve', 'admin', ...data], 'a good password\n').status, 0);
  assert.equal(say(['user', 'add', 'eve', ...data], 'a good password\n').status, 1, 'the name is taken');
  assert.equal(say(['user', 'add', 'bob', ...data], 'short\n').status, 1, 'too short');
  assert.equal(say(['user', 'add', 'bob', ...data], '').status, 1, 'none at all');
  assert.match(say(['user', 'list', ...data]).stdout, /^admin\s+eve$/m);

  const token = say(['token', 'eve', ...data]);
  assert.match(token.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/, 'a real token, not what stands for a secret');
  const me = await fetch(`${server.origin}/api/v1/session`, { headers: { Authorization: `Bearer ${token.stdout.trim()}` } });
  assert.equal((await me.json()).user.name, 'eve');

  assert.equal(say(['user', 'passwd', 'eve', ...data], 'another password\n').status, 0);
  const signIn = (password) => fetch(`${server.origin}/api/v1/session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'eve', password, cookies: false }),
  });
  assert.equal((await signIn('a good password')).status, 401);
  assert.equal((await signIn('another password')).status, 201);
  assert.equal((await fetch(`${server.origin}/api/v1/session`, {
    headers: { Authorization: `Bearer ${token.stdout.trim()}` },
  })).status, 401, 'a new password ends the sessions');
  // The word itself may be there: a slow turn is logged by its message's name.
  assert.doesNotMatch(server.log, /good password|another password|\bshort\b/, 'nothing of it is logged');
});

test('once there is an administrator, no setup link is printed', async () => {
  await server.kill();
  server.setupLink = undefined;
  await server.start();
  assert.equal(server.setupLink, undefined);
});

test('SIGTERM ends it with 0 within 10 s, a second signal at once', async () => {
  const started = performance.now();
  server.child.kill('SIGTERM');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.ok(performance.now() - started < 10000);

  await server.start();
  server.child.kill('SIGTERM');
  // The first one is answered by a second of grace, in which /readyz fails.
  for (;;) if ((await fetch(`${server.origin}/readyz`)).status === 503) break;
  server.child.kill('SIGTERM');
  assert.deepEqual(await server.exited, { code: null, signal: 'SIGTERM' }, 'it did not wait for the end of the grace');
  await server.start();
});
