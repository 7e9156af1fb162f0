// database.mjs -- a PostgreSQL on a machine of the street: reached by its address, so that it can be cut off.
//
//   const database = await Database.start(network, 'database');   database.address;   await database.control('kill');
//   const standby = await database.standby('elsewhere');   await database.waitForIt(true);   await standby.control('promote');

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, chmodSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { source, temporaryFolder, until } from '../../e2e/support/server.mjs';

const call = promisify(execFile); // never blocks: clients go on meanwhile
/** Of one or several servers: whichever is written to. */
export const addressOf = (...hosts) =>
  `host=${hosts.join()} user=postgres dbname=postgres${hosts.length > 1 ? ' target_session_attrs=read-write' : ''}`;

const script = path.join(source, 'tests/support/postgres/postgres_server');

export class Database {
  static async start(network, name) {
    const database = new Database(network, name);
    await database.control('start');
    appendFileSync(path.join(database.folder, 'pg/pg_hba.conf'), 'host all all 10.77.0.0/24 trust\nhost replication all 10.77.0.0/24 trust\n');
    await database.sql('SELECT pg_reload_conf()');
    return database;
  }

  constructor(network, machine) {
    const { address, through } = network.at(machine), parent = temporaryFolder();
    chmodSync(parent, 0o755);
    Object.assign(this, { network, machine, through, host: address, folder: path.join(parent, 'pg'), address: addressOf(address) });
    // The journal lies in memory here: it is kept small.
    this.environment = { ...process.env, MS_PG_OPTIONS: `-c listen_addresses=${address} -c max_wal_size=256MB -c min_wal_size=64MB` };
  }

  /** One that streams from this one, over the network. */
  async standby(machine) {
    const standby = new Database(this.network, machine);
    await standby.control('standby', this.host);
    await this.sees("state = 'streaming'");
    return standby;
  }

  /** Whether commits wait for the standby. */
  async waitForIt(isWanted) {
    await this.sql(`ALTER SYSTEM SET synchronous_standby_names = '${isWanted ? 'standby' : ''}'`);
    await this.sql('SELECT pg_reload_conf()');
    if (isWanted) await this.sees("sync_state = 'sync'");
  }

  /** From here on it hears nothing of the primary, once it has all that is there now. */
  async fallBehind(primary) {
    await primary.sees('replay_lsn >= pg_current_wal_lsn()');
    await this.sql("ALTER SYSTEM SET primary_conninfo = ''");
    await this.sql('SELECT pg_reload_conf()');
    await until(async () => await primary.sql('SELECT count(*) FROM pg_stat_replication') === '0', 'nothing is replicated any more');
  }

  /** Of its standby. */
  sees(what) {
    return until(async () => await this.sql(`SELECT bool_and(${what}) FROM pg_stat_replication`) === 't', `of the standby: ${what}`);
  }

  /** start, stop, immediate, kill, restart, freeze, thaw: tests/support/postgres/postgres_server. */
  async control(action, ...more) {
    const [command, ...words] = [...this.through, script, action, this.folder, ...more];
    await call(command, words, { env: this.environment });
  }

  /** By its socket, which no fault of the network touches. */
  async sql(statement) {
    const { stdout } = await call('psql', [`host=${this.folder} user=postgres dbname=postgres`, '-v', 'ON_ERROR_STOP=1', '-Atc', statement],
      { maxBuffer: 1 << 26 });
    return stdout.trim();
  }

  /** Every stream counts its events from 1 without a gap, up to its version. */
  async checkStreams() {
    assert.equal(await this.sql(`SELECT coalesce(e.stream, s.stream), e.count, e.first, e.last, s.version FROM streams s FULL JOIN
      (SELECT stream, count(*), min(version) AS first, max(version) AS last FROM events GROUP BY stream) e USING (stream)
      WHERE e.first IS DISTINCT FROM 1 OR e.last IS DISTINCT FROM e.count OR s.version IS DISTINCT FROM e.last`), '', 'streams with a gap');
  }
}
