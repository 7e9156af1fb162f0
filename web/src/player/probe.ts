/** A read-only look at the sound, for tests and for the curious at the console (documented in web/README.md). */
import { useGateways } from '../api/gateways';
import { player } from './controller';
import { usePlayback } from './store';

export interface PlayerProbe {
  readonly audio: HTMLAudioElement | null;
  /** Seconds into the track that plays here. */
  readonly currentTime: number;
  readonly trackId: string | null;
  readonly isPlaying: boolean;
  readonly isActive: boolean;
  readonly deviceId: string;
  /** What the browser counted of decoded sound; 0 where it doesn't count. */
  readonly decodedBytes: number;
  /** The origin of the node that is used. */
  readonly gateway: string;
  /** Commands that the server has not answered yet. */
  readonly unanswered: number;
}

declare global {
  interface Window {
    musicstreamPlayer?: PlayerProbe;
  }
}

export function installProbe(): void {
  const probe: PlayerProbe = {
    get audio() {
      return player.audio;
    },
    get currentTime() {
      return player.positionMs() / 1000;
    },
    get trackId() {
      return player.trackId;
    },
    get isPlaying() {
      const audio = player.audio;
      return audio !== null && !audio.paused && audio.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
    },
    get isActive() {
      return usePlayback.getState().isActive;
    },
    get deviceId() {
      return usePlayback.getState().deviceId;
    },
    get decodedBytes() {
      const audio = player.audio as (HTMLAudioElement & { webkitAudioDecodedByteCount?: number }) | null;
      return audio?.webkitAudioDecodedByteCount ?? 0;
    },
    get gateway() {
      return useGateways.getState().present || location.origin;
    },
    get unanswered() {
      return player.unanswered;
    },
  };
  Object.defineProperty(window, 'musicstreamPlayer', { value: Object.freeze(probe) });
}
