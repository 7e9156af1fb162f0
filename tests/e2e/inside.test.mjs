// inside.test.mjs -- looking into a node from the command line: top, trace, actor, recorder; also into one that was
// killed with SIGKILL while it worked.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { commandId, program, run, startServer, until } from './support/server.mjs';

let server;
const say = (...args) => run(program, [...args, '--data', server.data], { mayFail: true });
const ok = (...args) => {
  const done = say(...args);
  assert.equal(done.status, 0, `${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
};
/** The same while other requests go on. */
async function meanwhile(...args) {
  const { stdout } = await promisify(execFile)(program, [...args, '--data', server.data]);
  return stdout;
}
const lines = (text) => text.trim().split('\n').map((line) => JSON.parse(line));

before(async () => {
  server = await startServer({ flags: ['--watch=false'] });
  await server.setUp();
  await server.scanned(12);
});

after(() => server.stop());

/** A playlist that is renamed until `isOver`. */
async function work(isOver) {
  const { createPlaylist: playlist } =
    await server.graphql('mutation ($command: ID!) { createPlaylist(commandId: $command, name: "work") { id } }', { command: commandId() });
  let edits = 0;
  while (!isOver()) {
    try {
      await server.graphql('mutation ($command: ID!, $id: ID!, $name: String!) { renamePlaylist(commandId: $command, id: $id, name: $name) { id } }',
        { command: commandId(), id: playlist.id, name: `hidden name ${edits}` });
      edits++;
    } catch (error) {
      if (!isOver()) throw error;
    }
  }
  return { id: playlist.id, edits };
}

test('top tells who is busy, by actor, by kind and by message type', async () => {
  let isOver = false;
  const worker = work(() => isOver);
  const [actors] = lines(await meanwhile('top', '--once', '--json', '--every', '200ms'));
  isOver = true;
  await worker;
  assert.ok(actors.actor_count > 2 && actors.interval_ms >= 150, JSON.stringify(actors));
  assert.ok(actors.actors.some(({ kind, messages_per_s: rate }) => kind === 'playlist' && rate > 0), JSON.stringify(actors));
  assert.ok(actors.kinds.some(({ kind, actors: count }) => kind === 'playlist' && count > 0));
  assert.ok(actors.schedulers.every(({ busy_percent: busy }) => busy >= 0 && busy <= 100));

  isOver = false;
  const again = work(() => isOver);
  const [types] = lines(await meanwhile('top', '--once', '--json', '--types', '--every', '300ms'));
  isOver = true;
  await again;
  const renames = types.types.find(({ type }) => type === 'playlist_rename');
  assert.ok(renames.count > 0 && renames.took_p50_ns > 0 && renames.took_p50_ns <= renames.took_max_ns, JSON.stringify(renames));

  const text = ok('top', '--once', '--every', '200ms');
  assert.match(text, /actors {3}.*messages\/s/);
  assert.match(text, /MSG\/S {3}CPU%/);
  assert.doesNotMatch(text, /\x1b/, 'plain text');
  assert.equal(say('top', '--sort', 'sideways').status, 2);
  assert.equal(say('top').status, 1, 'without a terminal it says so');
});

test('a trace shows messages as they are handled, without what is personal', async () => {
  let isOver = false;
  const worker = work(() => isOver);
  const traced = lines(await meanwhile('trace', 'playlist', '--type', 'playlist_rename', '--max', '5', '--for', '10s', '--json'));
  isOver = true;
  const { id } = await worker;
  assert.equal(traced.length, 5);
  for (const line of traced) {
    assert.equal(line.event, 'handled');
    assert.equal(line.type, 'playlist_rename');
    assert.equal(line.payload.name, '***');
    assert.ok(line.took_ns > 0);
  }
  const { actor } = traced[0];
  const state = JSON.parse(ok('actor', 'playlist', traced[0].key));
  assert.equal(state.phase, 'running');
  assert.equal(state.actor, actor);
  assert.equal(JSON.parse(ok('actor', actor)).key, traced[0].key, 'by its number, too');
  assert.ok(id);
  assert.equal(ok('trace', 'playlist', 'nobody', '--for', '100ms'), '');
  assert.match(say('trace', 'no_such_kind').stderr, /no such kind/);
  assert.match(say('actor', 'playlist', 'nobody').stderr, /not active/);
  assert.equal(say('actor', 'sideways').status, 2);
});

test('crashes lists who failed: here nobody', () => {
  assert.equal(ok('crashes'), '0 failures since the start\n');
  assert.deepEqual(JSON.parse(ok('crashes', '--json')), { count: 0, last: [] });
  assert.equal(say('crashes', 'more').status, 2);
  assert.match(ok('tree'), /\S/);
});

test('a trace ends when its reader goes, and when the node does', async () => {
  const child = spawn(program, ['trace', '--json', '--data', server.data]);
  let text = '';
  child.stdout.on('data', (data) => { text += data; });
  await until(() => { ok('user', 'list'); return text.includes('accounts_list'); }, 'a line of the trace');
  child.kill('SIGKILL');
  const ended = spawn(program, ['trace', '--data', server.data]);
  const code = new Promise((done) => ended.on('exit', done));
  let told = '';
  ended.stdout.on('data', (data) => { told += data; });
  await until(() => { ok('user', 'list'); return told !== ''; }, 'a trace that runs');
  await server.kill();
  assert.equal(await code, 1);
  await server.start();
});

test('after kill -9 the recorder has what the node did last', async () => {
  assert.match(ok('recorder', '--level', 'messages'), /level messages/);
  let isOver = false;
  const worker = work(() => isOver);
  await until(() => ok('recorder', '--event', 'handled', '--type', 'playlist_rename', '--max', '1') .includes('playlist_rename'),
    'a rename in the recorder');
  isOver = true;
  await server.kill();
  const { id } = await worker.catch(() => ({}));

  const text = ok('recorder', '--last', '10s', '--max', '100000');
  assert.match(text, /which runs, or was killed/);
  assert.match(text, /handled +playlist .*playlist_rename/);
  assert.match(text, /durable +playlist/);
  assert.doesNotMatch(text, /hidden name/);
  const records = lines(ok('recorder', '--json', '--max', '100000'));
  for (let i = 1; i < records.length; i++) assert.ok(records[i].time_us >= records[i - 1].time_us);
  if (id) assert.ok(records.some(({ kind, event }) => kind === 'playlist' && event === 'activated'));

  const file = path.join(server.folder, 'trace.json');
  ok('recorder', '--chrome', file);
  checkTrace(JSON.parse(readFileSync(file, 'utf8')));

  await server.start();
  assert.ok(existsSync(path.join(server.data, 'recorder', 'recorder.1.ring')), 'the run before is kept');
  assert.match(ok('recorder', path.join(server.data, 'recorder', 'recorder.1.ring'), '--type', 'playlist_rename'), /handled/);
});

/** As the Trace Event Format has it: https://chromium.googlesource.com/catapult, trace_event. */
function checkTrace({ traceEvents }) {
  const flows = new Map();
  let last = 0, slices = 0;
  for (const event of traceEvents) {
    assert.equal(typeof event.name, 'string');
    assert.equal(typeof event.pid, 'number');
    assert.equal(typeof event.tid, 'number');
    assert.match(event.ph, /^[MXisf]$/);
    if (event.ph === 'M') continue;
    assert.ok(event.ts >= last, 'time goes on');
    last = event.ts;
    if (event.ph === 'X') {
      assert.ok(event.dur >= 0);
      slices++;
    } else if (event.ph === 's') {
      assert.ok(!flows.has(event.id), 'a flow begins once');
      flows.set(event.id, event);
    } else if (event.ph === 'f') {
      assert.equal(event.bp, 'e');
      assert.ok(flows.delete(event.id), 'a flow ends where one began');
    }
  }
  assert.equal(flows.size, 0, 'every flow ends');
  assert.ok(slices > 10);
}

test('a recorder\'s file that is cut or is none is refused with a sentence', () => {
  const ring = path.join(server.data, 'recorder', 'recorder.1.ring');
  const cut = path.join(server.folder, 'cut.ring');
  writeFileSync(cut, readFileSync(ring));
  truncateSync(cut, 100000);
  for (const [file, want] of [[cut, /cut short/], ['/etc/hostname', /not the file of a flight recorder/], ['/nonexistent', /no recording/]]) {
    const done = run(program, ['recorder', file], { mayFail: true });
    assert.equal(done.status, 1);
    assert.match(done.stderr, want);
  }
});
