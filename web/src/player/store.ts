/** What the page shows of playback. Only controller.ts writes it. */
import { create } from 'zustand';
import type { Session, Track } from '../api/types';
import { currentEntry } from './queue';

export interface PlaybackState {
  deviceId: string;
  /** As it will be when the commands under way are carried out; null before the first word of the server. */
  session: Session | null;
  /** This page makes the sound. */
  isActive: boolean;
  isPlaying: boolean;
  isWaiting: boolean;
  /** The browser wants a click before it makes sound. */
  isBlocked: boolean;
  isStreamDown: boolean;
}

export const usePlayback = create<PlaybackState>(() => ({
  deviceId: '',
  session: null,
  isActive: false,
  isPlaying: false,
  isWaiting: false,
  isBlocked: false,
  isStreamDown: false,
}));

export function currentTrackOf(state: Pick<PlaybackState, 'session'>): Track | null {
  return state.session === null ? null : (currentEntry(state.session)?.track ?? null);
}

export function useCurrentTrack(): Track | null {
  return usePlayback(currentTrackOf);
}
