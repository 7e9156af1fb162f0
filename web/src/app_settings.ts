/**
 * What the listener chose, for all devices. It is kept here, too, so that the page looks right before the server has
 * spoken; what was changed here and not heard there yet is sent until it is.
 */
import { useEffect } from 'react';
import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import { mutations, subscriptions } from './api/documents';
import { asApiError } from './api/errors';
import { command } from './api/graphql';
import { subscribe } from './api/live';
import { say } from './app/notices';
import type { Quality } from './player/track_loader';

export type Theme = 'system' | 'light' | 'dark';

export interface Settings {
  theme: Theme;
  quality: Quality;
  /** Off: a short silence between tracks, as they were cut. */
  isGapless: boolean;
  isNormalised: boolean;
  isSearchHistoryKept: boolean;
}

const DEFAULTS: Settings = {
  theme: 'system',
  quality: 'auto',
  isGapless: true,
  isNormalised: true,
  isSearchHistoryKept: true,
};

export const useSettings = create<Settings>()(
  persist((): Settings => DEFAULTS, { name: 'musicstream.settings', version: 1 }),
);

/** As the server writes them. */
interface ServerSettings {
  theme: Uppercase<Theme>;
  quality: Uppercase<Quality>;
  isGapless: boolean;
  isNormalised: boolean;
  isSearchHistoryKept: boolean;
}

export function settingsFrom(it: ServerSettings): Settings {
  return {
    theme: it.theme.toLowerCase() as Theme,
    quality: it.quality.toLowerCase() as Quality,
    isGapless: it.isGapless,
    isNormalised: it.isNormalised,
    isSearchHistoryKept: it.isSearchHistoryKept,
  };
}

export function settingsTo(it: Partial<Settings>): Partial<ServerSettings> {
  const { theme, quality, ...rest } = it;
  return {
    ...rest,
    ...(theme === undefined ? {} : { theme: theme.toUpperCase() as Uppercase<Theme> }),
    ...(quality === undefined ? {} : { quality: quality.toUpperCase() as Uppercase<Quality> }),
  };
}

/** Changes that the server has not answered: what it says meanwhile is older. */
let open = 0;
let heard: Settings | null = null;

function settle(): void {
  if (open === 0 && heard !== null) useSettings.setState(heard);
}

/** Here at once; everywhere when the server has it. One that it refuses is taken back. */
export async function choose(change: Partial<Settings>): Promise<void> {
  useSettings.setState(change);
  open++;
  try {
    const { settings } = await command<{ settings: ServerSettings }>(mutations.setSettings, settingsTo(change));
    heard = settingsFrom(settings);
  } catch (error) {
    say(asApiError(error).code);
  } finally {
    open--;
    settle();
  }
}

/** While somebody is signed in. */
export function useLiveSettings(): void {
  useEffect(() => {
    heard = null;
    const unsubscribe = subscribe<{ settings: ServerSettings }>(subscriptions.settings, {}, ({ settings }) => {
      heard = settingsFrom(settings);
      settle();
    });
    return unsubscribe;
  }, []);
}

/** Nobody's: the next one to sign in may be somebody else. */
export function forgetSettings(): void {
  heard = null;
  useSettings.setState(DEFAULTS);
}
