/** Addresses of sound that the page has seen, so that starting a track needs no question first. */
import { queries } from '../api/documents';
import { ApiError } from '../api/errors';
import { ask } from '../api/graphql';
import type { StreamInfo, Track } from '../api/types';

const KEPT_MAX = 5_000;
/** An address this near its end is asked for anew. */
const FRESH_MS = 120_000;

const streams = new Map<string, StreamInfo>();

export function noteStream(trackId: string, stream: StreamInfo): void {
  streams.delete(trackId);
  streams.set(trackId, stream);
  const oldest = streams.keys().next();
  if (streams.size > KEPT_MAX && oldest.done !== true) streams.delete(oldest.value);
}

export function knownStream(track: Pick<Track, 'id' | 'stream'>): StreamInfo | null {
  const known = streams.get(track.id);
  // The one that was asked for last: what a list says of a track may be an address that was refused since.
  const newest = known !== undefined && endOf(known) >= endOf(track.stream) ? known : track.stream;
  return newest !== undefined && endOf(newest) - Date.now() > FRESH_MS ? newest : null;
}

/** When it ends; what is not there ended long ago. */
function endOf(stream: StreamInfo | undefined): number {
  return stream === undefined ? 0 : Date.parse(stream.expiresAt);
}

export async function fetchStream(trackId: string): Promise<StreamInfo> {
  const { track } = await ask<{ track: { stream: StreamInfo } | null }>(queries.stream, { id: trackId });
  if (track === null) throw new ApiError('NOT_FOUND');
  noteStream(trackId, track.stream);
  return track.stream;
}
