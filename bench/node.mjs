// node.start, node.memory: one node with a catalog of 100,000 tracks (bench/make_catalog.c), or of MS_TRACKS (script/bench
// node --tracks N). On disk are as many files, so that the look for changes at start has as much to do as in life; it goes on
// in the background. MS_CATALOG=DATA:MUSIC names what make_catalog made before; it stays.
//
// node.start          From executing the program until both are there: the printed address, and 200 from /readyz, asked
//                     on a fresh connection every POLL_MS.
// node.memory         Private bytes of the node and its media workers, idle: the look for changes has ended, a search
//                     and a page of albums were answered, and the figure stays the same for half a second. Mappings of files that are shared with the page cache (the
//                     databases, read only) are left out: the kernel takes those back when it wants.
// node.memory_mapped  The resident part of those file mappings, beside it.
// node.scan           From the start of the scan to its end, when none of the files has changed.
// node.memory_scan    The most private memory of the node while it looked.
// node.slow_turns     Turns of an actor over 10 ms since that start.
// node.memory_built   node.memory of the process that built its catalog from the journal, before any restart.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Server, build, program, run, until } from '../tests/e2e/support/server.mjs';
import { detail, median, print } from './support/figures.mjs';

const TRACKS = Number(process.env.MS_TRACKS ?? 100_000);
const PATIENCE_MS = 60_000 + TRACKS;
const STARTS = 9;
const POLL_MS = 2;
const MEGABYTE = 1e6;

/** Bytes: private ones, and what is resident of files that are mapped shared. */
function memoryOf(pid) {
  const memory = { private: 0, mapped: 0 };
  let isShared = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ ...([ps]) \S+ \S+ (\d+)/.exec(line);
    if (mapping) isShared = mapping[1] === 's' && mapping[2] !== '0';
    const [, name, kilobytes] = /^(Rss|Private_Clean|Private_Dirty): +(\d+) kB/.exec(line) ?? [];
    if (name === 'Rss') memory.mapped += isShared ? kilobytes * 1024 : 0;
    else if (name) memory.private += isShared ? 0 : kilobytes * 1024;
  }
  return memory;
}

function memoryOfTree(pid) {
  const children = readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' '))
    .filter((it) => it !== '');
  const parts = [pid, ...children].map(memoryOf);
  return {
    private: parts.reduce((sum, it) => sum + it.private, 0),
    mapped: parts.reduce((sum, it) => sum + it.mapped, 0),
    workers: children.length,
  };
}

const isReady = (port) => new Promise((resolve) => {
  http.get({ port, host: '127.0.0.1', path: '/readyz', agent: false }, (answer) => {
    answer.resume();
    resolve(answer.statusCode === 200);
  }).on('error', () => resolve(false));
});

/** Milliseconds from exec to serving. The node is stopped again. */
async function measureStart(server) {
  const began = performance.now();
  const child = spawn(program, ['serve', '--data', server.data, '--listen', `127.0.0.1:${server.port}`],
    { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = new Promise((done) => child.once('exit', done));
  const printed = new Promise((done) => child.stdout.once('data', done));
  while (!(await isReady(server.port))) {
    if (child.exitCode !== null) throw new Error(`the node ended with ${child.exitCode}`);
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
  await printed;
  const took = performance.now() - began;
  child.kill('SIGINT');
  await exited;
  return took;
}

async function settled(server) {
  await server.scanned(TRACKS, PATIENCE_MS);
  await server.graphql('{ search(query: "sil") { tracks { nodes { title } } } albums(first: 50) { nodes { title } } }');
  let before;
  return until(async () => {
    const now = memoryOfTree(server.child.pid);
    const isSame = before?.private === now.private;
    before = now;
    await new Promise((next) => setTimeout(next, 500));
    return isSame && now;
  }, 'the memory stays the same for half a second');
}

const figureOf = async (server, name) => {
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  return Number(new RegExp(`^musicstream_${name} (\\d+)`, 'm').exec(metrics)[1]);
};

/** Seconds of a scan that finds nothing new, and the most memory of the node meanwhile. */
async function measureScan(server) {
  let memory = 0;
  const watching = setInterval(() => (memory = Math.max(memory, memoryOf(server.child.pid).private)), 100);
  const began = performance.now();
  const child = spawn(program, ['scan', '--data', server.data], { stdio: 'ignore' });
  await new Promise((done) => child.once('exit', done));
  clearInterval(watching);
  return { seconds: (performance.now() - began) / 1000, memory };
}

const server = new Server({ music: null });
const given = process.env.MS_CATALOG?.split(':');
try {
  const music = given?.[1] ?? path.join(server.folder, 'music');
  if (given) [server.data] = given;
  else run(path.join(build, 'bench/make_catalog'), [server.data, music, `${TRACKS}`]);
  await server.start(PATIENCE_MS);
  await server.setUp();
  const built = await settled(server);
  server.child.kill('SIGINT');
  await server.exited;

  const starts = [];
  for (let i = 0; i < STARTS; i++) starts.push(await measureStart(server));
  await server.start();
  const idle = await settled(server);
  const scan = await measureScan(server);
  print('node.start', median(starts), 'ms');
  detail('node.start', starts);
  print('node.memory', idle.private / MEGABYTE, 'MB');
  print('node.memory_mapped', idle.mapped / MEGABYTE, 'MB');
  print('node.memory_built', built.private / MEGABYTE, 'MB');
  print('node.media_workers', idle.workers, 'processes');
  print('node.scan', scan.seconds, 's');
  print('node.memory_scan', scan.memory / MEGABYTE, 'MB');
  print('node.slow_turns', await figureOf(server, 'actor_slow_turns_total'), 'turns');
} finally {
  await server.stop();
}
