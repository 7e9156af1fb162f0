import { describe, expect, it } from 'vitest';
import type { Session, Track } from '../api/types';
import { patches, temporaryEntries, type Patch } from './queue';
import { EMPTY, Sync, type Asked } from './sync';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const time = (ms: number) => new Date(NOW + ms).toISOString();
const track = (id: string) => ({ id }) as Track;

function word(version: number, placement: number, more: Partial<Session> = {}): Session {
  const queue = [...'abc'].map((id) => ({ id, track: track(`t${id}`) }));
  const playing = { currentEntryId: 'a', isPlaying: true, activeDeviceId: 'here' };
  return { ...EMPTY, version, placement, queue, ...playing, positionAt: time(0), serverTime: time(version), ...more };
}

/** What plays here goes by version 5, placement 5. */
function playing(): Sync {
  const sync = new Sync();
  sync.take(word(5, 5), true, NOW);
  sync.follow();
  return sync;
}

const place = (sync: Sync, patch: Patch, positionMs: number | null = null) => sync.ask('m', {}, patch, 'placement', positionMs);
const pause = (sync: Sync) => place(sync, patches.pause(100, time(0)), 100);
const play = (sync: Sync) => place(sync, patches.play('here', 'a', 100, time(0)), 100);
const report = (sync: Sync, entryId = 'b') => sync.ask('r', {}, patches.progress(entryId, 0, true, time(0)), 'report');
const paused = { isPlaying: false, positionMs: 100 };
const resumed = { isPlaying: true, positionMs: 100 };

/** Every way in which the server's word of a command (a message) and its answer can come, with others between. */
function orders<T>(lists: readonly (readonly T[])[]): T[][] {
  if (lists.every((it) => it.length === 0)) return [[]];
  return lists.flatMap((list, i) => {
    const [first, ...rest] = list;
    if (first === undefined) return [];
    return orders(lists.map((it, j) => (j === i ? rest : it))).map((it) => [first, ...it]);
  });
}

describe('sync', () => {
  it('whatever comes in whatever order: after pause and play it is never paused and never told to follow', () => {
    const echoes = ['echo 6', 'echo 7'];
    const answers = ['answer 6', 'answer 7'];
    const all = orders([echoes, answers]);
    expect(all).toHaveLength(6);

    for (const order of all) {
      const sync = playing();
      const asked = [pause(sync), play(sync)];
      for (const step of order) {
        const version = Number(step.slice(-1));
        const session = word(version, version, version === 6 ? paused : resumed);
        if (step.startsWith('echo')) sync.take(session, false, NOW);
        else sync.answered(asked.shift() as Asked, session);
        expect(sync.view?.isPlaying, `${order.join(', ')}: at ${step}`).toBe(true);
        expect(sync.isPlacedElsewhere, `${order.join(', ')}: at ${step}`).toBe(false);
      }
      expect(sync.base?.version).toBe(7);
    }
  });

  it('follows what somebody else said once nothing of ours is open', () => {
    const sync = playing();
    const asked = pause(sync);
    sync.take(word(7, 7, { isPlaying: true, positionMs: 9000 }), false, NOW); // over ours, which was 6
    expect(sync.isPlacedElsewhere).toBe(false);

    sync.answered(asked, word(6, 6, paused));

    expect(sync.isPlacedElsewhere).toBe(true);
    expect(sync.view?.isPlaying).toBe(true);
    sync.follow();
    expect(sync.isPlacedElsewhere).toBe(false);
  });

  it('an answer that has somebody else in it already is not taken for our own', () => {
    const sync = playing();
    const asked = pause(sync);

    sync.answered(asked, word(7, 7, { positionMs: 9000 }));

    expect(sync.isPlacedElsewhere).toBe(true);
  });

  it('what the server appends of our own reports is not followed', () => {
    const sync = playing();

    sync.take(word(6, 5, { positionMs: 5000 }), false, NOW);

    expect(sync.isPlacedElsewhere).toBe(false);
  });

  it('a report goes by the placement that is known when it is sent', () => {
    const sync = playing();
    const first = place(sync, patches.seek(100, time(0)), 100);
    const second = report(sync);
    expect(sync.send(first)).toEqual({});

    sync.answered(first, word(6, 6, resumed));

    expect(sync.send(second)).toEqual({ placement: 6 });
    expect(sync.view?.currentEntryId).toBe('b');
  });

  it('somebody else placed playback: reports from before say nothing any more', () => {
    const sync = playing();
    const asked = report(sync);
    expect(sync.view?.currentEntryId).toBe('b');

    sync.take(word(6, 6, { currentEntryId: 'c' }), false, NOW);

    expect(sync.view?.currentEntryId).toBe('c');
    expect(sync.send(asked)).toBe(null);
    expect(sync.unanswered).toBe(0);
  });

  it('a refused placement leaves the truth to be followed', () => {
    const sync = playing();
    const asked = place(sync, patches.seek(9000, time(0)), 9000);

    sync.failed(asked);

    expect(sync.isPlacedElsewhere).toBe(true);
    expect(sync.view?.positionMs).toBe(0);
  });

  it.each([
    ['an older message', 4, false, 60_000, 5],
    ['an older one of a new connection, sent before', 4, true, -1, 5],
    ['of a server set back to a backup', 4, true, 60_000, 4],
    ['a newer one', 6, false, -60_000, 6],
  ])('%s', (_, version, isFirst, laterMs, want) => {
    const sync = playing();

    sync.take(word(version, 5, { serverTime: time(5 + laterMs) }), isFirst, NOW);

    expect(sync.base?.version).toBe(want);
  });

  it('reckons with the server clock of the quickest message', () => {
    const sync = playing();
    sync.take(word(6, 5, { serverTime: time(50) }), false, NOW + 900); // 850 ms on its way
    expect(sync.offsetMs).toBe(5);
    sync.take(word(7, 5, { serverTime: time(1000) }), false, NOW + 900);
    expect(sync.offsetMs).toBe(100);
    sync.take(word(8, 5, { serverTime: time(2000) }), false, NOW + 3_600_000); // our clock was set
    expect(sync.offsetMs).toBe(2000 - 3_600_000);
  });

  it('shows what was queued once, also when the server said so before it answered', () => {
    const sync = playing();
    const added = temporaryEntries([track('ta'), track('tx')], 'id');
    const asked = sync.ask('enqueue', {}, patches.enqueue(added, 'LAST'));
    asked.onSend = (it, base) => {
      it.patch = patches.enqueue(added, 'LAST', new Set(base?.queue.map((entry) => entry.id)));
    };
    const shown = () => sync.view?.queue.map((it) => it.track.id).join(' ');
    expect(shown()).toBe('ta tb tc ta tx');
    sync.send(asked);
    expect(shown()).toBe('ta tb tc ta tx');

    const queue = [...word(6, 5).queue, { id: 'd', track: track('ta') }, { id: 'e', track: track('tx') }];
    sync.take(word(6, 5, { queue }), false, NOW);

    expect(shown()).toBe('ta tb tc ta tx');
    expect(sync.view?.queue.map((it) => it.id)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
