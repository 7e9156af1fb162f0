// metrics.test.mjs -- /metrics keeps the rules of the Prometheus text format 0.0.4, and promtool agrees where it
// is installed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { startServer } from '../e2e/support/server.mjs';

let server, body;

before(async () => {
  server = await startServer({ music: null });
  const response = await fetch(`${server.origin}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  body = await response.text();
});

after(() => server.stop());

test('every line is a HELP, a TYPE or a sample; a sample follows its TYPE; no sample comes twice', () => {
  const types = new Map(), helped = new Set(), seen = new Set();
  assert.ok(body.endsWith('\n'));
  for (const line of body.slice(0, -1).split('\n')) {
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    const help = /^# HELP ([a-zA-Z_:][\w:]*) \S.*$/.exec(line);
    const sample = /^([a-zA-Z_:][\w:]*)(\{[^}]*\})? ([-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|Inf|NaN))$/i.exec(line);
    assert.ok(type || help || sample, line);
    if (type) {
      assert.ok(!types.has(type[1]), `TYPE of ${type[1]} once`);
      types.set(type[1], type[2]);
    } else if (help) {
      helped.add(help[1]);
    } else {
      const [, name, labels = ''] = sample;
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
      assert.ok(types.has(family), `${name} has a TYPE before it`);
      assert.ok(helped.has(family), `${name} has a HELP`);
      assert.ok(!seen.has(name + labels), `${name}${labels} once`);
      assert.equal(types.get(family) === 'counter', name.endsWith('_total'), `${name} is a ${types.get(family)}`);
      seen.add(name + labels);
    }
  }
  assert.ok(seen.size > 10, `${seen.size} samples`);
});

test('promtool finds nothing to say', (t) => {
  const done = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
  if (done.error) return t.skip('promtool is not installed');
  assert.equal(done.status, 0, done.stderr + done.stdout);
});
