// server.mjs -- a real node in a temporary folder, started and stopped by pid.
//
//   const server = await startServer({ music });      // music: a folder; default: the demo library
//   await server.setUp();                              // the administrator, through the printed link's code
//   const data = await server.graphql('{ me { name } }');
//   await server.kill();  await server.start();        // kill -9 and on again, same data
//   await server.stop();                               // SIGTERM, and the folder goes
//
// Another place than this machine's loopback (tests/chaos): options.address, options.port, and options.through, the
// command that runs another one there.

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

export const source = process.env.MS_SOURCE ?? path.resolve(new URL("../../..", import.meta.url).pathname);
export const build = process.env.MS_BUILD ?? path.join(source, 'build/dev');
export const program = path.join(build, 'musicstream');

/** The demo library, made once a build folder. */
export function demoMusic() {
  const folder = path.join(build, 'demo-music');
  if (!existsSync(path.join(folder, '.complete'))) {
    rmSync(folder, { recursive: true, force: true });
    run(path.join(build, 'musicstream-demo-library'), [folder]);
    run('touch', [path.join(folder, '.complete')]);
  }
  return folder;
}

export function run(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (done.status !== 0 && !options.mayFail)
    throw new Error(`${command} ${args.join(' ')} ended with ${done.status}: ${done.stderr}`);
  return done;
}

export function temporaryFolder() {
  return mkdtempSync(path.join(tmpdir(), 'musicstream-'));
}

/** A PostgreSQL of its own in `folder`, without a network address; its connection string. */
export function startDatabase(folder) {
  return run(path.join(source, 'tests/support/postgres/postgres_server'), ['start', folder]).stdout.trim();
}

/** A streaming standby of it, called "standby", in another folder. */
export function startStandby(folder, primaryFolder) {
  return run(path.join(source, 'tests/support/postgres/postgres_server'), ['standby', folder, primaryFolder]).stdout.trim();
}

export function controlDatabase(action, folder) {
  run(path.join(source, 'tests/support/postgres/postgres_server'), [action, folder]);
}

// Far more than anything takes beside other work on a slow machine, and below the time limits of ctest: a log says what
// was waited for.
export const PATIENCE_MS = 100000;

/** Waits until `condition` gives something true; the only waiting that tests do. `what`: a text, or what makes it then. */
export async function until(condition, what, limitMs = PATIENCE_MS) {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`in ${limitMs} ms this did not come true: ${typeof what === 'function' ? what() : what}`);
    await new Promise((next) => setTimeout(next, 10));
  }
}

export class Server {
  constructor(options) {
    this.options = options;
    this.folder = temporaryFolder();
    this.data = path.join(this.folder, 'data');
    this.port = options.port ?? 0;
    this.cookies = new Map();
    this.log = '';
    // MS_DATABASE=1: every server of these tests keeps its journal in a PostgreSQL of its own.
    if (options.database ?? process.env.MS_DATABASE) {
      this.databaseFolder = path.join(this.folder, 'pg');
      chmodSync(this.folder, 0o755);
      this.database = startDatabase(this.databaseFolder);
    }
    // The database has a standby; the node may use whichever is written to.
    if (options.standby) {
      this.primary = this.database;
      this.standbyFolder = path.join(this.folder, 'standby');
      this.standby = startStandby(this.standbyFolder, this.databaseFolder);
      this.database = `host=${this.databaseFolder},${this.standbyFolder} user=postgres dbname=postgres target_session_attrs=read-write`;
    }
  }

  async start(limitMs) {
    const args = ['serve', '--data', this.data, '--listen', `${this.options.address ?? '127.0.0.1'}:${this.port}`];
    if (this.options.music !== null) args.push('--music', this.options.music ?? demoMusic());
    if (this.database) args.push('--database', this.database);
    args.push(...(this.options.flags ?? []));
    const [command, ...before] = [...(this.options.through ?? []), this.options.program ?? program];
    this.child = spawn(command, [...before, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'], cwd: this.folder, env: { ...process.env, ...this.options.environment?.(this.folder) },
    });
    let isOver = false;
    this.exited = new Promise((done) => this.child.once('exit', (code, signal) => done({ code, signal })));
    this.child.stderr.on('data', (text) => (this.log += text));
    const lines = createInterface({ input: this.child.stdout });
    await new Promise((ready, failed) => {
      this.exited.then(({ code }) => {
        isOver = true; // nobody answers any more
        failed(new Error(`the server ended with ${code}: ${this.log}`));
      });
      lines.on('line', (line) => {
        const address = /at (http:\/\/\S+:(\d+))/.exec(line);
        if (address) {
          this.origin = address[1];
          this.port = Number(address[2]);
        }
        const link = /(http\S+\/setup#code=(\S+))/.exec(line);
        if (link) [, this.setupLink, this.setupCode] = link;
      });
      until(() => isOver || (this.origin && this.isReady()), 'the server is ready', limitMs).then(ready, failed);
    });
    return this;
  }

  async isReady() {
    try {
      return (await fetch(`${this.origin}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  async end() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGINT');
      this.ended = await this.exited;
    }
  }

  async stop() {
    await this.end();
    if (this.database) controlDatabase('stop', this.databaseFolder);
    if (this.standby) controlDatabase('stop', this.standbyFolder);
    rmSync(this.folder, { recursive: true, force: true });
    return this.ended;
  }

  /** fetch with our Origin and cookies, as the player's page does it. */
  async request(method, target, body, headers = {}) {
    const response = await connect(this.origin + target, {
      method,
      headers: {
        Origin: this.origin,
        Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      redirect: 'manual',
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (/Max-Age=0/.test(cookie)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }

  cookieHeader() {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async setUp(name = 'ana', password = 'correct horse battery') {
    const response = await this.request('POST', '/api/v1/setup', {
      code: this.setupCode, name, password, deviceName: 'test',
    });
    if (response.status !== 201) throw new Error(`setup: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async graphql(query, variables) {
    const response = await this.request('POST', '/graphql', { query, variables });
    const answer = await response.json();
    if (answer.errors) throw Object.assign(new Error(answer.errors[0].message), { answer });
    return answer.data;
  }

  /** Starts with three tracks of the demo library, in a folder of its own, and an administrator. */
  async serveThree() {
    const music = path.join(this.folder, 'music');
    mkdirSync(music);
    for (const [from, to] of [['Mira Solane/Harbour Lights/1-03 Low Tide.mp3', 'tide.mp3'], ['Mira Solane/Harbour Lights/1-02 Salt Air.aiff', 'salt.aiff'],
      ['Various Artists/Small Hours/1-03 Rooftop.flac', 'rooftop.flac']])
      copyFileSync(path.join(demoMusic(), from), path.join(music, to));
    this.options.music = music;
    await this.start();
    await this.setUp();
    await this.scanned(3);
  }

  async scanned(tracks, limitMs = PATIENCE_MS) {
    return until(async () => {
      const { library } = await this.graphql('{ library { trackCount scan { phase } } }');
      return library.trackCount >= tracks && library.scan.phase === 'IDLE' ? library : undefined;
    }, `${tracks} tracks are scanned`, limitMs);
  }

  /** The command line, talking to this node. */
  command(...args) {
    return run(program, [...args, '--data', this.data], { mayFail: true, cwd: this.folder });
  }
}

export async function startServer(options = {}) {
  return new Server(options).start();
}

/** fetch says only that it failed; what failed is in its cause. */
async function connect(address, options) {
  // A command run meanwhile may have held this process up: connections that the node closed as idle are noticed first.
  for (let i = 0; i < 2; i++) await new Promise((next) => setImmediate(next));
  try {
    return await fetch(address, options);
  } catch (error) {
    throw new Error(`${options.method} ${address}: ${error.cause ?? error}`, { cause: error });
  }
}

let commands = 0;
export const commandId = () => `test-${process.pid}-${++commands}`;
