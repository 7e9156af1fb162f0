/** What the listener chose for this browser. */
import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import type { Quality } from './player/track_loader';

export type Theme = 'system' | 'light' | 'dark';

interface Settings {
  theme: Theme;
  quality: Quality;
  /** Off: a short silence between tracks, as they were cut. */
  isGapless: boolean;
  isNormalised: boolean;
}

export const useSettings = create<Settings>()(
  persist((): Settings => ({ theme: 'system', quality: 'auto', isGapless: true, isNormalised: true }), {
    name: 'musicstream.settings',
    version: 1,
  }),
);
