import { describe, expect, it } from 'vitest';
import type { Session, Track } from '../api/types';
import { currentEntry, isTemporary, moved, nextEntry, patches, previousEntry, temporaryEntries } from './queue';

const track = (id: string, isAvailable = true) => ({ id, isAvailable }) as Track;

function sessionOf(ids: string, current: string | null, more: Partial<Session> = {}): Session {
  return {
    version: 1,
    placement: 1,
    queue: [...ids].map((id) => ({ id, track: track(id) })),
    currentEntryId: current,
    isPlaying: true,
    positionMs: 0,
    positionAt: '',
    serverTime: '',
    repeat: 'OFF',
    isShuffled: false,
    activeDeviceId: null,
    devices: [],
    ...more,
  };
}

const order = (session: Session) => session.queue.map((it) => it.id).join('');

describe('queue', () => {
  it.each([
    ['the one behind', sessionOf('abc', 'a'), false, 'b'],
    ['nothing after the last', sessionOf('abc', 'c'), false, undefined],
    ['the first after the last when all is repeated', sessionOf('abc', 'c', { repeat: 'ALL' }), false, 'a'],
    ['itself when it is repeated', sessionOf('abc', 'b', { repeat: 'ONE' }), false, 'b'],
    ['another one by hand although it is repeated', sessionOf('abc', 'b', { repeat: 'ONE' }), true, 'c'],
    ['nothing without a current one', sessionOf('abc', null), false, undefined],
  ])('next is %s', (_, session, isByHand, want) => {
    expect(nextEntry(session, isByHand)?.id).toBe(want);
  });

  it('goes past what cannot be played', () => {
    const session = sessionOf('abc', 'a');
    session.queue[1] = { id: 'b', track: track('b', false) };

    expect(nextEntry(session)?.id).toBe('c');
    expect(previousEntry({ ...session, currentEntryId: 'c' })?.id).toBe('a');
  });

  it.each([
    ['a', 0, 'abcd'],
    ['a', 1, 'bacd'],
    ['a', 3, 'bcda'],
    ['d', 0, 'dabc'],
    ['c', 99, 'abdc'],
    ['c', -5, 'cabd'],
    ['x', 1, 'abcd'],
  ])('moving %s to %i makes %s', (id, index, want) => {
    expect(moved(sessionOf('abcd', null).queue, id, index).map((it) => it.id).join('')).toBe(want);
  });

  it('puts what is next right behind the current one and what is last at the end', () => {
    const entries = sessionOf('xy', null).queue;

    expect(order(patches.enqueue(entries, 'NEXT')(sessionOf('abc', 'b')))).toBe('abxyc');
    expect(order(patches.enqueue(entries, 'LAST')(sessionOf('abc', 'b')))).toBe('abcxy');
    expect(order(patches.enqueue(entries, 'NEXT')(sessionOf('', null)))).toBe('xy');
  });

  it.each([
    ['the one behind', 'a', 'a', 'OFF', 'b', true],
    ['the one behind those that go too', 'b', 'bc', 'OFF', 'd', true],
    ['nothing behind the last', 'd', 'd', 'OFF', null, false],
    ['the first after the last when all is repeated', 'd', 'd', 'ALL', 'a', true],
    ['itself when another one goes', 'b', 'a', 'OFF', 'b', true],
  ] as const)('when what plays is removed, it goes on with %s', (_, current, removed, repeat, want, isPlaying) => {
    const session = patches.remove([...removed])(sessionOf('abcd', current, { repeat, positionMs: 77 }));

    expect(session.currentEntryId).toBe(want);
    expect(session.isPlaying).toBe(isPlaying);
    expect(session.positionMs).toBe(want === current ? 77 : 0);
  });

  it('an entry that has got its real name is played as the current one', () => {
    expect(patches.play('d', 'new:1:0', 5, '')(sessionOf('abc', 'b')).currentEntryId).toBe('b');
    expect(patches.play('d', 'c', 5, '')(sessionOf('abc', 'b')).currentEntryId).toBe('c');
  });

  it('ignores a report about an entry that is no longer there', () => {
    const session = sessionOf('abc', 'b');

    expect(patches.progress('gone', 5, true, '')(session)).toBe(session);
    expect(patches.progress('c', 5, true, '')(session).currentEntryId).toBe('c');
  });

  it('knows the entries that the server has not named', () => {
    const [entry] = temporaryEntries([track('t')], 'id');

    expect(isTemporary(entry?.id ?? '')).toBe(true);
    expect(isTemporary('0190-abc')).toBe(false);
    expect(currentEntry(sessionOf('abc', 'x'))).toBe(null);
  });
});
