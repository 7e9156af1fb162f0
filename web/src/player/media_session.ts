/** Media keys, the lock screen and the system's own player. */
import { at } from '../api/gateways';
import { currentTrackOf, usePlayback } from './store';
import { player } from './controller';

const SEEK_MS = 10_000;

export function startMediaSession(): () => void {
  const session = navigator.mediaSession;
  if (session === undefined) return () => {};
  const handlers: [MediaSessionAction, MediaSessionActionHandler][] = [
    ['play', () => player.play()],
    ['pause', () => player.pause()],
    ['stop', () => player.pause()],
    ['nexttrack', () => player.next()],
    ['previoustrack', () => player.previous()],
    ['seekto', (it) => player.seek((it.seekTime ?? 0) * 1000)],
    ['seekforward', (it) => player.seek(player.positionMs() + (it.seekOffset ?? SEEK_MS / 1000) * 1000)],
    ['seekbackward', (it) => player.seek(player.positionMs() - (it.seekOffset ?? SEEK_MS / 1000) * 1000)],
  ];
  for (const [action, handler] of handlers) set(session, action, handler);
  const unsubscribe = usePlayback.subscribe((state, old) => {
    const track = currentTrackOf(state);
    if (track?.id !== currentTrackOf(old)?.id) showTrack(session, track);
    session.playbackState = track === null ? 'none' : state.isPlaying ? 'playing' : 'paused';
    if (state.session !== old.session || state.isWaiting !== old.isWaiting) showPosition(session, track?.durationMs ?? 0);
  });
  return () => {
    unsubscribe();
    for (const [action] of handlers) set(session, action, null);
    session.metadata = null;
  };
}

function set(session: MediaSession, action: MediaSessionAction, handler: MediaSessionActionHandler | null): void {
  try {
    session.setActionHandler(action, handler);
  } catch {
    // An action that this browser does not know.
  }
}

function showTrack(session: MediaSession, track: ReturnType<typeof currentTrackOf>): void {
  if (track === null) {
    session.metadata = null;
    return;
  }
  const artwork = track.artwork;
  session.metadata = new MediaMetadata({
    title: track.title,
    artist: track.artistLine,
    album: track.album.title,
    artwork:
      artwork === null
        ? []
        : [96, 300, 640].map((size) => ({ src: at(`${artwork.url}/${size}`), sizes: `${size}x${size}` })),
  });
}

function showPosition(session: MediaSession, durationMs: number): void {
  if (durationMs <= 0) {
    session.setPositionState();
    return;
  }
  const position = Math.min(player.positionMs(), durationMs) / 1000;
  session.setPositionState({ duration: durationMs / 1000, playbackRate: 1, position });
}
