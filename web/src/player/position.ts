/** Where playback is by now, from what the server said a while ago. */
import type { Session } from '../api/types';

type Clock = Pick<Session, 'isPlaying' | 'positionMs' | 'positionAt'>;

/** How far the server's clock is ahead of ours, from the moment a message of it arrived. */
export function clockOffset(serverTime: string, receivedAtMs: number): number {
  const server = Date.parse(serverTime);
  return Number.isNaN(server) ? 0 : server - receivedAtMs;
}

export function positionNow(clock: Clock, offsetMs: number, nowMs: number, durationMs: number): number {
  const since = clock.isPlaying ? Math.max(0, nowMs + offsetMs - Date.parse(clock.positionAt)) : 0;
  return Math.min(Math.max(0, clock.positionMs + (Number.isNaN(since) ? 0 : since)), Math.max(0, durationMs));
}
