/**
 * What a command makes of the session, before the server says so. The rules are the server's; this only guesses them,
 * to show at once what was asked for, and is forgotten when the answer arrives.
 */
import type { QueueEntry, QueuePlace, Repeat, Session, Track } from '../api/types';

export type Patch = (session: Session) => Session;

/** Entries that the server has not named yet. */
const TEMPORARY = 'new:';

export function isTemporary(entryId: string): boolean {
  return entryId.startsWith(TEMPORARY);
}

export function temporaryEntries(tracks: readonly Track[], commandId: string): QueueEntry[] {
  return tracks.map((track, i) => ({ id: `${TEMPORARY}${commandId}:${i}`, track }));
}

export function currentIndex(session: Pick<Session, 'queue' | 'currentEntryId'>): number {
  return session.queue.findIndex((it) => it.id === session.currentEntryId);
}

export function currentEntry(session: Pick<Session, 'queue' | 'currentEntryId'>): QueueEntry | null {
  return session.queue[currentIndex(session)] ?? null;
}

/** The entry that follows when the current one ends (`isByHand`: when "next" is pressed, which a repeated track obeys). */
export function nextEntry(
  session: Pick<Session, 'queue' | 'currentEntryId' | 'repeat'>,
  isByHand = false,
): QueueEntry | null {
  const index = currentIndex(session);
  if (index < 0) return null;
  if (session.repeat === 'ONE' && !isByHand) return session.queue[index] ?? null;
  for (let step = 1; step <= session.queue.length; step++) {
    const at = index + step;
    if (at >= session.queue.length && session.repeat === 'OFF') return null;
    const entry = session.queue[at % session.queue.length];
    if (entry?.track.isAvailable === true) return entry;
  }
  return null;
}

export function previousEntry(session: Pick<Session, 'queue' | 'currentEntryId' | 'repeat'>): QueueEntry | null {
  const index = currentIndex(session);
  for (let at = index - 1; at >= 0; at--) {
    const entry = session.queue[at];
    if (entry?.track.isAvailable === true) return entry;
  }
  return session.repeat === 'ALL' ? (session.queue[session.queue.length - 1] ?? null) : null;
}

/** `index` is where it stands afterwards. */
export function moved<T extends { id: string }>(list: readonly T[], id: string, index: number): T[] {
  const item = list.find((it) => it.id === id);
  if (item === undefined) return [...list];
  const rest = list.filter((it) => it.id !== id);
  const at = Math.min(Math.max(0, index), rest.length);
  return [...rest.slice(0, at), item, ...rest.slice(at)];
}

function hasArrived(queue: readonly QueueEntry[], entries: readonly QueueEntry[], known: ReadonlySet<string>): boolean {
  const isIt = (it: QueueEntry | undefined, entry: QueueEntry) =>
    it !== undefined && !known.has(it.id) && !isTemporary(it.id) && it.track.id === entry.track.id;
  return queue.some((_, i) => entries.every((entry, j) => isIt(queue[i + j], entry)));
}

const at = (positionMs: number, time: string) => ({ positionMs, positionAt: time });

export const patches = {
  playTracks:
    (entries: QueueEntry[], startIndex: number, deviceId: string, time: string): Patch =>
    (session) => ({
      ...session,
      queue: entries,
      currentEntryId: entries[startIndex]?.id ?? null,
      isPlaying: true,
      activeDeviceId: deviceId,
      ...at(0, time),
    }),

  /** `known`: what was queued when the server was told; what it has put there since needs no stand-in. */
  enqueue:
    (entries: QueueEntry[], place: QueuePlace, known: ReadonlySet<string> | null = null): Patch =>
    (session) => {
      if (known !== null && hasArrived(session.queue, entries, known)) return session;
      const index = place === 'LAST' ? session.queue.length : currentIndex(session) + 1;
      return { ...session, queue: [...session.queue.slice(0, index), ...entries, ...session.queue.slice(index)] };
    },

  remove:
    (entryIds: readonly string[]): Patch =>
    (session) => {
      const stays = (it: QueueEntry) => !entryIds.includes(it.id);
      const queue = session.queue.filter(stays);
      const index = currentIndex(session);
      const current = session.queue[index];
      if (current === undefined || stays(current)) return { ...session, queue };
      const before = session.repeat === 'ALL' ? session.queue.slice(0, index) : [];
      const follows = [...session.queue.slice(index), ...before].find(stays) ?? null;
      const isPlaying = session.isPlaying && follows !== null;
      return { ...session, queue, currentEntryId: follows?.id ?? null, isPlaying, positionMs: 0 };
    },

  move:
    (entryId: string, index: number): Patch =>
    (session) => ({ ...session, queue: moved(session.queue, entryId, index) }),

  clear: (session: Session): Session => ({ ...session, queue: [], currentEntryId: null, isPlaying: false }),

  /** An entry that is not there stands for the current one: it had a name of our own until the server gave it its own. */
  play:
    (deviceId: string, entryId: string, positionMs: number, time: string): Patch =>
    (session) => ({
      ...session,
      activeDeviceId: deviceId,
      currentEntryId: session.queue.some((it) => it.id === entryId) ? entryId : session.currentEntryId,
      isPlaying: true,
      ...at(positionMs, time),
    }),

  pause:
    (positionMs: number, time: string): Patch =>
    (session) => ({ ...session, isPlaying: false, ...at(positionMs, time) }),

  seek:
    (positionMs: number, time: string): Patch =>
    (session) => ({ ...session, ...at(positionMs, time) }),

  progress:
    (entryId: string, positionMs: number, isPlaying: boolean, time: string): Patch =>
    (session) =>
      session.queue.some((it) => it.id === entryId)
        ? { ...session, currentEntryId: entryId, isPlaying, ...at(positionMs, time) }
        : session,

  repeat:
    (repeat: Repeat): Patch =>
    (session) => ({ ...session, repeat }),

  shuffle:
    (isShuffled: boolean): Patch =>
    (session) => ({ ...session, isShuffled }),

  volume:
    (deviceId: string, volume: number): Patch =>
    (session) => ({
      ...session,
      devices: session.devices.map((it) => (it.id === deviceId ? { ...it, volume } : it)),
    }),

  transfer:
    (deviceId: string, positionMs: number, time: string): Patch =>
    (session) => ({ ...session, activeDeviceId: deviceId, ...at(positionMs, time) }),
};
