// cluster.kills: a node of three is killed (SIGKILL) under a light load, and its users are served again by the others: how
// long after the kill. By name only (`script/bench cluster.kills`): it takes minutes. MS_KILLS: how many
// with each profile (20); MS_PROFILE: `usual` or `fast` only.
//
// A user has a playlist and favourites: two actors. Whose actors were both elsewhere noticed nothing and is not counted. Each
// of the others edits both, as a page does it: one request at a time through one node that lives, again with the same id
// while the answer is "not now". Served again: both edits are acknowledged. Of all users of all kills p50 and p99, then the
// last user of each kill. Real nodes, each with a database connection, and PostgreSQL with fsync, all on one machine.

import { commandId, program, until } from '../tests/e2e/support/server.mjs';
import { startCluster } from '../tests/e2e/support/cluster.mjs';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { detail, print } from './support/figures.mjs';

const KILLS = Number(process.env.MS_KILLS ?? 20), USERS = 12;
const AGAIN_MS = 50, PASSWORD = 'correct horse battery';
const call = promisify(execFile); // never blocks: what is timed goes on meanwhile
process.env.MS_PG_OPTIONS ??= '-c fsync=on';

const pause = (ms) => new Promise((next) => setTimeout(next, ms));

async function post(origin, token, query, variables) {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST', body: JSON.stringify({ query, variables }),
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
  });
  return response.json();
}

/** Until it is acknowledged. */
async function surely(node, { token }, query, variables) {
  const id = commandId();
  for (;;) {
    try {
      const answer = await post(node.origin, token, query, { c: id, ...variables });
      if (!answer.errors && answer.data) return answer.data;
      const code = answer.errors?.[0].extensions.code ?? answer.code;
      if (!/^(UNAVAILABLE|TIMEOUT|BUSY)$/.test(code)) throw new Error(`${query}: ${JSON.stringify(answer)}`);
    } catch (error) {
      if (!/fetch failed/.test(error.message)) throw error;
    }
    await pause(AGAIN_MS);
  }
}

const rename = (node, user) => surely(node, user, 'mutation ($c: ID!, $id: ID!, $name: String!) { renamePlaylist(commandId: $c, id: $id, name: $name) { id } }',
  { id: user.playlist, name: `name ${commandId()}` });
const favour = (node, user, track, is) => surely(node, user,
  'mutation ($c: ID!, $id: ID!, $is: Boolean!) { setFavourite(commandId: $c, trackId: $id, isFavourite: $is) { id } }', { id: track, is });

async function signIn(node, name) {
  const response = await fetch(`${node.origin}/api/v1/session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', Origin: node.origin }, body: JSON.stringify({ name, password: PASSWORD, cookies: false }),
  });
  const { accessToken } = await response.json();
  return accessToken;
}

async function gather({ nodes: [node] }) {
  await node.setUp('user0', PASSWORD);
  await node.scanned(12);
  const users = [];
  for (let i = 0; i < USERS; i++) {
    if (i > 0) {
      const added = call(program, ['user', 'add', `user${i}`, '--data', node.data]);
      added.child.stdin.end(`${PASSWORD}\n`);
      await added;
    }
    const user = { token: await signIn(node, `user${i}`) };
    user.id = (await surely(node, user, '{ me { id } }')).me.id;
    user.playlist = (await surely(node, user, 'mutation ($c: ID!) { createPlaylist(commandId: $c, name: "mine") { id } }')).createPlaylist.id;
    users.push(user);
  }
  const { tracks } = await surely(node, users[0], '{ tracks(first: 1) { nodes { id } } }');
  return { users, track: tracks.nodes[0].id };
}

const located = async (node, kind, key) =>
  Number(/node (\d+)/.exec((await call(program, ['cluster', 'locate', kind, key, '--data', node.data])).stdout)?.[1]);

async function kill(cluster, { users, track }, number) {
  const victim = cluster.nodes[number % cluster.nodes.length], others = cluster.nodes.filter((node) => node !== victim);
  const { node } = cluster.status(cluster.nodes.indexOf(victim));
  const theirs = [];
  for (const user of users)
    if ((await located(victim, 'user', user.id.slice(3))) === node || (await located(victim, 'playlist', user.playlist.slice(3))) === node)
      theirs.push(user); // actors' keys are ids without us_, pl_
  const begun = performance.now();
  victim.kill();
  const took = await Promise.all(theirs.map(async (user, i) => {
    const at = others[i % others.length];
    await Promise.all([rename(at, user), favour(at, user, track, number % 2 === 0)]);
    return performance.now() - begun;
  }));
  await victim.exited;
  await victim.start();
  await until(() => cluster.nodes.every((_, at) => {
    const { members, moving, served } = cluster.status(at);
    return members.filter(({ status }) => status === 'active').length === 3 && moving === 0 && served > 0;
  }), 'it is back');
  return took;
}

const at = (figures, share) => [...figures].sort((a, b) => a - b)[Math.min(figures.length - 1, Math.floor(figures.length * share))] / 1000;

for (const profile of (process.env.MS_PROFILE ?? 'usual,fast').split(',')) {
  const cluster = await startCluster(3, { music: undefined, flags: ['--allow-plain-http', '--watch=false', '--cluster-profile', profile] });
  try {
    const crowd = await gather(cluster), all = [], last = [];
    for (let i = 0; i < KILLS; i++) {
      const took = await kill(cluster, crowd, i);
      detail(`kill ${i + 1}`, took);
      all.push(...took);
      if (took.length > 0) last.push(Math.max(...took));
    }
    print(`cluster.kills.${profile}.p50`, at(all, 0.5), 's');
    print(`cluster.kills.${profile}.p99`, at(all, 0.99), 's');
    print(`cluster.kills.${profile}.last.p50`, at(last, 0.5), 's');
    print(`cluster.kills.${profile}.last.most`, at(last, 1), 's');
    detail(`${profile}: users, kills`, [all.length, last.length]);
  } finally {
    await cluster.stop();
  }
}
