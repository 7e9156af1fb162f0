// database.mjs -- a PostgreSQL on a machine of the street: reached by its address, so that it can be cut off.
//
//   const database = await Database.start(network, 'database');   database.address;   await database.control('kill');

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, chmodSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { source, temporaryFolder } from '../../e2e/support/server.mjs';

const call = promisify(execFile); // never blocks: clients go on meanwhile
const script = path.join(source, 'tests/support/postgres/postgres_server');

export class Database {
  static async start(network, name) {
    const { address, through } = network.at(name), parent = temporaryFolder();
    chmodSync(parent, 0o755);
    const database = Object.assign(new Database(), { machine: name, through, folder: path.join(parent, 'pg') });
    // The journal lies in memory here: it is kept small.
    database.environment = { ...process.env, MS_PG_OPTIONS: `-c listen_addresses=${address} -c max_wal_size=256MB -c min_wal_size=64MB` };
    await database.control('start');
    appendFileSync(path.join(database.folder, 'pg/pg_hba.conf'), 'host all all 10.77.0.0/24 trust\nhost replication all 10.77.0.0/24 trust\n');
    await database.sql('SELECT pg_reload_conf()');
    database.address = `host=${address} user=postgres dbname=postgres`;
    return database;
  }

  /** start, stop, immediate, kill, restart, freeze, thaw: tests/support/postgres/postgres_server. */
  async control(action) {
    const [command, ...words] = [...this.through, script, action, this.folder];
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
