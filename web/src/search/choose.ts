/** What happens to a result that is chosen. */
import type { Track } from '../api/types';
import { notify } from '../app/notices';
import { ui } from '../app/ui';
import { t } from '../i18n';
import { player } from '../player/controller';
import { currentTrackOf, usePlayback } from '../player/store';
import type { Found } from './answer';

/** The page of a result; null: it is played. */
export function pageOf(found: Found): string | null {
  switch (found.kind) {
    case 'tracks':
    case 'lyrics':
      return null;
    case 'albums':
      return `/album/${found.node.id}`;
    case 'artists':
      return `/artist/${found.node.id}`;
    case 'playlists':
      return `/playlist/${found.node.id}`;
    case 'people':
      return `/person/${found.node.id}`;
  }
}

/** Plays it, and after it what else was found of its kind. */
export function play(found: Found, among: readonly Found[]): void {
  if (found.kind === 'tracks') playTrack(found.node, tracksOf('tracks', among));
  if (found.kind === 'lyrics') playLine(found.node, tracksOf('lyrics', among), found.line.atMs);
}

function tracksOf(kind: 'tracks' | 'lyrics', among: readonly Found[]): Track[] {
  return among.filter((it) => it.kind === kind).map((it) => it.node as Track);
}

function isCurrent(track: Track): boolean {
  return currentTrackOf(usePlayback.getState())?.id === track.id;
}

function playTrack(track: Track, tracks: readonly Track[]): void {
  if (!track.isAvailable) notify(track.unavailableReason ?? t('track.unavailable'), true);
  else if (isCurrent(track)) player.toggle();
  else player.playTracks(tracks, tracks.indexOf(track));
}

/** From the line on, with the lyrics in sight. */
function playLine(track: Track, tracks: readonly Track[], atMs: number | null): void {
  if (!track.isAvailable) {
    notify(track.unavailableReason ?? t('track.unavailable'), true);
    return;
  }
  if (isCurrent(track)) {
    if (atMs !== null) player.seek(atMs);
    if (!usePlayback.getState().isPlaying) player.play();
  } else player.playTracks(tracks, tracks.indexOf(track), atMs ?? 0);
  ui.openNowPlaying(true);
}
