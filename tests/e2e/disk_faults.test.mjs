// disk_faults.test.mjs -- the disk under a serving node refuses: writes, short writes, syncs, opening, renaming, cutting
// and mapping of files, at random, under load. What cannot be written is refused, what was acknowledged is kept, and
// when the disk works again everything goes on by itself.
//
// libfiu's preload library makes the calls fail, switched through a pipe while the node runs. Points that sockets and
// wake-ups pass through, too (read, write, close), stay as they are: files are written with pwrite, writev and by rename.

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Oracle } from './support/oracle.mjs';
import { commandId, demoMusic, run, Server, until } from './support/server.mjs';

const FOLDER = '/usr/lib/fiu';
const PHASES = [
  ['writes and short writes', { 'posix/io/rw/pwrite': 0.1, 'posix/io/rw/pwrite/reduce': 0.1 }],
  ['syncs, opening, renaming, cutting', { 'posix/io/sync/*': 0.2, 'posix/io/oc/open': 0.1, 'posix/io/dir/rename': 0.2, 'posix/io/rw/ftruncate': 0.3 }],
  ['all of it', { 'posix/io/rw/pwrite': 0.05, 'posix/io/rw/pwrite/reduce': 0.05, 'posix/io/rw/pread': 0.05, 'posix/io/sync/*': 0.05, 'posix/io/oc/open': 0.02 }],
];
const REFUSALS = ['FULL', 'UNAVAILABLE', 'INTERNAL'];
const EDITS = 40, REFUSED = 20, PHASE_MS_MAX = 1000;

test('the disk refuses, and works again', async (t) => {
  if (!existsSync(path.join(FOLDER, 'fiu_posix_preload.so'))) return t.skip('libfiu is not here');
  const server = new Server({ flags: ['--watch=false'], environment: (folder) => ({
    LD_PRELOAD: `${FOLDER}/fiu_run_preload.so ${FOLDER}/fiu_posix_preload.so`, FIU_CTRL_FIFO: `${folder}/fiu`,
  }) });
  const addMusic = (from, to) => copyFileSync(path.join(demoMusic(), from), path.join(server.options.music, to));
  const scan = () => server.graphql('mutation ($c: ID!) { startScan(commandId: $c) { trackCount } }', { c: commandId() });
  const control = (commands) => run('fiu-ctrl', ['-f', path.join(server.folder, 'fiu'),
    ...commands.flatMap((command) => ['-c', command]), String(server.child.pid)]);
  server.options.music = path.join(server.folder, 'music');
  mkdirSync(server.options.music);
  addMusic('Mira Solane/Harbour Lights/1-03 Low Tide.mp3', 'tide.mp3');
  addMusic('Mira Solane/Harbour Lights/1-02 Salt Air.aiff', 'salt.aiff');
  addMusic('Various Artists/Small Hours/1-03 Rooftop.flac', 'rooftop.flac');
  try {
    await server.start();
    await server.setUp();
    await server.scanned(3);
    const oracle = new Oracle(server, { refusals: REFUSALS });
    await oracle.begin();
    for (const [what, points] of PHASES) {
      const load = oracle.load();
      await oracle.acknowledged(EDITS);
      const before = oracle.counts.refused, end = Date.now() + PHASE_MS_MAX;
      control(Object.entries(points).map(([name, probability]) => `enable_random name=${name},probability=${probability}`));
      addMusic('Various Artists/Small Hours/1-03 Rooftop.flac', `${what}.flac`);
      await scan().catch(() => {}); // the catalog is being written, too
      await until(() => oracle.counts.refused >= before + REFUSED || Date.now() > end, 'edits are refused');
      assert.equal((await fetch(`${server.origin}/livez`)).status, 200);
      control(Object.keys(points).map((name) => `disable name=${name}`));
      await oracle.acknowledged(EDITS, `edits go on after ${what}`);
      await load.stop();
      await until(() => server.isReady(), 'it is ready again');
      await oracle.check();
      t.diagnostic(`${what}: ${JSON.stringify([...oracle.codes])}`);
    }
    await server.scanned(3); // one that began amid the faults has listed its files already
    await until(() => scan().then(() => true, () => false), 'a scan starts');
    await server.scanned(3 + PHASES.length); // the catalog follows, without a new start
    await oracle.checkProjections();
    t.diagnostic(JSON.stringify(oracle.counts));
    assert.ok(oracle.counts.refused > 0);
  } catch (error) {
    t.diagnostic(server.log.slice(-4000));
    throw error;
  } finally {
    await server.stop();
  }
});
